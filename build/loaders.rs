//! What installs program loaders.

use proc_macro2::TokenStream;
use quote::quote;
use serde::Deserialize;
use toml::Spanned;

use super::architectures::Architectures;
use super::catalogue::Causes;
use super::literal::{Literal, literal};
use super::pool::{Pool, Pooled};
use super::source::{Mistake, Source};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Loaders {
    install: Vec<Install>,
    system: Vec<System>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Install {
    library: Library,
    on: String,
    #[serde(default)]
    of: Vec<Spanned<String>>,
    #[serde(default)]
    foreign: bool,
    command: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct System {
    name: String,
    note: Option<String>,
    #[serde(default)]
    loaders: Vec<String>,
    #[serde(default)]
    go: Vec<String>,
    osabi: Option<u8>,
    #[serde(default)]
    linux: bool,
    cause: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Library {
    Glibc,
    Musl,
}

literal!(enum Library);
literal!(struct Install { library, on, of, foreign, command });

pub(crate) fn generate(
    source: &Source,
    architectures: &Architectures,
    causes: &Causes,
    pool: &mut Pool,
) -> Result<TokenStream, Mistake> {
    let Loaders { install, system } = source.parse()?;
    for row in &install {
        if let Some(unknown) = row.of.iter().find(|port| !architectures.has_port(port.get_ref())) {
            return Err(source.mistake(&unknown.span(), "of", "no ABI of profiles/qemu.toml has this name"));
        }
        if row.of.is_empty() && row.command.get_ref().contains("{debian}") {
            return Err(source.mistake(&row.command.span(), "command", "{debian} is for rows with `of`"));
        }
    }
    let systems = system.iter().map(|System { name, note, loaders, go, osabi, linux, cause }| {
        let (name, note) = (name.pooled(pool), note.pooled(pool));
        let (loaders, go, osabi) = (loaders.pooled(pool), go.pooled(pool), osabi.literal());
        let cause = causes.variant(cause, "cause", source)?;
        Ok(quote!(System { name: #name, note: #note, loaders: #loaders, go: #go, osabi: #osabi, linux: #linux, cause: #cause }))
    });
    let systems = systems.collect::<Result<Vec<_>, _>>()?;
    let installs = install.literal();
    Ok(quote! {
        const INSTALLS: &[Install] = #installs;
        pub(super) static SYSTEMS: &[System] = &[#(#systems),*];
    })
}
