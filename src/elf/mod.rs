//! ELF files: the one reader of headers, program headers and notes.
//!
//! A program's own loader reads it by EI_CLASS and EI_DATA (`Header::of`). The kernel's loaders read each file in their own
//! layout, whatever the file says (`Header::read`); what they check, and in which order, is in [`crate::exec`]. Sources: the
//! ELF gABI, and its "Linux Extensions" for notes and properties.

mod header;
mod layout;
pub(crate) mod note;
mod program;

pub(crate) use header::{Header, end, is_elf, until_nul};
pub use header::{MAGIC, Target};
pub(crate) use layout::Layout;
pub use layout::{Class, Data};
pub(crate) use note::{NT_GNU_ABI_TAG, NT_GNU_PROPERTY_TYPE_0, Note, Properties, notes};
pub use program::{Elf, PREFIX, constants, parse, read};

pub(crate) use goblin::elf::header::{ET_CORE, ET_DYN, ET_EXEC, ET_REL};
pub(crate) use goblin::elf::program_header::{
    PF_W, PT_DYNAMIC, PT_GNU_PROPERTY, PT_INTERP, PT_LOAD, PT_NOTE, ProgramHeader,
};
