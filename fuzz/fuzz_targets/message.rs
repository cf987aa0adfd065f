//! A message, from whatever printed it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rbinfmt::doctor::message::read;

fuzz_target!(|bytes: &[u8]| {
    let Ok(diagnosis) = read(&mut &bytes[..]) else { panic!("memory does not fail") };
    assert_eq!(diagnosis.not_exec_format, diagnosis.candidates.is_empty());
    assert!(diagnosis.candidates.windows(2).all(|two| two[0].probability >= two[1].probability));
    for candidate in &diagnosis.candidates {
        assert!((0.0..=1.0).contains(&candidate.probability) && !candidate.evidence.is_empty());
        diagnosis.fixes(candidate);
    }
});
