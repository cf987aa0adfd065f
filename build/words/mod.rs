//! The words by which the doctor reads messages: phrases, what each is a sign of, and an index by which they are found.

mod data;
mod phrases;

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use self::data::{
    Callers, Defaults, Errnos, Kind, Loading, Script, Sign, Strength, Tells, Text, Translated, Translations, Weights,
};
use self::phrases::Phrases;
use super::catalogue::Causes;
use super::literal::{self, Literal};
use super::source::{Mistake, Source};

/// The groups of the catalogue of which messages have words.
const SIGNS: [&str; 7] = ["file", "loader", "binfmt", "emulator", "image", "policy", "platform"];

/// What is looked up while the files are read, and the phrases that were found in them.
struct Words<'c> {
    causes: &'c Causes,
    places: BTreeMap<String, Vec<Text>>,
    /// By message and language.
    translations: Translations,
    errnos: Vec<String>,
    callers: Vec<String>,
    alternatives: Vec<TokenStream>,
    phrases: Phrases,
}

/// All of it; `open` opens a file of the source tree.
pub(crate) fn generate(
    open: &dyn Fn(&str) -> Result<Source, Mistake>,
    causes: &Causes,
) -> Result<TokenStream, Mistake> {
    let source = |name: &str| open(&format!("src/doctor/message/words/{name}.toml"));
    let contexts = source("contexts")?;
    let (places, translations) = (contexts.parse()?, source("translations")?.parse()?);
    let (errnos, callers, alternatives) = (Vec::new(), Vec::new(), Vec::new());
    let mut words = Words { causes, places, translations, errnos, callers, alternatives, phrases: Phrases::default() };
    for (name, texts) in &words.places {
        let place = variant(name);
        words.phrases.add(texts, &quote!(Means::Context(Place::#place)), &contexts)?;
    }
    let facts = source("facts")?;
    for (kind, texts) in facts.parse::<BTreeMap<Kind, Vec<Text>>>()? {
        let kind = kind.literal();
        words.phrases.add(&texts, &quote!(Means::Fact(#kind)), &facts)?;
    }
    let errnos = words.errnos(&source("errnos")?)?;
    let callers = words.callers(&source("callers")?)?;
    let script = words.script(&source("script")?)?;
    let mut signs = Vec::new();
    for group in SIGNS {
        words.signs(&source(&format!("signs/{group}"))?, &mut signs)?;
    }
    let defaults = words.defaults(&source("defaults")?)?;
    let tells = words.tells(&source("tells")?)?;
    let refusals = words.refusals(&source("loading")?)?;
    let spellings = source("archs")?.parse::<BTreeMap<String, Vec<String>>>()?.literal();
    let (phrases, alternatives) = (words.phrases.generate(), &words.alternatives);
    let places = words.places.keys().map(|name| variant(name));
    let names = &words.errnos;
    let errors: Vec<_> = names.iter().map(|name| variant(name)).collect();
    Ok(quote! {
        /// What a text can come from.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum Place { #(#places),* }
        /// An error of execve(2), or a signal that ended a program.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum ErrorName { #(#errors),* }
        impl ErrorName {
            pub(super) const fn as_str(self) -> &'static str {
                match self { #(ErrorName::#errors => #names),* }
            }
        }
        #errnos
        #callers
        #script
        #defaults
        #phrases
        static ALTERNATIVES: &[&[&[Place]]] = &[#(#alternatives),*];
        pub(super) static SIGNS: &[Sign] = &[#(#signs),*];
        pub(super) static TELLS: &[Tell] = &[#(#tells),*];
        pub(super) static REFUSALS: &[Refusal] = &[#(#refusals),*];
        pub(super) static SPELLINGS: &[(&str, &[&str])] = #spellings;
    })
}

/// Means::Errno(3)
fn means(kind: &str, at: usize) -> TokenStream {
    let (kind, at) = (format_ident!("{kind}"), at as u16);
    quote!(Means::#kind(#at))
}

/// kernel-init -> KernelInit, ENOEXEC -> Enoexec
fn variant(name: &str) -> proc_macro2::Ident {
    let capital = |word: &str| word[..1].to_ascii_uppercase() + &word[1..].to_ascii_lowercase();
    let digit = if name.starts_with(|c: char| c.is_ascii_digit()) { "On" } else { "" };
    format_ident!("{digit}{}", name.split('-').map(capital).collect::<String>())
}

impl Words<'_> {
    fn errnos(&mut self, source: &Source) -> Result<TokenStream, Mistake> {
        let mut rows = Vec::new();
        for (at, errno) in source.parse::<Errnos>()?.errno.into_iter().enumerate() {
            if !self.errnos.contains(errno.name.get_ref()) {
                self.errnos.push(errno.name.get_ref().clone());
            }
            let typed = errno.other.into_values().flatten();
            let mut texts: Vec<Text> = errno.text.into_iter().chain(typed).collect();
            texts.extend(self.translated(&errno.translated, source)?);
            self.phrases.add(&texts, &means("Errno", at), source)?;
            let texts: Vec<&str> = texts.iter().map(|text| text.get_ref().as_str()).collect();
            let (name, number, texts) = (variant(errno.name.get_ref()), errno.number.literal(), texts.join("\n"));
            let (alone, exists) = (errno.alone, errno.exists);
            rows.push(quote!(Errno { name: ErrorName::#name, number: #number, alone: #alone, exists: #exists, texts: #texts }));
        }
        Ok(quote!(pub(super) static ERRNOS: &[Errno] = &[#(#rows),*];))
    }

    fn callers(&mut self, source: &Source) -> Result<TokenStream, Mistake> {
        let file: Callers = source.parse()?;
        self.phrases.add(&file.no_event, &quote!(Means::NoEvent), source)?;
        let starts = self.all(&file.starts, source)?;
        self.phrases.add(&starts, &quote!(Means::Starts), source)?;
        let mut rows = Vec::new();
        for (at, caller) in file.caller.iter().enumerate() {
            self.phrases.add(&caller.needle, &means("Caller", at), source)?;
            self.callers.push(caller.name.get_ref().clone());
            let (name, shape, context) = (&caller.name.get_ref(), &caller.shape, self.place(&caller.context, source)?);
            let (exec, bare, opens, exists) = (caller.exec, caller.bare, caller.opens, caller.exists);
            rows.push(quote! {
                Caller { name: #name, context: #context, exec: #exec, bare: #bare, opens: #opens, exists: #exists, shape: #shape }
            });
        }
        let count = rows.len();
        let lists = [
            ("MENTIONS", &file.mentions),
            ("NOT_NAMES", &file.not_names),
            ("NOT_PROGRAMS", &file.not_programs),
            ("NOT_PROGRAMS_END", &file.not_programs_end),
            ("LOOKS_LIKE_PROGRAM", &file.looks_like_program),
            ("LOOKS_LIKE_PROGRAM_END", &file.looks_like_program_end),
            ("WRITERS", &file.writers),
            ("INTERPRETERS", &file.interpreters),
        ];
        let lists = lists.map(|(name, list)| {
            let (name, list) = (format_ident!("{name}"), list.literal());
            quote!(pub(super) static #name: &[&str] = #list;)
        });
        Ok(quote! {
            pub(super) static CALLERS: [Caller; #count] = [#(#rows),*];
            #(#lists)*
        })
    }

    fn script(&mut self, source: &Source) -> Result<TokenStream, Mistake> {
        let file: Script = source.parse()?;
        let not_found = self.all(&file.not_found, source)?;
        self.phrases.add(&not_found, &quote!(Means::NotFound), source)?;
        self.phrases.add(&self.all(&file.syntax, source)?, &quote!(Means::Syntax), source)?;
        let success = self.all(&file.success, source)?;
        self.phrases.add(&success, &quote!(Means::Success), source)?;
        let (not_found, success) = (not_found.literal(), success.literal());
        let word = |text: &Text| text.get_ref().chars().filter(|c| !c.is_whitespace() && *c != '…').collect::<String>();
        let line = self.all(&file.line, source)?.iter().map(word).collect::<Vec<_>>().literal();
        let mut rows = Vec::new();
        for content in &file.content {
            let cause = self.causes.variant(&content.cause, "cause", source)?;
            let (strength, first_line) = (content.strength.literal(), content.first_line);
            let begins = content.begins.literal();
            rows.push(quote!(Content { cause: #cause, strength: #strength, first_line: #first_line, begins: #begins }));
        }
        Ok(quote! {
            pub(super) static NOT_FOUND: &[&str] = #not_found;
            pub(super) static SUCCESS: &[&str] = #success;
            pub(super) static LINE: &[&str] = #line;
            pub(super) static CONTENTS: &[Content] = &[#(#rows),*];
        })
    }

    fn signs(&mut self, source: &Source, rows: &mut Vec<TokenStream>) -> Result<(), Mistake> {
        for (cause, sign) in source.parse::<BTreeMap<Text, Sign>>()? {
            let cause = self.causes.variant(&cause, "cause", source)?;
            let plain = [
                (Some(Strength::Certain), sign.certain),
                (Some(Strength::Likely), sign.likely),
                (Some(Strength::Possible), sign.possible),
                (None, sign.hints),
            ];
            let plain = plain.into_iter().map(|(strength, words)| (strength, words, Vec::new(), Vec::new()));
            let when = sign.when.into_iter().map(|when| (Some(when.strength), when.words, when.with, when.without));
            for (strength, words, with, without) in plain.chain(when).filter(|(_, words, ..)| !words.is_empty()) {
                let at = rows.len();
                self.phrases.add(&words, &means("Sign", at), source)?;
                let strength = strength.literal();
                let (with, without) = (self.alternatives(&with, source)?, self.alternatives(&without, source)?);
                let (with, without) = (self.alternative(with), self.alternative(without));
                rows.push(quote!(Sign { cause: #cause, strength: #strength, with: #with, without: #without }));
            }
        }
        Ok(())
    }

    fn defaults(&self, source: &Source) -> Result<TokenStream, Mistake> {
        let file: Defaults = source.parse()?;
        let mut classes = Vec::new();
        for class in &file.class {
            let (errno, context) = (self.errno(&class.errno, source)?, self.all_places(&class.context, source)?);
            let causes = self.weights(&class.causes, source)?;
            classes.push(quote!(Class { errno: #errno, context: #context, causes: #causes }));
        }
        let mut names = Vec::new();
        for name in &file.name {
            let (errno, context) = (self.errno(&name.errno, source)?, self.all_places(&name.context, source)?);
            let causes = self.weights(&name.causes, source)?;
            if let Some(other) = name.caller.iter().find(|caller| !self.callers.contains(caller.get_ref())) {
                return Err(source.mistake(&other.span(), "caller", "there is no such caller"));
            }
            let (caller, bare, starts) = (name.caller.literal(), name.bare, name.starts.literal());
            let (ends, has) = (name.ends.literal(), name.has.literal());
            names.push(quote! {
                NameClass {
                    errno: #errno, context: #context, caller: #caller, bare: #bare, starts: #starts, ends: #ends, has: #has,
                    causes: #causes,
                }
            });
        }
        let mut exits = Vec::new();
        for exit in &file.exit {
            let (status, context) = (exit.status, self.all_places(&exit.context, source)?);
            let causes = self.weights(&exit.causes, source)?;
            exits.push(quote!(Exit { status: #status, context: #context, causes: #causes }));
        }
        let mut instead = Vec::new();
        for (cause, others) in &file.instead {
            let cause = self.causes.variant(cause, "instead", source)?;
            let others = self.all_causes(others, source)?;
            instead.push(quote!((#cause, #others)));
        }
        let not_exec_format = self.all_causes(&file.not_exec_format, source)?;
        let basic = file.basic.literal();
        Ok(quote! {
            pub(super) static CLASSES: &[Class] = &[#(#classes),*];
            pub(super) static NAMES: &[NameClass] = &[#(#names),*];
            pub(super) static EXITS: &[Exit] = &[#(#exits),*];
            pub(super) static INSTEAD: &[(CauseId, &[CauseId])] = &[#(#instead),*];
            pub(super) static NOT_EXEC_FORMAT: &[CauseId] = #not_exec_format;
            pub(super) static BASIC: &[&str] = #basic;
        })
    }

    fn tells(&self, source: &Source) -> Result<Vec<TokenStream>, Mistake> {
        let row = |tell: data::Tell| {
            let among = self.all_causes(&tell.among, source)?;
            let (in_image, command, says) = (tell.in_image, tell.command, tell.says);
            Ok(quote!(Tell { among: #among, in_image: #in_image, command: #command, says: #says }))
        };
        source.parse::<Tells>()?.tell.into_iter().map(row).collect()
    }

    fn refusals(&self, source: &Source) -> Result<Vec<TokenStream>, Mistake> {
        let row = |refusal: data::Refusal| {
            let (says, strength) = (refusal.says, refusal.strength.literal());
            let causes = self.weights(&refusal.causes, source)?;
            Ok(quote!(Refusal { says: #says, strength: #strength, causes: #causes }))
        };
        source.parse::<Loading>()?.refusal.into_iter().map(row).collect()
    }

    /// The texts, and what is said of the messages in other languages.
    fn all(&self, words: &Translated, source: &Source) -> Result<Vec<Text>, Mistake> {
        let translated = self.translated(&words.translated, source)?;
        Ok(words.text.iter().cloned().chain(translated).collect())
    }

    fn translated(&self, messages: &[Text], source: &Source) -> Result<Vec<Text>, Mistake> {
        let mut texts: Vec<Text> = Vec::new();
        for message in messages {
            let Some(languages) = self.translations.get(message.get_ref()) else {
                return Err(source.mistake(&message.span(), "translated", "translations.toml does not have it"));
            };
            texts.extend(languages.values().map(|text| Text::new(message.span(), text.clone())));
        }
        texts.sort_by(|a, b| a.get_ref().cmp(b.get_ref()));
        texts.dedup_by(|a, b| a.get_ref() == b.get_ref());
        Ok(texts)
    }

    fn place(&self, name: &Text, source: &Source) -> Result<TokenStream, Mistake> {
        self.named_place(name.get_ref()).ok_or_else(|| self.no_place(name, source))
    }

    fn named_place(&self, name: &str) -> Option<TokenStream> {
        let (name, _) = self.places.get_key_value(name)?;
        let place = variant(name);
        Some(quote!(Place::#place))
    }

    fn no_place(&self, name: &Text, source: &Source) -> Mistake {
        source.mistake(&name.span(), "context", format!("contexts.toml has no {:?}", name.get_ref()))
    }

    fn all_places(&self, names: &[Text], source: &Source) -> Result<TokenStream, Mistake> {
        let places = names.iter().map(|name| self.place(name, source)).collect::<Result<Vec<_>, _>>()?;
        Ok(quote!(&[#(#places),*]))
    }

    /// Where ALTERNATIVES has this list, so that it is there once.
    fn alternative(&mut self, list: TokenStream) -> u16 {
        let known = self.alternatives.iter().position(|other| other.to_string() == list.to_string());
        known.unwrap_or_else(|| {
            self.alternatives.push(list);
            self.alternatives.len() - 1
        }) as u16
    }

    /// Lists of places that have to come together: `a+b`.
    fn alternatives(&self, names: &[Text], source: &Source) -> Result<TokenStream, Mistake> {
        let all = |name: &Text| {
            let places = name.get_ref().split('+').map(|place| self.named_place(place));
            let places = places.collect::<Option<Vec<_>>>().ok_or_else(|| self.no_place(name, source))?;
            Ok(quote!(&[#(#places),*]))
        };
        let alternatives = names.iter().map(all).collect::<Result<Vec<_>, _>>()?;
        Ok(quote!(&[#(#alternatives),*]))
    }

    fn errno(&self, name: &Text, source: &Source) -> Result<TokenStream, Mistake> {
        if !self.errnos.contains(name.get_ref()) {
            return Err(source.mistake(&name.span(), "errno", "errnos.toml does not have it"));
        }
        let name = variant(name.get_ref());
        Ok(quote!(ErrorName::#name))
    }

    fn all_causes(&self, ids: &[Text], source: &Source) -> Result<TokenStream, Mistake> {
        let ids = ids.iter().map(|id| self.causes.variant(id, "cause", source)).collect::<Result<Vec<_>, _>>()?;
        Ok(quote!(&[#(#ids),*]))
    }

    fn weights(&self, weights: &Weights, source: &Source) -> Result<TokenStream, Mistake> {
        let row = |(id, weight): (&Text, &f64)| {
            let id = self.causes.variant(id, "causes", source)?;
            Ok(quote!((#id, #weight)))
        };
        let rows = weights.iter().map(row).collect::<Result<Vec<_>, _>>()?;
        Ok(quote!(&[#(#rows),*]))
    }
}
