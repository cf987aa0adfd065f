//! Archives as streams: a package or a tarball in, the members of its tar out. Nothing is extracted but what is asked
//! for, memory is bounded, and no member can name a place outside. `extract` makes files of them.

mod ar;
pub mod extract;
pub mod tar;
mod xz;
mod zstd;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Doing, Error, Result};
use crate::verify;

/// The stream of a tar.
pub type Stream = Box<dyn BufRead + Send>;

/// More than this out of one archive is not a package of emulators but a bomb.
pub const MAX_DECOMPRESSED: u64 = 4 << 30;

/// An archive that holds the parts of images has fewer: a few for each layer.
const MAX_PARTS: usize = 1 << 16;

const BUFFER: usize = 128 << 10;

/// An archive on disk.
pub struct Archive {
    doing: String,
    part: Part,
}

impl Archive {
    /// The tar inside a .deb, .tar, .tar.gz, .tar.xz or .tar.zst, told by their bytes, not by their names.
    ///
    /// # Errors
    /// A file that cannot be read, and a .deb without a member data.tar.
    pub fn open(path: &Path) -> Result<Self> {
        let doing = format!("opening the archive {}", path.display());
        let file = verify::open(path).doing(|| &doing)?;
        let size = file.metadata().doing(|| &doing)?.len();
        let file = Arc::new(file);
        let part = match ar::is_ar(&file).doing(|| &doing)? {
            true => ar::data_member(&file, size).map_err(|why| Error::failed(&doing, why))?,
            false => Part { file, start: 0, len: size, verified: false },
        };
        Ok(Archive { doing, part })
    }

    /// The same where a hash has verified the whole file.
    pub fn verified(mut self, verified: bool) -> Self {
        self.part.verified = verified;
        self
    }

    /// All of it; `jobs` threads decode xz blocks side by side.
    ///
    /// # Errors
    /// A file that cannot be read, and a compression that is not known here.
    pub fn stream(&self, jobs: usize) -> Result<Stream> {
        decode(self.part.clone(), jobs).map_err(|error| match error.kind() {
            io::ErrorKind::Unsupported => Error::failed(&self.doing, error).help(
                "expected a .deb, .tar, .tar.gz, .tar.xz or .tar.zst, or name the directory that holds the emulators",
            ),
            _ => Error::io(&self.doing, error),
        })
    }

    /// From shortly before the first member whose file name is not below `name`, in an archive sorted by name; `None`
    /// where there is no way to find that place but to read it all. It costs a few blocks instead of all of them.
    ///
    /// # Errors
    /// What pread(2) says; an xz file whose index or blocks are broken, a tar whose headers are.
    pub fn near(&self, name: &str, fits: &dyn Fn(&[u8]) -> bool, jobs: usize) -> io::Result<Option<tar::Tar<Stream>>> {
        let mut magic = [0; 6];
        self.part.read_exact_at(&mut magic, 0)?;
        let count = if &magic == b"\xfd7zXZ\0" { xz::independent(&self.part)? } else { 0 };
        let at = |number: usize, jobs: usize| -> io::Result<Option<Rest>> {
            let mut tar = tar::Tar::new(xz::open_at(self.part.clone(), number, jobs)?);
            let before = std::cell::Cell::new(false);
            let found = tar.look_for(LOOK, |path| {
                let file = path.rsplit(|&b| b == b'/').next().unwrap_or_default();
                before.set(file.strip_suffix(b"-static").unwrap_or(file) <= name.as_bytes());
                fits(file)
            })?;
            Ok(found.then(|| Rest { tar, is_before: before.get() }))
        };
        let (mut low, mut high) = (0, count);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            match at(middle, 1)? {
                Some(rest) if rest.is_before => low = middle,
                _ => high = middle,
            }
        }
        if low == 0 {
            return Ok(None);
        }
        Ok(at(low, jobs)?.map(|rest| rest.tar))
    }
}

/// The tar that follows a block, from the first fitting member on.
struct Rest {
    tar: tar::Tar<Stream>,
    /// Whether that member is still before the one that is looked for.
    is_before: bool,
}

/// No emulator is longer than what is looked through for the next member.
const LOOK: u64 = 64 << 20;

/// The tar inside the archive at `path`, which a hash has verified.
///
/// # Errors
/// A file that cannot be read, a .deb without a member data.tar, and a compression that is not known here.
pub fn open_verified(path: &Path, jobs: usize) -> Result<Stream> {
    Archive::open(path)?.verified(true).stream(jobs)
}

