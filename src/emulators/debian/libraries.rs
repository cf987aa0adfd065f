//! Libraries of other architectures: packages of a Debian port and what they depend on, extracted into one tree. Ports have
//! directories of their own in it, as with Debian's multiarch.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::deb822::Paragraph;
use super::{Archive, SETTINGS};
use crate::archive;
use crate::archive::extract::Below;
use crate::archive::tar::Tar;
use crate::error::{Doing, Result};
use crate::text::to_text;

/// Directories that Debian has below /usr since it merged them.
const MERGED: [&str; 6] = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"];

/// The one library whose package's name does not begin with "lib".
const ZLIB: &str = "zlib1g";

/// The largest library package, Debian's for LLVM, extracts to 150 MB.
const MAX_EXTRACTED: u64 = 4 << 30;

/// Documentation, which no program needs to run.
const LEFT_OUT: [&[u8]; 4] = [b"usr/share/doc/", b"usr/share/man/", b"usr/share/locale/", b"usr/share/lintian/"];

/// The packages that can have a library, by Debian's rule for their names: `libfoo.so.1` is in libfoo1, or in libfoo1t64 since
/// the time of 64 bits (Debian Policy 8.1). data/debian.toml has those that are named otherwise.
pub fn candidates(library: &str) -> Vec<String> {
    if let Some((_, package)) = SETTINGS.libraries.iter().find(|(name, _)| *name == library) {
        return vec![(*package).to_owned()];
    }
    let Some((stem, version)) = library.split_once(".so.") else { return Vec::new() };
    let dash = if stem.ends_with(|last: char| last.is_ascii_digit()) { "-" } else { "" };
    let name = format!("{stem}{dash}{version}").to_lowercase().replace('_', "-");
    vec![format!("{name}t64"), name]
}

/// What is to be in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// A package.
    Package(String),
    /// A library, in the directory of its architecture.
    Library {
        /// What DT_NEEDED calls it.
        name: String,
        /// The directory: "aarch64-linux-gnu".
        triplet: &'static str,
    },
}

impl Wish {
    /// The packages that may do.
    fn candidates(&self) -> Vec<String> {
        match self {
            Wish::Package(name) => vec![name.clone()],
            Wish::Library { name, .. } => candidates(name),
        }
    }

    /// Where packages have it.
    fn path(&self) -> Option<String> {
        match self {
            Wish::Package(_) => None,
            Wish::Library { name, triplet } => Some(format!("usr/lib/{triplet}/{name}")),
        }
    }
}

/// The tree.
#[derive(Debug, Clone)]
pub struct Libraries {
    root: PathBuf,
}

impl Libraries {
    /// The tree of a store. Nothing is read or made yet.
    pub fn of(store: &Path) -> Libraries {
        Libraries { root: store.join("libraries") }
    }

    /// Its directory: the root of a file system as programs see it.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn list(&self) -> PathBuf {
        self.root.join("packages")
    }

    /// The packages that were extracted: "libc6:arm64 2.41-12".
    fn packages(&self) -> BTreeSet<String> {
        fs::read_to_string(self.list()).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    fn make(&self) -> Result<()> {
        let doing = || format!("making {}", self.root.display());
        for name in MERGED {
            fs::create_dir_all(self.root.join("usr").join(name)).doing(doing)?;
            match symlink(format!("usr/{name}"), self.root.join(name)) {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                made => made.doing(doing)?,
            }
        }
        Ok(())
    }
}

impl Archive<'_> {
    /// Adds packages of this archive's port, and the libraries that they depend on. Returns the wishes for which there is no
    /// package.
    ///
    /// # Errors
    /// An index or a package that cannot be fetched or is not what was expected; a tree that cannot be written.
    pub fn add_libraries<'w>(&self, to: &Libraries, wishes: &'w [Wish]) -> Result<Vec<&'w Wish>> {
        let suite = SETTINGS.stable;
        let index = self.index(suite)??;
        let names: Vec<String> = wishes.iter().flat_map(Wish::candidates).collect();
        let is_named = |name: &str| name == ZLIB || names.iter().any(|wish| wish == name);
        let keep = |name: &[u8]| name.starts_with(b"lib") || std::str::from_utf8(name).is_ok_and(is_named);
        let mut paragraphs = index.paragraphs(self.jobs, &keep, usize::MAX)?;
        let by_rule =
            |wish: &Wish, all: &[Paragraph]| wish.candidates().iter().find_map(|name| find(all, name)).is_some();
        let unruly = wishes.iter().filter(|wish| !by_rule(wish, &paragraphs));
        let listed = self.listed_packages(suite, &unruly.filter_map(Wish::path).collect::<Vec<_>>());
        let more = |name: &[u8]| !keep(name) && listed.values().any(|package| package.as_bytes() == name);
        if listed.values().any(|package| more(package.as_bytes())) {
            paragraphs.extend(index.paragraphs(self.jobs, &more, usize::MAX)?);
        }
        let find = |name: &str| find(&paragraphs, name);
        let (mut missing, mut chosen) = (Vec::new(), Vec::new());
        for wish in wishes {
            let listed = wish.path().and_then(|path| listed.get(&path).cloned());
            match wish.candidates().iter().chain(&listed).find_map(|name| find(name)) {
                Some(paragraph) if chosen.contains(&paragraph) => {}
                Some(paragraph) => chosen.push(paragraph),
                None => missing.push(wish),
            }
        }
        let mut next = 0;
        while let Some(paragraph) = chosen.get(next).copied() {
            for found in dependencies(paragraph).filter_map(find) {
                if !chosen.contains(&found) {
                    chosen.push(found);
                }
            }
            next += 1;
        }
        to.make()?;
        let mut have = to.packages();
        for paragraph in chosen {
            let package = self.package(suite, &index.codename, paragraph)?;
            let line = format!("{}:{} {}", package.name, self.arch, package.version);
            if have.contains(&line) {
                continue;
            }
            let file = self.fetch(&package)?;
            self.progress.step(&format!("extracting {line}"));
            extract(&file, to.root(), self.jobs)
                .map_err(|error| error.help(format!("remove {}", to.root().display())))?;
            self.cache.forget(&package.expected);
            have.insert(line);
            // One after the other: a kill leaves at most files of one package that is not yet in the list.
            let text: String = have.iter().flat_map(|line| [line, "\n"]).collect();
            crate::emulators::store::write_whole(&to.list(), text.as_bytes())?;
        }
        Ok(missing)
    }

    /// The packages that have these files, by the archive's list of files: it is large, and read only where the rule does not
    /// help. Without it the files are missing, which is said in any case.
    fn listed_packages(&self, suite: &str, paths: &[String]) -> BTreeMap<String, String> {
        if paths.is_empty() {
            return BTreeMap::new();
        }
        self.packages_with(suite, paths).unwrap_or_else(|error| {
            self.progress.note(&error.to_string());
            BTreeMap::new()
        })
    }
}

