//! Emulators on their way in: written to tmp, verified, synced, and only then put into their version's directory.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use bstr::ByteSlice;
use tempfile::TempDir;

use super::{Item, Lock, Manifest, Store, sync_directory};
use crate::emulators::{elf, valid_arch};
use crate::error::{Doing, Error, Result};
use crate::verify::Hasher;

/// QEMU's largest emulator has 20 MB.
const MAX_EMULATOR: u64 = 256 << 20;

/// Some emulators being collected.
#[derive(Debug)]
pub struct Staging<'a> {
    store: &'a Store,
    lock: &'a Lock,
    machine: String,
    directory: TempDir,
    items: BTreeMap<String, Item>,
    disk: Option<Disk>,
}

/// Syncs written files while the next ones are being decoded.
#[derive(Debug)]
struct Disk {
    files: SyncSender<File>,
    thread: JoinHandle<io::Result<()>>,
}

impl<'a> Staging<'a> {
    /// An empty one; `machine` is this host's `uname -m`.
    ///
    /// # Errors
    /// A directory in the store, or a thread, cannot be made.
    pub fn new(store: &'a Store, lock: &'a Lock, machine: &str) -> Result<Self> {
        let directory = lock.temporary(store.root())?;
        let (files, written) = sync_channel::<File>(64);
        let thread = std::thread::Builder::new()
            .spawn(move || written.iter().try_for_each(|file| file.sync_all()))
            .doing(|| "starting a thread that syncs files")?;
        let disk = Some(Disk { files, thread });
        Ok(Staging { store, lock, machine: machine.to_owned(), directory, items: BTreeMap::new(), disk })
    }

    /// What was taken so far.
    pub fn items(&self) -> &BTreeMap<String, Item> {
        &self.items
    }

