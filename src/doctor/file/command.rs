//! The commands of a file's own fixes, as templates. A test requires that each is run, or that the reason why not is written
//! down; so they are all here, or in formats.toml and loaders.toml.

use super::{content, loader};
use crate::text::fill_in;

macro_rules! templates {
    ($($name:ident = $text:literal;)*) => {
        $(pub(super) const $name: &str = $text;)*
        const TEMPLATES: &[&str] = &[$($text),*];
    };
}

templates! {
    // Archives; {program} is the one that decompresses.
    TAR = "tar -xf {path}";
    TAR_LZ4 = "tar -I lz4 -xf {path}";
    EXPAND = "{program} {path}";
    EXPAND_TO = "{program} -c < {path} > {unpacked}";
    EXPAND_PROGRAM = "{program} {path} && chmod +x {unpacked}";
    EXPAND_PROGRAM_TO = "{program} -c < {path} > {unpacked} && chmod +x {unpacked}";
    // Images.
    EXAMINE = "rbinfmt doctor {path}";
    EXPAND_AND_EXAMINE = "{program} -c < {path} > {unpacked} && rbinfmt doctor {image}";
    BUILD_IMAGE = "docker build -f {path} .";
    // ELF files that are not programs.
    LOAD_MODULE = "sudo insmod {path}";
    LINK_OBJECT = "cc -o {stem} {path}";
    READ_CORE = "gdb -c {path}";
    INSTALL_SYSROOT = "sudo apt-get install {package} && QEMU_LD_PREFIX=/usr/{gnu} {path}";
    // PE files.
    RUN_MONO = "mono {path}";
    RUN_DOTNET = "dotnet {path}";
    RUN_WINE = "wine {path}";
    // What other programs run.
    REGISTER_PROFILE = "rbinfmt install {profile}";
    // Scripts.
    NAME_INTERPRETER = "sed -i '1i #!/usr/bin/env {interpreter}' {path}";
    CUT_BLANKS = r"sed -i '1s/^[[:space:]]*//' {path}";
    CUT_LINES = "sed -i '1,{line}d' {path}";
    CORRECT_SHEBANG = "sed -i '1s/^{typo}/#!{slash}/' {path}";
}

/// A template with these values, as the shell wants them; other names stay.
pub(super) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let value = |name: &str| values.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    fill_in(template, |name| value(name).or_else(|| Some(format!("{{{name}}}")))).unwrap_or_default()
}

/// All of them.
pub(super) fn all() -> impl Iterator<Item = &'static str> {
    TEMPLATES.iter().copied().chain(content::commands()).chain(loader::commands())
}
