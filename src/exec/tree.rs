//! A tree of files that is in no directory: what a container image holds, without unpacking it. Of each file there are
//! its kind, its bits and its owner; of its content, what was kept or the place where it is.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bstr::{BString, ByteSlice};

use super::walk::MAX_LINKS;
use crate::elf::Target;

/// The tree.
#[derive(Debug)]
pub struct Tree {
    nodes: Vec<Node>,
    /// The directory that the last path led to: in a tar the files of one directory follow each other.
    last: Option<(BString, usize)>,
    /// Something was asked for that was not kept.
    fell_short: AtomicBool,
}

/// One file, which hard links give several names.
#[derive(Debug, Clone)]
pub struct Node {
    /// Bits and owner.
    pub meta: Meta,
    /// What it is.
    pub body: Body,
}

/// Bits and owner of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta {
    /// Permission bits, without the type.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}

/// What a file is.
#[derive(Debug, Clone)]
pub enum Body {
    /// A directory, and the places of its files.
    Directory(BTreeMap<BString, usize>),
    /// A regular file.
    File(Arc<Stored>),
    /// A symbolic link.
    Link(BString),
    /// A device, a pipe or a socket: S_IFCHR and so on.
    Special(u32),
}

/// A regular file.
#[derive(Debug)]
pub struct Stored {
    /// Its bytes in all.
    pub len: u64,
    /// Those that can be read.
    pub bytes: Bytes,
    /// What its ELF header says.
    pub elf: Option<Header>,
    /// Its xattr security.capability; empty where it has none.
    pub capability: Vec<u8>,
}

/// What an ELF header says first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Which loader it is for.
    pub target: Target,
    /// e_type
    pub kind: u16,
}

/// Where content is.
#[derive(Debug)]
pub enum Bytes {
    /// Parts of it in memory, by their offsets, in order.
    Kept(Vec<(u64, Box<[u8]>)>),
    /// Within another file, from this offset on.
    Within(Arc<File>, u64),
}

/// Why something cannot be put into a tree.
pub type Unfit = &'static str;

const ROOT: usize = 0;

impl Default for Tree {
    fn default() -> Self {
        Tree { nodes: vec![Node::directory()], last: None, fell_short: AtomicBool::new(false) }
    }
}

impl Node {
    /// A directory as it comes into being when nothing tells of it.
    fn directory() -> Self {
        Node { meta: Meta { mode: 0o755, uid: 0, gid: 0 }, body: Body::Directory(BTreeMap::new()) }
    }

    /// st_mode
    pub(super) fn mode(&self) -> u32 {
        let kind = match self.body {
            Body::Directory(_) => libc::S_IFDIR,
            Body::File(_) => libc::S_IFREG,
            Body::Link(_) => libc::S_IFLNK,
            Body::Special(kind) => kind,
        };
        kind | self.meta.mode & 0o7777
    }
}

impl Tree {
    /// Puts a file where another may be: a directory keeps its files when it comes again, everything else is replaced.
    ///
    /// # Errors
    /// A path whose parents are not directories.
    pub fn put(&mut self, path: &[u8], node: Node) -> Result<(), Unfit> {
        let Some((directory, name)) = self.place(path)? else {
            self.nodes[ROOT].meta = node.meta;
            return Ok(());
        };
        if let (Some(old), Body::Directory(_)) = (self.child(directory, name), &node.body)
            && matches!(self.nodes[old].body, Body::Directory(_))
        {
            self.nodes[old].meta = node.meta;
            return Ok(());
        }
        self.nodes.push(node);
        self.enter(directory, name, self.nodes.len() - 1);
        Ok(())
    }

    /// Gives a file that is there a second name.
    ///
    /// # Errors
    /// A target that is not there, or a path whose parents are not directories.
    pub fn link(&mut self, path: &[u8], target: &[u8]) -> Result<(), Unfit> {
        let place = self.place(target)?;
        let found = place.and_then(|(directory, name)| self.child(directory, name));
        let node = found.ok_or("a hard link to something that is not there")?;
        if matches!(self.nodes[node].body, Body::Directory(_)) {
            return Err("a hard link to a directory");
        }
        let (directory, name) = self.place(path)?.ok_or("a hard link in place of the root")?;
        self.enter(directory, name, node);
        Ok(())
    }

