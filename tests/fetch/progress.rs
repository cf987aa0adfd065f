//! Progress as a terminal shows it, and as what is not one gets it.
#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::io::{BufReader, Read};
use std::num::NonZero;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::pty::{Winsize, openpty};

use crate::common::server::{Fault, Server};
use crate::common::{World, emulator, rbinfmt, tar};
use rbinfmt::verify::Digest;

const ROWS: u16 = 24;

/// A fetch that takes a while, of a name far longer than a line.
fn fetch(world: &World) -> Command {
    let server = Server::start();
    let layer = tar(&[("qemu-arm", &emulator("arm", "9.2.0", 400_000))]);
    let blob = format!("/v2/emu/blobs/sha256:{}", Digest::of(&layer));
    let manifest =
        format!("{{\"layers\":[{{\"digest\":\"sha256:{}\",\"size\":{}}}]}}", Digest::of(&layer), layer.len());
    let digest = Digest::of(manifest.as_bytes());
    server.put(&format!("/v2/emu/manifests/sha256:{digest}"), manifest.as_bytes());
    server.put(&blob, &layer);
    server.fail(&blob, &[Fault::Slow(Duration::from_millis(800))]);
    let mut command = rbinfmt(world.store.root());
    let host = server.host();
    command.args(["fetch", "arm", "--from", &format!("docker://{host}/emu@sha256:{digest}")]).stdout(Stdio::null());
    command
}

/// Everything that the program writes to a terminal of so many columns.
fn on_a_terminal(columns: u16, term: &str) -> Vec<u8> {
    let size = Winsize { ws_row: ROWS, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let pty = openpty(Some(&size), None).unwrap();
    let world = World::default();
    let mut command = fetch(&world);
    let mut child = command.env("TERM", term).stderr::<OwnedFd>(pty.slave).spawn().unwrap();
    // The last copy of the terminal's other end, or reading would never come to an end.
    drop(command);
    // It ends with EIO.
    let drawn = BufReader::new(File::from(pty.master)).bytes().map_while(Result::ok).collect::<Vec<_>>();
    assert!(child.wait().unwrap().success(), "{}", String::from_utf8_lossy(&drawn));
    drawn
}

#[test]
fn one_line_is_drawn_over_and_over_and_is_gone_at_the_end() {
    for columns in [80, 40] {
        let [rows, wide] = [ROWS, columns].map(|size| NonZero::new(size).unwrap());
        let mut terminal = vt100::Parser::new(rows, wide, 0);
        let mut seen = Vec::new();
        // Each draw begins with a carriage return; a slow reader gets several in one read.
        for draw in on_a_terminal(columns, "xterm").split_inclusive(|&byte| byte == b'\r') {
            terminal.process(draw);
            let screen = terminal.screen();
            assert!(!(0..ROWS).any(|row| screen.row_wrapped(row)), "{columns}: {}", screen.contents());
            assert!(screen.contents().trim_end().lines().count() <= 1, "{columns}: {}", screen.contents());
            seen.push(screen.contents());
        }
        assert_eq!(terminal.screen().contents().trim(), "", "{columns}");
        // The style that indicatif has when it is given none.
        assert!(!seen.iter().any(|line| line.contains("0/0")), "{columns}: {seen:?}");
        assert!(seen.iter().any(|line| line.starts_with("fetching http://127")), "{columns}: {seen:?}");
        let amounts = seen.iter().filter(|line| line.contains("] ") && line.contains(" of 40")).count();
        assert!(amounts > 2, "{columns}: {seen:?}");
    }
}

#[test]
fn a_dumb_terminal_and_a_file_get_plain_lines() {
    let dumb = String::from_utf8(on_a_terminal(80, "dumb")).unwrap().replace("\r\n", "\n");
    let world = World::default();
    let file = String::from_utf8(fetch(&world).stderr(Stdio::piped()).output().unwrap().stderr).unwrap();
    for text in [dumb, file] {
        assert!(!text.contains(['\x1b', '\r']), "{text:?}");
        assert_eq!(text.lines().filter(|line| line.starts_with("fetching http://127")).count(), 1, "{text}");
        assert!(!text.contains(" of 40"), "{text}");
    }
}
