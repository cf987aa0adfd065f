//! Fetching, verifying and keeping emulators, against real servers on loopback and the real Debian archive.

mod common;
mod debian;
mod real;
mod registry;
mod sources;
mod store;
mod transport;