    /// Takes a file or a directory away, if it is there.
    pub fn remove(&mut self, path: &[u8]) {
        let Some((directory, name)) = self.look(path) else { return };
        self.last = None;
        if let Body::Directory(files) = &mut self.nodes[directory].body {
            files.remove(name.as_bstr());
        }
    }

    /// Takes away all that is in a directory.
    pub fn clear(&mut self, path: &[u8]) {
        let found = match self.look(path) {
            Some((directory, name)) => self.child(directory, name),
            None => pieces(path).next().is_none().then_some(ROOT),
        };
        self.last = None;
        if let Some(Body::Directory(files)) = found.map(|node| &mut self.nodes[node].body) {
            files.clear();
        }
    }

    /// The regular files that are `wanted` under their paths, in order of names; one with several names under each.
    pub fn files(&self, wanted: impl Fn(&Stored) -> bool) -> impl Iterator<Item = (BString, &Node, &Arc<Stored>)> {
        let within = |path: &BString, name: &BString| BString::from([path.as_slice(), b"/", name].concat());
        let files = |node: usize| match &self.nodes[node].body {
            Body::Directory(files) => files.iter(),
            _ => Default::default(),
        };
        let mut open = vec![(BString::default(), files(ROOT))];
        std::iter::from_fn(move || {
            while let Some((path, names)) = open.last_mut() {
                let Some((name, &at)) = names.next() else {
                    open.pop();
                    continue;
                };
                let node = &self.nodes[at];
                match &node.body {
                    Body::Directory(_) => {
                        let path = within(path, name);
                        open.push((path, files(at)));
                    }
                    Body::File(stored) if wanted(stored) => return Some((within(path, name), node, stored)),
                    Body::File(_) | Body::Link(_) | Body::Special(_) => {}
                }
            }
            None
        })
    }

    /// Whether something was asked for, since the last time this was asked, that was not kept.
    pub(super) fn fell_short(&self) -> bool {
        self.fell_short.swap(false, Ordering::Relaxed)
    }

    pub(super) fn node(&self, node: usize) -> &Node {
        &self.nodes[node]
    }

    pub(super) fn child(&self, directory: usize, name: &[u8]) -> Option<usize> {
        match &self.nodes[directory].body {
            Body::Directory(files) => files.get(name.as_bstr()).copied(),
            _ => None,
        }
    }

    /// Reads into `buffer` from `at` as far as the file goes, or as far as it was kept.
    pub(super) fn read(&self, stored: &Stored, buffer: &mut [u8], at: u64) -> std::io::Result<usize> {
        let left = usize::try_from(stored.len.saturating_sub(at)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        match &stored.bytes {
            Bytes::Within(file, start) => {
                std::os::unix::fs::FileExt::read_at(&**file, &mut buffer[..wanted], start.saturating_add(at))
            }
            Bytes::Kept(parts) => {
                let after = |(from, bytes): &'_ (u64, Box<[u8]>)| {
                    let into = usize::try_from(at.checked_sub(*from)?).ok()?;
                    (into < bytes.len()).then_some(into)
                };
                let kept = parts.iter().find_map(|part| Some(&part.1[after(part)?..])).unwrap_or_default();
                let len = wanted.min(kept.len());
                buffer[..len].copy_from_slice(&kept[..len]);
                if len < wanted {
                    self.fell_short.store(true, Ordering::Relaxed);
                }
                Ok(len)
            }
        }
    }

    fn enter(&mut self, directory: usize, name: &[u8], node: usize) {
        if let Body::Directory(files) = &mut self.nodes[directory].body
            && files.insert(name.into(), node).is_some()
        {
            // Paths may now lead elsewhere.
            self.last = None;
        }
    }

