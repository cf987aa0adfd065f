//! What is wrong, by name: the catalogue of causes, the findings about a file, and what a message says.

pub mod catalogue;
pub mod file;
pub mod finding;
pub mod host;
pub mod image;
pub mod message;
pub mod snapshot;
