//! What this machine's CPU can do.

/// Its x86-64 level (v1 to v4 of the x86-64 psABI); `None` on another one. The first question asks CPUID, which takes a
/// while in a virtual machine.
pub fn x86_64_level() -> Option<u8> {
    #[cfg(target_arch = "x86_64")]
    {
        macro_rules! has {
            ($($feature:tt)*) => { $(std::arch::is_x86_feature_detected!($feature))&&* };
        }
        let v2 = has!("cmpxchg16b" "popcnt" "sse3" "sse4.1" "sse4.2" "ssse3");
        let v3 = v2 && has!("avx" "avx2" "bmi1" "bmi2" "f16c" "fma" "lzcnt" "movbe");
        let v4 = v3 && has!("avx512f" "avx512bw" "avx512cd" "avx512dq" "avx512vl");
        Some(1 + u8::from(v2) + u8::from(v3) + u8::from(v4))
    }
    #[cfg(not(target_arch = "x86_64"))]
    None
}
