//! Members of a tar, one after the other. The crate `tar` reads the header's fields; walking is ours, so that long names
//! are bounded, bodies are borrowed from the decoder's buffers instead of copied, and no name can leave the directory.

use std::io::{self, BufRead, Read, Seek};

use tar::{EntryType, Header};

use crate::text::to_text;

const BLOCK: u64 = 512;

/// A name or a set of pax records longer than this belongs to no package.
const MAX_RECORD: u64 = 64 << 10;

/// More members than any package or image layer with emulators has.
const MAX_MEMBERS: u64 = 1 << 20;

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// An ordinary file.
    #[default]
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A second name of a file.
    HardLink,
    /// A device, a pipe, or a kind that we do not know.
    Other,
}

impl Kind {
    /// What to call it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::File => "a file",
            Kind::Directory => "a directory",
            Kind::Link | Kind::HardLink => "a link",
            Kind::Other => "a device or another special file",
        }
    }
}

/// A member, without its body.
#[derive(Debug, Clone, Default)]
pub struct Member {
    /// Its path, without a leading "./".
    pub path: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// How long its body is.
    pub size: u64,
    /// Where a link of either kind points.
    pub target: Vec<u8>,
    /// Permission bits, owner and group.
    pub owner: (u32, u32, u32),
    /// Its xattr security.capability; empty where it has none.
    pub capability: Vec<u8>,
}

impl Member {
    /// The last part of its path.
    pub fn file_name(&self) -> &[u8] {
        self.path.rsplit(|&b| b == b'/').next().unwrap_or_default()
    }
}

/// A tar being read.
pub struct Tar<R> {
    stream: R,
    /// What is left of the current member's body, and of the zeros after it.
    body: u64,
    padding: u64,
    members: u64,
    position: u64,
    /// A header that was found by looking for one.
    found: Option<Header>,
    /// Goes on by so many bytes.
    forward: fn(&mut R, u64) -> io::Result<()>,
}

impl<R: BufRead + Seek> Tar<R> {
    /// Steps over bodies without reading them.
    pub fn seeking(stream: R) -> Self {
        Tar {
            forward: |stream, step| stream.seek_relative(step.try_into().map_err(io::Error::other)?),
            ..Tar::new(stream)
        }
    }
}

impl<R: BufRead> Tar<R> {
    /// Starts at the first header.
    pub fn new(stream: R) -> Self {
        Tar { stream, body: 0, padding: 0, members: 0, position: 0, found: None, forward: read_through }
    }