/// What a compressed file that a hash has verified holds, whatever that is: xz, gzip, or the file as it is.
///
/// # Errors
/// What open(2) and pread(2) say; an xz file whose index is broken.
pub fn decompressed(path: &Path, jobs: usize) -> io::Result<Stream> {
    let file = verify::open(path)?;
    let len = file.metadata()?.len();
    let part = Part { file: Arc::new(file), start: 0, len, verified: true };
    let mut start = [0; 6];
    let known = start.len().min(len as usize);
    part.read_exact_at(&mut start[..known], 0)?;
    Ok(match &start {
        b"\xfd7zXZ\0" => xz::open(part, jobs)?,
        [0x1f, 0x8b, ..] => buffered(flate2::bufread::MultiGzDecoder::new(part.reader())),
        _ => Box::new(part.reader()),
    })
}

/// A stretch of a file.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) file: Arc<File>,
    pub(crate) start: u64,
    pub(crate) len: u64,
    /// A hash has verified every byte: check sums inside would verify them again, at a tenth of the time.
    verified: bool,
}

impl Part {
    fn read_exact_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        if at.checked_add(buffer.len() as u64).is_none_or(|end| end > self.len) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.file.read_exact_at(buffer, self.start + at)
    }

    /// All of a file.
    pub(crate) fn whole(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Part { file: Arc::new(file), start: 0, len, verified: false })
    }

    /// The same, after a hash has verified every byte.
    pub(crate) fn verified(self) -> Self {
        Part { verified: true, ..self }
    }

    /// The tar that it holds, which may be compressed; `jobs` threads decode.
    pub(crate) fn stream(&self, jobs: usize) -> io::Result<Stream> {
        decode(self.clone(), jobs)
    }

    pub(crate) fn reader(&self) -> BufReader<PartReader> {
        BufReader::with_capacity(BUFFER, PartReader { part: self.clone(), at: 0 })
    }

    /// Its members, where it is a tar. Bodies are stepped over, so that only little is read ahead of each header.
    pub(crate) fn members(&self) -> tar::Tar<BufReader<PartReader>> {
        const AHEAD: usize = 8 << 10;
        tar::Tar::seeking(BufReader::with_capacity(AHEAD, PartReader { part: self.clone(), at: 0 }))
    }

    /// Its first bytes, as far as it goes.
    pub(crate) fn start(&self) -> io::Result<[u8; 512]> {
        let mut start = [0; 512];
        self.read_exact_at(&mut start[..usize::try_from(self.len).unwrap_or(usize::MAX).min(512)], 0)?;
        Ok(start)
    }
}

/// Reads a part without moving the file's own position, which all parts share.
pub(crate) struct PartReader {
    part: Part,
    at: u64,
}

impl Read for PartReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.part.len - self.at;
        let step = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let n = self.part.file.read_at(&mut buffer[..step], self.part.start + self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}

impl Seek for PartReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(step) => self.at.checked_add_signed(step),
            SeekFrom::End(step) => self.part.len.checked_add_signed(step),
        };
        let missing = || io::Error::new(io::ErrorKind::UnexpectedEof, "cut short");
        self.at = at.filter(|at| *at <= self.part.len).ok_or_else(missing)?;
        Ok(self.at)
    }
}

fn decode(part: Part, jobs: usize) -> io::Result<Stream> {
    let mut start = [0; 262];
    let known = start.len().min(part.len as usize);
    part.read_exact_at(&mut start[..known], 0)?;
    let stream: Stream = match &start {
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => xz::open(part, jobs)?,
        [0x1f, 0x8b, ..] => buffered(flate2::bufread::MultiGzDecoder::new(part.reader())),
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
            buffered(zstd::Frames::new(part.reader()))
        }
        _ if &start[257..] == b"ustar" => Box::new(part.reader()),
        _ => {
            let start = crate::text::to_hex(&start[..4.min(known)]);
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                format!("unknown kind of archive, starts with {start}"),
            ));
        }
    };
    Ok(Box::new(Limited { stream, left: MAX_DECOMPRESSED }))
}

/// A stream that is an error beyond its limit: its end there would look like one that was cut short.
struct Limited {
    stream: Stream,
    left: u64,
}

impl BufRead for Limited {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let bytes = self.stream.fill_buf()?;
        if self.left == 0 && !bytes.is_empty() {
            let most = MAX_DECOMPRESSED >> 30;
            return Err(io::Error::other(format!("it expands to more than {most} GiB, which is the limit")));
        }
        Ok(&bytes[..bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX))])
    }

    fn consume(&mut self, amount: usize) {
        self.left = self.left.saturating_sub(amount as u64);
        self.stream.consume(amount);
    }
}

impl Read for Limited {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(buffer)?;
        self.consume(n);
        Ok(n)
    }
}

