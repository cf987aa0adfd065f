//! What is run: each verb, over a state that other runs have made.

use crate::inject::End;

/// One verb over one state.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// Runs that make the state, one a line.
    pub(crate) before: &'static [&'static str],
    /// The run under faults.
    pub(crate) verb: &'static str,
    /// The run that has to finish what was begun; the same again where it is none.
    pub(crate) then: Option<&'static str>,
    /// The verb is an error where it has been done already.
    pub(crate) once: bool,
    /// The exit status where nothing fails.
    pub(crate) status: i32,
    pub(crate) end: End,
    /// What it prints is its result.
    pub(crate) told: bool,
}

const fn scenario(name: &'static str, before: &'static [&'static str], verb: &'static str) -> Scenario {
    Scenario { name, before, verb, then: None, once: false, status: 0, end: End::Done, told: false }
}

impl Scenario {
    /// Whether one of its runs enables in the worker's own root, which wants systemd there.
    pub(crate) fn enables_here(&self) -> bool {
        let verbs = self.before.iter().chain([&self.verb]).chain(&self.then);
        verbs.into_iter().any(|words| words.split(' ').any(|word| word == "enable") && !words.contains("--root"))
    }

    const fn then(self, verb: &'static str) -> Scenario {
        Scenario { then: Some(verb), ..self }
    }

    const fn once(self) -> Scenario {
        Scenario { once: true, ..self }
    }

    const fn refused(self) -> Scenario {
        Scenario { status: 1, ..self }
    }

    const fn held(self) -> Scenario {
        Scenario { end: End::Terminated, ..self }
    }

    const fn told(self) -> Scenario {
        Scenario { told: true, ..self }
    }

    /// What it needs that not every machine has.
    pub(crate) fn needs(&self, word: &str) -> bool {
        self.before.iter().chain([&self.verb]).chain(&self.then).any(|line| line.contains(word))
    }
}

/// Lines with `!` are not for rbinfmt: prepare.rs has them, and the words that are known only when it runs.
pub(crate) const SCENARIOS: &[Scenario] = &[
    scenario("install, new", &[], "--emulators /given/one install arm64 riscv64"),
    scenario(
        "install, the same",
        &["--emulators /given/one install arm64 riscv64"],
        "--emulators /given/one install arm64 riscv64",
    ),
    scenario(
        "install, replace",
        &["--emulators /given/one install arm64 riscv64"],
        "--emulators /given/two install arm64 riscv64",
    ),
    scenario(
        "install, replace unverified",
        &["--emulators /given/one install arm64 riscv64"],
        "--emulators /given/two install --no-verify arm64 riscv64",
    ),
    scenario(
        "install, other flags",
        &["--emulators /given/one install arm64 riscv64"],
        "--emulators /given/one install --no-credentials arm64 riscv64",
    ),
    scenario(
        "install, no flag P",
        &["--emulators /given/one install arm64 riscv64"],
        "--emulators /given/old install arm64 riscv64",
    ),
    scenario("install, converge", &["--emulators /given/one install arm64 riscv64", "!config /given/one"], "install"),
    scenario("install, from the store", &["fetch --from /given/one"], "install arm64 riscv64"),
    scenario("install, fetch", &[], "install --from /given/one arm64 riscv64"),
    scenario(
        "install, fetch over another",
        &["install --from /given/one arm64 riscv64"],
        "install --from /given/two arm64 riscv64",
    ),
    scenario(
        "install, damaged store",
        &["fetch --from /given/one", "!damage qemu-aarch64"],
        "install --from /given/one arm64 riscv64",
    ),
    scenario("--install", &["--emulators /given/one install arm64"], "--emulators /given/two --install arm64,riscv64"),
    scenario("uninstall", &["--emulators /given/one install arm64 riscv64"], "uninstall arm64"),
    scenario("uninstall all", &["install --from /given/one arm64 riscv64"], "uninstall all"),
    scenario("uninstall *", &["--emulators /given/one install arm64 riscv64"], "uninstall qemu-*"),
    scenario("fetch, directory", &[], "fetch --from /given/one"),
    scenario("fetch, deb", &[], "fetch --from /given/two.deb"),
    scenario("fetch, again", &["fetch --from /given/one"], "fetch --from /given/one"),
    scenario("fetch, damaged", &["fetch --from /given/one", "!damage qemu-aarch64"], "fetch --from /given/one"),
    scenario("fetch, zeroed", &["fetch --from /given/one", "!zero qemu-aarch64"], "fetch --from /given/one"),
    scenario("fetch, use", &["fetch --from /given/one"], "fetch --use --from /given/two"),
    scenario("upgrade", &["install --from /given/one arm64 riscv64"], "upgrade --from /given/two"),
    scenario("upgrade, enabled", &["enable --from /given/one arm64 riscv64"], "upgrade --from /given/two"),
    scenario(
        "emulators use",
        &["install --from /given/one arm64 riscv64", "fetch --from /given/two.deb"],
        "emulators use file-DEB",
    ),
    scenario(
        "emulators use, enabled",
        &["enable --from /given/one arm64 riscv64", "fetch --from /given/two.deb"],
        "emulators use file-DEB",
    ),
    scenario(
        "emulators remove",
        &["install --from /given/one arm64 riscv64", "fetch --from /given/two.deb"],
        "emulators remove file-DEB",
    )
    .once(),
    scenario(
        "emulators gc",
        &["install --from /given/one arm64 riscv64", "fetch --from /given/two.deb"],
        "emulators gc",
    ),
    // An upgrade was interrupted: the table and the next boot still have the version that is in use no longer.
    scenario(
        "emulators gc, interrupted",
        &["enable --from /given/one arm64 riscv64", "fetch --use --from /given/two"],
        "emulators gc",
    ),
    scenario(
        "upgrade, interrupted",
        &["enable --from /given/one arm64 riscv64", "fetch --use --from /given/two", "emulators gc"],
        "upgrade --from /given/two",
    ),
    scenario("status", &["--emulators /given/one install arm64 riscv64"], "status").told(),
    scenario("enable", &["fetch --from /given/one"], "enable arm64 riscv64"),
    scenario("enable, fetch", &[], "enable --from /given/one arm64 riscv64"),
    scenario("enable, other", &["enable --from /given/one arm64 riscv64"], "enable --from /given/two arm64"),
    scenario("disable", &["enable --from /given/one arm64 riscv64"], "disable"),
    scenario("enable --root", &["!tree"], "enable --root /tree --from /given/one arm64 riscv64"),
    scenario(
        "disable --root",
        &["!tree", "enable --root /tree --from /given/one arm64 riscv64"],
        "disable --root /tree",
    ),
    // Over what others have left.
    scenario("install, another's entry", &["!other"], "--emulators /given/one install arm64 riscv64"),
    scenario(
        "install, stand-ins",
        &["--emulators /given/one install arm64 riscv64", "!stand-in qemu-aarch64", "!stand-in qemu-riscv64"],
        "--emulators /given/two install arm64 riscv64",
    ),
    scenario(
        "uninstall, stand-ins",
        &["--emulators /given/one install arm64 riscv64", "!stand-in qemu-aarch64", "!stand-in qemu-riscv64"],
        "--emulators /given/one uninstall all",
    ),
    // Kept by entries, and by a process.
    scenario("install, entries", &[], "--emulators /given/one install --keep entries arm64 riscv64"),
    scenario(
        "install, entries over others",
        &["--emulators /given/one install arm64 riscv64"],
        "--emulators /given/two install --keep entries arm64 riscv64",
    ),
    scenario("install, hold", &[], "--emulators /given/one install --hold arm64 riscv64").held(),
    scenario(
        "install, hold and replace",
        &["--emulators /given/one install arm64 riscv64"],
        "--emulators /given/two install --hold arm64 riscv64",
    )
    .held(),
    scenario("install, persist", &[], "--emulators /given/one install --persist=/host arm64 riscv64"),
    // One verb after another that was interrupted.
    scenario("enable, then disable", &["fetch --from /given/one"], "enable arm64 riscv64").then("disable"),
    scenario("enable, fetch, then disable", &[], "enable --from /given/one arm64 riscv64").then("disable"),
    scenario("install, then uninstall", &[], "--emulators /given/one install arm64 riscv64").then("uninstall all"),
    scenario("persist, then disable", &[], "--emulators /given/one install --persist=/host arm64 riscv64")
        .then("disable --persist=/host"),
    // Over the network.
    scenario("fetch, mirror", &[], "fetch MIRROR"),
    scenario("install, mirror", &[], "install MIRROR arm64 riscv64"),
    scenario("upgrade, mirror", &["install MIRROR arm64 riscv64"], "upgrade MIRROR"),
    scenario("fetch, registry", &[], "fetch --from REGISTRY"),
    scenario("install, registry", &[], "install --from REGISTRY arm64 riscv64"),
    // Trees whose directories are links, and a record that somebody else wrote.
    scenario(
        "enable --root, links",
        &["!tree", "!link /var /srv/var", "!link /etc/systemd /srv/systemd"],
        "enable --root /tree --from /given/one arm64 riscv64",
    ),
    scenario(
        "disable --root, links",
        &[
            "!tree",
            "!link /var/lib /srv/lib",
            "!link /etc/rbinfmt /srv/own",
            "enable --root /tree --from /given/one arm64 riscv64",
        ],
        "disable --root /tree",
    ),
    scenario(
        "enable --root, link out",
        &["!tree", "!escape /etc/rbinfmt"],
        "enable --root /tree --from /given/one arm64 riscv64",
    )
    .refused(),
    scenario(
        "enable --root, link out of tmp",
        &["!tree", "!escape /var/lib/rbinfmt/tmp"],
        "enable --root /tree --from /given/one arm64 riscv64",
    )
    .refused(),
    scenario("disable --root, record", &["!tree", "!record /../outside/file"], "disable --root /tree").refused(),
];
