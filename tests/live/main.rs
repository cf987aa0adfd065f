//! The kernel itself, real emulators and real programs; each test in a user and mount namespace with a table of its own.

#[path = "../common/mod.rs"]
mod common;

mod crash;
mod flags;
mod headers;
mod programs;
mod replace;
