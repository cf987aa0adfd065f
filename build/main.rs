//! Reads the TOML that is built in and writes it as Rust data to OUT_DIR, so that nothing of it is parsed at run time.
//! A mistake in it fails the build, with file, line and field.
//!
//! Each module here reads one kind of data: serde types for the file, checks that name the field, and [`Literal`] for the
//! Rust value, or in large tables [`Pooled`]. The types of the values are in the modules that `include!` them.

#![allow(clippy::print_stdout, reason = "cargo reads it")]

mod architectures;
mod catalogue;
mod debian;
mod formats;
mod kernel;
mod known_bad;
mod literal;
mod loaders;
mod machines;
mod pool;
mod source;
mod texts;
mod translation;
mod words;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use proc_macro2::TokenStream;

use self::pool::Pool;
use self::source::{Mistake, Source};
use self::texts::Texts;

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=build");
    match write() {
        Ok(()) => ExitCode::SUCCESS,
        Err(mistake) => {
            println!("cargo::error={mistake}");
            ExitCode::FAILURE
        }
    }
}

fn write() -> Result<(), Mistake> {
    let directory =
        |variable| env::var_os(variable).map(PathBuf::from).ok_or(Mistake(format!("{variable} is not set")));
    let (root, out) = (directory("CARGO_MANIFEST_DIR")?, directory("OUT_DIR")?);
    for (file, code) in generate(&root)? {
        let path = out.join(file);
        fs::write(&path, code.to_string()).map_err(|why| Mistake(format!("writing {}: {why}", path.display())))?;
    }
    Ok(())
}

/// The Rust of each file in OUT_DIR, from the TOML below `root`.
pub(crate) fn generate(root: &Path) -> Result<Vec<(&'static str, TokenStream)>, Mistake> {
    let open = |name: &str| {
        println!("cargo::rerun-if-changed={name}");
        Source::open(root, name)
    };
    let groups = catalogue::GROUPS.iter().map(|group| open(&catalogue::path(group))).collect::<Result<Vec<_>, _>>()?;
    let translated = catalogue::GROUPS.iter().map(|group| open(&catalogue::path(&format!("zh/{group}"))));
    let causes = catalogue::read(&groups, &translated.collect::<Result<Vec<_>, _>>()?)?;
    let texts = |name, file: &str| {
        Texts::read(name, &open(&catalogue::path(file))?, &open(&catalogue::path(&format!("zh/{file}")))?)
    };
    let advice = texts("Advice", "advice")?;
    let qemu = open("profiles/qemu.toml")?;
    let architectures = architectures::read(&qemu)?;
    let mut pool = Pool::default();
    let mut files = vec![
        ("advice.rs", advice.generate(&mut pool)),
        ("architectures.rs", architectures::generate(&architectures)?),
        ("catalogue.rs", catalogue::generate(&causes, &mut pool)),
        ("debian.rs", debian::generate(&open("data/debian.toml")?)?),
        ("formats.rs", formats::generate(&open("src/doctor/file/formats.toml")?, &causes, &advice, &mut pool)?),
        ("kernel.rs", kernel::generate(&open("src/kernel/matrix.toml")?)?),
        ("known_bad.rs", known_bad::generate(&open("data/known-bad.toml")?)?),
        ("labels.rs", texts("Label", "labels")?.generate(&mut pool)),
        ("loaders.rs", loaders::generate(&open("src/doctor/file/loaders.toml")?, &architectures, &causes, &mut pool)?),
        ("machines.rs", machines::generate(&open("data/machines.toml")?, &mut pool)?),
        ("words.rs", words::generate(&open, &causes)?),
    ];
    files.push(("built_in.rs", pool.generate()));
    Ok(files)
}
