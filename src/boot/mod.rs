//! What brings entries back after a reboot: some files in a system's tree, and a record of them.
//!
//! ```text
//! /etc/rbinfmt/config.toml                what the unit converges on
//! /etc/systemd/system/rbinfmt.service     the unit, unless a package brought one; and the link that enables it
//! /etc/binfmt.d/rbinfmt.conf              the entries, for systemd-binfmt, which clears the table when it starts
//! /usr/local/bin/rbinfmt                  rbinfmt itself, where the unit could not start it otherwise
//! /etc/rbinfmt/enabled.json               the record: what was written here, for `rbinfmt disable`
//! ```

pub mod persist;
mod record;
mod tree;
mod unit;
mod wish;

pub use self::record::{Action, Change};
pub use self::tree::{Content, File, Tree};
pub use self::wish::{Wish, entries};

use std::path::PathBuf;

use crate::error::{Doing, Result};
use crate::host::Host;
use crate::proc;

/// The unit as a package installs it.
const UNIT: &str = include_str!("../../packaging/systemd/rbinfmt.service");
/// Where a package puts rbinfmt.
const PACKAGED: &str = "/usr/bin/rbinfmt";
/// Where we put it.
const OWN: &str = "/usr/local/bin/rbinfmt";
/// The same on a system whose /usr cannot be written.
const OWN_IN_VAR: &str = "/var/lib/rbinfmt/bin/rbinfmt";
/// The entries for systemd-binfmt.
pub const LINES: &str = "/etc/binfmt.d/rbinfmt.conf";

const UNIT_NAME: &str = "rbinfmt.service";
const UNITS_OF_PACKAGES: [&str; 2] = ["/usr/lib/systemd/system", "/lib/systemd/system"];
const UNITS: &str = "/etc/systemd/system";
const WANTS: &str = "/etc/systemd/system/multi-user.target.wants";

/// The first line of what systemd-binfmt reads.
const HEAD: &str = "# Written by rbinfmt for systemd-binfmt; rbinfmt.service keeps these entries.\n";

/// The running rbinfmt, seen from the tree.
#[derive(Debug)]
pub enum Program {
    /// The unit can start it under this path.
    At(PathBuf),
    /// It has to be copied: these are its bytes.
    Elsewhere(Vec<u8>),
}

impl Program {
    /// This process's. A unit of root's runs nothing that is in somebody's home.
    ///
    /// # Errors
    /// /proc/self/exe cannot be read.
    pub fn own(tree: &Tree) -> Result<Program> {
        let exe = proc::own("exe");
        let doing = || "reading rbinfmt's own program";
        let path = std::fs::read_link(&exe).doing(doing)?;
        if tree.is_ours() && (path.starts_with("/usr") || path.starts_with("/opt")) {
            return Ok(Program::At(path));
        }
        std::fs::read(exe).map(Program::Elsewhere).doing(doing)
    }
}

/// What systemd-binfmt is to read: register strings.
pub fn lines(strings: &[Vec<u8>]) -> Vec<u8> {
    strings.iter().fold(HEAD.as_bytes().to_vec(), |mut text, string| {
        text.extend_from_slice(string);
        text.push(b'\n');
        text
    })
}

/// The files that make these lines and this configuration last. `config` is `None` where there is nothing to change.
///
/// # Errors
/// Where it cannot be seen whether a package has brought a unit.
pub fn files(tree: &Tree, program: Program, config: Option<String>, lines: Vec<u8>) -> Result<Vec<File>> {
    let mut files = Vec::new();
    let packaged = tree.first(UNITS_OF_PACKAGES.map(|directory| format!("{directory}/{UNIT_NAME}")))?;
    let unit = match packaged {
        Some(unit) => unit,
        None => {
            let path = match program {
                Program::At(path) => path,
                Program::Elsewhere(bytes) => {
                    let path = if tree.is_read_only(OWN)? { OWN_IN_VAR } else { OWN };
                    files.push(File::program(path, bytes));
                    path.into()
                }
            };
            let unit = format!("{UNITS}/{UNIT_NAME}");
            let text = UNIT.replace(PACKAGED, &path.to_string_lossy());
            files.push(File::text(&unit, text));
            unit
        }
    };
    files.extend(config.map(|text| File::shared(Host::CONFIG, text)));
    files.push(File::text(LINES, lines));
    files.push(File::link(&format!("{WANTS}/{UNIT_NAME}"), &unit));
    Ok(files)
}
