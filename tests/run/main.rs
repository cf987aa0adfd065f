//! `rbinfmt run` as somebody without any right: programs of other architectures, real emulators, the real kernel.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../common/mod.rs"]
mod common;

mod image;
mod kept;
mod links;
mod obstacles;
mod program;
#[path = "../fetch/common/registry.rs"]
#[allow(missing_docs, unreachable_pub, dead_code, reason = "the tests of fetching use all of it")]
mod registry;
mod rights;
mod root;
mod supply;
mod sysroot;
mod tools;
mod user;

use common::skip::{Need, has, skipped};
