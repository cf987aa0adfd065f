//! `#!` lines, for each parser that a kernel had.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rbinfmt::exec::script::parse;
use rbinfmt::kernel::ScriptParser;

fuzz_target!(|bytes: &[u8]| {
    for (parser, window) in [(ScriptParser::New, 256), (ScriptParser::Whole, 256), (ScriptParser::Old, 128)] {
        let mut head = bytes.to_vec();
        head.resize(window, 0);
        if let Ok(line) = parse(&head, parser) {
            assert!(!line.name.contains(&0) && !line.name.contains(&b'\n'));
            assert!(line.argument.is_none_or(|a| !a.contains(&0)));
            assert!(line.at + line.name.len() <= window);
        }
    }
});
