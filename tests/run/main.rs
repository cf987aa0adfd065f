//! `rbinfmt run` as somebody without any right: programs of other architectures, real emulators, the real kernel.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../common/mod.rs"]
mod common;

mod image;
mod kept;
mod obstacles;
mod program;
mod rights;
mod root;
mod supply;
mod sysroot;
mod user;
