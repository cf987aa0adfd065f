//! How each family of distributions installs a program loader.

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use quote::quote;
use serde::Deserialize;

use super::literal::{Literal, literal};
use super::source::{Mistake, Source};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Loaders {
    loader: Vec<Loader>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Loader {
    paths: Vec<String>,
    library: String,
    cpu: String,
    cross: Option<Cross>,
    install: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cross {
    package: String,
    prefix: String,
}

literal!(struct Loader { paths, library, cpu, cross, install });
literal!(struct Cross { package, prefix });

pub(crate) fn generate(source: &Source) -> Result<TokenStream, Mistake> {
    let loaders = source.parse::<Loaders>()?.loader.literal();
    Ok(quote!(const LOADERS: &[Loader] = #loaders;))
}
