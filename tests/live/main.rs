//! The kernel itself, real emulators and real programs; each test in a user and mount namespace with a table of its own.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod config;
mod crash;
mod emulators;
mod flags;
mod guard;
mod headers;
mod hold;
mod host;
mod keep;
mod prelude;
mod programs;
mod replace;
mod supply;
mod table;
mod undo;
mod writers;
