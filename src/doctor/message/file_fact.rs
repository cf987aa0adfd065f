//! What a line of `file`, `ls -l` or `readelf` tells of a file.

use super::arch::{self, Arch};
use super::clean::Line;

/// A file that the text describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileFact {
    pub(super) path: Option<String>,
    pub(super) content: Content,
    /// The loader of a program, or what a script's first line names.
    pub(super) interpreter: Option<String>,
    /// The line that tells it.
    pub(super) line: String,
}

/// What is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Elf(Arch),
    /// An object, a core dump or a library.
    NotAProgram,
    Script,
    /// A script with Windows line endings.
    Crlf,
    /// Text without #!.
    Text,
    /// Invisible bytes before the text.
    Bom,
    Page,
    Archive,
    ArArchive,
    OtherSystem,
    Wasm,
    Empty,
    Directory,
    /// Only the mode is known: whether somebody may execute it.
    Mode {
        executable: bool,
    },
    /// Only the loader is known.
    Unknown,
}

/// Words of file(1), and what they mean; the first that is there decides.
const KINDS: [(&str, Content); 32] = [
    ("html document", Content::Page),
    ("json ", Content::Page),
    ("xml ", Content::Page),
    ("gzip compressed", Content::Archive),
    ("zip archive", Content::Archive),
    ("xz compressed", Content::Archive),
    ("zstandard", Content::Archive),
    ("bzip2 compressed", Content::Archive),
    ("tar archive", Content::Archive),
    ("debian binary", Content::Archive),
    ("rpm v", Content::Archive),
    ("ar archive", Content::ArArchive),
    ("pe32", Content::OtherSystem),
    ("mach-o", Content::OtherSystem),
    ("ms-dos", Content::OtherSystem),
    ("webassembly", Content::Wasm),
    ("(with bom)", Content::Bom),
    ("utf-16", Content::Bom),
    ("script, ascii text executable, with crlf", Content::Crlf),
    ("with crlf", Content::Crlf),
    ("shell script", Content::Script),
    ("python script", Content::Script),
    ("perl script", Content::Script),
    ("ruby script", Content::Script),
    (" script, ", Content::Script),
    (" script text executable", Content::Script),
    ("ascii text", Content::Text),
    ("unicode text", Content::Text),
    ("utf-8 text", Content::Text),
    ("very short file", Content::Empty),
    ("inode/x-empty", Content::Empty),
    ("broken symbolic link", Content::Unknown),
];

impl FileFact {
    /// `PATH: ELF 64-bit LSB executable, x86-64 ...`
    pub(super) fn file(line: &Line) -> Option<FileFact> {
        let body = line.body();
        let (path, says) = body.split_once(": ")?;
        let path = path.trim();
        let lower = says.trim().to_ascii_lowercase();
        if path.is_empty() || path.contains(' ') || path.len() > 300 {
            return None;
        }
        let content = match () {
            () if lower.starts_with("elf ") => {
                let arch = arch::first_in(lower.trim_start_matches("elf 64-bit").trim_start_matches("elf 32-bit"))?;
                let program = !lower.contains("relocatable") && !lower.contains("core file");
                let library =
                    lower.contains("shared object") && !lower.contains("interpreter ") && path.contains(".so");
                if program && !library { Content::Elf(arch) } else { Content::NotAProgram }
            }
            () if lower == "empty" => Content::Empty,
            () if lower == "directory" => Content::Directory,
            () => KINDS.iter().find(|(words, _)| lower.contains(words)).filter(|_| starts_as_file_does(&lower))?.1,
        };
        let interpreter = lower.split_once("interpreter ").map(|(_, rest)| first_word(rest).to_owned());
        let interpreter = interpreter.or_else(|| lower.strip_prefix("a ").map(|rest| first_word(rest).to_owned()));
        Some(FileFact { path: Some(path.to_owned()), content, interpreter, line: line.shown() })
    }

    /// `-rwxr-xr-x 1 root root 0 Jan 1 00:00 PATH`
    pub(super) fn listing(line: &Line) -> Option<FileFact> {
        let body = line.body();
        let mut words = body.split_ascii_whitespace();
        let mode = words.next()?;
        let is_mode = (10..=11).contains(&mode.len()) && mode.bytes().all(|b| b"-rwxsStTdl.+@".contains(&b));
        if !is_mode {
            return None;
        }
        let size = words.clone().nth(3)?;
        let name = body.split(" -> ").next()?.split_ascii_whitespace().last()?;
        let executable = mode[3..].contains('x') || mode.contains('s');
        let content = match mode.as_bytes()[0] {
            b'd' => Content::Directory,
            b'-' if size == "0" => Content::Empty,
            b'-' => Content::Mode { executable },
            _ => return None,
        };
        Some(FileFact { path: Some(name.to_owned()), content, interpreter: None, line: line.shown() })
    }

    /// What readelf's header tells.
    pub(super) fn elf(path: Option<String>, arch: Arch, line: String) -> FileFact {
        FileFact { path, content: Content::Elf(arch), interpreter: None, line }
    }

    /// What readelf's program headers tell.
    pub(super) fn loader(interpreter: String, line: String) -> FileFact {
        FileFact { path: None, content: Content::Unknown, interpreter: Some(interpreter), line }
    }
}

/// Whether a description begins as those of file(1) do: a sentence in a log may have the same words in it.
fn starts_as_file_does(lower: &str) -> bool {
    const STARTS: &[&str] = &[
        "html ",
        "json ",
        "xml ",
        "gzip ",
        "zip ",
        "xz ",
        "zstandard ",
        "bzip2 ",
        "posix ",
        "debian ",
        "rpm ",
        "current ",
        "pe32",
        "mach-o",
        "ms-dos",
        "webassembly",
        "unicode ",
        "utf-8 ",
        "ascii ",
        "bourne-again ",
        "python ",
        "perl ",
        "ruby ",
        "a ",
        "very short",
        "inode/",
        "little-endian utf-16",
        "java archive",
        "broken symbolic",
    ];
    STARTS.iter().any(|start| lower.starts_with(start))
}

fn first_word(text: &str) -> &str {
    text.split([',', ' ', ')']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(line: &str) -> Option<Content> {
        FileFact::file(&Line::new(line)).or_else(|| FileFact::listing(&Line::new(line))).map(|file| file.content)
    }

    #[test]
    fn lines_of_file_and_ls_are_read() {
        assert_eq!(
            content("./a: ELF 64-bit LSB pie executable, ARM aarch64, version 1 (SYSV), dynamically linked"),
            Some(Content::Elf("arm64"))
        );
        assert_eq!(content("x.o: ELF 64-bit LSB relocatable, x86-64, version 1 (SYSV)"), Some(Content::NotAProgram));
        assert_eq!(
            content("run.sh: POSIX shell script, ASCII text executable, with CRLF line terminators"),
            Some(Content::Crlf)
        );
        assert_eq!(content("start: ASCII text"), Some(Content::Text));
        assert_eq!(content("tool: HTML document, ASCII text"), Some(Content::Page));
        assert_eq!(content("-rwxr-xr-x 1 root root 0 Nov 1 10:00 /init"), Some(Content::Empty));
        assert_eq!(content("-rw-r--r-- 1 me me 812 Nov 1 10:00 run.sh"), Some(Content::Mode { executable: false }));
        assert_eq!(content("error: the gzip compressed stream ended"), None);
        assert_eq!(content("note: a directory is missing"), None);
    }
}
