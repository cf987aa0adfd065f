//! Entries as others keep them: lines for systemd-binfmt, files for update-binfmts, a NixOS module. Pure.

use bstr::{BString, ByteSlice};

use super::entry::{Entry, Flags};
use super::register::{self, Mistake};
use super::rule::Rule;
use crate::kernel::Kernel;

/// Who is to read them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A file for /etc/binfmt.d (systemd-binfmt)
    Systemd,
    /// Files for /usr/share/binfmts (Debian's update-binfmts)
    Debian,
    /// A NixOS module
    Nixos,
}

/// A file of the format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub content: BString,
}

/// The entries in this format.
///
/// # Errors
/// For systemd, the first entry that `kernel` would refuse; the other formats take all.
pub fn export(format: Format, entries: &[Entry], kernel: &Kernel) -> Result<Vec<File>, Mistake> {
    let file = |name: &str, content: BString| File { name: name.to_owned(), content };
    match format {
        Format::Systemd => {
            let strings: Vec<Vec<u8>> =
                entries.iter().map(|e| register::compose(e, kernel)).collect::<Result<_, _>>()?;
            Ok(vec![file("rbinfmt.conf", bstr::join("\n", strings).into())])
        }
        Format::Debian => Ok(entries.iter().map(|e| file(&e.name.to_str_lossy(), debian(e))).collect()),
        Format::Nixos => {
            let modules: Vec<String> = entries.iter().map(nixos).collect();
            let text = format!("{{\n  boot.binfmt.registrations = {{\n{}  }};\n}}", modules.concat());
            Ok(vec![file("rbinfmt.nix", text.into())])
        }
    }
}

/// deb(5) has no word for O alone: update-binfmts sets it together with C.
fn debian(entry: &Entry) -> BString {
    let mut text: Vec<u8> = b"package rbinfmt\ninterpreter ".to_vec();
    text.extend_from_slice(entry.interpreter.as_deref().map_or(&b""[..], |path| path));
    text.extend_from_slice(rule(entry, " ", "").as_bytes());
    for (flag, name) in [(Flags::C, "credentials"), (Flags::P, "preserve"), (Flags::F, "fix_binary")] {
        if entry.flags.has(flag) {
            text.extend_from_slice(format!("\n{name} yes").as_bytes());
        }
    }
    text.into()
}

fn rule(entry: &Entry, is: &str, end: &str) -> String {
    match &entry.rule {
        Rule::Magic(m) => {
            let (magic, mask) = (escaped(&m.magic), escaped(&m.mask));
            format!("\noffset{is}{}{end}\nmagic{is}{magic}{end}\nmask{is}{mask}{end}", m.offset)
        }
        Rule::Extension(extension) => format!("\nextension{is}{extension}{end}"),
        Rule::Bpf(_) => String::new(),
    }
}

fn nixos(entry: &Entry) -> String {
    let (kind, rule) = match &entry.rule {
        Rule::Magic(m) => {
            let (magic, mask) = (escaped(&m.magic), escaped(&m.mask));
            let rule = format!(
                "      offset = {};\n      magicOrExtension = ''{magic}'';\n      mask = ''{mask}'';\n",
                m.offset
            );
            ("magic", rule)
        }
        Rule::Extension(extension) => {
            ("extension", format!("      magicOrExtension = {};\n", quoted(&extension.to_str_lossy())))
        }
        Rule::Bpf(_) => return String::new(),
    };
    let flags = [
        (Flags::P, "preserveArgvZero"),
        (Flags::O, "openBinary"),
        (Flags::C, "matchCredentials"),
        (Flags::F, "fixBinary"),
    ];
    let flags = flags.map(|(flag, name)| format!("      {name} = {};\n", entry.flags.has(flag))).concat();
    // A wrapper script would not be found in a container.
    format!(
        "    {} = {{\n      recognitionType = \"{kind}\";\n{rule}      interpreter = {};\n{flags}      \
         wrapInterpreterInShell = false;\n    }};\n",
        quoted(&entry.name.to_str_lossy()),
        quoted(&entry.handler()),
    )
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect()
}

/// A string of the Nix language.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace("${", "\\${"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binfmt::rule::Magic;

    fn entries() -> Vec<Entry> {
        let arm64 = Entry {
            name: "qemu-aarch64".into(),
            enabled: true,
            interpreter: Some("/usr/bin/qemu-aarch64".into()),
            flags: Flags::parse(b"POCF").unwrap(),
            rule: Rule::Magic(Magic { offset: 0, magic: b"\x7fELF".to_vec(), mask: vec![0xff; 4] }),
            unknown: Vec::new(),
        };
        let rule = Rule::Extension("jar".into());
        let jar = Entry { name: "jar".into(), flags: Flags::default(), rule, ..arm64.clone() };
        vec![arm64, jar]
    }

    fn text(format: Format) -> String {
        let kernel = Kernel { release: "6.1.0".into(), machine: "x86_64".into() };
        let files = export(format, &entries(), &kernel).unwrap();
        files.iter().map(|f| format!("== {}\n{}\n", f.name, f.content)).collect()
    }

    #[test]
    fn each_format() {
        insta::assert_snapshot!(text(Format::Systemd), @r"
        == rbinfmt.conf
        :qemu-aarch64:M:0:\x7f\x45\x4c\x46:\xff\xff\xff\xff:/usr/bin/qemu-aarch64:POCF
        :jar:E::jar::/usr/bin/qemu-aarch64:
        ");
        insta::assert_snapshot!(text(Format::Debian), @r"
        == qemu-aarch64
        package rbinfmt
        interpreter /usr/bin/qemu-aarch64
        offset 0
        magic \x7f\x45\x4c\x46
        mask \xff\xff\xff\xff
        credentials yes
        preserve yes
        fix_binary yes
        == jar
        package rbinfmt
        interpreter /usr/bin/qemu-aarch64
        extension jar
        ");
        insta::assert_snapshot!(text(Format::Nixos), @r#"
        == rbinfmt.nix
        {
          boot.binfmt.registrations = {
            "qemu-aarch64" = {
              recognitionType = "magic";
              offset = 0;
              magicOrExtension = ''\x7f\x45\x4c\x46'';
              mask = ''\xff\xff\xff\xff'';
              interpreter = "/usr/bin/qemu-aarch64";
              preserveArgvZero = true;
              openBinary = true;
              matchCredentials = true;
              fixBinary = true;
              wrapInterpreterInShell = false;
            };
            "jar" = {
              recognitionType = "extension";
              magicOrExtension = "jar";
              interpreter = "/usr/bin/qemu-aarch64";
              preserveArgvZero = false;
              openBinary = false;
              matchCredentials = false;
              fixBinary = false;
              wrapInterpreterInShell = false;
            };
          };
        }
        "#);
    }

    #[test]
    fn what_the_line_says_is_what_the_kernel_would_make() {
        let kernel = Kernel { release: "6.1.0".into(), machine: "x86_64".into() };
        let files = export(Format::Systemd, &entries(), &kernel).unwrap();
        let read = files[0].content.lines().map(|line| register::judge(line, &kernel).unwrap());
        assert_eq!(read.collect::<Vec<_>>(), entries());
    }
}
