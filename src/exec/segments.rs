//! The segments of a program and of its interpreter, after the point of no return: whatever fails here kills the
//! process with SIGSEGV (load_elf_binary, load_elf_interp, elf_load and elf_map in fs/binfmt_elf.c). Pure.

use super::arch::Loader;
use super::facts::ExecFacts;
use super::outcome::Death;
use super::space::{Between, Fate, Space};
use crate::elf::{Class, ET_DYN, ET_EXEC, Header, PF_W, PT_LOAD, ProgramHeader};

/// A program or an interpreter, as far as its segments go.
#[derive(Debug)]
pub(super) struct Image {
    pub(super) header: Header,
    pub(super) segments: Vec<ProgramHeader>,
    /// Bytes of the file.
    pub(super) len: u64,
}

/// How a segment is put where it goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Placement {
    /// Over whatever is there (MAP_FIXED).
    Fixed,
    /// There or nowhere (MAP_FIXED_NOREPLACE).
    Claimed,
    /// There or elsewhere.
    Hint,
}

/// Where a segment is to be mapped.
struct Wanted {
    at: Between,
    place: Placement,
    /// Bytes of the whole image, for the first segment; 0 for the others.
    total: u64,
}

/// Loads a program, with its interpreter where it has one.
pub(super) fn load(
    facts: &ExecFacts,
    loader: &Loader,
    program: &Image,
    interpreter: Option<&Image>,
    arguments: u64,
) -> Result<(), Fate> {
    let mut space = Space::new(facts, loader, arguments);
    let bias = load_program(&mut space, facts, loader, program, interpreter.is_some())?;
    let entry = match interpreter {
        None => bias.map(|b| b.wrapping_add(program.header.entry)),
        Some(other) => load_interpreter(&mut space, other, bias)?.map(|b| b.wrapping_add(other.header.entry)),
    };
    let end = loader.end;
    space.refuse(entry.all(|e| e >= end), "the entry point is outside the address space")?;
    space.settle()
}

impl Image {
    fn loads(&self) -> impl Iterator<Item = &ProgramHeader> {
        self.segments.iter().filter(|s| s.p_type == PT_LOAD)
    }

    /// total_mapping_size: from the lowest page to the highest byte.
    fn span(&self, class: Class, space: &Space) -> u64 {
        let narrow = |n: u64| if class == Class::Bits64 { n } else { n & 0xffff_ffff };
        let low = self.loads().map(|s| space.page_start(s.p_vaddr)).min();
        let high = self.loads().map(|s| narrow(s.p_vaddr.wrapping_add(s.p_memsz))).max();
        low.zip(high).map_or(0, |(low, high)| narrow(high.wrapping_sub(low)))
    }

    /// maximum_alignment
    fn alignment(&self, space: &Space) -> u64 {
        let largest = self.loads().map(|s| s.p_align).filter(|a| a.is_power_of_two()).max().unwrap_or(0);
        space.page_end(largest)
    }
}

/// What is wrong with a segment wherever it is.
fn refuse_sizes(space: &mut Space, s: &ProgramHeader, at: Between) -> Result<(), Fate> {
    let end = space.end;
    if s.p_filesz > s.p_memsz {
        return Err(Fate::Dies(Death::Unmappable("p_filesz of a segment is more than its p_memsz")));
    }
    if s.p_memsz > end {
        return Err(Fate::Dies(Death::Unmappable("a segment is larger than the address space")));
    }
    space.refuse(at.all(|k| k >= end || end - s.p_memsz < k), "a segment ends outside the address space")
}

fn load_program(
    space: &mut Space,
    facts: &ExecFacts,
    loader: &Loader,
    image: &Image,
    interpreted: bool,
) -> Result<Between, Fate> {
    let dynamic = image.header.kind == ET_DYN;
    let mut bias = Between::exactly(0);
    for (index, s) in image.loads().enumerate() {
        // Checked after mapping in the kernel; the end is the same, and what follows can rely on it.
        refuse_sizes(space, s, Between::exactly(s.p_vaddr))?;
        let (mut place, mut total) = (if index == 0 { Placement::Claimed } else { Placement::Fixed }, 0);
        if index == 0 && dynamic {
            total = image.span(loader.layout.class, space);
            if total == 0 {
                return Err(Fate::Dies(Death::Unmappable("the segments of a position-independent program are empty")));
            }
            let alignment = image.alignment(space);
            let mask = if alignment == 0 { u64::MAX } else { !(alignment - 1) };
            let base = if interpreted {
                random_base(facts, loader).map(|b| b & mask)
            } else if facts.kernel.behaviour().aligns_static_pie && alignment > facts.page_size {
                map(space, image, s, Wanted { at: Between::exactly(0), place: Placement::Hint, total })?
                    .map(|b| b & mask)
            } else {
                place = Placement::Hint;
                Between::exactly(0)
            };
            bias = base.map(|b| space.page_start(b.wrapping_sub(s.p_vaddr)));
        }
        let at = bias.map(|b| b.wrapping_add(s.p_vaddr));
        let mapped = map(space, image, s, Wanted { at, place, total })?;
        if index == 0 && dynamic {
            bias = match place {
                Placement::Hint => mapped.map(|m| m.wrapping_sub(space.page_start(s.p_vaddr))),
                _ => bias,
            };
        }
    }
    Ok(bias)
}

