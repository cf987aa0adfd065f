//! The text of an entry; what is read comes back from JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rbinfmt::binfmt::entry::Entry;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(entry) = Entry::parse(b"name", bytes) {
        entry.takes(&bytes[..bytes.len().min(256)], b"x.y");
    }
});
