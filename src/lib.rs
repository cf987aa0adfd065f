//! rbinfmt makes programs built for another CPU run on this machine, keeps them running, and explains when one does not.
pub mod binfmt;
pub mod commands;
pub mod doctor;
pub mod error;
pub mod exec;
pub mod inspect;
pub mod kernel;
pub mod oracle;
pub mod profile;
pub mod report;
pub mod signature;
pub mod text;