/// ELF_ET_DYN_BASE and arch_mmap_rnd.
fn random_base(facts: &ExecFacts, loader: &Loader) -> Between {
    let bits = if loader.is_wide() { facts.memory.random_bits } else { facts.memory.random_bits_compat };
    let random = if facts.memory.randomised { ((1 << bits) - 1) * facts.page_size } else { 0 };
    Between { lo: loader.base, hi: loader.base + random }
}

fn load_interpreter(space: &mut Space, image: &Image, program_bias: Between) -> Result<Between, Fate> {
    if image.header.kind != ET_EXEC && image.header.kind != ET_DYN {
        return Err(Fate::Dies(Death::Unmappable("the interpreter's e_type is neither EXEC nor DYN")));
    }
    let mut total = image.span(image.header.layout.class, space);
    if total == 0 {
        return Err(Fate::Dies(Death::Unmappable("the interpreter has no segments")));
    }
    let dynamic = image.header.kind == ET_DYN;
    let mut bias = Between::exactly(0);
    for (index, s) in image.loads().enumerate() {
        let searches = dynamic && index == 0;
        if searches && program_bias != Between::exactly(0) {
            bias = Between::exactly(0u64.wrapping_sub(s.p_vaddr));
        }
        let at = bias.map(|b| b.wrapping_add(s.p_vaddr));
        let mapped = map(
            space,
            image,
            s,
            Wanted { at, place: if searches { Placement::Hint } else { Placement::Fixed }, total },
        )?;
        total = 0;
        if searches {
            bias = mapped.map(|m| m.wrapping_sub(space.page_start(s.p_vaddr)));
        }
        refuse_sizes(space, s, bias.map(|b| b.wrapping_add(s.p_vaddr)))?;
    }
    Ok(bias)
}

/// elf_load: the file's part, then the zeroed rest. Returns where the file's part begins.
fn map(space: &mut Space, image: &Image, s: &ProgramHeader, wanted: Wanted) -> Result<Between, Fate> {
    let Wanted { at, place, total } = wanted;
    let in_page = s.p_vaddr & (space.page - 1);
    let page = at.map(|a| space.page_start(a));
    let mut mapped = page;
    let mut zero_from = 0;
    if s.p_filesz > 0 {
        if s.p_offset & (space.page - 1) != in_page {
            return Err(Fate::Dies(Death::Misaligned));
        }
        let len = space.page_end(s.p_filesz.wrapping_add(in_page));
        let whole = if total > 0 { space.page_end(total) } else { len };
        let last = i64::MAX as u64;
        if whole > last || (s.p_offset - in_page) / space.page > (last - whole) / space.page {
            return Err(Fate::Dies(Death::Unmappable("a segment lies past the largest offset that a file can have")));
        }
        if s.p_flags & PF_W != 0 {
            space.charge(whole)?;
        }
        match place {
            Placement::Fixed => space.fix(page, whole)?,
            Placement::Claimed => {
                space.claim(page, whole)?;
                space.fix(page, len)?;
            }
            Placement::Hint => {
                // An address outside the space is as good as none.
                let hint = if page.lo == page.hi { page.lo } else { 0 };
                mapped = space.search(hint, whole)?;
                space.fix(mapped, len)?;
            }
        }
        zero_from = in_page + s.p_filesz;
        let rest = s.p_offset.wrapping_add(s.p_filesz);
        let touched = rest & (space.page - 1) != 0;
        if s.p_memsz > s.p_filesz && touched && s.p_flags & PF_W != 0 && space.page_start(rest) >= image.len {
            return Err(Fate::Dies(Death::Unmappable(
                "the last page of a segment, whose rest is to be zeroed, lies past the file's end",
            )));
        }
    } else if page.lo == page.hi && page.lo >= space.end {
        return Err(Fate::Dies(Death::Unmappable("a segment is outside the address space")));
    }
    if s.p_memsz > s.p_filesz {
        let (from, to) = (space.page_end(zero_from), space.page_end(in_page.wrapping_add(s.p_memsz)));
        let len = to.wrapping_sub(from);
        if len > 0 {
            space.charge(len)?;
            space.fix(mapped.map(|m| m.wrapping_add(from)), len)?;
        }
    }
    Ok(mapped)
}
