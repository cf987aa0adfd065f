//! A directory with emulators, or a package file.

use std::fs;
use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};

use super::Taking;
use crate::archive;
use crate::archive::tar::Tar;
use crate::emulators::{Wanted, arch_of};
use crate::error::{Doing, Error, Result};
use crate::verify::{self, Digest, Expected, Hasher, of_file};

/// A list of hashes is small.
const MAX_SUMS: u64 = 4 << 20;

/// No package of emulators is larger.
const MAX_FILE: u64 = 4 << 30;

/// The SHA256SUMS file of a directory.
struct Sums {
    path: PathBuf,
    sums: Vec<(Digest, String)>,
}

impl Sums {
    fn of(directory: &Path) -> Result<Option<Self>> {
        let path = directory.join("SHA256SUMS");
        let doing = || format!("reading {}", path.display());
        let file = match verify::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io(doing(), error)),
        };
        let mut text = String::new();
        file.take(MAX_SUMS + 1).read_to_string(&mut text).doing(doing)?;
        if text.len() as u64 > MAX_SUMS {
            return Err(Error::failed(doing(), format!("expected at most {MAX_SUMS} bytes, it has more")));
        }
        let mut sums = Vec::new();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            // "HASH  NAME", "HASH *NAME"
            let parsed = line.split_once(' ').and_then(|(hash, name)| {
                Some((
                    Digest::parse(hash)?,
                    name.trim_start_matches([' ', '*']).trim_start_matches("./").trim_end().to_owned(),
                ))
            });
            let wrong = || Error::failed(format!("{}, line {}", doing(), number + 1), "expected a SHA-256 and a name");
            sums.push(parsed.ok_or_else(wrong)?);
        }
        Ok(Some(Sums { path, sums }))
    }

    fn check(&self, name: &str, came: Digest) -> Result<()> {
        let doing = || format!("verifying {name} by {}", self.path.display());
        match self.sums.iter().find(|(_, n)| n == name) {
            Some((expected, _)) if *expected == came => Ok(()),
            Some((expected, _)) => Err(Error::failed(doing(), format!("expected SHA-256 {expected}, {came} came"))
                .help("fetch the file again")),
            None => Err(Error::failed(doing(), "it is not listed there")
                .help(format!("copy it to a directory without SHA256SUMS, or add a line: {came}  {name}"))),
        }
    }
}

/// What a file source was found to be.
#[derive(Debug, Clone)]
pub struct Found {
    /// A name for it in the store: a hash of what it holds.
    pub id: String,
    /// What verified it.
    pub verified_by: String,
    /// Whether that is more than the user's word.
    pub verified: bool,
}

/// Verifies a package file by the SHA256SUMS next to it, where there is one. Its hash names it.
///
/// # Errors
/// A file that cannot be read; one that SHA256SUMS does not list, or lists with another hash.
pub fn verify(path: &Path) -> Result<(Expected, Found)> {
    let doing = || format!("reading {}", path.display());
    let size = path.metadata().doing(doing)?.len();
    if size > MAX_FILE {
        let most = MAX_FILE >> 30;
        return Err(Error::failed(
            doing(),
            format!("it has {size} bytes; a package of more than {most} GiB is not read"),
        ));
    }
    let expected = of_file(path, MAX_FILE).doing(doing)?;
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let sums = Sums::of(directory)?;
    let verified = sums.is_some();
    let verified_by = match sums {
        Some(sums) => {
            sums.check(&name, expected.sha256)?;
            format!("{}, SHA-256 {}", sums.path.display(), expected.sha256)
        }
        None => format!("the user's word only, SHA-256 {}", expected.sha256),
    };
    Ok((expected, Found { id: expected.sha256.hex()[..12].to_owned(), verified_by, verified }))
}

/// Takes emulators out of the package file that `origin` names. One that was not `verified` by a hash is read to its end,
/// where its own check sums are.
///
/// # Errors
/// A file that is neither a package nor an archive, or is broken; what the store refuses.
pub(crate) fn take_package(path: &Path, origin: &str, verified: bool, taking: &mut Taking) -> Result<()> {
    let archive = archive::Archive::open(path)?.verified(verified);
    if verified
        && let Wanted::These(archs) = taking.wanted
        && let [arch] = archs.as_slice()
    {
        // dpkg-deb sorts what it packs. Where that is not so, the emulator is not found here, and all is read below.
        // Emulators of which we know nothing are steps of the search as well: without them it reads further.
        let fits = |name: &[u8]| arch_of(name).is_some_and(|arch| name.ends_with(b"-static") || Wanted::All.has(arch));
        let near = archive.near(&format!("qemu-{arch}"), &fits, taking.jobs).doing(|| format!("reading {origin}"))?;
        if let Some(tar) = near {
            taking.members(tar, origin, &mut |_| false)?;
        }
        if taking.is_done() {
            return Ok(());
        }
    }
    let mut stream = archive.stream(taking.jobs)?;
    taking.members(Tar::new(&mut stream), origin, &mut |_| false)?;
    let mut read = 1;
    while !verified && read > 0 {
        read = stream.fill_buf().doing(|| format!("reading {origin}"))?.len();
        stream.consume(read);
    }
    Ok(())
}

/// Takes emulators out of a directory, each verified by its SHA256SUMS where there is one.
///
/// # Errors
/// A directory or a file that cannot be read, a file that is not what SHA256SUMS says; what the store refuses.
pub(crate) fn take_directory(directory: &Path, taking: &mut Taking) -> Result<Found> {
    let Taking { wanted, staging, .. } = taking;
    let sums = Sums::of(directory)?;
    let doing = || format!("listing {}", directory.display());
    let mut names: Vec<_> = fs::read_dir(directory)
        .doing(doing)?
        .map(|item| item.map(|i| i.file_name()))
        .collect::<Result<_, _>>()
        .doing(doing)?;
    names.sort();
    let mut all = Hasher::new();
    for name in names {
        let Some(name) = name.to_str() else { continue };
        let Some(arch) = arch_of(name.as_bytes()).filter(|a| wanted.has(a)) else { continue };
        if staging.items().contains_key(arch) {
            continue;
        }
        let path = directory.join(name);
        let reading = || format!("reading {}", path.display());
        let mut file = verify::open(&path).doing(reading)?;
        let meta = file.metadata().doing(reading)?;
        let item = staging.take(arch, &path.display().to_string(), meta.len(), |sink| {
            let mut buffer = vec![0; 128 << 10];
            loop {
                match file.read(&mut buffer)? {
                    0 => return Ok(()),
                    n => sink(&buffer[..n])?,
                }
            }
        })?;
        if let Some(sums) = &sums {
            sums.check(name, item.sha256)?;
        }
        all.update(format!("{name} {}\n", item.sha256).as_bytes());
    }
    let verified = sums.is_some();
    let verified_by = sums.map_or_else(|| "the user's word only".to_owned(), |s| s.path.display().to_string());
    Ok(Found { id: all.finish().hex()[..12].to_owned(), verified_by, verified })
}
