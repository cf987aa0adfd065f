//! A program of Windows, by its PE header: for which CPU, and whether it is one of Windows at all.

use bstr::ByteSlice;

use super::command;
use super::content::{Content, Sample};
use crate::doctor::catalogue::{Advice, CauseId};

/// IMAGE_FILE_DLL
const DLL: u16 = 0x2000;

/// IMAGE_SUBSYSTEM_EFI_APPLICATION to IMAGE_SUBSYSTEM_EFI_ROM
const EFI: std::ops::RangeInclusive<u16> = 10..=13;

/// Says what a file with a PE header is; `None` for one without, and for kernels with an EFI stub, which their own marks tell.
pub(super) fn of(sample: &Sample) -> Option<Content> {
    let head = sample.head;
    let half = |at: usize| Some(u16::from_le_bytes(*head.get(at..)?.first_chunk()?));
    let word = |at: usize| Some(u32::from_le_bytes(*head.get(at..)?.first_chunk()?));
    if !head.starts_with(b"MZ") || is_kernel(head) || is_ape(head) {
        return None;
    }
    let header = word(0x3c)? as usize;
    if head.get(header..)?.first_chunk() != Some(b"PE\0\0") {
        return None;
    }
    let (machine, characteristics, optional) = (half(header + 4)?, half(header + 22)?, header + 24);
    let subsystem = half(optional + 68)?;
    // The 15th data directory is the CLR's.
    let directories = optional + if half(optional)? == 0x20b { 112 } else { 96 };
    let is_managed = word(directories + 14 * 8).is_some_and(|address| address != 0);
    let cpu = match machine {
        0x14c => "x86",
        0x8664 => "x86-64",
        0xaa64 => "arm64",
        0x1c0 | 0x1c4 => "arm",
        0x5064 => "riscv64",
        0x6264 => "loong64",
        _ => "another CPU",
    };
    let run = |command: &str| vec![(Advice::RunWith, Some(sample.fill(command)))];
    Some(match () {
        () if is_managed => Content {
            cause: CauseId::WrongOsBinary,
            what: "a program of .NET (PE)".into(),
            // Assemblies of the .NET Framework refer to mscorlib, those of .NET to System.Runtime.
            advice: run(if head.contains_str("\0System.Runtime\0") { command::RUN_DOTNET } else { command::RUN_MONO }),
        },
        () if EFI.contains(&subsystem) => Content {
            cause: CauseId::NotAProgram,
            what: format!("a program of UEFI firmware for {cpu} (PE)"),
            advice: Vec::new(),
        },
        () if characteristics & DLL != 0 => Content {
            cause: CauseId::WrongOsBinary,
            what: format!("a library of Windows for {cpu} (PE)"),
            advice: Vec::new(),
        },
        () => {
            let mut advice = Vec::new();
            if ["x86", "x86-64"].contains(&cpu) {
                advice = run(command::RUN_WINE);
                advice.push((
                    Advice::RunWithProfile,
                    Some(command::fill(command::REGISTER_PROFILE, &[("profile", "wine")])),
                ));
            }
            Content { cause: CauseId::WrongOsBinary, what: format!("a program of Windows for {cpu} (PE)"), advice }
        }
    })
}

fn is_kernel(head: &[u8]) -> bool {
    head.get(514..518) == Some(b"HdrS") || head.get(56..60).is_some_and(|mark| mark == b"ARM\x64" || mark == b"RSC\x05")
}

/// Cosmopolitan's programs are for Windows too.
fn is_ape(head: &[u8]) -> bool {
    head.starts_with(b"MZqFpD")
}
