//! What an ELF file asks of the world after execve(2): libraries, a kernel, a CPU. Read as its own loader reads it, by
//! EI_CLASS and EI_DATA, within fixed bounds whatever the file's size.

mod arm;
mod cpu;
mod dynamic;
mod go;
mod notes;
mod search;
mod versions;

use bstr::BString;
use nix::errno::Errno;

pub use arm::Arm;
pub use cpu::cpu;
pub use dynamic::Dynamic;
pub use go::Go;
pub use notes::Notes;
pub use search::{Library, Search};
pub use versions::glibc;

use crate::elf::{
    Header, Layout, PT_DYNAMIC, PT_GNU_PROPERTY, PT_INTERP, PT_LOAD, PT_NOTE, ProgramHeader, Target, end, until_nul,
};
use crate::exec::root::{Content, Root};

const PT_MIPS_ABIFLAGS: u32 = 0x7000_0003;
const MIPS_ABIFLAGS: usize = 24;

/// What an ELF file says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// Which loader it is for.
    pub target: Target,
    /// e_type
    pub kind: u16,
    /// e_flags
    pub flags: u32,
    /// EI_OSABI, for the eye: no kernel looks at it.
    pub osabi: u8,
    /// Its PT_INTERP, where it has one.
    pub loader: Option<BString>,
    /// e_entry
    pub entry: u64,
    /// The lowest address of its segments.
    pub lowest: Option<u64>,
    /// Bytes of the file.
    pub size: u64,
    /// Where its last segment, or the table of them, ends in the file.
    pub end: u64,
    /// Whether it runs with its owner's rights.
    pub setuid: bool,
    /// Whether it is an AppImage of type 2.
    pub appimage: bool,
    /// What the notes ask for.
    pub notes: Notes,
    /// Libraries it needs.
    pub dynamic: Dynamic,
    /// ARM's build attributes.
    pub arm: Option<Arm>,
    /// MIPS: arguments in floating point registers, by its ABI flags; `None` where nothing says.
    pub mips_hard_float: Option<bool>,
    /// What Go wrote of the build.
    pub go: Option<Go>,
}

/// An ELF file as its own loader reads it.
struct Elf<'a> {
    file: &'a Content,
    layout: Layout,
    segments: Vec<ProgramHeader>,
}

/// Looks into a file of `root`; `None` for one that is not ELF.
///
/// # Errors
/// The kernel's reason why the file cannot be opened or read.
pub fn inspect(root: &Root, path: &[u8]) -> Result<Option<Inspection>, Errno> {
    of_file(&root.open(path)?)
}

fn of_file(file: &Content) -> Result<Option<Inspection>, Errno> {
    let mut head = [0; 64];
    let len = file.read(&mut head, 0).map_err(|_| Errno::EIO)?;
    Ok(read(file, &head[..len]))
}

fn read(file: &Content, head: &[u8]) -> Option<Inspection> {
    let header = Header::of(head)?;
    let table = header.segment_table().and_then(|table| {
        let len = usize::try_from(table.end - table.start).ok()?;
        file.exactly(len, table.start).ok()
    });
    let after_table = header.segment_table().map_or(0, |table| table.end);
    let segments = table.map(|bytes| header.layout.segments(&bytes)).unwrap_or_default();
    let elf = Elf { file, layout: header.layout, segments };
    let notes = elf.notes();
    Some(Inspection {
        target: header.target(),
        kind: header.kind,
        flags: header.flags,
        osabi: header.osabi,
        loader: elf.first(PT_INTERP).map(|s| elf.loader(s)),
        entry: header.entry,
        lowest: elf.segments.iter().filter(|s| s.p_type == PT_LOAD).map(|s| s.p_vaddr).min(),
        size: file.size(),
        end: end(&elf.segments).max(after_table),
        setuid: file.is_setuid(),
        appimage: head.get(8..11) == Some(b"AI\x02"),
        mips_hard_float: elf.first(PT_MIPS_ABIFLAGS).and_then(|s| mips_hard_float(&elf.bytes(s, MIPS_ABIFLAGS))),
        go: notes.go.then(|| go::read(&elf)).flatten(),
        notes,
        dynamic: elf.first(PT_DYNAMIC).and_then(|s| dynamic::read(&elf, s)).unwrap_or_default(),
        arm: arm::read(file, &header),
    })
}

/// fp_abi of Elf_Internal_ABIFlags_v0 (binutils' include/elf/mips.h).
fn mips_hard_float(flags: &[u8]) -> Option<bool> {
    const ANY: u8 = 0;
    const SOFT: u8 = 3;
    flags.get(7).filter(|abi| **abi != ANY).map(|abi| *abi != SOFT)
}

impl Elf<'_> {
    fn first(&self, kind: u32) -> Option<&ProgramHeader> {
        self.segments.iter().find(|s| s.p_type == kind)
    }

    /// The bytes of a segment in the file, `most` of them.
    fn bytes(&self, s: &ProgramHeader, most: usize) -> Vec<u8> {
        let len = usize::try_from(s.p_filesz).unwrap_or(most).min(most);
        self.file.up_to(len, s.p_offset).unwrap_or_default()
    }

    fn loader(&self, segment: &ProgramHeader) -> BString {
        const LONGEST: usize = 4096;
        until_nul(&self.bytes(segment, LONGEST)).into()
    }

    fn notes(&self) -> Notes {
        const MOST: usize = 1 << 16;
        const MOST_NOTES: usize = 16;
        let holds = |s: &&ProgramHeader| s.p_type == PT_NOTE || s.p_type == PT_GNU_PROPERTY;
        self.segments
            .iter()
            .filter(holds)
            .take(MOST_NOTES)
            .fold(Notes::default(), |notes, s| notes.and(&self.bytes(s, MOST), s.p_align, self.layout))
    }
}

/// A number in base 128, low digits first.
fn uleb(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..63).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}
