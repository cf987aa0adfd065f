//! rbinfmt makes programs built for another CPU run on this machine, keeps them running, and explains when one does not.
pub mod binfmt;
pub mod cli_fetch;
pub mod commands;
pub mod emulators;
pub mod error;
pub mod kernel;
pub mod profile;
pub mod progress;
pub mod signature;
pub mod text;
