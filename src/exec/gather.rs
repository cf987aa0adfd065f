//! The facts of the running system.

use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::sys::resource::{Resource, getrlimit};

use super::facts::{Environment, ExecFacts, MemoryFacts, TableFacts, TableState};
use super::identity::Identity;
use crate::binfmt::entry::Entry;
use crate::error::{Doing, Result};
use crate::kernel::Kernel;

/// An entry's text is a page at most.
const MAX_ENTRY: usize = 1 << 16;

/// A machine with very many mounts has a long list of them.
const MAX_TEXT: usize = 1 << 24;

const CAP_DAC_OVERRIDE: u32 = 1;
const CAP_SYS_RAWIO: u32 = 17;

impl ExecFacts {
    /// The facts of this machine and this process, with the table that is mounted on `table`.
    pub fn gather(table: &Path) -> Result<Self> {
        let kernel = Kernel::running();
        let compat = has_compat(&kernel);
        let mounts = text("/proc/self/mountinfo");
        let limit = getrlimit(Resource::RLIMIT_STACK).map_or(8 << 20, |(soft, _)| soft);
        let variables: Vec<usize> = std::env::vars_os().map(|(k, v)| k.len() + v.len() + 2).collect();
        Ok(ExecFacts {
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
            noexec: noexec_mounts(&mounts),
            table: TableFacts::gather(table, &mounts)?,
            kernel,
        })
    }
}

impl TableFacts {
    /// Reads the table mounted on `directory`; `mounts` is this process's mountinfo, for the question whether anybody
    /// mounted one where none is. The kernel lists entries in the order in which it looks at them.
    pub fn gather(directory: &Path, mounts: &str) -> Result<Self> {
        // A look below an automount that nobody triggered would mount the table.
        let untouched = topmost(mounts, directory) == Some("autofs");
        let status = if untouched { None } else { fs::read(directory.join("status")).ok() };
        let Some(status) = status else {
            let state = if nobody_mounts_it(mounts) { TableState::Absent } else { TableState::Hidden };
            return Ok(TableFacts { state, entries: Vec::new() });
        };
        let state = if status.starts_with(b"disabled") { TableState::Disabled } else { TableState::Enabled };
        let mut entries = Vec::new();
        let listing = || format!("listing {}", directory.display());
        for item in fs::read_dir(directory).doing(listing)? {
            let name = item.doing(listing)?.file_name();
            let name = name.as_bytes();
            if name == b"register" || name == b"status" {
                continue;
            }
            let path = directory.join(std::ffi::OsStr::from_bytes(name));
            // An entry that goes away while we look is not an entry.
            let Ok(text) = read_some(&path, MAX_ENTRY) else { continue };
            let reading = || format!("reading the entry {}", path.display());
            entries.push(Entry::parse(name, &text).map_err(|why| crate::error::Error::unknown(reading(), why))?);
        }
        Ok(TableFacts { state, entries })
    }
}

impl Identity {
    /// This process's own.
    pub fn own() -> Self {
        let status = text("/proc/self/status");
        let field = |key: &str| status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default().trim();
        let set = |key| u64::from_str_radix(field(key), 16).ok();
        let caps = set("CapEff:").unwrap_or(0);
        Identity {
            uid: nix::unistd::geteuid().as_raw(),
            gid: nix::unistd::getegid().as_raw(),
            groups: field("Groups:").split_whitespace().filter_map(|g| g.parse().ok()).collect(),
            overrides: caps >> CAP_DAC_OVERRIDE & 1 == 1,
            raw_io: caps >> CAP_SYS_RAWIO & 1 == 1 && in_first_user_namespace(),
            bounding: set("CapBnd:").unwrap_or(u64::MAX),
            inheritable: set("CapInh:").unwrap_or(0),
            own: true,
        }
    }
}

impl MemoryFacts {
    fn gather() -> Self {
        let number = |name: &str, default| sysctl(name).unwrap_or(default);
        // The numbers of /proc/meminfo, without the work of adding up the others.
        let bytes = nix::sys::sysinfo::sysinfo().map_or(0, |info| info.ram_total() + info.swap_total());
        MemoryFacts {
            min_address: number("vm/mmap_min_addr", 65536),
            random_bits: number("vm/mmap_rnd_bits", 28).min(40) as u32,
            random_bits_compat: number("vm/mmap_rnd_compat_bits", 8).min(20) as u32,
            randomised: number("kernel/randomize_va_space", 2) > 0,
            overcommit: number("vm/overcommit_memory", 0) as u32,
            bytes,
        }
    }
}

