//! Man pages and completions, for packages: `cargo run --example pages -- DIR`.

use std::fs;
use std::io::Result;
use std::path::PathBuf;

use clap::CommandFactory;
use clap_complete::{Shell, generate_to};
use rbinfmt::cli::Cli;

fn main() -> Result<()> {
    let directory = PathBuf::from(std::env::args_os().nth(1).unwrap_or_else(|| "target/pages".into()));
    fs::create_dir_all(&directory)?;
    let mut command = Cli::command().version(env!("CARGO_PKG_VERSION"));
    clap_mangen::generate_to(command.clone(), &directory)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        generate_to(shell, &mut command, "rbinfmt", &directory)?;
    }
    Ok(())
}
