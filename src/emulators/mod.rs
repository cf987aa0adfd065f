//! Emulators.

pub mod find;
