//! Container images, from wherever they are: one client for the fetcher and for the doctor. Documents and layers are read
//! as streams and verified by their digests; nothing is executed.
//!
//! ```text
//! reference   [HOST/]NAME[:TAG][@DIGEST]       name      a transport and what follows it: docker-daemon:REF, oci:DIR ...
//! document    descriptors, indices, manifests  config    what an image claims and starts
//! registry    manifests and blobs over HTTP    auth      Docker's logins, WWW-Authenticate
//! platform    what an image is for, in containerd's normal form
//! access      a registry's mirrors and login   files     directories and archives    engine  Docker, Podman    streamed
//! resolve     index -> platforms -> manifests -> configurations and layers           whiteout  what a layer takes away
//! layer       a tar -> what it adds and removes -> a tree in memory   keep, budget   how much of it is kept
//! image       an image that was found by its name: what it has, and the tree of each platform      remote
//! extract     the same on the disk, for who runs it
//! ```

pub mod access;
pub mod auth;
mod budget;
pub mod config;
mod document;
mod engine;
pub mod extract;
pub(crate) mod files;
pub mod image;
mod keep;
mod layer;
pub mod name;
pub mod platform;
pub mod reference;
pub mod registry;
mod remote;
pub(crate) mod resolve;
mod streamed;
pub(crate) mod whiteout;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};

pub use self::document::Blob;
pub use self::platform::Platform;
use crate::archive::Stream;
use crate::error::Result;

/// All but letters, digits and what names, tags, digests and scopes are made of next to them.
const SPECIAL: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':').remove(b'/').remove(b'@');

/// A name or a scope, as it stands within a URL.
fn escape(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, SPECIAL)
}

/// Where the parts of an image are.
pub(crate) trait Parts {
    /// A small document, verified where its hash is known.
    fn document(&mut self, blob: &Blob) -> Result<Vec<u8>>;
    /// The same for a configuration, which a registry keeps elsewhere.
    fn config(&mut self, blob: &Blob) -> Result<Vec<u8>> {
        self.document(blob)
    }
    /// Whether it is here.
    fn has(&self, _: &Blob) -> bool {
        true
    }
}

/// Parts whose layers can be read again.
pub(crate) trait Stored: Parts {
    /// The tar of a layer, of which every byte was verified before the first is handed out. `jobs` threads decode.
    fn tar(&mut self, blob: &Blob, jobs: usize) -> Result<Stream>;
}

#[cfg(test)]
mod tests;