    /// Takes an emulator. `pump` hands its bytes over; `origin` names it in errors. What is refused leaves no trace.
    ///
    /// # Errors
    /// What `pump` answers; another size than was announced; a file that [`elf::check`] refuses; a disk that cannot be
    /// written.
    pub fn take(
        &mut self,
        arch: &str,
        origin: &str,
        size: u64,
        pump: impl FnOnce(&mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()>,
    ) -> Result<&Item> {
        if !valid_arch(arch) {
            return Err(Error::failed(
                format!("taking {origin}"),
                format!("not the name of an architecture: {arch:?}"),
            ));
        }
        if size > MAX_EMULATOR {
            return Err(Error::failed(
                format!("taking {origin}"),
                format!("{size} bytes; no emulator has more than {MAX_EMULATOR}"),
            ));
        }
        let path = self.directory.path().join(format!("qemu-{arch}"));
        let writing = |error: io::Error| {
            Error::io(format!("storing {origin} in {}", self.store.root().display()), error)
                .help("what was in the store is untouched; free some space, or point RBINFMT_STORE elsewhere")
        };
        let mut file = File::options().write(true).create_new(true).mode(0o755).open(&path).map_err(writing)?;
        let mut look =
            Look { hasher: Hasher::new(), prefix: Vec::new(), size: 0, limit: size, version: VersionText::of(arch) };
        let mut disk_error = None;
        let pumped = pump(&mut |piece| {
            look.at(piece)?;
            file.write_all(piece).map_err(|error| {
                let kind = error.kind();
                disk_error = Some(error);
                io::Error::from(kind)
            })
        });
        if let Some(error) = disk_error {
            return Err(writing(error));
        }
        pumped.doing(|| format!("reading {origin}"))?;
        if look.size != size {
            return Err(Error::failed(
                format!("taking {origin}"),
                format!("expected {size} bytes, {} came", look.size),
            ));
        }
        elf::check(origin, &look.prefix, size, &self.machine)?;
        // The umask may have taken bits away.
        file.set_permissions(fs::Permissions::from_mode(0o755)).map_err(writing)?;
        self.store.label(&path)?;
        let sent = self.disk.as_ref().map(|disk| disk.files.send(file));
        if !matches!(sent, Some(Ok(()))) {
            self.sync()?;
        }
        let item = Item { size, sha256: look.hasher.finish(), reports: look.version.found, preserves_argv0: None };
        Ok(self.items.entry(arch.to_owned()).or_insert(item))
    }

    fn sync(&mut self) -> Result<()> {
        let Some(Disk { files, thread }) = self.disk.take() else { return Ok(()) };
        drop(files);
        let done = thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread that syncs files is gone")));
        done.doing(|| format!("syncing new emulators in {}", self.store.root().display()))
    }

    /// Puts what was taken into the store as (a part of) this version, and returns what the store then has of it.
    /// `manifest`'s own list of emulators is not looked at.
    ///
    /// # Errors
    /// The store cannot be written, or has another file of that name under the same version.
    pub fn commit(mut self, mut manifest: Manifest) -> Result<Manifest> {
        self.sync()?;
        manifest.emulators = std::mem::take(&mut self.items);
        let directory = self.store.root().join("versions").join(&manifest.id);
        let doing = || format!("putting {} into the store", manifest.id);
        let Some(old) = self.store.manifest(&manifest.id)? else {
            // Half a directory of an earlier time, without a manifest, is nobody's.
            if directory.exists() {
                fs::remove_dir_all(&directory).doing(doing)?;
            }
            let new = self.directory.path().join("manifest.json");
            let bytes = serde_json::to_vec_pretty(&manifest).map_err(|e| Error::failed(doing(), e))?;
            super::write_whole(&new, &bytes)?;
            fs::set_permissions(self.directory.path(), fs::Permissions::from_mode(0o755)).doing(doing)?;
            fs::rename(self.directory.path(), &directory).doing(doing)?;
            sync_directory(&self.store.root().join("versions"))?;
            return Ok(manifest);
        };
        for (arch, item) in &manifest.emulators {
            match old.emulators.get(arch) {
                Some(known) if known.sha256 != item.sha256 => {
                    let why = format!(
                        "its qemu-{arch} is {}, the store has {} under the same version",
                        item.sha256, known.sha256
                    );
                    return Err(Error::failed(doing(), why)
                        .help(format!("`rbinfmt emulators remove {}` frees space", manifest.id)));
                }
                _ => {
                    let name = format!("qemu-{arch}");
                    fs::rename(self.directory.path().join(&name), directory.join(&name)).doing(doing)?;
                }
            }
        }
        sync_directory(&directory)?;
        manifest.complete |= old.complete;
        for (arch, item) in old.emulators {
            manifest.emulators.insert(arch, item);
        }
        self.store.write(self.lock, &format!("versions/{}/manifest.json", manifest.id), &manifest)?;
        Ok(manifest)
    }
}

/// What is learnt of an emulator while it passes.
struct Look {
    hasher: Hasher,
    prefix: Vec<u8>,
    size: u64,
    limit: u64,
    version: VersionText,
}

impl Look {
    fn at(&mut self, piece: &[u8]) -> io::Result<()> {
        self.size += piece.len() as u64;
        if self.size > self.limit {
            return Err(io::Error::other(format!("longer than the {} bytes that are expected", self.limit)));
        }
        let missing = elf::PREFIX.saturating_sub(self.prefix.len()).min(piece.len());
        self.prefix.extend_from_slice(&piece[..missing]);
        self.hasher.update(piece);
        self.version.at(piece);
        Ok(())
    }
}

/// Finds the text that `--version` prints, without running what was not looked at yet.
struct VersionText {
    pattern: String,
    carry: Vec<u8>,
    found: Option<String>,
}

/// A version longer than this is none.
const VERSION: usize = 128;

impl VersionText {
    fn of(arch: &str) -> Self {
        VersionText { pattern: format!("qemu-{arch} version "), carry: Vec::new(), found: None }
    }

    fn at(&mut self, piece: &[u8]) {
        if self.found.is_some() {
            return;
        }
        let reach = self.pattern.len() + VERSION;
        // What is across two pieces, then the piece itself.
        self.carry.extend_from_slice(&piece[..piece.len().min(reach)]);
        self.found = self.search(&self.carry).or_else(|| self.search(piece));
        if piece.len() > reach {
            self.carry.clear();
            self.carry.extend_from_slice(&piece[piece.len() - reach..]);
        } else {
            self.carry.drain(..self.carry.len().saturating_sub(reach));
        }
    }

    fn search(&self, bytes: &[u8]) -> Option<String> {
        let start = bytes.find(&self.pattern)? + self.pattern.len();
        let text = &bytes[start..bytes.len().min(start + VERSION)];
        let end = text.iter().position(|b| b.is_ascii_control())?;
        Some(crate::text::to_text(&text[..end]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_version_is_found_however_the_bytes_are_cut(cuts in proptest::collection::vec(1usize..900, 1..40)) {
            let mut bytes = vec![7u8; 3000];
            bytes.extend(b"qemu-arm version 7.2.22 (Debian 1:7.2)\nCopyright");
            bytes.extend(vec![9u8; 3000]);
            let mut version = VersionText::of("arm");
            let mut rest = &bytes[..];
            for cut in cuts.iter().cycle() {
                let (piece, tail) = rest.split_at(rest.len().min(*cut));
                if piece.is_empty() {
                    break;
                }
                version.at(piece);
                rest = tail;
            }
            prop_assert_eq!(version.found.as_deref(), Some("7.2.22 (Debian 1:7.2)"));
        }
    }
}
