//! Whether the kernel has binfmt_misc, or could load it.

use std::fs;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::facts::{Config, Support};
use crate::kernel::Kernel;
use crate::proc;

/// A kernel's configuration and a distribution's list of modules have less.
const MOST: u64 = 8 << 20;

const OPTION: &str = "CONFIG_BINFMT_MISC";

/// What files say of it.
pub(super) fn gather(kernel: &Kernel) -> Support {
    let filesystems = fs::read_to_string(proc::kernel_file("filesystems")).unwrap_or_default();
    let present = filesystems.split_whitespace().any(|word| word == crate::binfmt::mounts::BINFMT_MISC);
    let directory = Path::new("/lib/modules").join(&kernel.release);
    Support { present, config: config(kernel), modules: directory.is_dir(), module: module(&directory) }
}

fn config(kernel: &Kernel) -> Option<(Config, String)> {
    let running = proc::kernel_file("config.gz");
    let decompressed = File::open(&running).ok().and_then(|file| text(flate2::read::GzDecoder::new(file)));
    if let Some(text) = decompressed {
        return Some((option(&text), running.display().to_string()));
    }
    let of_boot = format!("/boot/config-{}", kernel.release);
    let text = File::open(&of_boot).ok().and_then(text)?;
    Some((option(&text), of_boot))
}

fn option(config: &str) -> Config {
    let value = config.lines().find_map(|line| line.strip_prefix(OPTION)?.strip_prefix('='));
    match value {
        Some("y") => Config::BuiltIn,
        Some("m") => Config::Module,
        _ => Config::No,
    }
}

/// The module's file, or where the lists of modules say that it is built in.
fn module(directory: &Path) -> Option<String> {
    ["modules.dep", "modules.builtin"].iter().find_map(|list| {
        let text = File::open(directory.join(list)).ok().and_then(text)?;
        let path =
            |line: &str| line.split(':').next().filter(|path| path.contains("/binfmt_misc.ko")).map(str::to_owned);
        text.lines().find_map(path)
    })
}

fn text(file: impl Read) -> Option<String> {
    let mut bytes = Vec::new();
    file.take(MOST).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_is_read_by_its_whole_name() {
        assert_eq!(option("CONFIG_BINFMT_MISC=y\n"), Config::BuiltIn);
        assert_eq!(option("CONFIG_BINFMT_MISC_X=y\nCONFIG_BINFMT_MISC=m\n"), Config::Module);
        assert_eq!(option("# CONFIG_BINFMT_MISC is not set\nCONFIG_BINFMT_ELF=y\n"), Config::No);
    }

    #[test]
    fn a_module_is_found_in_the_lists() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(module(dir.path()), None);
        fs::write(dir.path().join("modules.dep"), "kernel/fs/a.ko:\nkernel/fs/binfmt_misc.ko.zst:\n").unwrap();
        assert_eq!(module(dir.path()).unwrap(), "kernel/fs/binfmt_misc.ko.zst");
    }
}
