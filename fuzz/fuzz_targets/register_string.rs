//! Register strings; what is taken can be composed again and means the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rbinfmt::binfmt::register::{compose, judge};
use rbinfmt::kernel::Kernel;

fuzz_target!(|bytes: &[u8]| {
    for release in ["6.18.0", "3.10.0-1160.el7.x86_64"] {
        let kernel = Kernel { release: release.into(), machine: "x86_64".into() };
        if let Ok(entry) = judge(bytes, &kernel)
            && let Ok(string) = compose(&entry, &kernel)
        {
            assert_eq!(judge(&string, &kernel).as_ref(), Ok(&entry));
        }
    }
});
