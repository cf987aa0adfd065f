//! Pairs of emulator and kernel or guest, and programs, that fail.

use proc_macro2::TokenStream;
use quote::quote;
use serde::Deserialize;

use super::literal::{Literal, literal};
use super::source::{Mistake, Source};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    pair: Vec<Pair>,
    program: Vec<Program>,
    variable: Vec<Variable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair {
    id: String,
    emulator: Range,
    #[serde(default)]
    kernel: Range,
    #[serde(default)]
    guests: Vec<String>,
    symptom: String,
    take: String,
    sources: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Program {
    guests: Vec<String>,
    go: String,
    cpu: String,
    symptom: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Variable {
    name: String,
    effect: String,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Range {
    from: Option<String>,
    below: Option<String>,
}

literal!(struct Pair { id, emulator, kernel, guests, symptom, take, sources });
literal!(struct Program { guests, go, cpu, symptom });
literal!(struct Variable { name, effect });
literal!(struct Range { from, below });

pub(crate) fn generate(source: &Source) -> Result<TokenStream, Mistake> {
    let Table { pair, program, variable } = source.parse()?;
    let (pairs, programs, variables) = (pair.literal(), program.literal(), variable.literal());
    Ok(quote! {
        const TABLE: &[Pair] = #pairs;
        const PROGRAMS: &[Program] = #programs;
        /// Variables of the environment that change what every emulated program does.
        pub const VARIABLES: &[Variable] = #variables;
    })
}