fn page_size() -> u64 {
    nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten().map_or(4096, |n| n as u64)
}

/// A capability counts for page zero in the first user namespace alone, which maps every id to itself.
fn in_first_user_namespace() -> bool {
    let map = text("/proc/self/uid_map");
    map.split_whitespace().eq(["0", "0", "4294967295"])
}

/// Whether the 32-bit mode is built in and enabled. The loader's own sysctl tells on x86_64; elsewhere the
/// configuration would, which few kernels show: the usual one is assumed.
fn has_compat(kernel: &Kernel) -> bool {
    match kernel.machine.as_str() {
        "x86_64" => {
            Path::new("/proc/sys/abi/vsyscall32").exists() && !text("/proc/cmdline").contains("ia32_emulation=0")
        }
        "aarch64" => fs::read_to_string("/proc/cpuinfo").is_ok_and(|t| t.contains("32bit")) || has_el0_32(),
        "ppc64" | "s390x" | "mips64" => true,
        _ => false,
    }
}

fn has_el0_32() -> bool {
    // The CPUs that run 32-bit programs, where a kernel of 5.14 or later knows that not all may.
    Path::new("/sys/devices/system/cpu/aarch32_el0").exists()
}

/// The table is empty when nobody mounted it. That can be told where the machine's first process can be seen, whose
/// mounts are those that services get; a container's first process says nothing.
fn nobody_mounts_it(mounts: &str) -> bool {
    /// PROC_PID_INIT_INO in include/linux/proc_ns.h.
    const FIRST_PID_NAMESPACE: &str = "pid:[4026531836]";
    if !text("/proc/filesystems").contains("binfmt_misc") {
        return true;
    }
    let sees_first = fs::read_link("/proc/self/ns/pid").is_ok_and(|ns| ns == Path::new(FIRST_PID_NAMESPACE));
    let first = text("/proc/1/mountinfo");
    let unmounted = |mounts: &str| !mounts.is_empty() && !mounts.contains(" - binfmt_misc ");
    sees_first && in_first_user_namespace() && unmounted(&first) && unmounted(mounts)
}

/// The type of what is mounted last, and so on top, on `directory`.
fn topmost<'a>(mounts: &'a str, directory: &Path) -> Option<&'a str> {
    let on_directory = |line: &&str| line.split(' ').nth(4).is_some_and(|point| Path::new(point) == directory);
    mounts.lines().rfind(on_directory)?.split(" - ").nth(1)?.split(' ').next()
}

fn noexec_mounts(mounts: &str) -> Vec<String> {
    let noexec = |line: &str| {
        let fields: Vec<&str> = line.split(' ').collect();
        let options = fields.get(5)?;
        options.split(',').any(|o| o == "noexec").then(|| fields[4].to_owned())
    };
    mounts.lines().filter(|line| line.contains("noexec")).filter_map(noexec).collect()
}

/// The text of a pseudo-file, in one read where it fits: each read of some of them makes the kernel write it again.
fn text(path: &str) -> String {
    let bytes = read_some(Path::new(path), MAX_TEXT).unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

/// A number below /proc/sys, which one read gives whole.
fn sysctl(name: &str) -> Option<u64> {
    let mut part = [0; 32];
    let len = fs::File::open(Path::new("/proc/sys").join(name)).ok()?.read(&mut part).ok()?;
    std::str::from_utf8(&part[..len]).ok()?.trim().parse().ok()
}

/// At most `max` bytes of a file.
fn read_some(path: &Path, max: usize) -> std::io::Result<Vec<u8>> {
    let mut file = fs::File::open(path)?;
    let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let wanted = part.len().min(max - bytes.len());
        match file.read(&mut part[..wanted])? {
            0 => return Ok(bytes),
            len => bytes.extend_from_slice(&part[..len]),
        }
    }
}
