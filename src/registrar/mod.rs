//! What changes the kernel's table, or tells what is in it: `request -> facts -> plan -> apply`, and what was done.
//!
//! ```text
//! request    what is asked for               start     what is known before the table is reached; the plan
//! plan/      pure: install, remove, guard    session   the table reached in one of the ways, and the way back
//! facts      the snapshot that it reads      apply     carries a plan out; `journal`: how that is undone
//! install    the first way that lasts        supply    what an installation lacks, fetched
//! uninstall  removes entries                 follow    lets the table follow the store
//! health     what each entry does here. Pure
//! private    a plan carried out in a table that nobody else uses
//! ```

pub mod apply;
pub mod facts;
mod follow;
pub mod health;
mod held;
mod install;
mod journal;
pub mod plan;
mod private;
mod request;
pub mod session;
mod start;
mod supply;
mod uninstall;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

pub use self::follow::{Followed, Tried};
pub use self::held::HeldBy;
pub use self::install::{Advice, Installed};
pub use self::request::{Request, Selection};

use self::facts::{Facts, Scope};
use crate::binfmt::mounts::Mounted;
use crate::emulators::Store;
use crate::emulators::find::Places;
use crate::error::{Error, Result};
use crate::host::{Host, Identity};
use crate::profile::{Profile, Profiles};
use crate::progress::Progress;

/// What every piece of work on the table starts from.
#[derive(Clone)]
pub struct Registrar {
    /// Where the world is.
    pub host: Host,
    /// All profiles.
    pub profiles: Profiles,
    /// Where fetched emulators are kept; `None` where nothing says where that is.
    pub store: Option<Store>,
    /// Where emulators are looked for.
    pub places: Places,
    /// Put before the names of emulators and entries.
    pub prefix: String,
    /// A table for this user namespace alone may be made.
    pub private: bool,
    /// The root directory of the system whose emulators are registered: another one's is below a directory.
    pub root: PathBuf,
    /// Who is told how far long work is.
    pub progress: Arc<dyn Progress + Send>,
}

impl fmt::Debug for Registrar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registrar").field("host", &self.host).field("places", &self.places).finish_non_exhaustive()
    }
}

impl Registrar {
    /// Where fetched emulators are kept.
    ///
    /// # Errors
    /// Where no environment variable says where that is.
    pub fn store(&self) -> Result<Store> {
        self.store.clone().map_or_else(Store::of_process, Ok)
    }

    /// The facts, and what holds the table. Changes nothing.
    ///
    /// # Errors
    /// Where the table cannot be looked at from here.
    pub fn look(&self, probe: bool) -> Result<(Facts, Option<HeldBy>)> {
        let identity = Identity::own(&self.host);
        let mounted = session::mounted(&self.host, self.private && !identity.first_user_namespace)?;
        let profiles: Vec<&Profile> = self.profiles.iter().collect();
        let scope =
            Scope { root: &self.root, profiles: &profiles, emulators: &BTreeMap::new(), probe, gives_rights: true };
        session::look(&self.host, mounted, self.private, &self.profiles, scope)
    }

    /// The error of a run that may look at the table but not change it.
    fn may_not_change(&self, identity: &Identity, mounted: Mounted) -> Error {
        let why = match mounted {
            Mounted::ReadOnly => "it is mounted read-only here; nothing was changed",
            _ => "only root may do that; nothing was changed",
        };
        Error::failed(format!("changing the table {}", self.host.table.display()), why).help(identity.rights())
    }
}
