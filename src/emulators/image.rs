//! Emulators out of a container image: the layers are read from the top, and only until all that is wanted was found.

use bstr::ByteSlice;

use super::source::Taking;
use crate::archive::tar::{Member, Tar};
use crate::error::Result;
use crate::oci::whiteout::Whiteout;
use crate::oci::{Blob, Stored};

/// Takes emulators out of the layers of the image `what`, the topmost first.
pub(super) fn take_layers(what: &str, layers: &[Blob], parts: &mut dyn Stored, taking: &mut Taking) -> Result<()> {
    let mut hidden: Vec<Whiteout> = Vec::new();
    for layer in layers.iter().rev() {
        if taking.is_done() {
            break;
        }
        let tar = parts.tar(layer, taking.jobs)?;
        // A layer's own whiteouts are about those below it.
        let mut own = Vec::new();
        let mut skip = |member: &Member| match Whiteout::of(member.path.as_bstr()) {
            Some(whiteout) => {
                own.push(whiteout);
                true
            }
            None => hidden.iter().any(|whiteout| whiteout.covers(&member.path)),
        };
        taking.members(Tar::new(tar), &format!("layer {layer} of {what}"), &mut skip)?;
        hidden.append(&mut own);
    }
    Ok(())
}
