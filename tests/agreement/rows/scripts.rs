//! execve.md, section 2.

use nix::errno::Errno::*;

use super::{Row, Says::*, call, file};
use crate::case::{Case, Item};

/// `count` scripts in a row; the last names `end`.
fn scripts(count: usize, end: &str) -> Case {
    let name = |i: usize| if i == 0 { end.to_owned() } else { format!("s{i}") };
    let script = |i: usize| Item::File(format!("#!{}\n", name(i - 1)).into_bytes());
    (1..=count).fold(call(&name(count)), |case, i| case.with(name(i), script(i)))
}

/// `#!` and a name of `len` bytes that means e64.
fn name_of(len: usize) -> String {
    let odd = if len.is_multiple_of(2) { "/" } else { "" };
    format!("#!{}{odd}e64", "./".repeat((len - 3 - odd.len()) / 2))
}

pub(crate) fn rows() -> Vec<Row> {
    let x = |first: &'static str| Runs(vec![first, "x", "one"]);
    vec![
        ("a script", file("#!e64\n"), x("e64")),
        ("blanks around the name", file("#! \t e64 \t \n"), x("e64")),
        ("one argument", file("#!e64 -a -b \n"), Runs(vec!["e64", "-a -b", "x", "one"])),
        ("a tab within the argument", file("#!e64 a\tb\n"), Runs(vec!["e64", "a\tb", "x", "one"])),
        ("carriage return", file("#!e64\r\n"), Fails(ENOENT)),
        ("carriage return after an argument", file("#!e64 a\r\n"), Runs(vec!["e64", "a\r", "x", "one"])),
        ("vertical tab", file("#!\x0be64\n"), Fails(ENOENT)),
        ("byte order mark", file(b"\xef\xbb\xbf#!e64\n"), Fails(ENOEXEC)),
        ("blank in front", file(" #!e64\n"), Fails(ENOEXEC)),
        ("nothing after #!, end of file", file("#!"), Fails(EACCES)),
        ("blanks after #!, end of file", file("#!   "), Fails(EACCES)),
        ("nothing after #!, newline", file("#!\n"), Fails(ENOEXEC)),
        ("blanks after #!, newline", file("#!  \n"), Fails(ENOEXEC)),
        ("NUL after #!", file("#!\0e64\n"), Fails(EACCES)),
        ("NUL after the name", file("#!e64\0 a\n"), x("e64")),
        ("no newline", file("#!e64"), x("e64")),
        ("blank and no newline: an empty argument", file("#!e64 "), Runs(vec!["e64", "", "x", "one"])),
        ("name of 253 bytes, end of file", file(name_of(253)), Same),
        ("name of 254 bytes, end of file", file(name_of(254)), Fails(ENOEXEC)),
        ("name of 253 bytes, newline", file(name_of(253) + "\n"), Same),
        ("name of 254 bytes, newline", file(name_of(254) + "\n"), Fails(ENOEXEC)),
        ("argument after byte 256", file(name_of(253) + " a\n"), Same),
        ("argument across byte 256", file(name_of(200) + " " + &"a".repeat(100) + "\n"), Same),
        ("256 blanks", file("#!".to_owned() + &" ".repeat(300)), Fails(ENOEXEC)),
        ("missing interpreter", file("#!missing\n"), Fails(ENOENT)),
        ("interpreter is a directory", file("#!dir\n"), Fails(EACCES)),
        ("interpreter without x bit", file("#!plain\n"), Fails(EACCES)),
        ("interpreter nobody claims", file("#!text\n"), Fails(ENOEXEC)),
        ("interpreter for another CPU", file("#!arm\n"), Fails(ENOEXEC)),
        ("a script that names itself", call("loop"), Fails(ELOOP)),
        ("5 scripts", scripts(5, "e64"), Runs(vec!["e64", "s1", "s2", "s3", "s4", "s5", "one"])),
        ("6 scripts", scripts(6, "e64"), Fails(ELOOP)),
        ("6 scripts and nothing", scripts(6, "missing"), Fails(ENOENT)),
        ("7 scripts and nothing", scripts(7, "missing"), Fails(ELOOP)),
        ("compat program as interpreter", file("#!e32\n"), x("e32")),
    ]
}