/// What a stream holds that may be compressed with gzip or zstd, told by its first bytes.
pub(crate) fn unpack<'a>(mut stream: impl BufRead + 'a) -> io::Result<Box<dyn BufRead + 'a>> {
    let mut start = Vec::new();
    (&mut stream).take(4).read_to_end(&mut start)?;
    let whole = io::Cursor::new(start.clone()).chain(stream);
    Ok(match start.as_slice() {
        [0x1f, 0x8b, ..] => Box::new(BufReader::with_capacity(BUFFER, flate2::bufread::MultiGzDecoder::new(whole))),
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => {
            Box::new(BufReader::with_capacity(BUFFER, zstd::Frames::new(whole)))
        }
        _ => Box::new(whole),
    })
}

/// What the beginning of a file holds that is compressed with gzip, xz or zstd, as far as it can be decoded; nothing for any
/// other.
pub(crate) fn beginning(head: &[u8]) -> Vec<u8> {
    const MOST: u64 = 256 << 10;
    const MEMORY: u64 = 64 << 20;
    let reader: Box<dyn Read + '_> = match head {
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => {
            match liblzma::stream::Stream::new_stream_decoder(MEMORY, liblzma::stream::IGNORE_CHECK) {
                Ok(decoder) => Box::new(liblzma::bufread::XzDecoder::new_stream(head, decoder)),
                Err(_) => return Vec::new(),
            }
        }
        [0x1f, 0x8b, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(head)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Box::new(zstd::Frames::new(head)),
        _ => return Vec::new(),
    };
    let mut bytes = Vec::new();
    // The file goes on after its beginning, so an error is the rule.
    let _ = reader.take(MOST).read_to_end(&mut bytes);
    bytes
}

fn buffered(reader: impl Read + Send + 'static) -> Stream {
    Box::new(BufReader::with_capacity(BUFFER, reader))
}

/// The members of a plain tar by name, for archives that hold archives.
pub struct Members {
    path: PathBuf,
    file: Arc<File>,
    places: BTreeMap<String, (u64, u64)>,
    /// Members that are links to others.
    links: BTreeMap<String, String>,
}

impl Members {
    /// Finds the members of the tar at `path`.
    ///
    /// # Errors
    /// A file that cannot be read, and a tar that is cut short, broken, or has a member that leads outside.
    pub fn list(path: &Path) -> Result<Self> {
        let doing = || format!("reading the archive {}", path.display());
        let part = Part::whole(verify::open(path).doing(doing)?).doing(doing)?;
        let mut tar = part.members();
        let (mut places, mut links) = (BTreeMap::new(), BTreeMap::new());
        while let Some(member) = tar.next_member().doing(doing)? {
            if places.len() + links.len() >= MAX_PARTS {
                return Err(Error::failed(doing(), format!("it has more than {MAX_PARTS} members")));
            }
            let Ok(name) = String::from_utf8(member.path) else { continue };
            match (member.kind, String::from_utf8(member.target)) {
                (tar::Kind::File, _) => drop(places.insert(name, (tar.position(), member.size))),
                (tar::Kind::Link | tar::Kind::HardLink, Ok(target)) => drop(links.insert(name, target)),
                _ => {}
            }
        }
        Ok(Members { path: path.to_owned(), file: part.file, places, links })
    }

    /// Whether there is such a file.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.place(name).is_some()
    }

    /// Where a file is, also under the name of a link to it: `docker save` wrote `ID/layer.tar` as a link to
    /// `../OTHER/layer.tar` where two images share a layer.
    fn place(&self, name: &str) -> Option<(u64, u64)> {
        let linked = || {
            let target = self.links.get(name)?;
            let above = name.rsplit_once('/').map_or("", |(directory, _)| directory);
            let sibling = target.strip_prefix("../").map(|rest| match above.rsplit_once('/') {
                Some((directory, _)) => format!("{directory}/{rest}"),
                None => rest.to_owned(),
            });
            self.places.get(sibling.as_ref().unwrap_or(target))
        };
        self.places.get(name).or_else(linked).copied()
    }

    pub(crate) fn part(&self, name: &str) -> Result<Part> {
        let doing = || format!("reading {name} in {}", self.path.display());
        let (start, len) = self.place(name).ok_or_else(|| Error::failed(doing(), "there is no such file in it"))?;
        Ok(Part { file: self.file.clone(), start, len, verified: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(bytes: &'static [u8], left: u64) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        Limited { stream: Box::new(bytes), left }.read_to_end(&mut all).map(|_| all)
    }

    #[test]
    fn a_stream_beyond_its_limit_is_not_said_to_be_cut_short() {
        assert_eq!(limited(b"four", 4).unwrap(), b"four");
        let error = limited(b"fives", 4).unwrap_err().to_string();
        assert_eq!(error, "it expands to more than 4 GiB, which is the limit");
    }
}
