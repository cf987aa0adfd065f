//! A tiny ELF program for a target, made from its profile. Pure.

use super::ProbeCode;
use crate::elf::{Class, Data};
use crate::signature::Signature;

/// Where it is loaded: free on every target of QEMU's.
const ADDRESS: u32 = 0x1000_0000;
const ALIGN: u32 = 0x1_0000;

/// An ET_EXEC of one segment: header, one program header, the code.
pub fn build(signature: &Signature, probe: &ProbeCode) -> Vec<u8> {
    let data = signature.data;
    let (header_len, segment_len) = (signature.class.header_len(), signature.class.segment_len());
    // Some targets want aligned instructions.
    let code_at = (header_len + segment_len).next_multiple_of(16);
    let size = (code_at + probe.code.len()) as u32;
    let mut file = Writer { bytes: signature.ident().to_vec(), class: signature.class, data };

    file.half(2); // e_type: ET_EXEC
    file.half(signature.machine);
    file.word(1); // e_version
    file.address(ADDRESS + code_at as u32); // e_entry
    file.address(header_len as u32); // e_phoff
    file.address(0); // e_shoff
    file.word(probe.flags);
    for half in [header_len as u16, segment_len as u16, 1, 0, 0, 0] {
        file.half(half); // e_ehsize, e_phentsize, e_phnum, and no sections
    }

    const PT_LOAD: u32 = 1;
    const READ_EXECUTE: u32 = 5;
    file.word(PT_LOAD);
    if signature.class == Class::Bits64 {
        file.word(READ_EXECUTE);
    }
    for value in [0, ADDRESS, ADDRESS, size, size] {
        file.address(value); // p_offset, p_vaddr, p_paddr, p_filesz, p_memsz
    }
    if signature.class == Class::Bits32 {
        file.word(READ_EXECUTE);
    }
    file.address(ALIGN);

    file.bytes.resize(code_at, 0);
    file.bytes.extend_from_slice(&probe.code);
    file.bytes
}

struct Writer {
    bytes: Vec<u8>,
    class: Class,
    data: Data,
}

impl Writer {
    fn half(&mut self, value: u16) {
        self.bytes.extend(self.data.half(value));
    }

    fn word(&mut self, value: u32) {
        self.bytes.extend(self.data.word(value));
    }

    /// As wide as the class; no value here needs more than 32 bits.
    fn address(&mut self, value: u32) {
        match (self.class, self.data) {
            (Class::Bits32, _) => self.word(value),
            (Class::Bits64, Data::Little) => self.bytes.extend(u64::from(value).to_le_bytes()),
            (Class::Bits64, Data::Big) => self.bytes.extend(u64::from(value).to_be_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Kind, Profiles};

    #[test]
    fn every_probe_is_taken_by_its_own_rule_and_by_no_other() {
        let profiles = Profiles::load(&[]).unwrap();
        let rules: Vec<_> = profiles.iter().flat_map(|p| &p.rules).collect();
        assert_eq!(rules.len(), 35); // 33 targets, microblaze and microblazeel twice
        for rule in &rules {
            let file = rule.probe.as_ref().unwrap();
            let takers: Vec<_> = rules.iter().filter(|r| r.rule.takes(file, b"")).collect();
            assert_eq!(takers, [rule]);
        }
    }

    #[test]
    fn goblin_reads_what_is_built() {
        for profile in Profiles::load(&[]).unwrap().iter() {
            let Kind::Elf { signatures, probe: Some(probe), .. } = &profile.kind else { panic!("{}", profile.name) };
            let file = build(&signatures[0], probe);
            let elf = goblin::elf::Elf::parse(&file).unwrap();
            let [segment] = &elf.program_headers[..] else { panic!("one segment") };
            assert_eq!(elf.entry - segment.p_vaddr, (file.len() - probe.code.len()) as u64);
            assert_eq!((segment.p_filesz, segment.p_memsz), (file.len() as u64, file.len() as u64));
            assert!(segment.is_executable() && segment.is_read());
        }
    }
}