    /// Looks for the header of a file with such a name, from anywhere in a tar on; that member is the next one. Bodies
    /// start on multiples of 512 bytes, as does the stream. False where there is none within `limit` bytes.
    ///
    /// # Errors
    /// What the stream below says. Bytes that are not a header are passed over.
    pub fn look_for(&mut self, limit: u64, fits: impl Fn(&[u8]) -> bool) -> io::Result<bool> {
        let mut block = [0; BLOCK as usize];
        for _ in 0..limit / BLOCK {
            if self.stream.fill_buf()?.is_empty() {
                return Ok(false);
            }
            self.stream.read_exact(&mut block)?;
            let header = Header::from_byte_slice(&block);
            if block[257..].starts_with(b"ustar") && has_sum(header) && fits(&header.path_bytes()) {
                self.found = Some(header.clone());
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The next member; its body is then read through [`Tar::body`], or stepped over by the next call. Its path leads to
    /// no place outside.
    ///
    /// # Errors
    /// Like [`Tar::next_entry`], and a path that is absolute or has a part `..`.
    pub fn next_member(&mut self) -> io::Result<Option<Member>> {
        let Some(mut member) = self.next_entry()? else { return Ok(None) };
        let path = &member.path;
        if path.first() == Some(&b'/') {
            return Err(io::Error::other(format!("member {} has an absolute path", to_text(path))));
        }
        if path.split(|&b| b == b'/').any(|part| part == b"..") {
            return Err(io::Error::other(format!("member {} leaves its directory with ..", to_text(path))));
        }
        if let Some(rest) = path.strip_prefix(b"./") {
            member.path = rest.to_vec();
        }
        Ok(Some(member))
    }

    /// The next member with its path as it is there.
    ///
    /// # Errors
    /// What the stream below says; a header whose check sum or size is wrong; a tar that is cut short, has too many
    /// members, or a sparse one.
    pub fn next_entry(&mut self) -> io::Result<Option<Member>> {
        let mut long_name: Option<Vec<u8>> = None;
        let mut long_target: Option<Vec<u8>> = None;
        let mut pax = Pax::default();
        loop {
            self.skip(self.body + self.padding)?;
            (self.body, self.padding) = (0, 0);
            let Some(header) = self.header()? else { return Ok(None) };
            let size = header.entry_size().map_err(|_| broken("the length of a member"))?;
            self.open_body(size)?;
            match header.entry_type() {
                EntryType::GNULongName => long_name = Some(until_nul(self.record()?)),
                EntryType::XHeader => pax = Pax::parse(&self.record()?)?,
                EntryType::GNULongLink => long_target = Some(until_nul(self.record()?)),
                EntryType::XGlobalHeader => {
                    self.record()?;
                }
                kind => {
                    if let Some(size) = pax.size {
                        self.open_body(size)?;
                    }
                    let path = pax.path.take().or(long_name.take());
                    let path = path.unwrap_or_else(|| header.path_bytes().into_owned());
                    let target = pax.target.take().or(long_target.take());
                    let target = target.or_else(|| header.link_name_bytes().map(std::borrow::Cow::into_owned));
                    let id = |of_pax: Option<u32>, of_header: io::Result<u64>| {
                        of_pax.or(of_header.ok().and_then(|id| id.try_into().ok())).unwrap_or(u32::MAX)
                    };
                    let owner = (header.mode().unwrap_or(0), id(pax.uid, header.uid()), id(pax.gid, header.gid()));
                    let target = target.unwrap_or_default();
                    return self
                        .member(Member { path, target, owner, capability: pax.capability, ..Member::default() }, kind);
                }
            }
        }
    }

    /// How many bytes of the tar were read: right after [`Tar::next_member`], where the member's body starts.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The current member's body.
    pub fn body(&mut self) -> Body<'_, R> {
        Body(self)
    }

    fn member(&mut self, member: Member, kind: EntryType) -> io::Result<Option<Member>> {
        self.members += 1;
        if self.members > MAX_MEMBERS {
            return Err(io::Error::other(format!("more than {MAX_MEMBERS} members")));
        }
        let kind = match kind {
            EntryType::Regular | EntryType::Continuous => Kind::File,
            EntryType::Directory => Kind::Directory,
            EntryType::Symlink => Kind::Link,
            EntryType::Link => Kind::HardLink,
            _ => Kind::Other,
        };
        Ok(Some(Member { kind, size: self.body, ..member }))
    }

    fn header(&mut self) -> io::Result<Option<Header>> {
        if let Some(found) = self.found.take() {
            return Ok(Some(found));
        }
        let mut block = [0; BLOCK as usize];
        if self.stream.fill_buf()?.is_empty() {
            // GNU tar ends with two blocks of zeros, but many a writer forgets them.
            return Ok(None);
        }
        self.stream.read_exact(&mut block)?;
        self.position += BLOCK;
        if block == [0; BLOCK as usize] {
            return Ok(None);
        }
        let header = Header::from_byte_slice(&block);
        if !has_sum(header) {
            return Err(broken("the checksum of a header"));
        }
        Ok(Some(header.clone()))
    }

    fn open_body(&mut self, size: u64) -> io::Result<()> {
        self.body = size;
        self.padding = size.checked_next_multiple_of(BLOCK).ok_or_else(|| broken("the length of a member"))? - size;
        Ok(())
    }

    fn record(&mut self) -> io::Result<Vec<u8>> {
        if self.body > MAX_RECORD {
            return Err(io::Error::other(format!("a name of {} bytes, the limit is {MAX_RECORD}", self.body)));
        }
        let mut record = vec![0; self.body as usize];
        self.stream.read_exact(&mut record)?;
        self.position += self.body;
        self.body = 0;
        Ok(record)
    }

    fn skip(&mut self, left: u64) -> io::Result<()> {
        if left > 0 {
            (self.forward)(&mut self.stream, left)?;
            self.position += left;
        }
        Ok(())
    }

    /// Steps over bytes of the current member's body.
    ///
    /// # Errors
    /// What the stream below says, and its end within the body.
    pub fn pass(&mut self, bytes: u64) -> io::Result<()> {
        let step = bytes.min(self.body);
        self.skip(step)?;
        self.body -= step;
        Ok(())
    }

    /// Reads the next bytes of the current member's body, as far as it goes.
    ///
    /// # Errors
    /// What the stream below says, and its end within the body.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = buffer.len().min(usize::try_from(self.body).unwrap_or(usize::MAX));
        self.stream.read_exact(&mut buffer[..len])?;
        self.position += len as u64;
        self.body -= len as u64;
        Ok(len)
    }
}

/// Goes on by reading.
fn read_through<R: BufRead>(stream: &mut R, mut left: u64) -> io::Result<()> {
    while left > 0 {
        let available = stream.fill_buf()?.len() as u64;
        if available == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("cut short: {left} bytes missing")));
        }
        let step = available.min(left);
        stream.consume(step as usize);
        left -= step;
    }
    Ok(())
}

