//! A layer: read from a tar once, and laid over those below it. Nothing of it is written anywhere.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bstr::{BStr, BString, ByteSlice};

use super::budget::Budget;
use super::keep;
use super::whiteout::Whiteout;
use crate::archive::tar::{Kind, Member, Tar};
use crate::archive::{Part, unpack};
use crate::error::{Error, Result, os_text};
use crate::exec::tree::{Body, Bytes, Meta, Node, Stored, Tree};
use crate::verify::{Digest, Expected, Hasher, HashingReader};

/// What a layer adds and removes, in the order of its tar.
#[derive(Debug, Default)]
pub struct Layer(Vec<(BString, Change)>);

#[derive(Debug)]
enum Change {
    Put(Node),
    HardLink(BString),
    /// Gone from the layers below.
    Gone,
    /// All that the layers below have in this directory is gone.
    Opaque,
}

/// The hashes of a layer that was read to its end.
#[derive(Debug)]
pub(super) struct LayerDigests {
    /// Of its bytes as they came.
    pub(super) compressed: Expected,
    /// Of its tar.
    pub(super) decompressed: Digest,
}

/// No path that a kernel can open is longer.
const PATH_MAX: usize = 4096;
/// What a node takes besides its name: in the layer, and in the tree.
const NODE: u64 = 320;

/// Compressed data that grows beyond this and more than [`RATIO`] times is a bomb.
const GROWN: u64 = 1 << 30;
const RATIO: u64 = 100;

impl Layer {
    /// Reads a layer as a stream, whole, and says what came: what was expected, where that is known. The tar is hashed
    /// too where nothing is.
    pub(super) fn stream(
        origin: &str,
        raw: impl Read,
        expected: Option<&Expected>,
        budget: &mut Budget,
    ) -> Result<(Self, LayerDigests)> {
        let (raw, count) = Counting::new(raw);
        let mut verifying = HashingReader::new(raw, u64::MAX);
        let mut read = || -> io::Result<(Layer, Option<Digest>)> {
            let mut raw = BufReader::with_capacity(128 << 10, &mut verifying);
            let is_compressed = is_packed(raw.fill_buf()?);
            let mut decompressed = Decompressed::new(raw, count.clone())?;
            decompressed.hasher = (expected.is_none() && is_compressed).then(Hasher::new);
            let layer = Layer::read(&mut Tar::new(&mut decompressed), budget, keep::stored)?;
            io::copy(&mut decompressed, &mut io::sink())?;
            Ok((layer, decompressed.hasher.map(Hasher::finish)))
        };
        let read = read();
        let compressed = verifying.finish().map_err(|error| unreadable(origin, &error))?;
        // That something else came explains more than what is wrong with it.
        expected.map_or(Ok(()), |expected| expected.check(origin, &compressed))?;
        let (layer, decompressed) = read.map_err(|error| unreadable(origin, &error))?;
        let decompressed = decompressed.unwrap_or(compressed.sha256);
        Ok((layer, LayerDigests { compressed, decompressed }))
    }

    /// Reads a plain tar that is within a file: what its files hold stays there.
    pub(super) fn seek(origin: &str, part: &Part, budget: &mut Budget) -> Result<Self> {
        let stored = |tar: &mut Tar<_>, member: &Member, budget: &mut Budget| {
            // The body of a sparse file is not what the file is.
            if tar.is_sparse() {
                return keep::stored(tar, member, budget);
            }
            let start = part.start + tar.position();
            let mut first = [0; keep::FIRST];
            let len = tar.read(&mut first)?;
            budget.take(48)?;
            let bytes = Bytes::Within(part.file.clone(), start);
            let elf = keep::header(&first[..len]);
            Ok(Stored { len: member.size, bytes, elf, capability: member.capability.clone() })
        };
        Layer::read(&mut part.members(), budget, stored).map_err(|error| unreadable(origin, &error))
    }

