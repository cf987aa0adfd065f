//! Paragraphs of "Field: value" lines, as Release, Packages and .sources files have them.

use std::io::{self, BufRead, Read};

/// A paragraph longer than this is not a paragraph. Release files, whose paragraph is long, are not read from a stream.
const MAX_PARAGRAPH: u64 = 1 << 20;

/// One paragraph.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Paragraph(Vec<(String, String)>);

impl Paragraph {
    /// The first paragraph of a text.
    ///
    /// # Errors
    /// A line that is neither a field nor the continuation of one, and a field that is there twice.
    pub fn first(text: &str) -> Result<Self, String> {
        Self::of_lines(text.lines().skip_while(|l| l.trim().is_empty()).take_while(|l| !l.trim().is_empty()))
    }

    /// All paragraphs of a text.
    ///
    /// # Errors
    /// A line that is neither a field nor the continuation of one, and a field that is there twice.
    pub fn all(text: &str) -> Result<Vec<Self>, String> {
        let lines: Vec<&str> = text.lines().collect();
        lines
            .split(|line| line.trim().is_empty())
            .map(|lines| Self::of_lines(lines.iter().copied()))
            .filter(|p| !matches!(p, Ok(p) if p.0.is_empty()))
            .collect()
    }

    fn of_lines<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let mut fields: Vec<(String, String)> = Vec::new();
        for line in lines.filter(|line| !line.starts_with('#')) {
            if line.starts_with([' ', '\t']) {
                let Some((_, value)) = fields.last_mut() else {
                    return Err(format!("continuation of nothing: {line:?}"));
                };
                value.push('\n');
                value.push_str(line.trim());
            } else {
                let (name, value) = line.split_once(':').ok_or_else(|| format!("no field: {line:?}"))?;
                if fields.iter().any(|(n, _)| n.eq_ignore_ascii_case(name)) {
                    return Err(format!("field {name} is given twice"));
                }
                fields.push((name.to_owned(), value.trim().to_owned()));
            }
        }
        Ok(Paragraph(fields))
    }

    /// A field's value; further lines of it follow after newlines.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// The paragraphs of a Packages file whose package's name is to be kept. The file is read line by line and left as soon as
/// there are `most`: it is 60 MB long, and sorted by nothing that one could rely on.
///
/// # Errors
/// What the file says, and a paragraph of more than a megabyte, or that is not deb822.
pub fn packages(mut file: impl BufRead, wanted: &dyn Fn(&[u8]) -> bool, most: usize) -> io::Result<Vec<Paragraph>> {
    let mut found: Vec<Paragraph> = Vec::new();
    let (mut line, mut text) = (Vec::new(), Vec::new());
    let mut keep = false;
    loop {
        line.clear();
        let n = (&mut file).take(MAX_PARAGRAPH).read_until(b'\n', &mut line)?;
        if n as u64 == MAX_PARAGRAPH || text.len() as u64 > MAX_PARAGRAPH {
            return Err(io::Error::other("a paragraph of more than a megabyte"));
        }
        if n > 0 && line != b"\n" {
            if let Some(name) = line.strip_prefix(b"Package: ") {
                keep = wanted(name.trim_ascii());
            }
            if keep {
                text.extend_from_slice(&line);
            }
            continue;
        }
        if keep {
            let paragraph = std::str::from_utf8(&text).map_err(|e| e.to_string()).and_then(Paragraph::first);
            found.push(paragraph.map_err(io::Error::other)?);
            text.clear();
            keep = false;
        }
        if n == 0 || found.len() == most {
            return Ok(found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_and_their_continuations() {
        let p = Paragraph::first("\nA: 1\nSHA256:\n x 1 y\n z 2 w\n\nB: 2\n").unwrap();
        assert_eq!((p.get("a"), p.get("SHA256"), p.get("B")), (Some("1"), Some("\nx 1 y\nz 2 w"), None));
        assert_eq!(Paragraph::all("A: 1\n\n\n# c\nB: 2\n").unwrap().len(), 2);
        assert!(Paragraph::first(" x\n").is_err());
        assert!(Paragraph::first("A: 1\na: 2\n").unwrap_err().contains("twice"));
    }

    #[test]
    fn only_the_named_packages() {
        let text = "Package: a\nVersion: 1\n\nPackage: qemu-user\nVersion: 2\n\nPackage: b\n";
        let found = packages(text.as_bytes(), &|name| name == b"qemu-user" || name == b"x", 2).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].get("Version"), Some("2"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = Paragraph::all(&text);
            let _ = packages(text.as_bytes(), &|name| name == b"a", 1);
        }
    }
}
