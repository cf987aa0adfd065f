//! Fetching, verifying and keeping emulators, against real servers on loopback and the real Debian archive. Without the
//! feature `openpgp`, all but what begins at a Debian archive.

mod common;
#[cfg(feature = "openpgp")]
mod debian;
mod progress;
#[cfg(feature = "openpgp")]
mod real;
mod registry;
mod sources;
#[cfg(feature = "openpgp")]
mod store;
mod transport;
#[cfg(not(feature = "openpgp"))]
mod without_openpgp;
