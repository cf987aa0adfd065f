//! The environment of the program. QEMU's emulators read options from it, so some of it is not for the program alone.

use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::config;
use crate::error::{Error, Result};

/// A variable and its value.
pub type Variable = (OsString, OsString);

/// Variables that make an emulator do something else than run the program, whatever their value: findings/
/// qemu-version-variable.sh. The second gives every program, and every child, the same argv\[0\].
const MISUNDERSTOOD: [(&str, &str); 2] = [("QEMU_VERSION", "-version"), ("QEMU_ARGV0", "-0")];

/// Options of QEMU's user emulators.
#[derive(Debug, Default, Clone)]
pub struct Emulation {
    /// `-cpu`
    pub cpu: Option<OsString>,
    /// `-g`: the port on which it waits for a debugger.
    pub gdb: Option<u16>,
    /// `-strace`
    pub strace: bool,
    /// `-s`: bytes of the stack.
    pub stack: Option<u64>,
}

impl Emulation {
    /// The variables from which the emulators read them.
    fn variables(&self) -> impl Iterator<Item = (&'static str, OsString)> {
        let options = [
            ("QEMU_CPU", self.cpu.clone()),
            ("QEMU_GDB", self.gdb.map(|port| port.to_string().into())),
            ("QEMU_STRACE", self.strace.then(|| "1".into())),
            ("QEMU_STACK_SIZE", self.stack.map(|bytes| bytes.to_string().into())),
        ];
        options.into_iter().filter_map(|(name, value)| Some((name, value?)))
    }
}

impl From<config::Emulation> for Emulation {
    fn from(config::Emulation { cpu, stack, strace }: config::Emulation) -> Emulation {
        Emulation { cpu: cpu.map(OsString::from), gdb: None, strace, stack }
    }
}

/// What the program gets, and which variables were left out, with the option for which an emulator takes them.
#[derive(Debug)]
pub(super) struct Environment {
    pub(super) variables: Vec<Variable>,
    pub(super) left_out: Vec<(&'static str, &'static str)>,
}

impl Environment {
    /// `inherited`, with what was `set` in its place, and the emulators' options.
    pub(super) fn of(inherited: Vec<Variable>, set: &[Variable], emulation: &Emulation) -> Environment {
        let mut variables = inherited;
        let mut put = |name: &OsStr, value: OsString| {
            variables.retain(|(other, _)| other != name);
            variables.push((name.to_owned(), value));
        };
        set.iter().for_each(|(name, value)| put(name, value.clone()));
        emulation.variables().for_each(|(name, value)| put(name.as_ref(), value));
        let is_there = |(name, _): &&(&str, &str)| variables.iter().any(|(other, _)| other == *name);
        let left_out: Vec<_> = MISUNDERSTOOD.iter().filter(is_there).copied().collect();
        variables.retain(|(name, _)| !left_out.iter().any(|(other, _)| name == *other));
        Environment { variables, left_out }
    }

    /// Adds a variable that was not there.
    pub(super) fn add(&mut self, name: &str, path: Option<&Path>) {
        self.variables.extend(path.map(|path| (name.into(), path.into())));
    }

    /// Adds options of the emulators for which nothing was said yet.
    pub(super) fn add_options(&mut self, emulation: &Emulation) {
        for (name, value) in emulation.variables() {
            if self.get(name).is_none() {
                self.variables.push((name.into(), value));
            }
        }
    }

    /// A variable's value.
    pub(super) fn get(&self, name: &str) -> Option<&OsStr> {
        self.variables.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_os_str())
    }

    /// As execve(2) wants it.
    pub(super) fn strings(&self) -> Result<Vec<CString>> {
        let string = |(name, value): &Variable| terminated([name.as_bytes(), b"=", value.as_bytes()].concat());
        self.variables.iter().map(string).collect()
    }
}

/// A string for the kernel.
pub(super) fn terminated(bytes: Vec<u8>) -> Result<CString> {
    CString::new(bytes).map_err(|e| Error::usage("starting a program", e))
}

/// `NAME=VALUE`; `NAME` alone means the value that it has here.
///
/// # Errors
/// A name that cannot be one; one that has no value here.
pub fn variable(text: &str) -> Result<Variable> {
    let doing = || format!("reading the variable {text:?}");
    match text.split_once('=') {
        Some(("", _)) => Err(Error::usage(doing(), "it has no name").help("for example --env LANG=C")),
        Some((name, value)) => Ok((name.into(), value.into())),
        None => std::env::var_os(text)
            .map(|value| (text.into(), value))
            .ok_or_else(|| Error::usage(doing(), "it is not set here").help("give it a value: --env NAME=VALUE")),
    }
}

/// This process's own.
pub(super) fn inherited() -> Vec<Variable> {
    std::env::vars_os().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(texts: &[(&str, &str)]) -> Vec<Variable> {
        texts.iter().map(|(name, value)| (name.into(), value.into())).collect()
    }

    #[test]
    fn what_is_set_replaces_and_options_of_qemu_reach_it() {
        let emulation = Emulation { cpu: Some("max".into()), strace: true, ..Emulation::default() };
        let inherited = pairs(&[("A", "1"), ("B", "2"), ("QEMU_CPU", "old")]);
        let environment = Environment::of(inherited, &pairs(&[("A", "3")]), &emulation);
        let wanted = pairs(&[("B", "2"), ("A", "3"), ("QEMU_CPU", "max"), ("QEMU_STRACE", "1")]);
        assert_eq!(environment.variables, wanted);
        assert_eq!(environment.get("A"), Some(OsStr::new("3")));
        assert_eq!(environment.strings().unwrap()[0].as_bytes(), b"B=2");
        // The configuration's do not replace what was said.
        let mut environment = environment;
        environment.add_options(&Emulation { cpu: Some("other".into()), stack: Some(9), ..Emulation::default() });
        assert_eq!(environment.get("QEMU_CPU"), Some(OsStr::new("max")));
        assert_eq!(environment.get("QEMU_STACK_SIZE"), Some(OsStr::new("9")));
    }

    #[test]
    fn what_an_emulator_would_take_for_another_command_is_left_out_however_it_came() {
        for (inherited, set) in [(&[("QEMU_VERSION", "")][..], &[][..]), (&[], &[("QEMU_VERSION", "9.2")])] {
            let environment = Environment::of(pairs(inherited), &pairs(set), &Emulation::default());
            assert_eq!(environment.variables, []);
            assert_eq!(environment.left_out, [("QEMU_VERSION", "-version")]);
        }
    }
}
