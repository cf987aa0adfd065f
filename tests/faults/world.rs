//! Where a worker's runs happen: a root directory, a table and a store of its own, which can be put back as they were.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::pivot_root;
use rbinfmt::profile::Profiles;

use crate::other;

/// The architectures of the campaign.
pub(crate) const ARCHS: [&str; 2] = ["aarch64", "riscv64"];
pub(crate) const RBINFMT: &str = "/opt/rbinfmt";

/// Makes the worker's root below `root`, whose emulators are in `emulators`, and goes there.
pub(crate) fn enter(root: &Path, emulators: &Path, rbinfmt: &Path) {
    let bind =
        |from: &Path, to: &Path| mount(Some(from), to, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>);
    mount(Some("tmpfs"), root, Some("tmpfs"), MsFlags::empty(), None::<&str>).unwrap();
    for directory in ["usr", "proc", "dev", "etc/rbinfmt", "var/lib", "tmp", "opt", "given", "root", "host", "outside"]
    {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    for directory in ["usr", "proc", "dev"] {
        bind(&Path::new("/").join(directory), &root.join(directory)).unwrap();
    }
    read_only(&root.join("usr"));
    for name in ["bin", "lib", "lib64", "sbin"] {
        let there = Path::new("/").join(name);
        match fs::read_link(&there) {
            Ok(target) => symlink(target, root.join(name)).unwrap(),
            Err(_) if there.is_dir() => {
                fs::create_dir(root.join(name)).unwrap();
                bind(&there, &root.join(name)).unwrap();
            }
            Err(_) => {}
        }
    }
    fs::write(root.join("opt/rbinfmt"), "").unwrap();
    bind(rbinfmt, &root.join("opt/rbinfmt")).unwrap();
    bind(emulators, &root.join("given")).unwrap();
    for file in ["/etc/ld.so.cache", "/etc/passwd", "/etc/group"] {
        let _ = fs::copy(file, root.join(&file[1..]));
    }
    fs::write(root.join("outside/file"), "of another system").unwrap();
    // Not chroot(2): after it the kernel makes no user namespace, which entries that hold their table need.
    std::env::set_current_dir(root).unwrap();
    pivot_root(".", ".").unwrap();
    umount2(".", MntFlags::MNT_DETACH).unwrap();
    std::env::set_current_dir("/").unwrap();
    bind(Path::new("/"), Path::new("/host")).unwrap();
    fs::create_dir(other::MOUNT).unwrap();
    mount(Some("binfmt_misc"), other::MOUNT, Some("binfmt_misc"), MsFlags::empty(), None::<&str>).unwrap();
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o22));
    let profiles = Profiles::load(&[]).unwrap();
    for arch in ARCHS {
        let rule = &profiles.named(arch).unwrap().rules[0];
        fs::write(program(arch), rule.probe.as_ref().unwrap()).unwrap();
        fs::set_permissions(program(arch), fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// What is the machine's is not changed, whatever a run does.
fn read_only(mounted: &Path) {
    // In a user namespace the flags that it has cannot be taken away.
    let kept = [
        (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
        (FsFlags::ST_NOSUID, MsFlags::MS_NOSUID),
        (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
        (FsFlags::ST_NOATIME, MsFlags::MS_NOATIME),
        (FsFlags::ST_RELATIME, MsFlags::MS_RELATIME),
    ];
    let has = statvfs(mounted).unwrap().flags();
    let kept = kept.into_iter().filter(|(have, _)| has.contains(*have)).map(|(_, flag)| flag);
    let flags = kept.fold(MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY, |all, flag| all | flag);
    mount(None::<&str>, mounted, None::<&str>, flags, None::<&str>).unwrap();
}

/// Builds the emulators that are given to rbinfmt, below `scratch`/given: two versions, one that knows nothing of flag P,
/// and a package of the second.
pub(crate) fn make_emulators(scratch: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/emulator.c");
    let given = scratch.join("given");
    for (name, define) in [("one", "-DONE"), ("two", "-DTWO"), ("old", "-DSHIFTS")] {
        let directory = given.join(name);
        fs::create_dir_all(&directory).unwrap();
        let path = directory.join("qemu-aarch64-static");
        let flags =
            ["-O1", "-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector", "-fno-pie", "-no-pie", "-s"];
        let mut built = Command::new("cc");
        built.args(flags).arg(define).arg(format!("-DVERSION=\"{name}\"")).arg("-o").arg(&path);
        assert!(built.arg(&source).status().unwrap().success(), "cc builds {}", source.display());
        fs::copy(&path, directory.join("qemu-riscv64-static")).unwrap();
    }
    fs::create_dir_all(given.join("other")).unwrap();
    let other = format!("qemu-{}", other::ARCH);
    fs::copy(given.join("two/qemu-aarch64-static"), given.join("other").join(other)).unwrap();
    let package = given.join("package");
    fs::create_dir_all(package.join("DEBIAN")).unwrap();
    fs::create_dir_all(package.join("usr/bin")).unwrap();
    fs::write(
        package.join("DEBIAN/control"),
        "Package: qemu-user-static\nVersion: 2\nArchitecture: amd64\nMaintainer: nobody <nobody@example.invalid>\nDescription: x\n",
    )
    .unwrap();
    for arch in ARCHS {
        let name = format!("qemu-{arch}-static");
        fs::copy(given.join("two").join(&name), package.join("usr/bin").join(&name)).unwrap();
    }
    let mut packed = Command::new("dpkg-deb");
    packed.arg("--root-owner-group").arg("-Zxz").arg("-b").arg(&package).arg(given.join("two.deb"));
    assert!(packed.stdout(Stdio::null()).status().unwrap().success(), "dpkg-deb packs the emulators");
}

/// The worker and what it runs take turns: on one CPU that is quickest.
pub(crate) fn stay_on_cpu(worker: usize) {
    use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
    let this = nix::unistd::Pid::from_raw(0);
    let may = sched_getaffinity(this).unwrap();
    let cpus: Vec<usize> = (0..CpuSet::count()).filter(|&cpu| may.is_set(cpu).unwrap()).collect();
    let mut one = CpuSet::new();
    one.set(cpus[worker % cpus.len()]).unwrap();
    sched_setaffinity(this, &one).unwrap();
}

/// A foreign program; it writes 16 bytes of its argv[0].
fn program(arch: &str) -> PathBuf {
    Path::new("/root").join(format!("program-of-{arch}"))
}

/// Whether a foreign program runs.
pub(crate) fn works(arch: &str) -> bool {
    let ran = Command::new(program(arch)).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    ran.is_ok_and(|status| status.success())
}

/// rbinfmt, ready to be run with these words.
pub(crate) fn rbinfmt(words: &str) -> Command {
    let mut command = Command::new(RBINFMT);
    command.args(words.split_whitespace()).env_clear().env("PATH", "/usr/bin:/bin").env("RUST_BACKTRACE", "0");
    command
}

/// Whether the program needs nothing of the system that it is copied to.
pub(crate) fn is_static() -> bool {
    rbinfmt::elf::read(Path::new(RBINFMT)).is_ok_and(|elf| elf.interpreter.is_none())
}
