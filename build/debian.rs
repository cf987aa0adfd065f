//! The Debian archive's names and pins.

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use quote::quote;
use serde::Deserialize;
use toml::Spanned;

use super::literal::{Literal, literal};
use super::source::{Mistake, Source};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    fingerprints: Vec<Spanned<String>>,
    mirror: String,
    stable: String,
    suites: Vec<String>,
    packages: Vec<String>,
    libraries: BTreeMap<String, String>,
}

literal!(struct Settings { fingerprints, mirror, stable, suites, packages, libraries });

/// Hex digits of the fingerprint of a key of OpenPGP's version 4.
const FINGERPRINT: usize = 40;

pub(crate) fn generate(source: &Source) -> Result<TokenStream, Mistake> {
    let settings: Settings = source.parse()?;
    let is_fingerprint = |text: &str| {
        text.len() == FINGERPRINT && text.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b))
    };
    if let Some(wrong) = settings.fingerprints.iter().find(|text| !is_fingerprint(text.get_ref())) {
        return Err(source.mistake(&wrong.span(), "fingerprints", "a fingerprint is 40 hex digits in capitals"));
    }
    let settings = settings.literal();
    Ok(quote! {
        /// The built-in settings.
        pub static SETTINGS: Settings = #settings;
    })
}
