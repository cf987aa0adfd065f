//! How kernels differ. The fields are those of `Behaviour`; the first row has all of them.

use proc_macro2::TokenStream;
use quote::quote;
use serde::Deserialize;
use toml::Spanned;

use super::literal::{Literal, literal};
use super::source::{Mistake, Source};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Matrix {
    row: Vec<Spanned<Row>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ScriptParser {
    Old,
    Whole,
    New,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Opens {
    First,
    AfterArguments,
}

literal!(enum ScriptParser);
literal!(enum Opens);

macro_rules! row {
    ($($field:ident: $type:ty),* $(,)?) => {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Row {
            from: Spanned<String>,
            to: Option<Spanned<String>>,
            vendor: Option<String>,
            $($field: Option<$type>,)*
        }

        impl Row {
            /// The first field that the row leaves out.
            fn missing(&self) -> Option<&'static str> {
                $(if self.$field.is_none() {
                    return Some(stringify!($field));
                })*
                None
            }

            /// The statements that put the row's values into a `Behaviour`.
            fn changes(&self) -> TokenStream {
                let mut changes = TokenStream::new();
                $(if let Some(value) = self.$field.as_ref().map(Literal::literal) {
                    changes.extend(quote!(behaviour.$field = #value;));
                })*
                changes
            }
        }
    };
}

row! {
    window: usize,
    script: ScriptParser,
    register_max: usize,
    flags: String,
    tells_preserve_argv0: bool,
    execfd_once: bool,
    per_user_namespace: bool,
    survives_umount: bool,
    noexec_superblock: bool,
    bpf: bool,
    module_request: bool,
    fills_empty_argv: bool,
    check: bool,
    headers_within_page: bool,
    interpreter_head: usize,
    interpreter_path_max: usize,
    opens: Opens,
    opens_specials: bool,
    text_busy: bool,
    ia32_switch: bool,
    new_bss: bool,
    aligns_static_pie: bool,
    properties: bool,
}

/// Major, minor and patch; missing ones count as 0.
type Version = (u32, u32, u32);

fn version(text: &Spanned<String>, field: &str, source: &Source) -> Result<Version, Mistake> {
    let numbers: Option<Vec<u32>> = text.get_ref().split('.').map(|n| n.parse().ok()).collect();
    match numbers.as_deref() {
        Some(&[major]) => Ok((major, 0, 0)),
        Some(&[major, minor]) => Ok((major, minor, 0)),
        Some(&[major, minor, patch]) => Ok((major, minor, patch)),
        _ => Err(source.mistake(&text.span(), field, "a version is MAJOR[.MINOR[.PATCH]]")),
    }
}

fn tokens((major, minor, patch): Version) -> TokenStream {
    quote!((#major, #minor, #patch))
}

pub(crate) fn generate(source: &Source) -> Result<TokenStream, Mistake> {
    let matrix: Matrix = source.parse()?;
    if let Some(first) = matrix.row.first()
        && let Some(field) = first.get_ref().missing()
    {
        return Err(source.mistake(&first.span(), field, "the first row has every field"));
    }
    let mut last = (0, 0, 0);
    let mut rows = Vec::new();
    for row in &matrix.row {
        let row = row.get_ref();
        let from = version(&row.from, "from", source)?;
        if from < last {
            return Err(source.mistake(&row.from.span(), "from", "the rows go from old to new"));
        }
        last = from;
        let from = tokens(from);
        let to = match &row.to {
            Some(to) => {
                let to = tokens(version(to, "to", source)?);
                quote!(Some(#to))
            }
            None => quote!(None),
        };
        let (vendor, changes) = (row.vendor.literal(), row.changes());
        rows.push(quote!(Row { from: #from, to: #to, vendor: #vendor, change: |behaviour| { #changes } }));
    }
    let len = rows.len();
    Ok(quote!(static ROWS: [Row; #len] = [#(#rows),*];))
}
