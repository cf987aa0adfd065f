//! What files are that no loader takes, by their first bytes.

use proc_macro2::TokenStream;
use quote::quote;
use serde::Deserialize;
use toml::Spanned;

use super::catalogue::Causes;
use super::literal::Literal;
use super::source::{Mistake, Source};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Formats {
    format: Vec<Format>,
    text: Vec<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Format {
    name: String,
    #[serde(default)]
    at: usize,
    magic: Spanned<String>,
    mask: Option<Spanned<String>>,
    cause: Spanned<String>,
    command: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    name: String,
    begins: String,
    cause: Spanned<String>,
}

pub(crate) fn generate(source: &Source, causes: &Causes) -> Result<TokenStream, Mistake> {
    let Formats { format, text } = source.parse()?;
    let formats = format.iter().map(|format| {
        let Format { name, at, magic, mask, cause, command } = format;
        let bytes = source.bytes(magic, "magic")?;
        let mask_bytes = mask.as_ref().map_or_else(|| Ok(vec![0xff; bytes.len()]), |m| source.bytes(m, "mask"))?;
        if let Some(mask) = mask.as_ref().filter(|_| mask_bytes.len() != bytes.len()) {
            return Err(source.mistake(&mask.span(), "mask", "it is as long as the magic"));
        }
        let (magic, mask, command) = (bytes.literal(), mask_bytes.literal(), command.literal());
        let cause = causes.variant(cause, "cause", source)?;
        Ok(quote!(Format { name: #name, at: #at, magic: #magic, mask: #mask, cause: #cause, command: #command }))
    });
    let formats = formats.collect::<Result<Vec<_>, _>>()?;
    let texts = text.iter().map(|Text { name, begins, cause }| {
        let cause = causes.variant(cause, "cause", source)?;
        Ok(quote!(Text { name: #name, begins: #begins, cause: #cause }))
    });
    let texts = texts.collect::<Result<Vec<_>, _>>()?;
    Ok(quote! {
        const FORMATS: &[Format] = &[#(#formats),*];
        const TEXTS: &[Text] = &[#(#texts),*];
    })
}
