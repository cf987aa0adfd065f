//! What is wrong, by name: the catalogue of causes, and the findings about a file.

pub mod catalogue;
pub mod file;
pub mod finding;
pub mod host;
pub mod snapshot;
