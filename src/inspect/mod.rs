//! What an ELF file asks of the world after execve(2): libraries, a kernel, a CPU. Read as its own loader reads it, by
//! EI_CLASS and EI_DATA, within fixed bounds whatever the file's size.

mod arm;
mod dynamic;
mod notes;
mod versions;

use bstr::BString;
use nix::errno::Errno;

pub use arm::Arm;
pub use dynamic::{Dynamic, Library, libraries};
pub use notes::Notes;
pub use versions::glibc;

use crate::elf::{
    Header, Layout, PT_DYNAMIC, PT_GNU_PROPERTY, PT_INTERP, PT_LOAD, PT_NOTE, ProgramHeader, Target, end, until_nul,
};
use crate::exec::root::{Content, Root};

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
    /// Where its last segment ends in the file.
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
    let file = root.open(path)?;
    let mut head = [0; 64];
    let len = file.read(&mut head, 0).map_err(|_| Errno::EIO)?;
    Ok(read(&file, &head[..len]))
}

fn read(file: &Content, head: &[u8]) -> Option<Inspection> {
    let header = Header::of(head)?;
    let table = header.segment_table().and_then(|table| {
        let len = usize::try_from(table.end - table.start).ok()?;
        file.exactly(len, table.start).ok()
    });
    let segments = table.map(|bytes| header.layout.segments(&bytes)).unwrap_or_default();
    let elf = Elf { file, layout: header.layout, segments };
    Some(Inspection {
        target: header.target(),
        kind: header.kind,
        flags: header.flags,
        osabi: header.osabi,
        loader: elf.first(PT_INTERP).map(|s| elf.loader(s)),
        entry: header.entry,
        lowest: elf.segments.iter().filter(|s| s.p_type == PT_LOAD).map(|s| s.p_vaddr).min(),
        size: file.size(),
        end: end(&elf.segments),
        setuid: file.is_setuid(),
        appimage: head.get(8..11) == Some(b"AI\x02"),
        notes: elf.notes(),
        dynamic: elf.first(PT_DYNAMIC).and_then(|s| dynamic::read(&elf, s)).unwrap_or_default(),
        arm: arm::read(file, &header),
    })
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
