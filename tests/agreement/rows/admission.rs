//! execve.md, section 1: everything before the content is looked at.

use nix::errno::Errno::*;

use super::{Row, Says::*, call, file};
use crate::case::{Case, Item};

fn text(c: char, len: usize) -> String {
    String::from(c).repeat(len)
}

/// `count` links in a row, the last to e64.
fn links(count: usize) -> Case {
    let link = |i: usize| if i == 0 { "e64".to_owned() } else { format!("l{i}") };
    (1..=count).fold(call(&link(count)), |case, i| case.with(link(i), Item::Link(link(i - 1).into_bytes())))
}

/// A call whose strings take exactly `bytes`.
fn strings(bytes: usize) -> Case {
    const LONG: usize = 120_000;
    let rest = bytes - "e64\0".len();
    let mut argv: Vec<_> = (0..rest / LONG).map(|_| text('a', LONG - 1).into()).collect();
    argv.push(text('b', rest % LONG - 1).into());
    Case { argv, ..call("e64") }
}

pub(crate) fn rows() -> Vec<Row> {
    let started = || Runs(vec!["zero", "one"]);
    // A stack of 8 MB; 17 or 18 strings.
    let limit = (8 << 20) / 4 - 8 * 18;
    let rest: Vec<Row> = vec![
        ("empty path", call(""), Fails(ENOENT)),
        ("path of 4095 bytes", call(&format!("{}e64", "./".repeat(2046))), started()),
        ("path of 4096 bytes", call(&format!("{}/e64", "./".repeat(2046))), Fails(ENAMETOOLONG)),
        ("path of 4097 bytes", call(&format!("{}e64", "./".repeat(2047))), Fails(ENAMETOOLONG)),
        ("name of 255 bytes", call(&text('a', 255)), Fails(ENOENT)),
        ("name of 256 bytes", call(&text('a', 256)), Fails(ENAMETOOLONG)),
        ("missing", call("missing"), Fails(ENOENT)),
        ("file as directory", call("e64/x"), Fails(ENOTDIR)),
        ("trailing slash on a file", call("e64/"), Fails(ENOTDIR)),
        ("40 links", links(40), started()),
        ("41 links", links(41), Fails(ELOOP)),
        ("dangling link", call("l").with("l", Item::Link(b"missing".to_vec())), Fails(ENOENT)),
        ("link to itself", call("l").with("l", Item::Link(b"l".to_vec())), Fails(ELOOP)),
        ("directory", call("dir"), Fails(EACCES)),
        ("directory with a slash", call("dir/"), Fails(EACCES)),
        ("FIFO", call("p").with("p", Item::Fifo), Fails(EACCES)),
        ("device", call("/dev/null"), Fails(EACCES)),
        ("no x bit", call("plain"), Fails(EACCES)),
        ("one x bit is enough for root", call("o").with("o", Item::Mode(b"#!e64\n".to_vec(), 0o001)), Same),
        ("noexec mount", call("/tmp/noexec/e64"), Fails(EACCES)),
        ("script on a noexec mount", call("/tmp/noexec/s"), Fails(EACCES)),
        ("interpreter on a noexec mount", file("#!/tmp/noexec/e64\n"), Fails(EACCES)),
        ("file of /proc", call("/proc/self/status"), Fails(EACCES)),
        ("control file of the table", call("/tmp/table/status"), Fails(EACCES)),
        ("no arguments", call("e64").argv(&[]), Runs(vec![""])),
        ("no arguments for a script", file("#!e64\n").argv(&[]), Runs(vec!["e64", "x"])),
        ("argument of 131071 bytes", call("e64").argv(&[text('a', 131_071).as_bytes()]), Same),
        ("argument of 131072 bytes", call("e64").argv(&[text('a', 131_072).as_bytes()]), Fails(E2BIG)),
        ("strings up to the limit", strings(limit), Same),
        ("strings over the limit", strings(limit + 1), Fails(E2BIG)),
        ("a script that gets the room of argv[0]", Case { path: "sh".into(), ..strings(limit) }, Same),
        ("nobody claims it", call("text"), Fails(ENOEXEC)),
        ("empty file", call("empty"), Fails(ENOEXEC)),
        ("file of one byte", file("x"), Fails(ENOEXEC)),
        ("1 TB of nothing", call("big").with("big", Item::Sparse(Vec::new(), 1 << 40)), Fails(ENOEXEC)),
        (
            "1 TB after a script",
            call("big").with("big", Item::Sparse(b"#!e64\n".to_vec(), 1 << 40)),
            Runs(vec!["e64", "big", "one"]),
        ),
    ];
    rest
}
