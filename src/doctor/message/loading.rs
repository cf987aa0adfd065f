//! What a dynamic loader says of the program that it was told to start. Its words are those that it has for libraries.

use super::clean::Line;
use super::words::{REFUSALS, Refusal};

/// A program that a loader refuses.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) path: String,
    pub(super) refusal: &'static Refusal,
    pub(super) line: String,
}

impl Refused {
    /// `FILE: error while loading shared libraries: FILE: WORDS`, and musl's `LOADER: FILE: Not a valid dynamic program`. `None`
    /// where it is a library that is refused, or the words are not known.
    pub(super) fn of(line: &Line) -> Option<Refused> {
        let (path, says) = glibc(line.body()).or_else(|| musl(line.body()))?;
        let says = says.to_ascii_lowercase();
        let refusal = REFUSALS.iter().find(|refusal| says.starts_with(refusal.says))?;
        Some(Refused { path: path.to_owned(), refusal, line: line.shown() })
    }
}

fn glibc(text: &str) -> Option<(&str, &str)> {
    let (before, after) = text.split_once(": error while loading shared libraries: ")?;
    let (file, says) = after.split_once(": ")?;
    let program = before.rsplit([' ', '"']).next()?;
    (program == file).then_some((file, says))
}

fn musl(text: &str) -> Option<(&str, &str)> {
    let (before, says) = text.rsplit_once(": ")?;
    let (loader, file) = before.rsplit_once(": ")?;
    loader.contains("/ld-musl-").then_some((file, says))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_told_from_a_library() {
        let path = |text| Refused::of(&Line::new(text)).map(|refused| refused.path);
        assert_eq!(path("./a: error while loading shared libraries: ./a: file too short").as_deref(), Some("./a"));
        assert_eq!(path("/lib/ld-musl-x86_64.so.1: ./a: Not a valid dynamic program").as_deref(), Some("./a"));
        for text in [
            "./a: error while loading shared libraries: libz.so.1: file too short",
            "./a: error while loading shared libraries: ./a: cannot enable executable stack",
            "/lib/ld-musl-x86_64.so.1: cannot load ./a: No such file or directory",
        ] {
            assert_eq!(path(text), None, "{text}");
        }
    }
}
