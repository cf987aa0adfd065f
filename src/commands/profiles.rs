//! `rbinfmt profiles`: the architectures, their platforms and their rules.

use serde::Serialize;

use super::Context;
use crate::binfmt::rule::Rule;
use crate::error::{Result, Status};
use crate::profile::Profile;
use crate::text::{to_hex, to_text};

#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    platforms: &'a [String],
    aliases: &'a [String],
    rules: Vec<RuleRow>,
}

#[derive(Serialize)]
struct RuleRow {
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    magic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mask: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extension: Option<String>,
}

/// Prints them.
pub(super) fn run(context: &Context) -> Result<Status> {
    if context.printer.json {
        let rows: Vec<Row> = context.registrar.profiles.iter().map(row).collect();
        context.printer.value(&rows)?;
        return Ok(Status::Done);
    }
    let width = context.registrar.profiles.iter().map(|p| p.name.len()).max().unwrap_or(0);
    for profile in context.registrar.profiles.iter() {
        let spellings: Vec<&str> = profile.platforms.iter().chain(&profile.aliases).map(String::as_str).collect();
        context.printer.line(format!("{:width$}  {}", profile.name, spellings.join(" ")).trim_end())?;
    }
    Ok(Status::Done)
}

fn row(profile: &Profile) -> Row<'_> {
    Row {
        name: &profile.name,
        platforms: &profile.platforms,
        aliases: &profile.aliases,
        rules: profile.rules.iter().map(|r| rule(&r.rule)).collect(),
    }
}

fn rule(rule: &Rule) -> RuleRow {
    let none = RuleRow { offset: None, magic: None, mask: None, extension: None };
    match rule {
        Rule::Magic(m) => RuleRow {
            offset: Some(m.offset),
            magic: Some(to_hex(&m.magic)),
            mask: Some(to_hex(&m.mask)),
            extension: None,
        },
        Rule::Extension(extension) => RuleRow { extension: Some(to_text(extension)), ..none },
        Rule::Bpf(_) => none,
    }
}
