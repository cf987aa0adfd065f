//! Where a program's loader looks for libraries: ld.so(8), and musl's ldso/dynlink.c.

use std::collections::VecDeque;

use bstr::{BString, ByteSlice};

use super::{Dynamic, Inspection};
use crate::architecture::Architecture;
use crate::exec::root::{Content, Root};

/// What decides where libraries are looked for.
#[derive(Debug)]
pub struct Search<'a> {
    /// The tree of files.
    pub root: &'a Root,
    /// Directories that an emulator sees over the root (QEMU_LD_PREFIX).
    pub prefixes: Vec<BString>,
    /// LD_LIBRARY_PATH; empty where it is not set.
    pub path: BString,
}

/// A library that a program needs, itself or through another.
#[derive(Debug)]
pub struct Library {
    /// Its name in DT_NEEDED.
    pub name: BString,
    /// Whose DT_NEEDED.
    pub by: BString,
    /// Where it is, and what it is; `None` where loaders do not find it.
    pub found: Option<(BString, Inspection)>,
}

/// A program and its loader.
struct Case<'a> {
    search: &'a Search<'a>,
    program: &'a Inspection,
    loader: &'a [u8],
    is_musl: bool,
    /// Directories that are searched for every library.
    usual: Vec<BString>,
}

/// glibc's own directories; multiarch directories come before them.
const GLIBC: [&str; 6] = ["/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib", "/usr/local/lib64"];
/// musl's, where /etc/ld-musl-ARCH.path does not name others.
const MUSL: &str = "/lib:/usr/local/lib:/usr/lib";
/// What musl's loader answers itself, after "lib": it is all of them.
const OF_MUSL: [&str; 7] = ["c.", "pthread.", "rt.", "m.", "dl.", "util.", "xnet."];

/// What is loaded, and what it asks for.
struct Loaded {
    path: BString,
    needed: Vec<BString>,
    directories: Vec<BString>,
}

const MOST_LIBRARIES: usize = 512;
const MOST_BYTES: usize = 4 << 20;

impl Search<'_> {
    /// Opens a file as the program sees it, and says where it is.
    fn open(&self, path: &[u8]) -> Option<(BString, Content)> {
        let below = self.prefixes.iter().filter(|_| path.starts_with(b"/")).map(|prefix| [prefix, path].concat());
        below.chain([path.to_vec()]).find_map(|path| Some((path.clone().into(), self.root.open(&path).ok()?)))
    }

    /// Where a file is as the program sees it, and what it is where it is ELF.
    pub fn inspect(&self, path: &[u8]) -> Option<(BString, Option<Inspection>)> {
        let (place, file) = self.open(path)?;
        Some((place, super::of_file(&file).ok().flatten()))
    }

    /// The libraries that `program`, at `path`, needs, in the order in which they are loaded; `loader` is what is at its
    /// PT_INTERP.
    pub fn libraries(&self, path: &[u8], program: &Inspection, loader: Option<&Inspection>) -> Vec<Library> {
        let is_musl = loader.is_some_and(is_of_musl);
        let loader = program.loader.as_ref().map_or(&b""[..], |name| name.as_slice());
        let is_musl = is_musl || holds(loader, b"/ld-musl-");
        let mut case = Case { search: self, program, loader, is_musl, usual: Vec::new() };
        case.usual = case.usual_directories();
        let mut all: Vec<Library> = Vec::new();
        let mut loaded = VecDeque::from([Loaded::of(path, &program.dynamic)]);
        while let Some(one) = loaded.pop_front() {
            for name in &one.needed {
                let is_it = |l: &Library| {
                    l.name == *name || l.found.as_ref().is_some_and(|(_, f)| f.dynamic.name.as_ref() == Some(name))
                };
                if all.len() == MOST_LIBRARIES || case.is_loader(name) || all.iter().any(is_it) {
                    continue;
                }
                let found = case.find(name, &one);
                loaded.extend(found.as_ref().map(|(place, found)| Loaded::of(place, &found.dynamic)));
                all.push(Library { name: name.clone(), by: one.path.clone(), found });
            }
        }
        all
    }

    fn text(&self, path: &[u8]) -> Option<Vec<u8>> {
        let (_, file) = self.open(path)?;
        file.up_to(usize::try_from(file.size()).unwrap_or(MOST_BYTES).min(MOST_BYTES), 0).ok()
    }
}

impl Loaded {
    fn of(path: &[u8], dynamic: &Dynamic) -> Self {
        Loaded { path: path.into(), needed: dynamic.needed.clone(), directories: dynamic.directories.clone() }
    }
}

