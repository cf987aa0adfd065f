//! Texts by a key, in each language: an enum with a variant for each key.

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use serde::Deserialize;
use toml::Spanned;

use super::catalogue::variant;
use super::pool::Pool;
use super::source::{Mistake, Source};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    texts: BTreeMap<Spanned<String>, String>,
    /// Of a translation: texts that it lacks are those of English.
    #[serde(default)]
    partial: bool,
}

/// A file of texts, and its translation.
pub(crate) struct Texts {
    name: &'static str,
    english: BTreeMap<String, String>,
    chinese: BTreeMap<String, String>,
}

impl Texts {
    /// The texts of the enum `name`.
    pub(crate) fn read(name: &'static str, english: &Source, chinese: &Source) -> Result<Texts, Mistake> {
        let plain = |texts: BTreeMap<Spanned<String>, String>| -> BTreeMap<String, String> {
            texts.into_iter().map(|(key, text)| (key.into_inner(), text)).collect()
        };
        let translated: File = chinese.parse()?;
        let english = plain(english.parse::<File>()?.texts);
        if let Some(key) = translated.texts.keys().find(|key| !english.contains_key(key.get_ref())) {
            return Err(chinese.mistake(&key.span(), key.get_ref(), "English does not have it"));
        }
        let partial = translated.partial;
        let translated = plain(translated.texts);
        if let Some(key) = english.keys().find(|key| !partial && !translated.contains_key(*key)) {
            return Err(chinese.mistake(&(0..0), key, "it is missing"));
        }
        Ok(Texts { name, english, chinese: translated })
    }

    /// The variant for the key in a field of another file.
    pub(crate) fn variant(&self, key: &Spanned<String>, field: &str, source: &Source) -> Result<TokenStream, Mistake> {
        if !self.english.contains_key(key.get_ref()) {
            return Err(source.mistake(&key.span(), field, format!("{:?} is not one of the texts", key.get_ref())));
        }
        let (name, variant) = (format_ident!("{}", self.name), variant(key.get_ref()));
        Ok(quote!(#name::#variant))
    }

    pub(crate) fn generate(&self, pool: &mut Pool) -> TokenStream {
        let name = format_ident!("{}", self.name);
        let variants: Vec<_> = self.english.keys().map(|key| variant(key)).collect();
        let english: Vec<_> = self.english.values().collect();
        let chinese = self.english.iter().map(|(key, text)| self.chinese.get(key).unwrap_or(text));
        let chinese: Vec<_> = chinese.map(|text| pool.text(text)).collect();
        let places: Vec<_> = english.iter().map(|text| pool.text(text)).collect();
        let len = variants.len();
        let doc = format!("{}: a text in each language.", self.name);
        quote! {
            #[doc = #doc]
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            pub enum #name { #(#[doc = #english] #variants),* }

            impl #name {
                /// The text in a language.
                pub fn text(self, language: Language) -> &'static str {
                    static ENGLISH: [crate::built_in::Text; #len] = [#(#places),*];
                    static CHINESE: [crate::built_in::Text; #len] = [#(#chinese),*];
                    let texts = match language {
                        Language::English => &ENGLISH,
                        Language::Chinese => &CHINESE,
                    };
                    texts[self as usize].as_str()
                }
            }
        }
    }
}
