//! Kind 1: a case for every row of the decision table, by hand: model, kernel and the row itself must say the same.
//! Cases that once disagreed stand in `once_wrong`.

mod admission;
mod elf;
mod entries;
mod once_wrong;
mod scripts;

use std::fs;

use bstr::BString;
use nix::errno::Errno;
use rbinfmt::exec::Model;
use rbinfmt::exec::identity::Identity;
use rbinfmt::exec::root::Root;
use rbinfmt::oracle::{self, Answer};

use crate::Tally;
use crate::case::{Agreement, Case, Item};
use crate::world::World;

/// What a row says.
#[derive(Debug, Clone)]
pub(crate) enum Says {
    Fails(Errno),
    Killed,
    /// With this argument list.
    Runs(Vec<&'static str>),
    /// Whatever the kernel says.
    Same,
}

/// A name for the reader, a case, and what the table says.
pub(crate) type Row = (&'static str, Case, Says);

pub(crate) fn run(world: &mut World, _seed: u64, _cases: usize) -> Tally {
    let mut tally = Tally::default();
    let rows = [admission::rows(), scripts::rows(), entries::rows(), elf::rows(), once_wrong::rows()];
    for (name, case, says) in rows.into_iter().flatten() {
        tally.cases += 1;
        let kernel = match case.ask(world) {
            Agreement::Agree { .. } => world.kernel(&case),
            Agreement::Undecided => {
                tally.wrong.push(format!("// {name}: undecided"));
                continue;
            }
            Agreement::Differ(what) => {
                tally.wrong.push(format!("// {name}: {what}"));
                continue;
            }
        };
        let as_said = match (&says, &kernel) {
            (Says::Fails(errno), Answer::Fails(kernel)) => errno == kernel,
            (Says::Killed, Answer::Killed(_)) | (Says::Same, _) => true,
            (Says::Runs(argv), Answer::Starts(process)) => process.argv == *argv,
            _ => false,
        };
        if !as_said {
            tally.wrong.push(format!("// {name}: the row says {says:?}, the kernel {kernel:?}"));
        }
    }
    busy(world, &mut tally);
    capabilities(world, &mut tally);
    tally
}

/// ETXTBSY: somebody has the file open for writing. Only the kernel knows, so only a root that asks it does.
fn busy(world: &mut World, tally: &mut Tally) {
    if !world.facts.kernel.behaviour().check {
        return;
    }
    tally.cases += 1;
    let case = Case::one("busy", fs::read("e64").unwrap());
    world.set(&case);
    let writer = fs::OpenOptions::new().write(true).open("busy").unwrap();
    let kernel = oracle::ask(b"busy", &case.argv, &[]).unwrap();
    let root = Root::own().asking_kernel(true);
    let model = Model::new(&world.facts, &root, &root).judge(b"busy", &case.argv);
    drop(writer);
    let free = Model::new(&world.facts, &root, &root).judge(b"busy", &case.argv);
    if kernel != Answer::Fails(Errno::ETXTBSY)
        || model.outcome.errno() != Some(Errno::ETXTBSY)
        || free.outcome.kind() != "starts"
    {
        tally.wrong.push(format!("// a busy file: {kernel:?}, {model:?}, {free:?}"));
    }
}

/// File capabilities outside the bounding set: EPERM where the file must have them, and from the file that an entry with
/// flag C took.
#[allow(unsafe_code)]
fn capabilities(world: &mut World, tally: &mut Tally) {
    const SYS_TIME: u32 = 25;
    let case = Case::one("must", fs::read("e64").unwrap())
        .with("may", Item::File(fs::read("e64").unwrap()))
        .with("scripted", Item::File(b"#!must\n".to_vec()))
        .with("taken", Item::File(b"with C".to_vec()))
        .with("passed", Item::File(b"without C".to_vec()))
        .entry(":with:M::with C::./may:C")
        .entry(":without:M::without::./may:");
    world.set(&case);
    for (file, effective) in [(c"must", 1), (c"may", 0), (c"taken", 1), (c"passed", 1)] {
        let value = [0x0200_0000 | effective, 1 << SYS_TIME, 0, 0, 0].map(u32::to_le_bytes).concat();
        // SAFETY: names and value outlive the call.
        let set = unsafe {
            libc::setxattr(file.as_ptr(), c"security.capability".as_ptr(), value.as_ptr().cast(), value.len(), 0)
        };
        assert_eq!(set, 0, "{file:?}: {}", std::io::Error::last_os_error());
    }
    let judge = |world: &World, path: &str| {
        let root = Root::own();
        let model = Model::new(&world.facts, &root, &root).judge(path.as_bytes(), &case.argv).outcome;
        (model.errno(), oracle::ask(path.as_bytes(), &case.argv, &[]).unwrap())
    };
    let mut expect = |world: &World, path: &str, errno: Option<Errno>| {
        tally.cases += 1;
        let (model, kernel) = judge(world, path);
        let kernel = if let Answer::Fails(errno) = kernel { Some(errno) } else { None };
        if (model, kernel) != (errno, errno) {
            tally.wrong.push(format!("// capabilities of {path}: model {model:?}, kernel {kernel:?}, not {errno:?}"));
        }
    };
    for path in ["must", "may", "scripted", "taken", "passed"] {
        expect(world, path, None);
    }
    // SAFETY: it takes numbers alone. What is dropped no other case needs.
    assert_eq!(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, SYS_TIME, 0, 0, 0) }, 0);
    world.facts.identity.bounding = Identity::own().bounding;
    for (path, errno) in [("must", Some(Errno::EPERM)), ("scripted", Some(Errno::EPERM)), ("taken", Some(Errno::EPERM))]
    {
        expect(world, path, errno);
    }
    for path in ["may", "passed"] {
        expect(world, path, None);
    }
}

/// A call of a file that every case finds.
pub(crate) fn call(path: &str) -> Case {
    Case { path: path.into(), argv: vec!["zero".into(), "one".into()], ..Case::default() }
}

/// A call of "x" with this content.
pub(crate) fn file(bytes: impl Into<Vec<u8>>) -> Case {
    Case { argv: vec!["zero".into(), "one".into()], ..Case::one("x", bytes.into()) }
}

impl Case {
    pub(crate) fn with(mut self, name: impl Into<BString>, item: Item) -> Case {
        self.files.push((name.into(), item));
        self
    }

    pub(crate) fn entry(mut self, string: &str) -> Case {
        self.entries.push(string.into());
        self
    }

    pub(crate) fn argv(mut self, argv: &[&[u8]]) -> Case {
        self.argv = argv.iter().map(|a| BString::from(*a)).collect();
        self
    }
}
