//! Container engines: where their containers run, and what their builders know of.

use super::{Case, Check, State, entries};
use crate::doctor::catalogue::CauseId;
use crate::doctor::finding::Finding;
use crate::doctor::host::facts::{Builder, Docker, Seen};
use crate::profile::Profiles;

const GROUP: &str = "engines";

pub(super) fn checks(case: &Case, profiles: &Profiles) -> Vec<Check> {
    let engines = &case.facts.engines;
    let check = |name, state| Check { group: GROUP, name, state };
    let mut checks = Vec::new();
    if let Some(docker) = &engines.docker {
        checks.push(check("docker", of(docker, |docker| self::docker(case, docker))));
    }
    if let Some(builder) = &engines.builder {
        checks.push(check("buildx", of(builder, |builder| self::builder(case, builder, profiles))));
    }
    if let Some(podman) = &engines.podman {
        checks.push(check("podman", of(podman, |version| State::Fine(version.clone()))));
    }
    if let Some(platform) = case.facts.environment.get("DOCKER_DEFAULT_PLATFORM") {
        checks.push(check("environment", default_platform(platform)));
    }
    checks
}

fn of<T>(seen: &Seen<T>, judge: impl FnOnce(&T) -> State) -> State {
    match seen {
        Seen::Seen(value) => judge(value),
        Seen::Unseen(why) => State::Unseen(why.clone()),
    }
}

/// Its containers run on this kernel.
fn is_here(case: &Case) -> bool {
    match &case.facts.engines.docker {
        Some(Seen::Seen(docker)) => docker.kernel == case.facts.kernel.release,
        _ => false,
    }
}

fn docker(case: &Case, docker: &Docker) -> State {
    let mut findings = Vec::new();
    if !is_here(case) {
        let detail = "its containers run on another kernel, with a table of its own: what is registered here does not count for them";
        let mut finding = Finding::note(CauseId::EngineElsewhere, "docker", detail);
        finding = finding.evidence(format!("{}: Linux {} ({})", docker.os, docker.kernel, docker.machine));
        if let Some(host) = case.facts.environment.get("DOCKER_HOST") {
            finding = finding.evidence(format!("DOCKER_HOST={host}"));
        }
        findings.push(finding);
    }
    if docker.root.starts_with("/var/snap/docker") {
        let detail = "Docker from a snap: containers with no-new-privileges cannot execute their programs";
        findings
            .push(Finding::note(CauseId::NnpSnapDocker, "docker", detail).evidence(format!("data in {}", docker.root)));
    }
    if is_old(&docker.version) {
        let detail = "so old an engine forbids system calls that today's images use, with Operation not permitted";
        findings.push(
            Finding::warning(CauseId::LibseccompOld, "docker", detail).evidence(format!("version {}", docker.version)),
        );
    }
    State::of(findings, || match docker.security.iter().any(|s| s.contains("rootless")) {
        true => format!("{}, rootless", docker.version),
        false => docker.version.clone(),
    })
}

/// Before 20.10.10, whose filter knows clone3.
fn is_old(version: &str) -> bool {
    crate::emulators::known_bad::older_than(version, "20.10.10")
}

fn builder(case: &Case, builder: &Builder, profiles: &Profiles) -> State {
    let mut findings = Vec::new();
    let containerd = matches!(&case.facts.engines.docker, Some(Seen::Seen(docker)) if docker.containerd_images);
    if builder.driver == "docker" && !containerd {
        let detail = "the builder of the driver docker makes images for one platform at a time";
        findings.push(Finding::note(CauseId::BuildxDockerDriver, &builder.name, detail).with("builder", &builder.name));
    }
    let known = |platform: &String| {
        let means = |other: &String| other == platform || other.starts_with(&format!("{platform}/"));
        builder.platforms.iter().any(means)
    };
    let local = is_here(case) && matches!(builder.driver.as_str(), "docker" | "docker-container");
    let lacking: Vec<String> = entries::working(case).into_iter().filter(|platform| !known(platform)).collect();
    if local && builder.status == "running" && !lacking.is_empty() {
        let detail =
            "the builder does not list what runs here: it checks when it starts, and entries were registered later";
        let archs = lacking.iter().filter_map(|p| profiles.spelled(p)).map(|p| p.label().to_owned()).collect();
        let finding =
            Finding::warning(CauseId::BuildxPlatformsStale, &builder.name, detail).with("builder", &builder.name);
        let finding = finding.evidence(format!("it lists {}", builder.platforms.join(" ")));
        let finding = finding.evidence(format!("it lacks {}", lacking.join(" ")));
        findings.push(finding.with("arch", super::causes::arch_list(archs)));
    }
    State::of(findings, || format!("{}, driver {}: {}", builder.name, builder.driver, builder.platforms.join(" ")))
}

fn default_platform(platform: &str) -> State {
    let detail = format!("docker uses images of {platform} unless told otherwise, whatever this machine is");
    State::Found(vec![
        Finding::note(CauseId::ImagePlatformMismatch, "DOCKER_DEFAULT_PLATFORM", detail)
            .evidence(format!("DOCKER_DEFAULT_PLATFORM={platform}")),
    ])
}
