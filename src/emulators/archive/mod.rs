//! Archives as streams: a package or a tarball in, the members of its tar out. Nothing is unpacked but what is asked
//! for, memory is bounded, and no member can name a place outside.

mod ar;
pub mod tar;
mod xz;
mod zstd;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Doing, Error, Result};

/// The stream of a tar.
pub type Stream = Box<dyn BufRead + Send>;

/// More than this out of one archive is no package of emulators but a bomb.
pub const MAX_UNPACKED: u64 = 4 << 30;

const BUFFER: usize = 128 << 10;

/// An archive on disk.
pub struct Archive {
    doing: String,
    part: Part,
}

impl Archive {
    /// The tar inside a .deb, .tar, .tar.gz, .tar.xz or .tar.zst, told by their bytes, not by their names.
    pub fn open(path: &Path) -> Result<Self> {
        let doing = format!("opening the archive {}", path.display());
        let file = File::open(path).doing(|| &doing)?;
        let size = file.metadata().doing(|| &doing)?.len();
        let file = Arc::new(file);
        let part = match ar::is_ar(&file).doing(|| &doing)? {
            true => ar::data_member(&file, size).map_err(|why| Error::failed(&doing, why))?,
            false => Part { file, start: 0, len: size, proved: false },
        };
        Ok(Archive { doing, part })
    }

    /// The same where a hash has proved the whole file.
    pub fn proved(mut self, proved: bool) -> Self {
        self.part.proved = proved;
        self
    }

    /// All of it; `jobs` threads decode xz blocks side by side.
    pub fn stream(&self, jobs: usize) -> Result<Stream> {
        decode(self.part.clone(), jobs).map_err(|error| match error.kind() {
            io::ErrorKind::Unsupported => Error::failed(&self.doing, error).help(
                "expected a .deb, .tar, .tar.gz, .tar.xz or .tar.zst, or name the folder that holds the emulators",
            ),
            _ => Error::io(&self.doing, error),
        })
    }

    /// From shortly before the first member whose file name is not below `name`, in an archive sorted by name; `None`
    /// where there is no way to find that place but to read it all. It costs a few blocks instead of all of them.
    pub fn near(&self, name: &str, fits: &dyn Fn(&[u8]) -> bool, jobs: usize) -> io::Result<Option<tar::Tar<Stream>>> {
        let mut magic = [0; 6];
        self.part.read_exact_at(&mut magic, 0)?;
        let count = if &magic == b"\xfd7zXZ\0" { xz::independent(&self.part)? } else { 0 };
        // The tar that follows a block, from the first fitting member on, and whether that is still before `name`.
        let at = |number: usize, jobs: usize| -> io::Result<Option<(tar::Tar<Stream>, bool)>> {
            let mut tar = tar::Tar::new(xz::open_at(self.part.clone(), number, jobs)?);
            let before = std::cell::Cell::new(false);
            let found = tar.look_for(LOOK, |path| {
                let file = path.rsplit(|&b| b == b'/').next().unwrap_or_default();
                before.set(file.strip_suffix(b"-static").unwrap_or(file) <= name.as_bytes());
                fits(file)
            })?;
            Ok(found.then(|| (tar, before.get())))
        };
        let (mut low, mut high) = (0, count);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            match at(middle, 1)? {
                Some((_, true)) => low = middle,
                _ => high = middle,
            }
        }
        if low == 0 {
            return Ok(None);
        }
        Ok(at(low, jobs)?.map(|(tar, _)| tar))
    }
}

/// No emulator is longer than what is looked through for the next member.
const LOOK: u64 = 64 << 20;

/// The tar inside the archive at `path`, which a hash has proved.
pub fn open_proved(path: &Path, jobs: usize) -> Result<Stream> {
    Archive::open(path)?.proved(true).stream(jobs)
}

/// What a compressed file that a hash has proved holds, whatever that is: xz, gzip, or the file as it is.
pub fn unpacked(path: &Path, jobs: usize) -> io::Result<Stream> {
    let file = File::open(path)?;
    let len = file.metadata()?.len();
    let part = Part { file: Arc::new(file), start: 0, len, proved: true };
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
struct Part {
    file: Arc<File>,
    start: u64,
    len: u64,
    /// A hash has proved every byte: check sums inside would prove them again, at a tenth of the time.
    proved: bool,
}

impl Part {
    fn read_exact_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        if at.checked_add(buffer.len() as u64).is_none_or(|end| end > self.len) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.file.read_exact_at(buffer, self.start + at)
    }

    fn reader(&self) -> BufReader<PartReader> {
        BufReader::with_capacity(BUFFER, PartReader { part: self.clone(), at: 0 })
    }
}

/// Reads a part without moving the file's own position, which all parts share.
struct PartReader {
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
    Ok(Box::new(stream.take(MAX_UNPACKED)))
}

fn buffered(reader: impl Read + Send + 'static) -> Stream {
    Box::new(BufReader::with_capacity(BUFFER, reader))
}

/// The members of a plain tar by name, for archives that hold archives.
pub struct Members {
    path: PathBuf,
    file: Arc<File>,
    places: BTreeMap<String, (u64, u64)>,
}

impl Members {
    /// Finds the members of the tar at `path`.
    pub fn list(path: &Path) -> Result<Self> {
        let doing = || format!("reading the archive {}", path.display());
        let file = Arc::new(File::open(path).doing(doing)?);
        let len = file.metadata().doing(doing)?.len();
        let mut tar = tar::Tar::new(Part { file: file.clone(), start: 0, len, proved: false }.reader());
        let mut places = BTreeMap::new();
        while let Some(member) = tar.next_member().doing(doing)? {
            if member.kind == tar::Kind::File
                && let Ok(name) = String::from_utf8(member.path)
            {
                places.insert(name, (tar.position(), member.size));
            }
        }
        Ok(Members { path: path.to_owned(), file, places })
    }

    fn part(&self, name: &str) -> Result<Part> {
        let doing = || format!("reading {name} in {}", self.path.display());
        let &(start, len) =
            self.places.get(name).ok_or_else(|| Error::failed(doing(), "there is no such file in it"))?;
        Ok(Part { file: self.file.clone(), start, len, proved: false })
    }

    /// A small member.
    pub fn bytes(&self, name: &str, limit: u64) -> Result<Vec<u8>> {
        let part = self.part(name)?;
        let doing = || format!("reading {name} in {}", self.path.display());
        if part.len > limit {
            return Err(Error::failed(doing(), format!("{} bytes, expected at most {limit}", part.len)));
        }
        let mut bytes = vec![0; part.len as usize];
        part.read_exact_at(&mut bytes, 0).doing(doing)?;
        Ok(bytes)
    }

    /// The tar in a member, which may be compressed.
    pub fn open(&self, name: &str, jobs: usize) -> Result<Stream> {
        decode(self.part(name)?, jobs).doing(|| format!("reading {name} in {}", self.path.display()))
    }
}
