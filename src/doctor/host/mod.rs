//! The host: what of it makes foreign programs run, and what is in the way. Facts first, then checks, which are pure.

mod ask;
mod boot;
pub mod check;
mod engines;
pub mod facts;
mod gather;
mod place;
mod programs;
mod support;

pub use gather::Look;

/// What a machine without entries is told to do.
pub const REGISTER_ALL: &str = "rbinfmt install all";
