//! Which suite's package is fetched.

use super::{Archive, Offer, Package, SETTINGS, version};
use crate::emulators::Which;
use crate::error::{Error, Result};

impl Archive<'_> {
    /// The package that is asked for, among the suites that can have it.
    ///
    /// # Errors
    /// No suite that is asked has the version; an index that cannot be fetched or verified.
    pub fn find(&self, which: &Which, suite: Option<&str>) -> Result<Package> {
        let stable = match self.mirror.suites.as_slice() {
            [] => vec![SETTINGS.stable.to_owned()],
            own => own.to_vec(),
        };
        let suites = match (suite, which) {
            (Some(suite), _) => vec![suite.to_owned()],
            (None, Which::Stable) => stable,
            (None, _) if !self.mirror.suites.is_empty() => stable,
            (None, _) => SETTINGS.suites.iter().map(|suite| (*suite).to_owned()).collect(),
        };
        let mut packages = Vec::new();
        let mut refused = Vec::new();
        for suite in &suites {
            // "stable-backports" is stale or missing on some mirrors; its own name is not, and stable has just told it.
            let base = packages.iter().find_map(|p: &Package| Some((p, suite.strip_prefix(&p.suite)?)));
            let suite = base.map_or_else(|| suite.clone(), |(p, pocket)| format!("{}{pocket}", p.codename));
            match self.look(&suite)? {
                Offer::Package(package) => packages.push(package),
                Offer::Nothing(error) => refused.push(error),
            }
        }
        packages.sort_by(|a, b| version::compare(&a.version, &b.version));
        let has: Vec<String> = packages.iter().map(|p| format!("{} ({})", p.version, p.suite)).collect();
        let fitting = packages.into_iter().rev().find(|p| match which {
            Which::Version(wanted) => version::means(&p.version, wanted),
            Which::Stable | Which::Latest => true,
        });
        match (fitting, which) {
            (Some(package), _) => {
                for error in refused {
                    self.progress.note(&format!("left out: {error}"));
                }
                Ok(package)
            }
            (None, Which::Version(wanted)) if !has.is_empty() => {
                let left_out: String = refused.iter().map(|error| format!("; left out: {error}")).collect();
                let why = format!("{} has {}{left_out}", self.mirror.url, has.join(", "));
                Err(Error::failed(format!("looking for QEMU {wanted}"), why)
                    .help("ask for one of these, or get it from elsewhere: --from"))
            }
            (None, _) => {
                let Some(first) = refused.into_iter().next() else {
                    return Err(Error::failed("looking for emulators", format!("{} has none", self.mirror.url)));
                };
                Err(first)
            }
        }
    }
}