/// The body of the current member.
pub struct Body<'a, R>(&'a mut Tar<R>);

impl<R: BufRead> Read for Body<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: BufRead> Body<'_, R> {
    /// Hands the body on, piece by piece, as the decoder made them.
    ///
    /// # Errors
    /// What the stream below says, its end within the body, and what `take` answers.
    pub fn for_each(self, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let tar = self.0;
        while tar.body > 0 {
            let piece = tar.stream.fill_buf()?;
            if piece.is_empty() {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    format!("cut short: {} bytes missing", tar.body),
                ));
            }
            let step = piece.len().min(usize::try_from(tar.body).unwrap_or(usize::MAX));
            take(&piece[..step])?;
            tar.stream.consume(step);
            tar.position += step as u64;
            tar.body -= step as u64;
        }
        Ok(())
    }

    /// The whole body, where it is at most `limit` bytes.
    ///
    /// # Errors
    /// A body that is longer than `limit`; what the stream below says, and its end within the body.
    pub fn bytes(self, limit: u64) -> io::Result<Vec<u8>> {
        if self.0.body > limit {
            return Err(io::Error::other(format!("{} bytes, the limit is {limit}", self.0.body)));
        }
        let mut bytes = Vec::with_capacity(self.0.body as usize);
        self.for_each(|piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(bytes)
    }
}

/// What a pax header says instead of the plain one.
#[derive(Default)]
struct Pax {
    path: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    size: Option<u64>,
    uid: Option<u32>,
    gid: Option<u32>,
    capability: Vec<u8>,
}

impl Pax {
    fn parse(records: &[u8]) -> io::Result<Self> {
        let mut pax = Pax::default();
        for record in tar::PaxExtensions::new(records) {
            let record = record?;
            match record.key_bytes() {
                b"path" => pax.path = Some(record.value_bytes().to_vec()),
                b"linkpath" => pax.target = Some(record.value_bytes().to_vec()),
                b"uid" => pax.uid = record.value().ok().and_then(|v| v.parse().ok()),
                b"gid" => pax.gid = record.value().ok().and_then(|v| v.parse().ok()),
                b"SCHILY.xattr.security.capability" => pax.capability = record.value_bytes().to_vec(),
                b"size" => {
                    let size = record.value().ok().and_then(|v| v.parse().ok());
                    pax.size = Some(size.ok_or_else(|| broken("a pax size"))?);
                }
                // GNU's sparse files are not what their bodies are.
                key if key.starts_with(b"GNU.sparse") => return Err(io::Error::other("sparse members are not read")),
                _ => {}
            }
        }
        Ok(pax)
    }
}

