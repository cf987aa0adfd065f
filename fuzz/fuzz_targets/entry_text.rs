#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rbinfmt_fuzz::entry_text(bytes));
