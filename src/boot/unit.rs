//! rbinfmt.service, where systemd looks after the system that we write for.

use std::path::Path;
use std::process::Command;

use super::{Tree, UNIT_NAME};
use crate::error::{Doing, Error, Result};
use crate::host::{Host, Identity};

impl Tree {
    /// Whether this is the tree of the system that runs here. In a chroot it is not.
    pub fn is_running(&self, host: &Host) -> bool {
        self.is_ours() && Identity::own(host).on_host() && !host.is_chroot()
    }

    /// Whether systemd looks after it.
    fn has_systemd(&self, host: &Host) -> bool {
        self.is_running(host) && Path::new("/run/systemd/system").is_dir()
    }

    /// Lets systemd read its units again.
    ///
    /// # Errors
    /// What systemctl says.
    pub fn reload_units(&self, host: &Host) -> Result<()> {
        if self.has_systemd(host) { systemctl(&["daemon-reload"]) } else { Ok(()) }
    }

    /// Starts the unit.
    ///
    /// # Errors
    /// What systemctl says.
    pub fn start_unit(&self, host: &Host) -> Result<()> {
        if self.has_systemd(host) { systemctl(&["start", UNIT_NAME]) } else { Ok(()) }
    }

    /// Stops the unit.
    ///
    /// # Errors
    /// What systemctl says.
    pub fn stop_unit(&self, host: &Host) -> Result<()> {
        if self.has_systemd(host) { systemctl(&["stop", UNIT_NAME]) } else { Ok(()) }
    }
}

fn systemctl(args: &[&str]) -> Result<()> {
    let doing = || format!("running systemctl {}", args.join(" "));
    let output = Command::new("systemctl").args(args).output().doing(doing)?;
    if output.status.success() {
        return Ok(());
    }
    let lines = String::from_utf8_lossy(&output.stderr).lines().map(str::to_owned).collect::<Vec<_>>();
    Err(Error::failed(doing(), lines.join("; ")))
}
