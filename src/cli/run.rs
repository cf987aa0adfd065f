//! The arguments of `rbinfmt run` and `rbinfmt shell`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::fetch::SourceArgs;

/// Runs a program, and all that it starts, with emulation and without root: in a table of its own.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
The program takes the place of rbinfmt: process id, terminal, signals, standard streams, directory and exit status are its own. \
The machine's table is not touched. Needs Linux 6.7.

Exit status: the program's; 125 rbinfmt failed, 126 the program cannot be executed, 127 there is no such program.

Examples:
  rbinfmt run ./hello-arm64
  rbinfmt run --arch riscv64 -- make check      also for what make starts
  rbinfmt run --root /srv/arm64 /bin/bash       as in a chroot
  rbinfmt run --root /srv/arm64 --as-root apt-get update
  rbinfmt run --root docker://debian --arch riscv64 -- uname -m")]
pub struct RunArgs {
    /// The program and its arguments [default: what the image starts]
    #[arg(value_name = "PROGRAM", trailing_var_arg = true)]
    pub command: Vec<OsString>,
    /// Where it runs.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// Like `run`, with a shell.
#[derive(Debug, Clone, Args)]
#[command(after_help = "The shell is $SHELL, or the first of bash and sh that DIR has. Exit status as of `run`.")]
pub struct ShellArgs {
    /// Arguments of the shell
    #[arg(value_name = "ARG", trailing_var_arg = true)]
    pub args: Vec<OsString>,
    /// Where it runs.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// What `run` and `shell` have in common.
#[derive(Debug, Clone, Args)]
pub struct PlaceArgs {
    /// Fetch the emulators of these architectures too, for programs that are started later; can be repeated, or `all`. The
    /// first one chooses the platform of an image
    #[arg(long = "arch", value_name = "ARCH")]
    pub archs: Vec<String>,
    /// Another root directory, with /proc, /sys, /dev, /tmp and /etc/resolv.conf of this machine: DIR, the tar of one, or an
    /// image: docker://REF, oci:DIR[:TAG], docker-archive:FILE[:REF], of which nothing is changed
    #[arg(long, value_name = "DIR|TAR|IMAGE")]
    pub root: Option<String>,
    /// Where the libraries of a dynamic program of another architecture come from: `auto` (this machine, or else Debian's
    /// packages), a directory, or `none` (this machine)
    #[arg(long, value_name = "auto|DIR|none", default_value = "auto")]
    pub sysroot: String,
    /// With Debian's libraries, also this package; can be repeated
    #[arg(long = "package", value_name = "NAME")]
    pub packages: Vec<String>,
    /// Show SOURCE at TARGET too; can be repeated
    #[arg(long = "bind", value_name = "SOURCE[:TARGET[:ro]]")]
    pub binds: Vec<String>,
    /// The working directory, in that root
    #[arg(long, value_name = "DIR")]
    pub workdir: Option<PathBuf>,
    /// Set a variable, or with NAME alone keep its value; can be repeated
    #[arg(long = "env", value_name = "NAME[=VALUE]")]
    pub variables: Vec<String>,
    /// Be root there, with the users and groups that /etc/subuid and /etc/subgid give you
    #[arg(long)]
    pub as_root: bool,
    /// Keep the table, and what is mounted, under NAME when the program has ended: `rbinfmt ps` lists and ends them
    #[arg(long, value_name = "NAME", conflicts_with = "join")]
    pub keep: Option<String>,
    /// Run it where --keep NAME was
    #[arg(long, value_name = "NAME", conflicts_with_all = ["root", "binds", "as_root", "archs", "packages"])]
    pub join: Option<String>,
    /// Only print what would be done
    #[arg(long)]
    pub print: bool,
    /// Emulate this model of CPU (QEMU's -cpu)
    #[arg(long, value_name = "MODEL", help_heading = "Options of the emulator")]
    pub cpu: Option<OsString>,
    /// Wait for gdb on this port
    #[arg(long, value_name = "PORT", help_heading = "Options of the emulator")]
    pub gdb: Option<u16>,
    /// Print the program's system calls to standard error
    #[arg(long, help_heading = "Options of the emulator")]
    pub strace: bool,
    /// Bytes of the stack
    #[arg(long, value_name = "BYTES", help_heading = "Options of the emulator")]
    pub stack: Option<u64>,
    /// Where missing emulators come from.
    #[command(flatten)]
    pub source: SourceArgs,
}

/// List what `run --keep` keeps, or end it.
#[derive(Debug, Clone, Args)]
pub struct PsArgs {
    /// End what is kept under NAME, with every program that runs there
    #[arg(long, value_name = "NAME")]
    pub end: Option<String>,
}
