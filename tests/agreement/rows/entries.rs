//! execve.md, section 3.

use nix::errno::Errno::*;

use super::{Row, Says::*, call, file};
use crate::case::Item;

pub(crate) fn rows() -> Vec<Row> {
    let ab = || file("AB\n");
    let x = || Runs(vec!["e64", "x", "one"]);
    vec![
        ("bytes", ab().entry(":n:M::AB::e64:"), x()),
        ("flag P keeps argv[0]", ab().entry(":n:M::AB::e64:P"), Runs(vec!["e64", "x", "zero", "one"])),
        ("flag P without arguments", ab().entry(":n:M::AB::e64:P").argv(&[]), Runs(vec!["e64", "x", ""])),
        ("flag O", ab().entry(":n:M::AB::e64:O"), x()),
        ("flag C", ab().entry(":n:M::AB::e64:C"), x()),
        ("flag F", ab().entry(":n:M::AB::e64:F"), x()),
        ("all flags", ab().entry(":n:M::AB::e64:POCF"), Runs(vec!["e64", "x", "zero", "one"])),
        ("missing interpreter", ab().entry(":n:M::AB::missing:"), Fails(ENOENT)),
        ("interpreter without x bit", ab().entry(":n:M::AB::plain:"), Fails(EACCES)),
        ("interpreter nobody claims", ab().entry(":n:M::AB::text:"), Fails(ENOEXEC)),
        ("F entry with a missing interpreter is none", ab().entry(":n:M::AB::missing:F"), Fails(ENOEXEC)),
        ("newest first", ab().entry(":n:M::AB::d64:").entry(":m:M::A::e64:"), x()),
        ("a failure of the newest is final", ab().entry(":n:M::AB::e64:").entry(":m:M::A::missing:"), Fails(ENOENT)),
        ("mask", file("aB").entry(":n:M::AB:\\xdf\\xff:e64:"), x()),
        ("offset", file("..AB").entry(":n:M:2:AB::e64:"), x()),
        ("NUL bytes match past the end", file("A").entry(":n:M::A\\x00\\x00::e64:"), x()),
        ("an empty file matches NUL bytes", file("").entry(":n:M::\\x00::e64:"), x()),
        ("byte 255", file("").entry(":n:M:255:\\x00::e64:"), x()),
        (
            "extension",
            call("a.x").with("a.x", Item::File(b"?".to_vec())).entry(":n:E::x::e64:"),
            Runs(vec!["e64", "a.x", "one"]),
        ),
        (
            "extension is case-sensitive",
            call("a.X").with("a.X", Item::File(b"?".to_vec())).entry(":n:E::x::e64:"),
            Fails(ENOEXEC),
        ),
        (
            "only the last extension",
            call("a.tar.x").with("a.tar.x", Item::File(b"?".to_vec())).entry(":n:E::tar.x::e64:"),
            Fails(ENOEXEC),
        ),
        (
            "a hidden file is an extension",
            call(".x").with(".x", Item::File(b"?".to_vec())).entry(":n:E::x::e64:"),
            Runs(vec!["e64", ".x", "one"]),
        ),
        (
            "a link's own name counts",
            call("l.x").with("l.x", Item::Link(b"text".to_vec())).entry(":n:E::x::e64:"),
            Runs(vec!["e64", "l.x", "one"]),
        ),
        (
            "a link's target does not",
            call("l")
                .with("t.x", Item::File(b"?".to_vec()))
                .with("l", Item::Link(b"t.x".to_vec()))
                .entry(":n:E::x::e64:"),
            Fails(ENOEXEC),
        ),
        ("a dot in a directory's name", call("./text").entry(":n:E::/text::e64:"), Fails(ENOEXEC)),
        ("entries beat #!", file("#!d64\n").entry(":n:M::#!::e64:"), x()),
        (
            "entries beat native programs",
            call("d64").entry(":n:M::\\x7fELF\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x03::e64:"),
            Runs(vec!["e64", "d64", "one"]),
        ),
        ("an entry that takes its own interpreter", ab().entry(":n:M::\\x00:\\x00:e64:"), Fails(ELOOP)),
        ("script as interpreter", ab().entry(":n:M::AB::sh:"), Runs(vec!["e64", "arg", "sh", "x", "one"])),
        ("script as interpreter, P", ab().entry(":n:M::AB::sh:P"), Runs(vec!["e64", "arg", "sh", "x", "zero", "one"])),
        ("script as interpreter, O", ab().entry(":n:M::AB::sh:O"), Fails(ENOEXEC)),
        ("script as interpreter, C", ab().entry(":n:M::AB::sh:C"), Fails(ENOEXEC)),
        ("script as interpreter, F", ab().entry(":n:M::AB::sh:F"), Runs(vec!["e64", "arg", "sh", "x", "one"])),
        (
            "a script's interpreter is taken by an entry",
            file("#!text -a\n").entry(":n:M::echo::e64:O"),
            Runs(vec!["e64", "text", "-a", "x", "one"]),
        ),
        (
            "two entries, the first with O",
            ab().with("y", Item::File(b"CD".to_vec())).entry(":n:M::AB::y:O").entry(":m:M::CD::e64:"),
            Fails(ENOEXEC),
        ),
        (
            "two entries, the second with O",
            ab().with("y", Item::File(b"CD".to_vec())).entry(":n:M::AB::y:").entry(":m:M::CD::e64:O"),
            Runs(vec!["e64", "y", "x", "one"]),
        ),
        ("dynamic program as interpreter", ab().entry(":n:M::AB::i64:O"), Runs(vec!["i64", "x", "one"])),
        ("compat program as interpreter", ab().entry(":n:M::AB::e32:PO"), Runs(vec!["e32", "x", "zero", "one"])),
    ]
}
