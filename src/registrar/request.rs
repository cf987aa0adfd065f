//! What an installation is asked for.

use super::Registrar;
use super::plan::ways::Keep;
use crate::config::Config;
use crate::emulators::FetchOptions;
use crate::emulators::find::Places;
use crate::error::Result;
use crate::profile::Profile;

/// What an installation is asked for.
#[derive(Debug)]
pub struct Request<'a> {
    /// The architectures.
    pub selection: Selection<'a>,
    /// Take away entries of ours that were not asked for.
    pub converge: bool,
    /// Where emulators are.
    pub places: Places,
    /// Register also what the kernel runs by itself, and switch the table on.
    pub force: bool,
    /// Flag C.
    pub credentials: bool,
    /// Run a program of each architecture.
    pub verify: bool,
    /// How missing emulators are fetched; `None` where only those that are here count.
    pub fetch: Option<FetchOptions>,
    /// How the table is kept.
    pub keep: Keep,
    /// This process will stay.
    pub hold: bool,
}

/// Architectures that were asked for.
#[derive(Debug, Clone)]
pub struct Selection<'a> {
    /// Their profiles.
    pub profiles: Vec<&'a Profile>,
    /// `all`: they were not named one by one.
    pub all: bool,
}

impl<'a> Selection<'a> {
    /// These.
    pub fn of(profiles: Vec<&'a Profile>) -> Self {
        Selection { profiles, all: false }
    }
}

impl Registrar {
    /// The profiles that a list means; commas separate as blanks do. All names are read before anything is done.
    ///
    /// # Errors
    /// A name that no profile has.
    pub fn select(&self, archs: &[String]) -> Result<Selection<'_>> {
        let names = archs.iter().flat_map(|a| a.split(',')).map(str::trim).filter(|a| !a.is_empty());
        let (mut profiles, mut all): (Vec<&Profile>, bool) = (Vec::new(), false);
        for name in names {
            if name.eq_ignore_ascii_case("all") {
                all = true;
            } else {
                let profile = self.profiles.find(name)?;
                if !profiles.iter().any(|p| p.name == profile.name) {
                    profiles.push(profile);
                }
            }
        }
        if all {
            profiles = self.profiles.iter().filter(|p| p.is_emulated()).collect();
        }
        Ok(Selection { profiles, all })
    }

    /// A request for these architectures, with all else as usual, and of the emulators that are here.
    pub fn request<'a>(&self, selection: Selection<'a>) -> Request<'a> {
        Request {
            selection,
            converge: false,
            places: self.places.clone(),
            force: false,
            credentials: true,
            verify: true,
            fetch: None,
            keep: Keep::Auto,
            hold: false,
        }
    }

    /// What the configuration says.
    ///
    /// # Errors
    /// A name of an architecture that no profile has.
    pub fn configured<'a>(&'a self, config: &Config) -> Result<Request<'a>> {
        let mut request = self.request(self.select(&config.architectures)?);
        request.places = self.places_of(config);
        (request.converge, request.credentials) = (true, config.credentials);
        Ok(request)
    }

    /// Where emulators are looked for: what a configuration says goes first.
    pub fn places_of(&self, config: &Config) -> Places {
        if config.emulators.is_empty() { self.places.clone() } else { Places::named(&config.emulators) }
    }
}

impl Request<'_> {
    /// Lets missing emulators be fetched, unless only certain directories count.
    #[must_use]
    pub fn fetching(mut self, options: &FetchOptions) -> Self {
        self.fetch = (self.places.store.is_some() || options.from.is_some()).then(|| options.clone());
        self
    }
}
