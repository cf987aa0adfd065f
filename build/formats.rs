//! What files are that no loader accepts: by their first bytes, by what is in them, by their names.

use proc_macro2::TokenStream;
use quote::quote;
use serde::Deserialize;
use toml::Spanned;

use super::catalogue::Causes;
use super::literal::Literal;
use super::source::{Mistake, Source};
use super::texts::Texts;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Formats {
    format: Vec<Format>,
    archive: Vec<Archive>,
    text: Vec<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Format {
    #[serde(default)]
    at: usize,
    magic: Spanned<String>,
    mask: Option<Spanned<String>>,
    what: What,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Archive {
    of: Container,
    #[serde(default)]
    holds: Vec<String>,
    #[serde(default)]
    extensions: Vec<String>,
    what: What,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    #[serde(default)]
    begins: Vec<String>,
    #[serde(default)]
    extensions: Vec<String>,
    #[serde(default)]
    named: Vec<String>,
    interpreter: Option<String>,
    what: What,
}

/// What a file is, and what to do about it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct What {
    name: String,
    cause: Spanned<String>,
    advice: Option<Spanned<String>>,
    command: Option<String>,
    profile: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Container {
    Tar,
    Zip,
}

super::literal::literal!(enum Container);

/// The other tables that these name things of.
struct Tables<'a> {
    causes: &'a Causes,
    advice: &'a Texts,
    source: &'a Source,
}

pub(crate) fn generate(source: &Source, causes: &Causes, advice: &Texts) -> Result<TokenStream, Mistake> {
    let Formats { format, archive, text } = source.parse()?;
    let tables = Tables { causes, advice, source };
    let formats = format.iter().map(|format| {
        let bytes = source.bytes(&format.magic, "magic")?;
        let mask = match &format.mask {
            Some(mask) => source.bytes(mask, "mask")?,
            None => vec![0xff; bytes.len()],
        };
        if let Some(given) = format.mask.as_ref().filter(|_| mask.len() != bytes.len()) {
            return Err(source.mistake(&given.span(), "mask", "it is as long as the magic"));
        }
        let (at, magic, mask, what) = (format.at, bytes.literal(), mask.literal(), tables.what(&format.what)?);
        Ok(quote!(Format { at: #at, magic: #magic, mask: #mask, what: #what }))
    });
    let formats = formats.collect::<Result<Vec<_>, _>>()?;
    let archives = archive.iter().map(|Archive { of, holds, extensions, what }| {
        let (of, holds, extensions) = (of.literal(), holds.literal(), extensions.literal());
        let what = tables.what(what)?;
        Ok(quote!(Archive { of: #of, holds: #holds, extensions: #extensions, what: #what }))
    });
    let archives = archives.collect::<Result<Vec<_>, _>>()?;
    let texts = text.iter().map(|Text { begins, extensions, named, interpreter, what }| {
        let (begins, extensions, named) = (begins.literal(), extensions.literal(), named.literal());
        let (interpreter, what) = (interpreter.literal(), tables.what(what)?);
        Ok(quote! {
            Text { begins: #begins, extensions: #extensions, named: #named, interpreter: #interpreter, what: #what }
        })
    });
    let texts = texts.collect::<Result<Vec<_>, _>>()?;
    Ok(quote! {
        const FORMATS: &[Format] = &[#(#formats),*];
        const ARCHIVES: &[Archive] = &[#(#archives),*];
        const TEXTS: &[Text] = &[#(#texts),*];
    })
}

impl Tables<'_> {
    fn what(&self, what: &What) -> Result<TokenStream, Mistake> {
        let What { name, cause, advice, command, profile } = what;
        let cause = self.causes.variant(cause, "cause", self.source)?;
        let (command, profile) = (command.literal(), profile.literal());
        let advice = match advice {
            Some(advice) => {
                let advice = self.advice.variant(advice, "advice", self.source)?;
                quote!(Some(#advice))
            }
            None => quote!(None),
        };
        Ok(quote!(What { name: #name, cause: #cause, advice: #advice, command: #command, profile: #profile }))
    }
}
