//! Path walks: links, directories and dots at random. The kernel's own walk, the one below a root (against chroot(2)) and the
//! one by hand must all end with the same error.

use std::path::Path;

use rbinfmt::exec::Model;
use rbinfmt::exec::root::Root;
use rbinfmt::oracle::{self, Caller};

use crate::Tally;
use crate::case::{Case, Item, differ};
use crate::random::Random;
use crate::world::World;

const WORK: &str = "/tmp/w";
const PARTS: [&str; 14] = ["a", "b", "c", "d", "a", "b", ".", "..", "dir", "e64", "text", "missing", "", "loop"];

pub(crate) fn run(world: &mut World, seed: u64, cases: usize) -> Tally {
    let (mut random, mut tally) = (Random::new(seed), Tally::default());
    let below = Root::below(Path::new(WORK)).unwrap();
    let caller = Caller { root: Some(WORK.into()), user: None };
    for _ in 0..cases {
        let files = ["a", "b", "c", "d"].iter().map(|name| ((*name).into(), item(&mut random)));
        let case =
            Case { files: files.collect(), path: path(&mut random).into(), argv: vec!["x".into()], ..Case::default() };
        world.set(&case);
        let mut wrong = Vec::new();

        // By hand, which another user's walk is: it may do as much as we may.
        let mut facts = world.facts.clone();
        facts.identity.own = false;
        let own = Root::own();
        let model = Model::new(&facts, &own, &own).judge(&case.path, &case.argv);
        wrong.extend(differ(&model, &world.kernel(&case)));

        let inside = oracle::ask_as(&caller, &case.path, &case.argv, &[]).unwrap();
        for facts in [&facts, &world.facts] {
            let model = Model::new(facts, &below, &own).judge(&case.path, &case.argv);
            wrong.extend(differ_inside(&model, &inside));
        }
        tally.cases += 1;
        tally.wrong.extend(wrong.into_iter().map(|what| format!("// {what}\n{case:?}")));
    }
    tally
}

/// /proc/PID/exe tells a path of the whole tree, the model one below the root.
fn differ_inside(model: &rbinfmt::exec::Verdict, kernel: &oracle::Answer) -> Option<String> {
    match (&model.outcome, kernel) {
        (rbinfmt::exec::Outcome::Starts(_), oracle::Answer::Starts(_)) => None,
        _ => differ(model, kernel).map(|what| format!("inside: {what}")),
    }
}

fn path(random: &mut Random) -> String {
    let parts: Vec<&str> = (0..1 + random.below(4)).map(|_| *random.pick(&PARTS)).collect();
    let start = *random.pick(&["", "", "", "/", "/tmp/w/", "./", "../w/", "../../tmp/w/"]);
    format!("{start}{}{}", parts.join("/"), if random.one_in(8) { "/" } else { "" })
}

fn item(random: &mut Random) -> Item {
    match random.below(8) {
        0 => Item::File(b"#!e64\n".to_vec()),
        1 => Item::Directory(0o755),
        2 => Item::Fifo,
        3 => Item::Mode(b"#!e64\n".to_vec(), 0o644),
        _ => match path(random) {
            empty if empty.is_empty() => Item::Link(b".".to_vec()),
            path => Item::Link(path.into_bytes()),
        },
    }
}
