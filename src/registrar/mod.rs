//! What changes the kernel's table, or tells what is in it.

pub mod apply;
pub mod facts;
pub mod health;
pub mod plan;
pub mod session;
