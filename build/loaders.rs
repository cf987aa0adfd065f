//! What installs program loaders.

use proc_macro2::TokenStream;
use quote::quote;
use serde::Deserialize;
use toml::Spanned;

use super::architectures::Architectures;
use super::catalogue::Causes;
use super::literal::{Literal, literal};
use super::source::{Mistake, Source};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Loaders {
    install: Vec<Install>,
    other: Vec<Other>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Install {
    library: Library,
    on: String,
    #[serde(default)]
    of: Vec<Spanned<String>>,
    command: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Other {
    library: String,
    paths: Vec<String>,
    cause: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Library {
    Glibc,
    Musl,
}

literal!(enum Library);
literal!(struct Install { library, on, of, command });

pub(crate) fn generate(
    source: &Source,
    architectures: &Architectures,
    causes: &Causes,
) -> Result<TokenStream, Mistake> {
    let Loaders { install, other } = source.parse()?;
    for row in &install {
        if let Some(unknown) = row.of.iter().find(|port| !architectures.has_port(port.get_ref())) {
            return Err(source.mistake(&unknown.span(), "of", "no ABI of profiles/qemu.toml has this name"));
        }
        if row.of.is_empty() && row.command.get_ref().contains("{debian}") {
            return Err(source.mistake(&row.command.span(), "command", "{debian} is for rows with `of`"));
        }
    }
    let others = other.iter().map(|Other { library, paths, cause }| {
        let (paths, cause) = (paths.literal(), causes.variant(cause, "cause", source)?);
        Ok(quote!(Other { library: #library, paths: #paths, cause: #cause }))
    });
    let others = others.collect::<Result<Vec<_>, _>>()?;
    let installs = install.literal();
    Ok(quote! {
        const INSTALLS: &[Install] = #installs;
        const OTHERS: &[Other] = &[#(#others),*];
    })
}
