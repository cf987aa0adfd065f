//! ARM build attributes (.ARM.attributes; "Addenda to, and Errata in, the ABI for the Arm Architecture").

use goblin::elf::section_header::SectionHeader;

use super::uleb;
use crate::elf::{Class, Data, Header};
use crate::exec::root::Content;

/// What a 32-bit ARM file was built for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Arm {
    /// The architecture's version: 4 to 9. What the compiler was allowed to use; nothing promises that it did.
    pub version: Option<u8>,
    /// Floating point arguments in VFP registers ("armhf"); `None` where nothing says.
    pub hard_float: Option<bool>,
}

const EM_ARM: u16 = 40;
const SHT_ARM_ATTRIBUTES: u32 = 0x7000_0003;
const EF_ARM_ABI_FLOAT_SOFT: u32 = 0x200;
const EF_ARM_ABI_FLOAT_HARD: u32 = 0x400;
const TAG_CPU_ARCH: u64 = 6;
const TAG_ABI_VFP_ARGS: u64 = 28;

const SIZEOF_SHDR_32: usize = 40;
const MOST_SECTIONS: usize = 1 << 12;
const MOST: usize = 1 << 14;

/// Reads the attributes and e_flags.
pub(super) fn read(file: &Content, header: &Header) -> Option<Arm> {
    if header.machine != EM_ARM || header.layout.class != Class::Bits32 {
        return None;
    }
    let attributes = section(file, header).and_then(|bytes| parse(&bytes, header.layout.data)).unwrap_or_default();
    let by_flags = match header.flags & (EF_ARM_ABI_FLOAT_HARD | EF_ARM_ABI_FLOAT_SOFT) {
        EF_ARM_ABI_FLOAT_HARD => Some(true),
        EF_ARM_ABI_FLOAT_SOFT => Some(false),
        _ => None,
    };
    Some(Arm { hard_float: by_flags.or(attributes.hard_float), ..attributes })
}

fn section(file: &Content, header: &Header) -> Option<Vec<u8>> {
    let count = usize::from(header.shnum).min(MOST_SECTIONS);
    let bytes = file.exactly(SIZEOF_SHDR_32 * count, header.shoff).ok()?;
    // goblin counts one more than it is told where section 0 says so; that cannot be more than there are bytes.
    let sections = SectionHeader::parse_from(&bytes, 0, count, header.layout.ctx()).ok()?;
    let found = sections.iter().find(|s| s.sh_type == SHT_ARM_ATTRIBUTES)?;
    file.exactly(usize::try_from(found.sh_size).ok()?.min(MOST), found.sh_offset).ok()
}

/// 'A', then a length, "aeabi", and within it tag 1 (the whole file), a length and pairs of tag and value.
fn parse(bytes: &[u8], data: Data) -> Option<Arm> {
    let rest = bytes.strip_prefix(b"A")?;
    let vendor = rest.get(4..10)?;
    if vendor != b"aeabi\0" || *rest.get(10)? != 1 {
        return None;
    }
    let len = (data.word_at(rest, 11)? as usize).saturating_sub(5);
    let mut rest = rest.get(15..)?;
    rest = &rest[..len.min(rest.len())];
    let mut arm = Arm::default();
    while let Some(tag) = uleb(&mut rest) {
        // Text for the names of CPUs and for compatibility, and for odd tags from 32 on.
        let is_text = matches!(tag, 4 | 5) || (tag >= 32 && tag % 2 == 1);
        if tag == 32 {
            uleb(&mut rest)?;
        }
        if is_text || tag == 32 {
            let end = rest.iter().position(|&b| b == 0)?;
            rest = &rest[end + 1..];
            continue;
        }
        let value = uleb(&mut rest)?;
        match tag {
            TAG_CPU_ARCH => arm.version = version(value),
            TAG_ABI_VFP_ARGS => arm.hard_float = Some(value == 1),
            _ => {}
        }
    }
    Some(arm)
}

fn version(value: u64) -> Option<u8> {
    match value {
        1 | 2 => Some(4),
        3..=5 => Some(5),
        6..=9 | 11 | 12 => Some(6),
        10 | 13 => Some(7),
        14..=21 => Some(8),
        22 => Some(9),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn armv7_hard_float_as_binutils_writes_it() {
        let pairs = b"\x05cortex-a8\0\x06\x0a\x07A\x08\x01\x09\x02\x1c\x01";
        let mut bytes = b"A\0\0\0\0aeabi\0\x01".to_vec();
        bytes.extend((pairs.len() as u32 + 5).to_le_bytes());
        bytes.extend(pairs);
        assert_eq!(parse(&bytes, Data::Little), Some(Arm { version: Some(7), hard_float: Some(true) }));
        for len in 0..bytes.len() {
            let _ = parse(&bytes[..len], Data::Little);
        }
    }
}
