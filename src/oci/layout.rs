//! A directory in OCI's layout.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Blobs, Descriptor, MAX_DOCUMENT};
use crate::error::{Doing, Error, Result};
use crate::verify::{Expected, of_file, refused};

/// A directory in OCI's layout.
#[derive(Debug)]
pub struct Layout(PathBuf);

impl Layout {
    /// In this directory.
    pub fn new(directory: &Path) -> Self {
        Layout(directory.to_owned())
    }

    /// Its index.
    pub fn index(&self) -> Result<Vec<u8>> {
        read(&self.0.join("index.json"))
    }

    fn blob(&self, expected: &Expected) -> PathBuf {
        self.0.join("blobs/sha256").join(expected.sha256.hex())
    }
}

impl Blobs for Layout {
    fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>> {
        let expected = descriptor.expected()?;
        let path = self.blob(&expected);
        let bytes = read(&path)?;
        expected.check(path.display(), &Expected::of(&bytes))?;
        Ok(bytes)
    }

    fn layer(&self, descriptor: &Descriptor) -> Result<PathBuf> {
        let expected = descriptor.expected()?;
        let path = self.blob(&expected);
        let size = fs::metadata(&path).doing(|| format!("reading {}", path.display()))?.len();
        if size != expected.size {
            return Err(refused(path.display(), format!("expected {} bytes, it has {size}", expected.size)));
        }
        expected.check(path.display(), &of_file(&path, size).doing(|| format!("reading {}", path.display()))?)?;
        Ok(path)
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let doing = || format!("reading {}", path.display());
    let size = fs::metadata(path).doing(doing)?.len();
    if size > MAX_DOCUMENT {
        return Err(Error::failed(doing(), format!("{size} bytes, expected at most {MAX_DOCUMENT}")));
    }
    fs::read(path).doing(doing)
}
