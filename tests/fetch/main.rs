//! Fetching, proving and keeping emulators, against real servers on loopback and the real Debian archive.

mod common;
mod debian;
mod sources;
mod transport;
