//! The kernel's table of entries, binfmt_misc: what an entry is, how one is made, and the table itself.

pub mod entry;
pub mod export;
pub mod hold;
pub mod mounts;
pub mod namespace;
pub mod register;
pub mod rule;
pub mod table;
