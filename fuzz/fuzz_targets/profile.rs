//! A file of profiles.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = rbinfmt::profile::parse("input.toml", text);
});
