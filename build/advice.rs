//! What fixes of one case say: an enum with a text for each.

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use quote::quote;
use serde::Deserialize;
use toml::Spanned;

use super::catalogue::variant;
use super::source::{Mistake, Source};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    advice: BTreeMap<String, String>,
}

/// The texts by id.
pub(crate) struct Advice(BTreeMap<String, String>);

impl Advice {
    /// The variant of `Advice` for the id in a field of another file.
    pub(crate) fn variant(&self, id: &Spanned<String>, source: &Source) -> Result<TokenStream, Mistake> {
        if !self.0.contains_key(id.get_ref()) {
            return Err(source.mistake(&id.span(), "advice", format!("{:?} is not in advice.toml", id.get_ref())));
        }
        let variant = variant(id.get_ref());
        Ok(quote!(Advice::#variant))
    }
}

pub(crate) fn read(source: &Source) -> Result<Advice, Mistake> {
    Ok(Advice(source.parse::<File>()?.advice))
}

pub(crate) fn generate(advice: &Advice) -> TokenStream {
    let variants: Vec<_> = advice.0.keys().map(|id| variant(id)).collect();
    let texts: Vec<_> = advice.0.values().collect();
    quote! {
        /// What a fix of one case says before its command.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Advice { #(#[doc = #texts] #variants),* }

        impl Advice {
            /// One sentence.
            pub fn text(self) -> &'static str {
                match self { #(Advice::#variants => #texts),* }
            }
        }
    }
}
