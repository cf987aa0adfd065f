//! rbinfmt makes programs built for another CPU run on this machine, keeps them running, and explains when one does not.
//!
//! The library's face is what other programs can build on:
//!
//! - [`exec`]: what execve(2) will do with a file, without executing it;
//! - [`doctor`]: the verdict on a file, on an image and on an error message, and the causes that they name;
//! - [`profile`] and [`signature`]: the architectures, and what their programs look like; [`elf`]: what one ELF file is for;
//! - [`kernel`]: what each kernel's execve(2) and binfmt_misc can do;
//! - [`error`]: what went wrong, and the exit status that says whose fault it is.
//!
//! All other modules are the program's own: they are public for its tests and benchmarks, and may change with every version.
//!
//! ```
//! use rbinfmt::exec::facts::ExecFacts;
//! use rbinfmt::exec::root::Root;
//! use rbinfmt::exec::{Model, Outcome};
//!
//! # fn main() {
//! let facts = ExecFacts::gather("/proc/sys/fs/binfmt_misc".as_ref());
//! let root = Root::own();
//! let model = Model::new(&facts, &root, &root);
//! let verdict = model.judge(b"/bin/true", &["true".into()]);
//! assert!(matches!(verdict.outcome, Outcome::Starts(_)));
//! # }
//! ```
//!
//! What a program for another CPU looks like, and the rule of an entry that matches it:
//!
//! ```
//! use rbinfmt::elf;
//! use rbinfmt::profile::Profiles;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let profiles = Profiles::load(&[])?;
//! let arm64 = profiles.find("linux/aarch64")?;
//! let named = &arm64.rules[0];
//! assert_eq!(named.entry, "qemu-aarch64");
//! let program = named.probe.as_deref().ok_or("no program to try it with")?;
//! assert!(named.rule.takes(program, b"/tmp/program"));
//! assert_eq!(elf::parse(program)?.target.machine, 183);
//! # Ok(())
//! # }
//! ```
#[doc(hidden)]
pub mod architecture;
#[doc(hidden)]
pub mod archive;
mod backoff;
mod beneath;
#[doc(hidden)]
pub mod binfmt;
#[doc(hidden)]
pub mod boot;
pub mod built_in;
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod commands;
#[doc(hidden)]
pub mod config;
pub mod cpu;
pub mod doctor;
pub mod elf;
#[doc(hidden)]
pub mod emulators;
pub mod error;
pub mod exec;
#[doc(hidden)]
pub mod host;
#[doc(hidden)]
pub mod http;
#[doc(hidden)]
pub mod inspect;
pub mod kernel;
#[doc(hidden)]
pub mod lock;
#[doc(hidden)]
pub mod oci;
#[doc(hidden)]
pub mod oracle;
#[doc(hidden)]
pub mod probe;
#[doc(hidden)]
pub mod proc;
pub mod profile;
#[doc(hidden)]
pub mod progress;
#[doc(hidden)]
pub mod registrar;
#[doc(hidden)]
pub mod report;
#[doc(hidden)]
pub mod run;
#[doc(hidden)]
pub mod sandbox;
#[doc(hidden)]
pub mod selinux;
pub mod signature;
mod temporary;
#[doc(hidden)]
pub mod text;
#[doc(hidden)]
pub mod time;
#[doc(hidden)]
pub mod trust;
#[doc(hidden)]
pub mod verify;
