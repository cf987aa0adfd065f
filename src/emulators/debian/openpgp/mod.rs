//! Whether a text was signed by somebody we trust. It takes rPGP, which brings half of all crates, and is the cargo feature
//! `openpgp`: a build without it has a [`Keyring`] that cannot be made, so that nothing can pass unverified.

#[cfg(feature = "openpgp")]
mod clearsigned;
#[cfg_attr(not(feature = "openpgp"), path = "absent.rs")]
mod keyring;

pub use self::keyring::Keyring;
