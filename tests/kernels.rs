//! Other machines' facts: what older, newer and foreign kernels would do with the same files. None of them runs here;
//! the rows are those of ../shared/reference/execve.md, read from their sources.

#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use bstr::BString;
use nix::errno::Errno;
use rbinfmt::binfmt::entry::{Entry, Flags};
use rbinfmt::binfmt::rule::{Magic, Rule};
use rbinfmt::exec::facts::{ExecFacts, TableFacts, TableState};
use rbinfmt::exec::root::Root;
use rbinfmt::exec::{Model, Outcome, Verdict};
use tempfile::TempDir;

struct Machine {
    facts: ExecFacts,
    dir: TempDir,
}

impl Machine {
    fn new(release: &str, machine: &str) -> Self {
        let mut facts = ExecFacts::gather("/nonexistent".as_ref());
        facts.table = TableFacts::absent();
        (facts.kernel.release, facts.kernel.machine) = (release.into(), machine.into());
        facts.compat = true;
        // Facts travel as JSON.
        let facts: ExecFacts = serde_json::from_str(&serde_json::to_string(&facts).unwrap()).unwrap();
        let machine = Machine { facts, dir: tempfile::tempdir().unwrap() };
        machine.file("e", &elf(62, 1));
        machine.file("s", b"#!/e\n");
        machine
    }

    fn file(&self, name: &str, bytes: &[u8]) {
        let path = self.dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn entry(&mut self, flags: &[u8], interpreter: &str, rule: Rule) {
        let flags = Flags::parse(flags).unwrap();
        let interpreter = Some(interpreter.into());
        let entry = Entry { name: "n".into(), enabled: true, interpreter, flags, rule, unknown: Vec::new() };
        self.facts.table = TableFacts::with(vec![entry]);
    }

    fn judge(&self, name: &str, argv: &[&str]) -> Verdict {
        let root = Root::below(self.dir.path()).unwrap();
        let argv: Vec<BString> = argv.iter().map(|a| BString::from(*a)).collect();
        Model::new(&self.facts, &root, &root).judge(name.as_bytes(), &argv)
    }

    fn errno(&self, name: &str) -> Option<Errno> {
        self.judge(name, &["x"]).outcome.errno()
    }

    fn argv(&self, name: &str, argv: &[&str]) -> Vec<BString> {
        match self.judge(name, argv).outcome {
            Outcome::Starts(started) => started.argv,
            other => panic!("{other:?}"),
        }
    }
}

/// A 64-bit program with this many program headers, the first of which loads the file.
fn elf(machine: u16, headers: u16) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0".to_vec();
    bytes.extend(machine.to_le_bytes());
    bytes.extend(1u32.to_le_bytes());
    bytes.extend([0x40_0100u64, 64, 0].map(u64::to_le_bytes).concat());
    bytes.extend([0u16, 0, 64, 56, headers, 0, 0, 0].map(u16::to_le_bytes).concat());
    bytes.extend([1u32, 5].map(u32::to_le_bytes).concat());
    bytes.extend([0u64, 0x40_0000, 0x40_0000, 0x100, 0x100, 0x1000].map(u64::to_le_bytes).concat());
    bytes.resize(64 + 56 * usize::from(headers) + 0x100, 0);
    bytes
}

fn x86(release: &str) -> Machine {
    Machine::new(release, "x86_64")
}

#[test]
fn scripts_before_and_after_5_8() {
    let runs_cut_off = |release: &str, window: usize| {
        let machine = x86(release);
        // As long as what is read, without `#!` and the last byte.
        let name = format!("//{}e", "./".repeat((window - 6) / 2));
        machine.file("long", format!("#!{name}behind the end{}", "x".repeat(300)).as_bytes());
        matches!(machine.judge("long", &["x"]).outcome, Outcome::Starts(_))
    };
    assert!(runs_cut_off("3.10.0-1160.el7.x86_64", 128) && runs_cut_off("4.18.0-240.el8.x86_64", 256));
    assert!(!runs_cut_off("5.0.1", 128) && !runs_cut_off("6.1.0", 256));
    for (release, errno) in [("5.7.14", Errno::ENOEXEC), ("5.8.1", Errno::EACCES)] {
        let machine = x86(release);
        machine.file("x", b"#!");
        assert_eq!(machine.errno("x"), Some(errno), "{release}");
    }
}

#[test]
fn a_script_as_interpreter_of_an_entry_with_o() {
    for (release, errno) in [("5.7.14", None), ("5.8.1", Some(Errno::ENOEXEC))] {
        let mut machine = x86(release);
        machine.file("x", b"AB");
        machine.entry(b"O", "/s", Rule::Magic(Magic::exact(0, b"AB".to_vec())));
        assert_eq!(machine.errno("x"), errno, "{release}");
    }
}

#[test]
fn no_arguments_and_flag_p() {
    assert_eq!(x86("5.14.2").argv("e", &[]), Vec::<BString>::new());
    assert_eq!(x86("5.19.0").argv("e", &[]), [""]);
    for (release, told) in [("5.10.1", 0), ("5.12.9", 1)] {
        let mut machine = x86(release);
        machine.file("x", b"AB");
        machine.entry(b"P", "/e", Rule::Magic(Magic::exact(0, b"AB".to_vec())));
        let Outcome::Starts(started) = machine.judge("x", &["zero"]).outcome else { panic!() };
        assert_eq!((started.at_flags, started.argv), (told, vec!["/e".into(), "x".into(), "zero".into()]));
    }
}

#[test]
fn program_headers_within_a_page() {
    for (release, headers, errno) in
        [("6.13.7", 73, None), ("6.13.7", 74, Some(Errno::ENOEXEC)), ("6.18.2", 74, None), ("6.18.2", 1170, None)]
    {
        let machine = x86(release);
        machine.file("x", &elf(62, headers));
        assert_eq!(machine.errno("x"), errno, "{release} {headers}");
    }
}

#[test]
fn old_kernels_wait_for_a_fifo() {
    let fifo = |release: &str| {
        let machine = x86(release);
        let mode = nix::sys::stat::Mode::from_bits_truncate(0o777);
        nix::unistd::mkfifo(&machine.dir.path().join("p"), mode).unwrap();
        machine.judge("p", &["x"]).outcome.kind()
    };
    assert_eq!((fifo("5.8.1"), fifo("5.10.1")), ("unknown", "errno"));
}

#[test]
fn what_cannot_be_known() {
    let mut machine = x86("7.3.4");
    machine.file("x", b"AB");
    machine.entry(b"", "/e", Rule::Bpf("pick".into()));
    assert_eq!(machine.judge("x", &["x"]).outcome.kind(), "unknown");
    machine.facts.table = TableFacts { state: TableState::Hidden, ..TableFacts::absent() };
    assert_eq!(machine.judge("x", &["x"]).outcome.kind(), "unknown");
    assert_eq!(machine.judge("e", &["x"]).outcome.kind(), "starts");
    machine.facts.table.state = TableState::Disabled;
    assert_eq!(machine.errno("x"), Some(Errno::ENOEXEC));
}

#[test]
fn each_machine_runs_its_own() {
    for (machine, number) in [("x86_64", 62), ("aarch64", 183), ("riscv64", 243), ("ppc64le", 21), ("loongarch64", 258)]
    {
        for other in [62, 183, 243, 21, 258] {
            let machine = Machine::new("6.12.0", machine);
            machine.file("x", &elf(other, 1));
            let expected = (other != number).then_some(Errno::ENOEXEC);
            assert_eq!(machine.errno("x"), expected, "{} {other}", machine.facts.kernel.machine);
        }
    }
}
