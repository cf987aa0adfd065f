//! Parses the command line, runs it, and tells the truth with the exit status.

use std::process::ExitCode;

use clap::Parser;
use rbinfmt::cli::{Cli, two_dashes};
use rbinfmt::report::Printer;

fn main() -> ExitCode {
    resolve_without_plugins();
    let cli = Cli::parse_from(two_dashes(std::env::args_os()));
    let status = rbinfmt::commands::run(cli);
    status.unwrap_or_else(|error| Printer::default().error(&error)).into()
}

/// A static glibc loads the host's NSS plugins when it resolves a name, and dies where they are of a newer glibc
/// (rust-lang/rust#100711). Files and DNS need none.
#[cfg(all(target_env = "gnu", target_feature = "crt-static"))]
#[allow(unsafe_code)]
fn resolve_without_plugins() {
    use std::ffi::{c_char, c_int};
    unsafe extern "C" {
        fn __nss_configure_lookup(database: *const c_char, services: *const c_char) -> c_int;
    }
    // SAFETY: both are C strings; glibc copies what it needs, and no other thread runs yet.
    unsafe { __nss_configure_lookup(c"hosts".as_ptr(), c"files dns".as_ptr()) };
}

#[cfg(not(all(target_env = "gnu", target_feature = "crt-static")))]
fn resolve_without_plugins() {}
