//! What is run: each verb, over a state that other runs have made.

/// One verb over one state.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// Runs that make the state, one a line.
    pub(crate) before: &'static [&'static str],
    /// The run under faults, and again without.
    pub(crate) verb: &'static str,
    /// The verb is an error where it has been done already.
    pub(crate) once: bool,
}

const fn scenario(name: &'static str, before: &'static [&'static str], verb: &'static str) -> Scenario {
    Scenario { name, before, verb, once: false }
}

/// A line that is not for rbinfmt: what the harness itself does.
///
/// `!config DIR` writes a configuration, `!tree` makes the tree of another system, `!damage FILE` cuts a file.
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
    scenario("fetch, use", &["fetch --from /given/one"], "fetch --use --from /given/two"),
    scenario("upgrade", &["install --from /given/one arm64 riscv64"], "upgrade --from /given/two"),
    scenario("upgrade, enabled", &["enable --from /given/one arm64 riscv64"], "upgrade --from /given/two"),
    scenario(
        "emulators use",
        &["install --from /given/one arm64 riscv64", "fetch --from /given/two.deb"],
        "emulators use file-DEB",
    ),
    Scenario {
        once: true,
        ..scenario(
            "emulators remove",
            &["install --from /given/one arm64 riscv64", "fetch --from /given/two.deb"],
            "emulators remove file-DEB",
        )
    },
    scenario(
        "emulators gc",
        &["install --from /given/one arm64 riscv64", "fetch --from /given/two.deb"],
        "emulators gc",
    ),
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
];
