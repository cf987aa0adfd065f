//! Emulators out of a container image: the layers are read from the top, and only until all that is wanted was found.

use bstr::ByteSlice;

use super::Wanted;
use super::source::{take, taken};
use super::store::Staging;
use crate::archive::tar::Member;
use crate::error::Result;
use crate::oci::whiteout::Whiteout;
use crate::oci::{Blob, Stored};

/// Takes emulators out of layers, the topmost first.
pub(super) fn take_layers(
    what: &str,
    layers: &[Blob],
    parts: &mut dyn Stored,
    wanted: &Wanted,
    staging: &mut Staging,
    jobs: usize,
) -> Result<()> {
    let mut hidden: Vec<Whiteout> = Vec::new();
    for layer in layers.iter().rev() {
        if taken(wanted, staging) {
            break;
        }
        let tar = parts.tar(layer, jobs)?;
        // A layer's own whiteouts are about those below it.
        let mut own = Vec::new();
        let mut skip = |member: &Member| match Whiteout::of(member.path.as_bstr()) {
            Some(whiteout) => {
                own.push(whiteout);
                true
            }
            None => hidden.iter().any(|whiteout| whiteout.covers(&member.path)),
        };
        take(tar, &format!("layer {layer} of {what}"), wanted, staging, &mut skip)?;
        hidden.append(&mut own);
    }
    Ok(())
}
