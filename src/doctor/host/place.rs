//! What kind of machine this is, and in what kind of container we are.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use nix::fcntl::AT_FDCWD;

use super::facts::SystemInfo;
use crate::elf;
use crate::host::{self, Host, Identity};
use crate::proc;

/// What files say.
pub(super) fn gather(host: &Host, identity: &Identity) -> SystemInfo {
    let release = ["/etc/os-release", "/usr/lib/os-release"].iter().find_map(|path| fs::read_to_string(path).ok());
    let release = release.unwrap_or_default();
    let of = |key: &str| value(&release, key).unwrap_or_default();
    // On the machine itself a container's mark is a leftover of the image that it was made from.
    let container = if identity.on_host() { None } else { container(host) };
    let (container, container_sign) = container.unzip();
    SystemInfo {
        os: of("ID"),
        os_version: of("VERSION_ID"),
        os_name: of("PRETTY_NAME"),
        container,
        container_sign,
        init: elf::read(&proc::of_process(1, "exe")).ok().map(|program| program.target),
        kernel_arch: host.kernel_arch(),
        page_size: host::page_size(),
        wsl: wsl(&fs::read_to_string("/etc/wsl.conf").unwrap_or_default()),
        read_only: is_read_only(Path::new("/usr")),
    }
}

/// A value of os-release(5).
fn value(text: &str, key: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
    Some(value.trim().trim_matches(['"', '\'']).to_owned())
}

/// The kind of container, and what says so.
fn container(host: &Host) -> Option<(String, String)> {
    let seen = |kind: &str, sign: String| Some((kind.to_owned(), sign));
    let manager = Path::new("/run/systemd/container");
    if let Ok(text) = fs::read_to_string(manager)
        && !text.trim().is_empty()
    {
        return seen(text.trim(), manager.display().to_string());
    }
    if let Some(sign) = host.pod_sign() {
        return seen("kubernetes", sign.to_owned());
    }
    let files = [
        ("podman", "/run/.containerenv"),
        ("docker", "/.dockerenv"),
        ("lxc", "/dev/lxd/sock"),
        ("lxc", "/dev/incus/sock"),
        ("lxc", "/dev/.lxc-boot-id"),
    ];
    if let Some((kind, path)) = files.iter().find(|(_, path)| Path::new(path).exists()) {
        return seen(kind, (*path).to_owned());
    }
    let environment = fs::read(proc::of_process(1, "environ")).unwrap_or_default();
    let variable = environment.split(|&b| b == 0).find_map(|v| v.strip_prefix(b"container="));
    if let Some(kind) = variable.filter(|kind| !kind.is_empty()) {
        return seen(&String::from_utf8_lossy(kind), "the environment of process 1".into());
    }
    let groups = fs::read_to_string(proc::of_process(1, "cgroup")).unwrap_or_default();
    let kinds = [("docker", "/docker"), ("podman", "libpod"), ("lxc", "/lxc")];
    let (kind, _) = kinds.iter().find(|(_, mark)| groups.contains(mark))?;
    seen(kind, "the control group of process 1".into())
}

/// What /etc/wsl.conf says under `[boot]`, as far as it matters here.
fn wsl(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().map(str::trim).skip_while(|line| *line != "[boot]").skip(1);
    let settings = lines.take_while(|line| !line.starts_with('[')).filter_map(|line| line.split_once('='));
    let settings = settings.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()));
    settings.filter(|(name, _)| ["protectBinfmt", "systemd", "command"].contains(&name.as_str())).collect()
}

fn is_read_only(path: &Path) -> bool {
    use nix::errno::Errno;
    use nix::unistd::{AccessFlags, faccessat};
    faccessat(AT_FDCWD, path, AccessFlags::W_OK, nix::fcntl::AtFlags::empty()) == Err(Errno::EROFS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn os_release_and_wsl_conf() {
        let release = "NAME=x\nID=ubuntu\nVERSION_ID=\"24.04\"\n";
        assert_eq!(value(release, "VERSION_ID").unwrap(), "24.04");
        assert_eq!(value(release, "I"), None);
        let conf = wsl("[user]\nsystemd=no\n[boot]\nsystemd = true\n# x\nother=1\n[network]\ncommand=z\n");
        assert_eq!(conf, BTreeMap::from([("systemd".into(), "true".into())]));
    }
}
