//! The facts of the running machine. Reads alone: nothing is mounted where others see it, nothing is loaded, and an
//! automount that waits goes on waiting.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use bstr::ByteSlice;

use super::engines;
use super::facts::{HostFacts, Policy, Seen, Support};
use super::{boot, place, programs, support};
use crate::binfmt::mounts::Mounted;
use crate::emulators::find::Places;
use crate::emulators::store::SYSTEM;
use crate::error::Result;
use crate::host::{Host, Identity};
use crate::kernel::Kernel;
use crate::proc::{self, ProcessStatus};
use crate::profile::{Profile, Profiles};
use crate::registrar::HeldBy;
use crate::registrar::facts::{Facts, Scope, own_target};
use crate::registrar::session;
use crate::trust::{Trust, Writable};

/// What a container engine may take to answer.
const PATIENCE: Duration = Duration::from_secs(4);

/// The settings that emulators and their users are sensitive to.
const SETTINGS: [&str; 10] = [
    "vm.mmap_min_addr",
    "vm.mmap_rnd_bits",
    "vm.mmap_rnd_compat_bits",
    "vm.overcommit_memory",
    "vm.max_map_count",
    "vm.legacy_va_layout",
    "kernel.randomize_va_space",
    "kernel.apparmor_restrict_unprivileged_userns",
    "kernel.unprivileged_userns_clone",
    "user.max_user_namespaces",
];

/// Variables that change what container tools and emulators do.
const VARIABLES: [&str; 8] = [
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_DEFAULT_PLATFORM",
    "BUILDX_BUILDER",
    "QEMU_LD_PREFIX",
    "QEMU_CPU",
    "QEMU_RESERVED_VA",
    "QEMU_STRACE",
];

/// What is looked at, and how.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// Where the world is.
    pub host: &'a Host,
    /// All profiles.
    pub profiles: &'a Profiles,
    /// Where emulators are.
    pub places: &'a Places,
    /// A table of this user namespace alone may be made, to look at it.
    pub private: bool,
    /// Run a program of each architecture.
    pub probe: bool,
    /// Ask container engines.
    pub engines: bool,
}

impl HostFacts {
    /// Looks at everything once.
    ///
    /// # Errors
    /// Where rbinfmt's own program cannot be read; what else cannot be seen is a fact.
    pub fn gather(look: Look) -> Result<HostFacts> {
        let host = look.host;
        // They take longest, and answer while the rest is read.
        let asked = look.engines.then(|| engines::ask(PATIENCE));
        let identity = Identity::own(host);
        // Before anything touches the table's directory.
        let mounted = session::mounted(host, look.private && !identity.first_user_namespace);
        let kernel = Kernel::running();
        let own = own_target()?;
        let support = support::gather(&kernel);
        let (table, held_by) = table(look, own, &mounted, &support);
        let programs = table.get().map_or_else(BTreeMap::new, programs::gather);
        Ok(HostFacts {
            place: place::gather(host, &identity),
            boot: boot::gather(),
            writable: writable(look.places),
            settings: settings(),
            policy: policy(),
            environment: environment(),
            engines: asked.map(engines::Asked::answers).unwrap_or_default(),
            mounted: mounted.map_or_else(|e| Seen::Unseen(e.to_string()), Seen::Seen),
            places: look.places.clone(),
            probed: look.probe,
            kernel,
            own,
            identity,
            support,
            table,
            held_by,
            programs,
        })
    }
}

/// The table. Where it is not mounted a mount of our own would load the module, which is not for a doctor to do.
fn table(
    look: Look,
    own: crate::elf::Target,
    mounted: &Result<Mounted>,
    support: &Support,
) -> (Seen<Facts>, Option<HeldBy>) {
    let mounted = match mounted {
        Ok(mounted) => *mounted,
        Err(error) => return (Seen::Unseen(error.to_string()), None),
    };
    if !mounted.is_visible() && !support.present {
        return (Seen::Unseen("the kernel's binfmt_misc is not loaded".into()), None);
    }
    let profiles: Vec<&Profile> = look.profiles.iter().collect();
    let emulators = look.places.find_all(&profiles, "", own);
    let seen = emulators.and_then(|emulators| {
        let scope = Scope {
            root: Path::new("/"),
            profiles: &profiles,
            emulators: &emulators,
            probe: look.probe,
            gives_rights: true,
        };
        session::look(look.host, mounted, look.private, look.profiles, scope)
    });
    match seen {
        Ok((facts, held_by)) => (Seen::Seen(facts), held_by),
        Err(error) => (Seen::Unseen(error.to_string()), None),
    }
}

/// What rbinfmt reads by itself, as far as it is there.
fn writable(places: &Places) -> Vec<Writable> {
    let trust = Trust::of_root(Path::new("/"));
    // A user's own store gives nobody root's rights.
    let store = places.store.as_deref().filter(|store| *store == Path::new(SYSTEM));
    let paths = [Path::new(Host::CONFIG), Path::new(Host::PROFILES)].into_iter().chain(store);
    let mut writable: Vec<Writable> =
        paths.filter(|path| path.exists()).filter_map(|path| trust.writable(path)).collect();
    writable.dedup();
    writable
}

fn settings() -> BTreeMap<String, String> {
    SETTINGS.iter().filter_map(|name| Some(((*name).to_owned(), proc::setting(name)?))).collect()
}

fn environment() -> BTreeMap<String, String> {
    let value = |name: &&str| Some(((*name).to_owned(), std::env::var(name).ok()?));
    VARIABLES.iter().filter_map(value).collect()
}

fn policy() -> Policy {
    use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
    let status = ProcessStatus::own();
    let limit = |name: &str, resource| {
        let (soft, _) = getrlimit(resource).ok()?;
        (soft != RLIM_INFINITY).then(|| (name.to_owned(), soft))
    };
    let label = std::fs::read(proc::own("attr/current")).ok();
    let label = label.map(|text| text.trim_end_with(|c| c == '\n' || c == '\0').to_str_lossy().into_owned());
    Policy {
        selinux_enforcing: std::fs::read_to_string("/sys/fs/selinux/enforce").ok().map(|text| text.trim() == "1"),
        apparmor: std::fs::read_to_string("/sys/module/apparmor/parameters/enabled").is_ok_and(|t| t.starts_with('Y')),
        label: label.filter(|text| !text.is_empty()),
        no_new_privs: status.field("NoNewPrivs") == Some("1"),
        seccomp_filter: status.field("Seccomp") == Some("2"),
        limits: [limit("RLIMIT_AS", Resource::RLIMIT_AS), limit("RLIMIT_NOFILE", Resource::RLIMIT_NOFILE)]
            .into_iter()
            .flatten()
            .collect(),
    }
}
