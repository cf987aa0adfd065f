//! Which package has a file: by the archive's list of all files, Contents-ARCH, whose lines are a path and "section/package", or
//! more than one of these with commas between them.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};

use super::Archive;
use crate::archive;
use crate::error::{Doing, Result};

/// A path has at most 4096 bytes; the packages that share a file are few.
const MAX_LINE: u64 = 64 << 10;

impl Archive<'_> {
    /// The packages of a suite that have these files, by the paths without the first slash. Of more than one the first.
    ///
    /// # Errors
    /// A list that cannot be fetched, or is not what was expected.
    pub(super) fn packages_with(&self, suite: &str, paths: &[String]) -> Result<BTreeMap<String, String>> {
        let contents =
            self.listed(suite, "list of files", &|release, component, arch| release.contents(component, arch))??;
        archive::decompressed(&contents.path, self.jobs)
            .and_then(|file| scan(file, paths))
            .doing(|| format!("reading {}", contents.url))
    }
}

fn scan(mut file: impl BufRead, paths: &[String]) -> io::Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let mut line = Vec::new();
    while found.len() < paths.len() {
        line.clear();
        let n = (&mut file).take(MAX_LINE).read_until(b'\n', &mut line)?;
        if n == 0 {
            break;
        }
        // Paths can have blanks, packages cannot.
        let Some(blank) = line.trim_ascii_end().iter().rposition(u8::is_ascii_whitespace) else { continue };
        let (path, packages) = (line[..blank].trim_ascii_end(), line[blank..].trim_ascii());
        let Some(path) = paths.iter().find(|wanted| wanted.as_bytes() == path) else { continue };
        let first = packages.split(|&byte| byte == b',').next().unwrap_or_default();
        let name = first.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        if let Ok(name) = std::str::from_utf8(name) {
            found.entry(path.clone()).or_insert_with(|| name.to_owned());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_s_package_is_found() {
        let text = b"FILE LOCATION\nusr/lib/x/liba.so\tlibs/liba1,libs/liba-alt\nusr/lib/x/with blank.so  b\n\
            usr/lib/x/libb.so.1   contrib/libs/libb1\nusr/lib/x/libb.so.1  libs/later\n";
        let paths = ["usr/lib/x/liba.so", "usr/lib/x/with blank.so", "usr/lib/x/libb.so.1", "usr/lib/x/no.so"];
        let found = scan(&text[..], &paths.map(str::to_owned)).unwrap();
        let pairs =
            [("usr/lib/x/liba.so", "liba1"), ("usr/lib/x/libb.so.1", "libb1"), ("usr/lib/x/with blank.so", "b")];
        assert_eq!(found, pairs.map(|(path, package)| (path.to_owned(), package.to_owned())).into());
    }
}
