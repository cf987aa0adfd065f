//! What people and programs read. Functions here return text; only the commands print.

pub mod doctor;