/// Whether a header's sum is that of its bytes, with blanks in the sum's own place.
fn has_sum(header: &Header) -> bool {
    // Eight bytes at a time, in four lanes of 16 bits that 64 words do not fill: byte by byte, it was a fifth of the work on
    // an image.
    const LOW: u64 = 0x00ff_00ff_00ff_00ff;
    let bytes = header.as_bytes();
    let (words, _) = bytes.as_chunks::<8>();
    let lanes =
        words.iter().map(|word| u64::from_ne_bytes(*word)).map(|word| (word & LOW) + (word >> 8 & LOW)).sum::<u64>();
    let all: u64 = (0..4).map(|lane| lanes >> (16 * lane) & 0xffff).sum();
    let own: u64 = bytes[148..156].iter().map(|&byte| u64::from(byte)).sum();
    header.cksum().is_ok_and(|sum| u64::from(sum) == all - own + 8 * u64::from(b' '))
}

fn until_nul(mut name: Vec<u8>) -> Vec<u8> {
    name.truncate(name.iter().position(|&b| b == 0).unwrap_or(name.len()));
    name
}

fn broken(what: &str) -> io::Error {
    io::Error::other(format!("broken tar: {what} cannot be right"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tar_of(members: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, kind, body) in members {
            let mut header = Header::new_gnu();
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(*kind);
            header.set_size(body.len() as u64);
            header.set_cksum();
            builder.append(&header, *body).unwrap();
        }
        builder.into_inner().unwrap()
    }

    #[test]
    fn members_come_with_their_bodies() {
        let bytes = tar_of(&[
            ("./a/qemu-arm", EntryType::Regular, b"one"),
            ("b", EntryType::Symlink, b""),
            ("c", EntryType::Char, b""),
        ]);
        let mut tar = Tar::new(&bytes[..]);
        let a = tar.next_member().unwrap().unwrap();
        assert_eq!(
            (a.path.as_slice(), a.file_name(), a.kind, a.size),
            (&b"a/qemu-arm"[..], &b"qemu-arm"[..], Kind::File, 3)
        );
        assert_eq!(tar.body().bytes(3).unwrap(), b"one");
        assert_eq!(tar.next_member().unwrap().unwrap().kind, Kind::Link);
        assert_eq!(tar.next_member().unwrap().unwrap().kind, Kind::Other);
        assert!(tar.next_member().unwrap().is_none());
    }

    #[test]
    fn no_name_leaves_the_directory() {
        for name in ["/etc/passwd", "../x", "a/../../x", "a/.."] {
            let bytes = tar_of(&[(name, EntryType::Regular, b"")]);
            assert!(Tar::new(&bytes[..]).next_member().is_err(), "{name}");
        }
    }

    #[test]
    fn long_names_are_read_and_huge_ones_refused() {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = Header::new_gnu();
        header.set_size(2);
        header.set_cksum();
        let long = format!("{}/qemu-arm", "d".repeat(300));
        builder.append_data(&mut header, &long, &b"xy"[..]).unwrap();
        let bytes = builder.into_inner().unwrap();
        assert_eq!(Tar::new(&bytes[..]).next_member().unwrap().unwrap().path, long.as_bytes());
        let huge = tar_of(&[("x", EntryType::GNULongName, &vec![b'a'; 1 << 20])]);
        assert!(Tar::new(&huge[..]).next_member().is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..2000), at in 0usize..2000, new: u8) {
            let mut tar = Tar::new(&bytes[..]);
            while let Ok(Some(_)) = tar.next_member() {}
            bytes = tar_of(&[("a", EntryType::XHeader, b"12 path=abc\n"), ("b", EntryType::Regular, b"body")]);
            let at = at % bytes.len();
            bytes[at] = new;
            let mut tar = Tar::new(&bytes[..]);
            while let Ok(Some(_)) = tar.next_member() {}
        }
    }
}
