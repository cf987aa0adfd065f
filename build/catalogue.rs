//! The doctor's causes. `CauseId` has a variant for each, in the order of commonness.

use std::collections::BTreeMap;

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use serde::Deserialize;
use toml::Spanned;

use super::literal::Literal;
use super::pool::{Pool, Pooled, pooled};
use super::source::{Mistake, Source};
use super::translation::{self, Translation};

/// The groups, each in a file of its name.
pub(crate) const GROUPS: [&str; 8] = ["file", "loader", "binfmt", "emulator", "image", "policy", "platform", "note"];

/// Causes of this group are not faults, and have no rank.
const NO_FAULTS: &str = "note";

/// What `{name}` in a fix can stand for.
const NAMES: [&str; 10] =
    ["rbinfmt", "path", "arch", "entry", "interpreter", "image", "platform", "own", "library", "builder"];

pub(crate) fn path(group: &str) -> String {
    format!("src/doctor/catalogue/{group}.toml")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    cause: Vec<Cause>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cause {
    pub(crate) id: Spanned<String>,
    rank: Option<Spanned<u16>>,
    title: String,
    explanation: String,
    detection: String,
    found_by: Vec<Form>,
    #[serde(default)]
    also: Vec<String>,
    #[serde(default)]
    pub(crate) fix: Vec<Spanned<Remedy>>,
    #[serde(default)]
    links: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Form {
    File,
    Host,
    Image,
    Message,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Remedy {
    pub(crate) text: String,
    command: Option<String>,
    class: FixClass,
    pub(crate) otherwise: Option<String>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FixClass {
    Safe,
    Decision,
    Yours,
}

pooled!(enum Form);
pooled!(struct Remedy { text, command, class, otherwise });
pooled!(enum FixClass);

/// All causes, the commonest first, then those that are not faults.
pub(crate) struct Causes {
    all: Vec<(&'static str, Cause)>,
    /// By id.
    chinese: BTreeMap<String, Translation>,
}

impl Causes {
    /// The variant of `CauseId` for the id in a field of another file.
    pub(crate) fn variant(&self, id: &Spanned<String>, field: &str, source: &Source) -> Result<TokenStream, Mistake> {
        if !self.all.iter().any(|(_, cause)| cause.id.get_ref() == id.get_ref()) {
            return Err(source.mistake(&id.span(), field, format!("{:?} is not in the catalogue", id.get_ref())));
        }
        let variant = variant(id.get_ref());
        Ok(quote!(CauseId::#variant))
    }
}

/// "no-exec-bit" -> NoExecBit
pub(crate) fn variant(id: &str) -> Ident {
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    format_ident!("{}", id.split('-').map(capital).collect::<String>())
}

/// Reads the files of the [`GROUPS`], and their translations.
pub(crate) fn read(sources: &[Source], translated: &[Source]) -> Result<Causes, Mistake> {
    let mut all = Vec::new();
    let mut seen = BTreeMap::new();
    let mut ranks = BTreeMap::new();
    for (group, source) in GROUPS.into_iter().zip(sources) {
        for cause in source.parse::<File>()?.cause {
            check(group, &cause, source)?;
            if let Some(other) = seen.insert(variant_checked(&cause, source)?, source.name.clone()) {
                return Err(source.mistake(&cause.id.span(), "id", format!("it is in {other} too")));
            }
            if let Some(rank) = &cause.rank
                && let Some(other) = ranks.insert(*rank.get_ref(), cause.id.get_ref().clone())
            {
                return Err(source.mistake(&rank.span(), "rank", format!("it is that of {other} too")));
            }
            all.push((group, cause));
        }
    }
    if let Some(missing) = (1..=ranks.len() as u16).find(|rank| !ranks.contains_key(rank)) {
        return Err(Mistake(format!("{}: field `rank`: no cause has the rank {missing}", path("*"))));
    }
    all.sort_by_key(|(_, cause)| cause.rank.as_ref().map_or(u16::MAX, |rank| *rank.get_ref()));
    let mut chinese = BTreeMap::new();
    for (group, source) in GROUPS.into_iter().zip(translated) {
        let causes: Vec<&Cause> = all.iter().filter(|(of, _)| *of == group).map(|(_, cause)| cause).collect();
        chinese.extend(translation::read(source, &causes)?);
    }
    Ok(Causes { all, chinese })
}

fn variant_checked(cause: &Cause, source: &Source) -> Result<String, Mistake> {
    let id = cause.id.get_ref();
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    match id.split('-').all(is_word) && id.starts_with(|c: char| c.is_ascii_lowercase()) {
        true => Ok(variant(id).to_string()),
        false => Err(source.mistake(&cause.id.span(), "id", "an id is in kebab-case and begins with a letter")),
    }
}

/// The promises of a cause: a rank for every fault, and something to do whatever is known of the case.
fn check(group: &str, cause: &Cause, source: &Source) -> Result<(), Mistake> {
    match &cause.rank {
        Some(rank) if group == NO_FAULTS => return Err(source.mistake(&rank.span(), "rank", "a note has no rank")),
        None if group != NO_FAULTS => return Err(source.mistake(&cause.id.span(), "rank", "a fault has a rank")),
        _ => {}
    }
    for fix in &cause.fix {
        let wrong = |why: String| Err(source.mistake(&fix.span(), "fix", why));
        let remedy = fix.get_ref();
        if let Some(name) = names_of(remedy).find(|name| !NAMES.contains(name)) {
            return wrong(format!("{{{name}}} is not one of {NAMES:?}"));
        }
        if remedy.otherwise.as_deref().and_then(|text| names(text).next()).is_some() {
            return wrong("`otherwise` is for where names are not known, and has none".into());
        }
        if remedy.class == FixClass::Safe && !remedy.command.as_ref().is_some_and(|c| c.starts_with("rbinfmt ")) {
            return wrong("a safe fix is a command of rbinfmt".into());
        }
    }
    let always = |fix: &Spanned<Remedy>| {
        let remedy = fix.get_ref();
        names_of(remedy).all(|name| name == "rbinfmt") || remedy.otherwise.is_some()
    };
    if group != NO_FAULTS && !cause.fix.iter().any(always) {
        return Err(source.mistake(&cause.id.span(), "fix", "no fix can be said where no name is known"));
    }
    Ok(())
}

fn names_of(remedy: &Remedy) -> impl Iterator<Item = &str> {
    names(&remedy.text).chain(remedy.command.iter().flat_map(|command| names(command)))
}

/// The names in a template.
pub(crate) fn names(template: &str) -> impl Iterator<Item = &str> {
    let inner = template.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0));
    inner.filter(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase()))
}

fn id_of(cause: &Cause) -> &String {
    cause.id.get_ref()
}

pub(crate) fn generate(causes: &Causes, pool: &mut Pool) -> TokenStream {
    let variants: Vec<Ident> = causes.all.iter().map(|(_, cause)| variant(cause.id.get_ref())).collect();
    let ids: Vec<TokenStream> = causes.all.iter().map(|(_, cause)| cause.id.pooled(pool)).collect();
    let titles = causes.all.iter().map(|(_, cause)| format!("{}.", cause.title));
    let len = variants.len();
    let row = |((group, cause), id): (&(&str, Cause), &Ident)| {
        let group = variant(group);
        let Cause { id: _, rank, title, explanation, detection, found_by, also, fix, links } = cause;
        let rank = rank.literal();
        let (title, explanation, detection) = (pool.text(title), pool.text(explanation), pool.text(detection));
        let (found_by, also) = (found_by.pooled(pool), also.pooled(pool));
        let (fixes, links) = (fix.pooled(pool), links.pooled(pool));
        let chinese = causes.chinese.get(id_of(cause)).map_or(quote!(None), |texts| {
            let texts = texts.pooled(pool);
            quote!(Some(#texts))
        });
        quote! {
            Cause {
                id: CauseId::#id,
                group: Group::#group,
                rank: #rank,
                title: #title,
                explanation: #explanation,
                detection: #detection,
                found_by: #found_by,
                also: #also,
                fixes: #fixes,
                links: #links,
                chinese: #chinese,
            }
        }
    };
    let rows: Vec<TokenStream> = causes.all.iter().zip(&variants).map(row).collect();
    let items = ["Form", "Remedy", "Wording"].map(|of| pool.items(of));
    quote! {
        /// The causes, in the order of [`all`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum CauseId { #(#[doc = #titles] #variants),* }

        impl CauseId {
            /// Its name in the catalogue, in kebab-case.
            pub fn as_str(self) -> &'static str {
                static IDS: [Text; #len] = [#(#ids),*];
                IDS[self as usize].as_str()
            }
        }

        static CAUSES: [Cause; #len] = [#(#rows),*];
        #(#items)*
    }
}