fn find<'p>(all: &'p [Paragraph], name: &str) -> Option<&'p Paragraph> {
    all.iter().find(|paragraph| paragraph.get("Package") == Some(name))
}

/// Names of packages that one depends on; of alternatives the first.
fn dependencies<'a>(paragraph: &'a Paragraph) -> impl Iterator<Item = &'a str> {
    let lists = ["Pre-Depends", "Depends"].into_iter().filter_map(|field| paragraph.get(field));
    let name = |item: &'a str| item.split(['|', '(', ':', ' ', '\n']).find(|word| !word.is_empty());
    lists.flat_map(|list| list.split(',')).filter_map(name)
}

/// Extracts a package that was verified.
fn extract(package: &Path, root: &Path, jobs: usize) -> Result<()> {
    let doing = || format!("extracting {} into {}", package.display(), root.display());
    let mut stream = archive::Archive::open(package)?.verified(true).stream(jobs)?;
    let mut tar = Tar::new(&mut stream);
    let mut below = Below::new(root, MAX_EXTRACTED).doing(doing)?;
    while let Some(mut member) = tar.next_member().doing(doing)? {
        if LEFT_OUT.iter().any(|start| member.path.starts_with(start)) {
            continue;
        }
        let path = merged(&member.path);
        // The tree itself, and the directories that are links in it.
        if path.is_empty() || MERGED.iter().any(|name| member.path.trim_ascii_end() == name.as_bytes()) {
            continue;
        }
        if member.kind == archive::tar::Kind::HardLink {
            member.target = merged(member.target.strip_prefix(b"./").unwrap_or(&member.target));
        }
        // QEMU looks for /lib/x below the tree, and the kernel then follows a link from its own root.
        if member.kind == archive::tar::Kind::Link && member.target.starts_with(b"/") {
            let depth = path.iter().filter(|&&byte| byte == b'/').count();
            member.target = [b"../".repeat(depth), member.target[1..].to_vec()].concat();
        }
        let name = || format!("{}: {}", doing(), to_text(&path));
        below.make(&mut tar, &member, &path).doing(name)?;
    }
    Ok(())
}

/// Where a package's file is since /bin, /lib and others are links to /usr.
fn merged(path: &[u8]) -> Vec<u8> {
    let path = path.strip_suffix(b"/").unwrap_or(path);
    let first = path.split(|&byte| byte == b'/').next().unwrap_or_default();
    let is_merged = MERGED.iter().any(|name| name.as_bytes() == first);
    if is_merged { [b"usr/", path].concat() } else { path.to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_s_package_is_named_by_debian_s_rule() {
        for (library, package) in [
            ("libcurl.so.4", "libcurl4"),
            ("libstdc++.so.6", "libstdc++6"),
            ("libgcc_s.so.1", "libgcc-s1"),
            ("libsqlite3.so.0", "libsqlite3-0"),
            ("libpcre2-8.so.0", "libpcre2-8-0"),
            ("libX11.so.6", "libx11-6"),
        ] {
            assert!(candidates(library).iter().any(|name| name == package), "{library}: {:?}", candidates(library));
        }
        assert_eq!(candidates("libc.so.6"), ["libc6"]);
        assert_eq!(candidates("libz.so.1"), ["zlib1g"]);
        assert!(candidates("plugin.so").is_empty());
    }

    #[test]
    fn dependencies_are_names_alone() {
        let paragraph = Paragraph::first(
            "Package: a\nPre-Depends: libc6 (>= 2.34)\nDepends: libgcc-s1 (>= 3.0), libssl3t64 | libssl3, python3:any, zlib1g\n",
        );
        let paragraph = paragraph.unwrap();
        assert_eq!(
            dependencies(&paragraph).collect::<Vec<_>>(),
            ["libc6", "libgcc-s1", "libssl3t64", "python3", "zlib1g"]
        );
    }

    #[test]
    fn what_debian_merged_is_below_usr() {
        for (path, at) in
            [("lib/x", "usr/lib/x"), ("lib64/ld", "usr/lib64/ld"), ("usr/lib/x", "usr/lib/x"), ("library", "library")]
        {
            assert_eq!(merged(path.as_bytes()), at.as_bytes());
        }
    }
}
