//! One short file for each verb: arguments -> request -> facts -> plan -> apply -> report.

pub mod emulators;
pub mod fetch;
