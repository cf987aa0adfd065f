//! Container engines, asked through their own command lines.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::ask::Question;
use super::facts::{Builder, Docker, Engines, Seen};

/// Questions that are being answered.
#[derive(Debug)]
pub(super) struct Asked {
    docker: Option<Question>,
    builder: Option<Question>,
    podman: Option<Question>,
}

/// Asks all of them at once.
pub(super) fn ask(patience: Duration) -> Asked {
    let docker = Question::ask("docker", &["info", "--format", "{{json .}}"], patience);
    Asked {
        // Its first use makes its directory; without that there is only the engine's own builder.
        builder: docker
            .as_ref()
            .filter(|_| used_buildx())
            .and_then(|_| Question::ask("docker", &["buildx", "inspect"], patience)),
        // `podman info` would make its storage where there is none.
        podman: Question::ask("podman", &["--version"], patience),
        docker,
    }
}

fn used_buildx() -> bool {
    let config = std::env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    let config = config.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".docker")));
    config.is_some_and(|directory| directory.join("buildx").is_dir())
}

impl Asked {
    /// Waits for what they say.
    pub(super) fn answers(self) -> Engines {
        let docker = self.docker.map(|q| seen(q.answer().and_then(|text| docker(&text))));
        let builder = self.builder.map(Question::answer);
        let podman =
            self.podman.map(|q| q.answer().map(|text| text.trim().trim_start_matches("podman version ").to_owned()));
        Engines {
            // Docker without buildx has no such command, and no builder.
            builder: builder.filter(|_| docker.is_some()).and_then(|answer| match answer {
                Ok(text) => Some(Seen::Seen(inspect(&text))),
                Err(why) if why.contains("unknown command") || why.contains("not a docker command") => None,
                Err(why) => Some(Seen::Unseen(why)),
            }),
            docker,
            podman: podman.map(seen),
        }
    }
}

fn seen<T>(answer: Result<T, String>) -> Seen<T> {
    answer.map_or_else(Seen::Unseen, Seen::Seen)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[derive(Default)]
struct Info {
    server_version: String,
    operating_system: String,
    kernel_version: String,
    architecture: String,
    docker_root_dir: String,
    driver_status: Option<Vec<(String, String)>>,
    security_options: Option<Vec<String>>,
    server_errors: Option<Vec<String>>,
}

/// What `docker info` says; standard error may come before it.
fn docker(text: &str) -> Result<Docker, String> {
    let json = text.lines().find(|line| line.starts_with('{')).ok_or("`docker info` prints nothing")?;
    let info: Info = serde_json::from_str(json).map_err(|e| format!("`docker info`: {e}"))?;
    if let Some(error) = info.server_errors.iter().flatten().next() {
        return Err(error.clone());
    }
    let containerd = |(_, value): &(String, String)| value.starts_with("io.containerd.snapshotter");
    Ok(Docker {
        version: info.server_version,
        os: info.operating_system,
        kernel: info.kernel_version,
        machine: info.architecture,
        root: info.docker_root_dir,
        containerd_images: info.driver_status.iter().flatten().any(containerd),
        security: info.security_options.unwrap_or_default(),
    })
}

/// What `docker buildx inspect` says of the builder and its first node.
fn inspect(text: &str) -> Builder {
    let fields = text.lines().filter_map(|line| line.split_once(':')).map(|(key, value)| (key.trim(), value.trim()));
    let mut first = BTreeMap::new();
    for (key, value) in fields {
        first.entry(key).or_insert(value);
    }
    let of = |key: &str| first.get(key).map_or_else(String::new, |value| (*value).to_owned());
    let platforms = of("Platforms");
    let platforms = platforms.split(',').map(|p| p.trim().trim_end_matches('*').to_owned());
    Builder {
        name: of("Name"),
        driver: of("Driver"),
        status: of("Status"),
        platforms: platforms.filter(|p| !p.is_empty()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_with_and_without_its_engine() {
        let text = "WARNING: x\n{\"ServerVersion\":\"28.2.2\",\"OperatingSystem\":\"Docker Desktop\",\"DriverStatus\":\
            [[\"driver-type\",\"io.containerd.snapshotter.v1\"]],\"SecurityOptions\":[\"name=rootless\"]}\n";
        let info = docker(text).unwrap();
        assert_eq!((info.os.as_str(), info.containerd_images), ("Docker Desktop", true));
        let none = docker("{\"ServerErrors\":[\"Cannot connect to the Docker daemon at unix:///x.\"]}");
        assert!(none.unwrap_err().contains("Cannot connect"));
        assert!(docker("").is_err());
    }

    #[test]
    fn a_builder_and_its_first_node() {
        let text = "Name:   multi\nDriver: docker-container\n\nNodes:\nName:      multi0\nStatus:    running\n\
            Platforms: linux/amd64*, linux/arm64\n";
        let builder = inspect(text);
        assert_eq!((builder.name.as_str(), builder.driver.as_str()), ("multi", "docker-container"));
        assert_eq!(builder.platforms, ["linux/amd64", "linux/arm64"]);
    }
}
