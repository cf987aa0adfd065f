//! The facts of the running system.

use std::path::Path;

use nix::sys::resource::{Resource, getrlimit};

use super::facts::{Environment, ExecFacts, MemoryFacts, TableFacts, TableState};
use super::identity::Identity;
use crate::architecture::Architecture;
use crate::binfmt::mounts::{BINFMT_MISC, Mounted, devices, mounted_on};
use crate::binfmt::table::{Listing, Table};
use crate::host::page_size;
use crate::kernel::Kernel;
use crate::proc::{self, Capability, Mounts, Namespace, ProcessStatus};

impl ExecFacts {
    /// The facts of this machine and this process, with the table that is mounted on `table`.
    pub fn gather(table: &Path) -> Self {
        let kernel = Kernel::running();
        let compat = has_compat(&kernel);
        let mounts = Mounts::read(&proc::own("mountinfo")).unwrap_or_default();
        let limit = getrlimit(Resource::RLIMIT_STACK).map_or(8 << 20, |(soft, _)| soft);
        let variables: Vec<usize> = std::env::vars_os().map(|(k, v)| k.len() + v.len() + 2).collect();
        ExecFacts {
            compat,
            x32: false,
            page_size: page_size(),
            identity: Identity::own(),
            memory: MemoryFacts::gather(),
            stack_limit: (limit != u64::MAX).then_some(limit),
            environment: Environment {
                count: variables.len() as u64,
                bytes: variables.iter().sum::<usize>() as u64,
                longest: variables.iter().max().copied().unwrap_or(0) as u64,
            },
            noexec: mounts.with_option("noexec").map(|mount| mount.point.to_string_lossy().into_owned()).collect(),
            table: TableFacts::gather(table, &mounts),
            kernel,
        }
    }
}

impl TableFacts {
    /// Reads the table mounted on `directory`; `mounts` are this process's, for the question whether anybody mounted one
    /// where none is. The kernel lists entries in the order in which it looks at them.
    pub fn gather(directory: &Path, mounts: &Mounts) -> Self {
        // A look below an automount that nobody triggered would mount the table.
        let waits = mounted_on(mounts, directory) == Mounted::Automount;
        let listing = if waits { None } else { Table::at(directory).list().ok() };
        let Some(Listing { enabled, entries, unreadable }) = listing else {
            let state = if nobody_mounts_it(mounts) { TableState::Absent } else { TableState::Hidden };
            return TableFacts { state, ..TableFacts::absent() };
        };
        let state = if enabled { TableState::Enabled } else { TableState::Disabled };
        TableFacts { state, entries, unreadable }
    }
}

impl Identity {
    /// This process's own.
    pub fn own() -> Self {
        let status = ProcessStatus::own();
        let groups = status.field("Groups").unwrap_or_default();
        Identity {
            uid: nix::unistd::geteuid().as_raw(),
            gid: nix::unistd::getegid().as_raw(),
            groups: groups.split_whitespace().filter_map(|g| g.parse().ok()).collect(),
            overrides: status.has(Capability::DacOverride),
            raw_io: status.has(Capability::SysRawio) && Namespace::User.is_first(),
            bounding: status.capabilities("CapBnd").unwrap_or(u64::MAX),
            inheritable: status.capabilities("CapInh").unwrap_or(0),
            own: true,
        }
    }
}

impl MemoryFacts {
    fn gather() -> Self {
        let number = |name: &str, default| proc::setting(name).and_then(|value| value.parse().ok()).unwrap_or(default);
        // The numbers of /proc/meminfo, without the work of adding up the others.
        let bytes = nix::sys::sysinfo::sysinfo().map_or(0, |info| info.ram_total() + info.swap_total());
        MemoryFacts {
            min_address: number("vm.mmap_min_addr", 65536),
            random_bits: number("vm.mmap_rnd_bits", 28).min(40) as u32,
            random_bits_compat: number("vm.mmap_rnd_compat_bits", 8).min(20) as u32,
            randomised: number("kernel.randomize_va_space", 2) > 0,
            overcommit: number("vm.overcommit_memory", 0) as u32,
            bytes,
        }
    }
}

/// Whether the 32-bit mode is built in and enabled. The loader's own sysctl tells on x86_64; elsewhere the
/// configuration would, which few kernels show: the usual one is assumed.
fn has_compat(kernel: &Kernel) -> bool {
    match Architecture::of_machine(&kernel.machine) {
        Some(Architecture::X86_64) => {
            proc::has_setting("abi.vsyscall32") && !text("cmdline").contains("ia32_emulation=0")
        }
        Some(Architecture::Aarch64) => text("cpuinfo").contains("32bit") || has_el0_32(),
        Some(Architecture::Ppc64 | Architecture::S390x | Architecture::Mips64el) => true,
        _ => false,
    }
}

fn has_el0_32() -> bool {
    // The CPUs that run 32-bit programs, where a kernel of 5.14 or later knows that not all may.
    Path::new("/sys/devices/system/cpu/aarch32_el0").exists()
}

/// The table is empty when nobody mounted it. That can be told where the machine's first process can be seen, whose
/// mounts are those that services get; a container's first process says nothing.
fn nobody_mounts_it(mounts: &Mounts) -> bool {
    if !text("filesystems").contains(BINFMT_MISC) {
        return true;
    }
    let unmounted = |mounts: &Mounts| !mounts.is_empty() && devices(mounts).next().is_none();
    let first = || Mounts::read(&proc::of_process(1, "mountinfo")).unwrap_or_default();
    Namespace::Pid.is_first() && Namespace::User.is_first() && unmounted(&first()) && unmounted(mounts)
}

fn text(kernel_file: &str) -> String {
    proc::text(&proc::kernel_file(kernel_file)).unwrap_or_default()
}