    /// The directory and the last name of a path; `None` for the root. Directories that nothing told of are made, and links
    /// on the way are followed as far as they lead to directories.
    fn place<'a>(&mut self, path: &'a [u8]) -> Result<Option<(usize, &'a [u8])>, Unfit> {
        let Some((directory, name)) = ends(path) else { return self.find_place(path) };
        if let Some((last, at)) = &self.last
            && last == directory
        {
            return Ok(Some((*at, name)));
        }
        let found = self.find_place(path)?;
        self.last = found.map(|(at, _)| (directory.into(), at));
        Ok(found)
    }

    fn find_place<'a>(&mut self, path: &'a [u8]) -> Result<Option<(usize, &'a [u8])>, Unfit> {
        let mut names = pieces(path).peekable();
        let mut directories = vec![ROOT];
        while let Some(name) = names.next() {
            let directory = *directories.last().unwrap_or(&ROOT);
            if names.peek().is_none() {
                return Ok(Some((directory, name)));
            }
            if self.step(&mut directories, name, &mut 0).is_none() {
                self.nodes.push(Node::directory());
                let made = self.nodes.len() - 1;
                self.enter(directory, name, made);
                directories.push(made);
            }
        }
        Ok(None)
    }

    /// The same without making anything.
    fn look<'a>(&self, path: &'a [u8]) -> Option<(usize, &'a [u8])> {
        let mut names = pieces(path).peekable();
        let mut directories = vec![ROOT];
        while let Some(name) = names.next() {
            if names.peek().is_none() {
                return Some((*directories.last()?, name));
            }
            self.step(&mut directories, name, &mut 0)?;
        }
        None
    }

    /// Goes into a directory, through links; `directories` is left alone where that does not end in one.
    fn step(&self, directories: &mut Vec<usize>, name: &[u8], links: &mut usize) -> Option<()> {
        match name {
            b"." => return Some(()),
            b".." => {
                directories.truncate(directories.len().saturating_sub(1).max(1));
                return Some(());
            }
            _ => {}
        }
        let found = self.child(*directories.last()?, name)?;
        match &self.nodes[found].body {
            Body::Directory(_) => directories.push(found),
            Body::Link(target) => {
                *links += 1;
                if *links > MAX_LINKS {
                    return None;
                }
                let mut on = directories.clone();
                if target.starts_with(b"/") {
                    on.truncate(1);
                }
                for name in pieces(target) {
                    self.step(&mut on, name, links)?;
                }
                *directories = on;
            }
            _ => return None,
        }
        Some(())
    }
}

/// The directory and the last name as they are there; `None` where the end is not a plain name.
fn ends(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let path = path.trim_end_with(|c| c == '/');
    let (directory, name) = path.split_at(path.rfind_byte(b'/').map_or(0, |slash| slash + 1));
    (!matches!(name, b"" | b"." | b"..")).then_some((directory, name))
}

fn pieces(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/').filter(|piece| !piece.is_empty() && *piece != b".")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name() -> impl Strategy<Value = &'static str> {
        prop::sample::select(&["a", "l", ".", "./a", "..", "a/", "/l"][..])
    }

    fn path() -> impl Strategy<Value = String> {
        prop::collection::vec(name(), 1..3).prop_map(|names| names.join("/"))
    }

    fn file() -> Node {
        let stored = Stored { len: 0, bytes: Bytes::Kept(Vec::new()), elf: None, capability: Vec::new() };
        Node { body: Body::File(Arc::new(stored)), ..Node::directory() }
    }

    #[test]
    fn a_link_to_its_own_directory_is_replaced_through_itself() {
        let mut tree = Tree::default();
        tree.put(b"l", Node { body: Body::Link(".".into()), ..Node::directory() }).unwrap();
        tree.put(b"l/a", file()).unwrap();
        tree.put(b"l/l", Node::directory()).unwrap();
        tree.put(b"l/b", file()).unwrap();
        let paths: Vec<_> = tree.files(|_| true).map(|(path, ..)| path).collect();
        assert_eq!(paths, ["/a", "/l/b"]);
    }

    proptest! {
        #[test]
        fn the_directory_that_is_remembered_is_the_one_that_would_be_found(
            steps in prop::collection::vec((0..6, path(), path()), 1..40),
        ) {
            let mut trees = [Tree::default(), Tree::default()];
            for (what, path, other) in &steps {
                let [first, second] = &mut trees;
                second.last = None;
                for tree in [first, second] {
                    let path = path.as_bytes();
                    match what {
                        0 => drop(tree.put(path, Node::directory())),
                        1 => drop(tree.put(path, Node { body: Body::Link(other.as_str().into()), ..Node::directory() })),
                        2 => drop(tree.link(path, other.as_bytes())),
                        3 => tree.remove(path),
                        4 => tree.clear(path),
                        _ => drop(tree.put(path, file())),
                    }
                }
            }
            let [first, second] = trees.map(|tree| format!("{:?}", tree.nodes));
            prop_assert_eq!(first, second);
        }
    }
}
