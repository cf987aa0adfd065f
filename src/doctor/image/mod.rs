//! What is found about an image: for each platform what it claims, what it holds, whether its command starts there, and
//! how it would run on this machine.

mod census;
mod entry;
mod platform;

pub use self::census::ArchCount;
pub use self::platform::{Judged, Program, Runs};

use super::finding::{Finding, Severity};
use crate::doctor::catalogue::CauseId;
use crate::error::{Result, Status};
use crate::exec::facts::ExecFacts;
use crate::oci::Platform;
use crate::oci::image::Image;
use crate::oci::name::Name;
use crate::profile::Profiles;

/// The machine that images are judged on.
#[derive(Debug)]
pub struct World<'a> {
    /// Its facts.
    pub facts: ExecFacts,
    /// What it knows of CPUs.
    pub profiles: &'a Profiles,
    /// It is this one.
    pub here: bool,
}

/// What came of an image.
#[derive(Debug)]
pub struct ImageVerdict {
    /// As it was asked for.
    pub target: String,
    /// Where it is.
    pub origin: String,
    /// Each platform that was looked at.
    pub platforms: Vec<Judged>,
    /// Platforms that it lists and whose parts are not here.
    pub absent: Vec<String>,
    /// What was found about the image as a whole.
    pub findings: Vec<Finding>,
}

impl World<'_> {
    /// Examines an image: one platform after the other, so that only one tree is in memory.
    ///
    /// # Errors
    /// A platform that the image does not have, and layers that cannot be read or are not what their digests say.
    pub fn examine(&self, target: &str, image: &mut Image, wanted: Option<&Platform>) -> Result<ImageVerdict> {
        let found = std::mem::take(&mut image.found);
        let only = wanted.is_some() || found.listed.len() <= 1;
        let texts = |list: &[Platform]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        let mut platforms = Vec::new();
        for candidate in &found.candidates {
            let reads = candidate.config.os == "linux" || candidate.config.os.is_empty();
            let tree = if reads { image.tree(candidate)? } else { Default::default() };
            platforms.push(self.judge(target, candidate, tree, only)?);
        }
        let listed = texts(&found.listed);
        let mut findings = Vec::new();
        let finding = match (wanted, &image.kept_as) {
            (Some(wanted), Some(name)) if platforms.is_empty() => Some(cached(name, &listed, wanted)),
            _ => self.fits(target, &listed, &platforms, wanted),
        };
        findings.extend(finding);
        Ok(ImageVerdict {
            target: target.to_owned(),
            origin: image.origin.clone(),
            platforms,
            absent: texts(&found.absent),
            findings,
        })
    }

    /// Whether there is something for the platform that is asked for, or for this machine.
    fn fits(
        &self,
        target: &str,
        listed: &[String],
        platforms: &[Judged],
        wanted: Option<&Platform>,
    ) -> Option<Finding> {
        let finding = |finding: Finding| Some(named(finding.evidence(has(listed)), target));
        if let Some(wanted) = wanted {
            let detail = format!("it has nothing for {wanted}");
            return platforms
                .is_empty()
                .then(|| finding(Finding::problem(CauseId::NoMatchingManifest, target, detail)))?;
        }
        let own = self.own().map_or_else(|| self.facts.kernel.machine.clone(), |p| format!("linux/{}", p.label()));
        let runs = |wanted: fn(&Runs) -> bool| platforms.iter().any(|p| wanted(&p.runs));
        if platforms.is_empty() {
            return finding(Finding::problem(CauseId::NoMatchingManifest, target, "none of its platforms is here"));
        }
        if listed.len() <= 1 || runs(|r| matches!(r, Runs::Native | Runs::Unknown(_))) {
            return None;
        }
        let detail = format!("none of its platforms is this machine's, {own}");
        match runs(|r| matches!(r, Runs::Emulated(_))) {
            true => {
                let detail = format!("{detail}; with --platform one of the others runs under emulation");
                finding(Finding::warning(CauseId::NoMatchingManifest, target, detail))
            }
            false => finding(Finding::problem(CauseId::NoMatchingManifest, target, detail)),
        }
    }
}

/// Tells a finding's fixes the image's name, where engines and registries have one for it: a file has none.
fn named(finding: Finding, image: &str) -> Finding {
    let name = match Name::parse(image) {
        None => Some(image),
        Some(_) => {
            ["docker://", "docker-daemon:", "containers-storage:"].iter().find_map(|with| image.strip_prefix(with))
        }
    };
    match name {
        Some(name) => finding.with("image", name),
        None => finding,
    }
}

/// An engine has it, and not for the platform that is asked for.
fn cached(name: &str, listed: &[String], wanted: &Platform) -> Finding {
    let detail = format!("what this machine keeps under that name is not for {wanted}");
    let finding = Finding::problem(CauseId::CachedWrongPlatform, name, detail).evidence(has(listed));
    named(finding, name).with("platform", wanted.to_string())
}

fn has(listed: &[String]) -> String {
    if listed.is_empty() { "it has none".to_owned() } else { format!("it has {}", listed.join(", ")) }
}

impl ImageVerdict {
    /// Whether it claims another CPU than that of its programs.
    pub fn lies(&self) -> bool {
        let mut findings = self.findings.iter().chain(self.platforms.iter().flat_map(|p| &p.findings));
        findings.any(|finding| finding.id == CauseId::ImageLiesAboutArch)
    }

    /// The exit status that it means.
    pub fn status(&self) -> Status {
        let mut findings = self.findings.iter().chain(self.platforms.iter().flat_map(|p| &p.findings));
        if findings.any(|f| f.severity == Severity::Problem) {
            return Status::Failed;
        }
        let unclear = self.platforms.iter().all(|p| matches!(p.runs, Runs::Unknown(_)));
        if unclear { Status::Unknown } else { Status::Done }
    }
}
