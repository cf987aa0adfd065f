//! What files are that no loader accepts: by their first bytes, by what is in them, by their names.

use proc_macro2::TokenStream;
use quote::quote;
use serde::Deserialize;
use toml::Spanned;

use super::catalogue::Causes;
use super::literal::Literal;
use super::pool::{Pool, Pooled};
use super::source::{Mistake, Source};
use super::texts::Texts;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Formats {
    format: Vec<Format>,
    archive: Vec<Archive>,
    text: Vec<TextKind>,
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
struct TextKind {
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

pub(crate) fn generate(
    source: &Source,
    causes: &Causes,
    advice: &Texts,
    pool: &mut Pool,
) -> Result<TokenStream, Mistake> {
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
        let (at, magic, mask) = (format.at, bytes.pooled(pool), mask.pooled(pool));
        let what = tables.what(&format.what, pool)?;
        Ok(quote!(Format { at: #at, magic: #magic, mask: #mask, what: #what }))
    });
    let formats = formats.collect::<Result<Vec<_>, _>>()?;
    let archives = archive.iter().map(|Archive { of, holds, extensions, what }| {
        let (of, holds, extensions) = (of.literal(), holds.pooled(pool), extensions.pooled(pool));
        let what = tables.what(what, pool)?;
        Ok(quote!(Archive { of: #of, holds: #holds, extensions: #extensions, what: #what }))
    });
    let archives = archives.collect::<Result<Vec<_>, _>>()?;
    let texts = text.iter().map(|TextKind { begins, extensions, named, interpreter, what }| {
        let (begins, extensions, named) = (begins.pooled(pool), extensions.pooled(pool), named.pooled(pool));
        let (interpreter, what) = (interpreter.pooled(pool), tables.what(what, pool)?);
        Ok(quote! {
            TextKind { begins: #begins, extensions: #extensions, named: #named, interpreter: #interpreter, what: #what }
        })
    });
    let texts = texts.collect::<Result<Vec<_>, _>>()?;
    Ok(quote! {
        static FORMATS: &[Format] = &[#(#formats),*];
        static ARCHIVES: &[Archive] = &[#(#archives),*];
        static TEXTS: &[TextKind] = &[#(#texts),*];
    })
}

impl Tables<'_> {
    fn what(&self, what: &What, pool: &mut Pool) -> Result<TokenStream, Mistake> {
        let What { name, cause, advice, command, profile } = what;
        let cause = self.causes.variant(cause, "cause", self.source)?;
        let (name, command, profile) = (pool.text(name), command.pooled(pool), profile.pooled(pool));
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
