//! Where in a build a line comes from: the platform of its step.

use std::collections::{BTreeMap, BTreeSet};

use super::arch::{self, Arch};

/// Steps that are kept; a build has a few dozens.
const MOST: usize = 128;

/// The steps of a build with BuildKit, by their tags: `[linux/arm64 stage-1 2/4]`.
#[derive(Debug, Default)]
pub(super) struct Steps {
    /// `#12 [linux/arm64 3/5] RUN ...`
    numbered: BTreeMap<u32, String>,
    /// ` > [linux/arm64 3/5] RUN ...:`, until the next rule.
    heading: Option<String>,
    /// The platform of a step that failed.
    pub(super) failed: Option<String>,
    /// Of which programs have run.
    pub(super) ran: BTreeSet<Arch>,
    /// Of the container that was started in the line before.
    started: Option<Arch>,
    /// Steps that run a program, by their numbers: the stage, and the place in it.
    running: BTreeMap<u32, (String, u32)>,
    /// The last platform that a tag has named.
    last: Option<String>,
}

impl Steps {
    /// The platform of the step that a line is of; looks at tags, and remembers them.
    pub(super) fn take(&mut self, lower: &str) -> Option<&str> {
        let line = lower.trim_start();
        // Runners put the time before each line.
        let line = line
            .split_once(' ')
            .filter(|(time, _)| time.len() > 18 && time.ends_with('z'))
            .map_or(line, |(_, rest)| rest.trim_start_matches("stdout f ").trim_start_matches("stderr f "));
        self.container(line);
        if line.starts_with("------") {
            self.heading = None;
            return None;
        }
        let number = line.strip_prefix('#').and_then(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_digit())?;
            rest[..end].parse::<u32>().ok()
        });
        if let Some(platform) = tag(line) {
            if line.starts_with("> [") {
                self.heading = Some(platform.clone());
                self.failed.get_or_insert_with(|| platform.clone());
            }
            if line.contains("error [") {
                self.failed = Some(platform.clone());
            }
            if let Some(number) = number
                && self.numbered.len() < MOST
            {
                self.begins(number, line, &platform);
                self.numbered.insert(number, platform.clone());
            }
            self.last = Some(platform);
            return self.last.as_deref();
        }
        match number {
            Some(number) => {
                let platform = self.numbered.get(&number);
                if line.ends_with(" cached") {
                    self.running.remove(&number);
                }
                if self.running.contains_key(&number) && line.contains(" done ") && !line.contains("sha256:") {
                    self.ran.extend(platform.and_then(|platform| arch::named(platform)));
                }
                if line.contains(" error: ") {
                    self.failed = platform.cloned().or(self.failed.take());
                }
                platform.map(String::as_str)
            }
            None => self.heading.as_deref(),
        }
    }

    /// A step begins when those before it in its stage have ended well.
    fn begins(&mut self, number: u32, line: &str, platform: &str) {
        let Some((tag, rest)) = line.split_once('[').and_then(|(_, rest)| rest.split_once(']')) else { return };
        let (stage, place) = tag.rsplit_once(' ').unwrap_or(("", tag));
        let Some(place) = place.split('/').next().and_then(|place| place.parse::<u32>().ok()) else { return };
        let before = |(other, at): &(String, u32)| other == stage && *at < place;
        if self.running.iter().any(|(known, step)| *known != number && before(step)) {
            self.ran.extend(arch::named(platform));
        }
        if rest.starts_with(" run ") {
            self.running.insert(number, (stage.to_owned(), place));
        }
    }

    /// `docker run --platform linux/arm64 IMAGE uname -m`, and what it printed.
    fn container(&mut self, line: &str) {
        const RUN: [&str; 3] = ["docker run ", "podman run ", "nerdctl run "];
        /// What is said before the program has run.
        const BEFORE: [&str; 6] =
            ["warning: ", "unable to find image", "pulling", "pull complete", "digest: ", "status: "];
        const FAILED: [&str; 10] =
            ["error", "exec ", "cannot", "can't", "no such", "denied", "not found", "failed", "qemu", "fault"];
        let any = |words: &[&str]| words.iter().any(|word| line.contains(word));
        let asked =
            line.split_once("--platform").filter(|_| any(&RUN)).map(|(_, rest)| rest.trim_start_matches(['=', ' ']));
        if let Some(asked) = asked {
            self.started = asked.split(' ').next().and_then(arch::named);
        } else if self.started.is_some()
            && !line.is_empty()
            && !any(&BEFORE)
            && let Some(arch) = self.started.take()
            && !any(&FAILED)
        {
            self.ran.insert(arch);
        }
    }

    /// The architecture of the step that failed.
    pub(super) fn failed_arch(&self) -> Option<Arch> {
        self.failed.as_deref().and_then(arch::named)
    }
}

/// The platform in a step's tag.
fn tag(line: &str) -> Option<String> {
    let at = line.find("[linux/")?;
    let rest = &line[at + 1..];
    let end = rest.find([' ', ']', '-'])?;
    let platform = &rest[..end];
    arch::named(platform).is_some().then(|| platform.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_belongs_to_the_step_of_its_number_or_heading() {
        let mut steps = Steps::default();
        for line in ["#7 [linux/amd64 2/3] run make", "#8 [linux/arm64 2/3] run make"] {
            steps.take(line);
        }
        assert_eq!(steps.take("#7 1.0 ok"), Some("linux/amd64"));
        assert_eq!(steps.take("#8 1.0 exec /bin/sh: exec format error"), Some("linux/arm64"));
        assert_eq!(steps.take("#8 error: process did not complete"), Some("linux/arm64"));
        assert_eq!(steps.failed_arch(), Some("arm64"));
        assert_eq!(steps.take("------"), None);
        assert_eq!(steps.take(" > [linux/arm/v7 stage-1 2/4] run x:"), Some("linux/arm/v7"));
        assert_eq!(steps.take("0.178 exec /bin/sh: exec format error"), Some("linux/arm/v7"));
        assert_eq!(steps.take("------"), None);
        assert_eq!(steps.take("0.178 exec /bin/sh: exec format error"), None);
    }
}
