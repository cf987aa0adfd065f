//! Verification of bytes: a reader that hashes and counts what passes, and holds it against what was expected.

use std::io::{self, Read};

use ring::digest::{Context, SHA256, SHA256_OUTPUT_LEN};

use crate::error::{Error, Result};
use crate::text::{from_hex, to_hex};

/// A SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; SHA256_OUTPUT_LEN]);

impl Digest {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new();
        hasher.update(bytes);
        hasher.finish()
    }

    /// From 64 hex digits, with or without "sha256:" before them.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.strip_prefix("sha256:").unwrap_or(text);
        // from_hex allows blanks; a digest has none.
        (hex.len() == 64).then(|| from_hex(hex)).flatten()?.try_into().ok().map(Digest)
    }

    /// 64 hex digits.
    pub fn hex(&self) -> String {
        to_hex(&self.0)
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.hex())
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.hex())
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.hex())
    }
}

impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
        Digest::parse(&text).ok_or_else(|| serde::de::Error::custom("not a SHA-256"))
    }
}

/// Makes the [`Digest`] of bytes that come in pieces. The arithmetic is ring's, which TLS brings anyway.
pub(crate) struct Hasher(Context);

impl Hasher {
    pub(crate) fn new() -> Self {
        Hasher(Context::new(&SHA256))
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> Digest {
        let mut hash = [0; SHA256_OUTPUT_LEN];
        hash.copy_from_slice(self.0.finish().as_ref());
        Digest(hash)
    }
}

/// Size and hash that some bytes must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// Their SHA-256.
    pub sha256: Digest,
    /// How many they are.
    pub size: u64,
}

impl Expected {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Expected { sha256: Digest::of(bytes), size: bytes.len() as u64 }
    }

    /// Whether what came is what was expected; the error names `what` and both.
    ///
    /// # Errors
    /// They differ: `what`, and both sizes or hashes.
    pub fn check(&self, what: impl std::fmt::Display, came: &Expected) -> Result<()> {
        if came.size != self.size {
            return Err(refused(what, format!("expected {} bytes, {} came", self.size, came.size)));
        }
        if came.sha256 != self.sha256 {
            return Err(refused(what, format!("expected SHA-256 {}, {} came", self.sha256, came.sha256)));
        }
        Ok(())
    }
}

/// Something is not what was expected: refused, and nothing of it used.
pub fn refused(what: impl std::fmt::Display, why: impl std::fmt::Display) -> Error {
    Error::failed(format!("verifying {what}"), why).help(
        "nothing of it was used; the mirror may be half way through an update or damaged: try later, or name another source",
    )
}

/// Hashes and counts what is read through it. More than `limit` bytes are an error immediately.
pub struct HashingReader<R> {
    inner: R,
    hasher: Hasher,
    size: u64,
    limit: u64,
}

impl<R: Read> HashingReader<R> {
    /// Reads from `inner`, at most `limit` bytes.
    pub fn new(inner: R, limit: u64) -> Self {
        HashingReader { inner, hasher: Hasher::new(), size: 0, limit }
    }

    /// Reads the rest and tells what came.
    ///
    /// # Errors
    /// What the reader below says.
    pub fn finish(mut self) -> io::Result<Expected> {
        io::copy(&mut self, &mut io::sink())?;
        Ok(self.so_far())
    }

    /// What came so far.
    pub fn so_far(self) -> Expected {
        Expected { sha256: self.hasher.finish(), size: self.size }
    }
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.size += n as u64;
        if self.size > self.limit {
            return Err(io::Error::other(format!("longer than the {} bytes that are expected", self.limit)));
        }
        self.hasher.update(&buffer[..n]);
        Ok(n)
    }
}

/// What a file on disk is: its size and SHA-256, read to at most `limit` bytes.
///
/// # Errors
/// What open(2) and read(2) say.
pub fn of_file(path: &std::path::Path, limit: u64) -> io::Result<Expected> {
    of_open_file(open(path)?, limit)
}

/// Opens a file that is one: a pipe would keep us waiting.
pub(crate) fn open(path: &std::path::Path) -> io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    let file = std::fs::OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path)?;
    match file.metadata()? {
        there if there.is_file() => Ok(file),
        there if there.is_dir() => Err(io::Error::from_raw_os_error(nix::libc::EISDIR)),
        _ => Err(io::Error::other("it is not a file, but a pipe, a socket or a device")),
    }
}

/// The bytes of a small file; one with more than `limit` is not read.
///
/// # Errors
/// What open(2) and read(2) say, something that is not a file, and a file that is not small.
pub(crate) fn small_file(path: &std::path::Path, limit: u64) -> io::Result<Vec<u8>> {
    // Most are smaller: one read brings all of it.
    let mut bytes = Vec::with_capacity(16 << 10);
    open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::other(format!("it has more than {limit} bytes")));
    }
    Ok(bytes)
}

/// Likewise, of text.
pub(crate) fn small_text(path: &std::path::Path, limit: u64) -> io::Result<String> {
    let bytes = small_file(path, limit)?;
    String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Likewise of a file that is open.
pub(crate) fn of_open_file(file: std::fs::File, limit: u64) -> io::Result<Expected> {
    HashingReader::new(file, limit).finish_large()
}

impl<R: Read> HashingReader<R> {
    fn finish_large(mut self) -> io::Result<Expected> {
        let mut buffer = vec![0; 1 << 18];
        loop {
            match self.read(&mut buffer) {
                Ok(0) => return Ok(self.so_far()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_byte_and_a_wrong_length_are_told_apart() {
        let expected = Expected::of(b"emulator");
        expected.check("x", &Expected::of(b"emulator")).unwrap();
        let error = expected.check("x", &Expected::of(b"emulatoR")).unwrap_err().to_string();
        assert!(error.contains("expected SHA-256"), "{error}");
        let error = expected.check("x", &Expected::of(b"emul")).unwrap_err().to_string();
        assert_eq!(error, "verifying x: expected 8 bytes, 4 came");
    }

    #[test]
    fn too_much_is_an_error_before_the_end() {
        let error = HashingReader::new(io::repeat(1), 1000).finish().unwrap_err();
        assert!(error.to_string().contains("1000"));
    }

    #[test]
    fn digests_have_no_blanks() {
        let hex = Digest::of(b"").hex();
        assert_eq!(Digest::parse(&format!("sha256:{hex}")), Some(Digest::of(b"")));
        assert_eq!(Digest::parse(&format!("{} {}", &hex[..32], &hex[33..])), None);
        assert_eq!(Digest::parse(&hex[1..]), None);
    }
}