impl Case<'_> {
    /// Whether a name is answered by the loader, which is loaded already.
    fn is_loader(&self, name: &[u8]) -> bool {
        let rest = name.strip_prefix(b"lib").filter(|_| self.is_musl);
        let is_of_musl = rest.is_some_and(|rest| OF_MUSL.iter().any(|own| rest.starts_with(own.as_bytes())));
        is_of_musl || split_last(self.loader).1 == name
    }

    fn find(&self, name: &BString, by: &Loaded) -> Option<(BString, Inspection)> {
        if name.contains(&b'/') {
            return self.fitting(&from_origin(name, &by.path));
        }
        let mut named = [&by.directories, &self.program.dynamic.directories].map(Vec::as_slice).concat();
        named.iter_mut().for_each(|directory| *directory = from_origin(directory, &by.path));
        let directories = split(&self.search.path).chain(named).chain(self.usual.iter().cloned());
        let mut found = directories.map(|directory| [&directory, &b"/"[..], name].concat());
        found.find_map(|path| self.fitting(&path)).or_else(|| self.cached(name))
    }

    /// A file of the program's own CPU.
    fn fitting(&self, path: &[u8]) -> Option<(BString, Inspection)> {
        let (place, found) = self.search.inspect(path)?;
        Some((place, found.filter(|found| found.target == self.program.target)?))
    }

    /// What ldconfig found in the directories of /etc/ld.so.conf. The cache has all paths, each with a NUL after it.
    fn cached(&self, name: &[u8]) -> Option<(BString, Inspection)> {
        let cache = self.search.text(b"/etc/ld.so.cache").filter(|_| !self.is_musl)?;
        let needle = [b"/", name, b"\0"].concat();
        let path = |at: usize| {
            let start = cache[..at].iter().rposition(|&byte| byte == 0).map_or(0, |nul| nul + 1);
            &cache[start..at + needle.len() - 1]
        };
        cache.find_iter(&needle).find_map(|at| self.fitting(path(at)))
    }

    fn usual_directories(&self) -> Vec<BString> {
        let (directory, file) = split_last(self.loader);
        if self.is_musl {
            let root = directory.strip_suffix(b"/lib").unwrap_or_default();
            let stem = file.split_str(".so").next().unwrap_or_default();
            let listed = self.search.text(&[root, b"/etc/", stem, b".path"].concat());
            return split(&listed.unwrap_or_else(|| MUSL.into())).collect();
        }
        let multiarch = triplets(self.program).flat_map(|t| [format!("/lib/{t}"), format!("/usr/lib/{t}")]);
        let others = multiarch.map(BString::from).chain(GLIBC.iter().map(|f| BString::from(*f)));
        // Another place's C library has its own directory: Nix, a toolchain.
        let own = Some(directory).filter(|own| !own.is_empty() && GLIBC.iter().all(|usual| usual.as_bytes() != *own));
        own.map(BString::from).into_iter().chain(others).collect()
    }
}

/// Whether what is at a loader's name is musl's, or a layer over it (gcompat).
fn is_of_musl(loader: &Inspection) -> bool {
    let own = loader.dynamic.name.iter().chain(&loader.loader).chain(&loader.dynamic.needed);
    own.into_iter().any(|name| holds(name, b"musl"))
}

fn split(directories: &[u8]) -> impl Iterator<Item = BString> {
    let parts = directories.split(|byte| b":\n".contains(byte)).filter(|part| !part.is_empty());
    parts.map(BString::from).collect::<Vec<_>>().into_iter()
}

/// $ORIGIN is the directory of the file that says so.
fn from_origin(name: &BString, by: &[u8]) -> BString {
    if !name.contains(&b'$') {
        return name.clone();
    }
    let origin = if by.contains(&b'/') { split_last(by).0 } else { b"." };
    name.replace("$ORIGIN", origin).replace("${ORIGIN}", origin).into()
}

/// The directory of a path and the name in it.
fn split_last(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|&byte| byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (b"", path),
    }
}

/// Whether a short name has a part. Not `contains_str`: elf::until_nul says why.
fn holds(name: &[u8], part: &[u8]) -> bool {
    name.windows(part.len()).any(|window| window == part)
}

/// Debian's names of the directories for a machine.
fn triplets(program: &Inspection) -> impl Iterator<Item = &'static str> {
    let class = program.target.class;
    let abis = Architecture::of_elf(program.target, program.flags).map_or(&[][..], |arch| arch.row().abis);
    abis.iter().filter(move |abi| abi.class == class).map(|abi| abi.triplet)
}