    fn read<R: BufRead>(
        tar: &mut Tar<R>,
        budget: &mut Budget,
        stored: impl Fn(&mut Tar<R>, &Member, &mut Budget) -> io::Result<Stored>,
    ) -> io::Result<Self> {
        let mut changes = Vec::new();
        // Members come sorted, as a rule: directories that the one before was in are paid for.
        let mut before = BString::default();
        let no_tar = |error: io::Error, changes: &[_]| match error.kind() {
            io::ErrorKind::Other if changes.is_empty() => {
                io::Error::other("it is not a layer: not a tar, or a broken one")
            }
            _ => error,
        };
        while let Some(mut member) = tar.next_entry().map_err(|error| no_tar(error, &changes))? {
            let path = BString::from(std::mem::take(&mut member.path));
            check(path.as_bstr())?;
            budget.take(path.len() as u64 + NODE * (1 + new_directories(before.as_bstr(), path.as_bstr())))?;
            before.clone_from(&path);
            if let Some(whiteout) = Whiteout::of(path.as_bstr()) {
                changes.push(match whiteout {
                    Whiteout::File(path) => (path, Change::Gone),
                    Whiteout::Opaque(directory) => (directory, Change::Opaque),
                });
                continue;
            }
            let (mode, uid, gid) = member.owner;
            let node = |body| Change::Put(Node { meta: Meta { mode, uid, gid }, body });
            let change = match member.kind {
                Kind::File => {
                    member.path = path.to_vec();
                    node(Body::File(Arc::new(stored(tar, &member, budget)?)))
                }
                Kind::Directory => node(Body::Directory(Default::default())),
                Kind::Link => {
                    budget.take(member.target.len() as u64)?;
                    node(Body::Link(member.target.into()))
                }
                Kind::HardLink => {
                    check(member.target.as_bstr())?;
                    budget.take(member.target.len() as u64)?;
                    Change::HardLink(member.target.into())
                }
                Kind::Other => node(Body::Special(libc::S_IFCHR)),
            };
            changes.push((path, change));
        }
        Ok(Layer(changes))
    }

    /// Lays it over what is there.
    pub(super) fn apply(&self, tree: &mut Tree) -> Result<()> {
        // What it removes are things of the layers below, wherever the marks are in its tar.
        for (path, change) in &self.0 {
            match change {
                Change::Gone => tree.remove(path),
                Change::Opaque => tree.clear(path),
                Change::Put(_) | Change::HardLink(_) => {}
            }
        }
        for (path, change) in &self.0 {
            let done = match change {
                Change::Put(node) => tree.put(path, node.clone()),
                Change::HardLink(target) => tree.link(path, target),
                Change::Gone | Change::Opaque => Ok(()),
            };
            done.map_err(|why| Error::failed(format!("laying the layers over each other, at {path}"), why))?;
        }
        Ok(())
    }
}

fn check(path: &BStr) -> io::Result<()> {
    let why = match () {
        () if path.len() >= PATH_MAX => "is longer than any path that can be opened",
        () if path.split(|&byte| byte == b'/').any(|part| part == b"..") => "leaves the image with ..",
        () => return Ok(()),
    };
    let shown: BString = path.iter().copied().take(80).collect::<Vec<u8>>().into();
    Err(io::Error::other(format!("the name {shown:?} {why}")))
}

/// How many directories above a path the path before it was not in.
fn new_directories(before: &BStr, path: &BStr) -> u64 {
    let shared = before.iter().zip(path.iter()).take_while(|(a, b)| a == b).count();
    path[shared..].iter().filter(|&&byte| byte == b'/').count() as u64
}

fn is_packed(start: &[u8]) -> bool {
    start.starts_with(&[0x1f, 0x8b]) || start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
}

fn unreadable(origin: &str, error: &io::Error) -> Error {
    let why = match error.kind() {
        io::ErrorKind::UnexpectedEof => "it is cut short".to_owned(),
        _ => os_text(error),
    };
    Error::failed(format!("reading {origin}"), why)
}

/// Counts what is read through it.
pub(super) struct Counting<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Counting<R> {
    /// The reader, and the count.
    pub(super) fn new(inner: R) -> (Self, Arc<AtomicU64>) {
        let count = Arc::new(AtomicU64::new(0));
        (Counting { inner, count: count.clone() }, count)
    }
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.count.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// What a compressed stream holds: hashed where that is asked for, and not a bomb.
pub(super) struct Decompressed<'a> {
    stream: Box<dyn BufRead + 'a>,
    compressed: Arc<AtomicU64>,
    count: u64,
    hasher: Option<Hasher>,
}

impl<'a> Decompressed<'a> {
    /// Of `raw`, of which `compressed` bytes were read so far.
    pub(super) fn new(raw: impl BufRead + 'a, compressed: Arc<AtomicU64>) -> io::Result<Self> {
        Ok(Decompressed { stream: unpack(raw)?, compressed, count: 0, hasher: None })
    }
}

impl BufRead for Decompressed<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let compressed = self.compressed.load(Ordering::Relaxed);
        if self.count > GROWN && self.count / RATIO > compressed {
            let grown = self.count >> 20;
            return Err(io::Error::other(format!(
                "{compressed} bytes have become {grown} MiB: it expands more than {RATIO} times and is refused as a bomb"
            )));
        }
        self.stream.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        if let Some(hasher) = &mut self.hasher
            && let Ok(bytes) = self.stream.fill_buf()
        {
            hasher.update(&bytes[..amount]);
        }
        self.count += amount as u64;
        self.stream.consume(amount);
    }
}

impl Read for Decompressed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let len = available.len().min(buffer.len());
        buffer[..len].copy_from_slice(&available[..len]);
        self.consume(len);
        Ok(len)
    }
}
