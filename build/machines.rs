//! Machines that nothing emulates programs for.

use proc_macro2::TokenStream;
use quote::quote;
use serde::Deserialize;

use super::pool::{Pool, Pooled};
use super::source::{Mistake, Source};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Machines {
    machines: Vec<(u16, String)>,
}

pub(crate) fn generate(source: &Source, pool: &mut Pool) -> Result<TokenStream, Mistake> {
    let Machines { machines } = source.parse()?;
    let rows = machines.iter().map(|(number, name)| {
        let name = name.pooled(pool);
        quote!((#number, #name))
    });
    let rows: Vec<_> = rows.collect();
    Ok(quote!(static MACHINES: &[(u16, crate::built_in::Text)] = &[#(#rows),*];))
}
