//! An image's configuration: what it claims to be for, and what it starts.

use serde::Deserialize;

use super::Platform;
use crate::error::{Error, Result};

/// The configuration, as far as it decides about what runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// "linux"; empty where it does not say.
    pub os: String,
    /// "arm64"; empty where it does not say.
    pub architecture: String,
    /// "v8"
    pub variant: Option<String>,
    /// ENTRYPOINT
    pub entrypoint: Vec<String>,
    /// CMD
    pub command: Vec<String>,
    /// ENV
    pub environment: Vec<String>,
    /// WORKDIR; "/" where it does not say.
    pub directory: String,
    /// USER; empty for root.
    pub user: String,
    /// The hashes of the layers' tars, lowest first.
    pub layers: Vec<String>,
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    variant: Option<String>,
    #[serde(default)]
    config: Option<Settings>,
    #[serde(default)]
    rootfs: Layers,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Settings {
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    env: Option<Vec<String>>,
    working_dir: Option<String>,
    user: Option<String>,
}

#[derive(Default, Deserialize)]
struct Layers {
    #[serde(default)]
    diff_ids: Option<Vec<String>>,
}

impl Config {
    /// Reads it.
    ///
    /// # Errors
    /// JSON that is not a configuration, or is broken.
    pub fn parse(what: &str, bytes: &[u8]) -> Result<Self> {
        let broken = |e| Error::failed(format!("reading the configuration of the image {what}"), e);
        let document: Document = serde_json::from_slice(bytes).map_err(broken)?;
        let settings = document.config.unwrap_or_default();
        Ok(Config {
            os: document.os,
            architecture: document.architecture,
            variant: document.variant.filter(|v| !v.is_empty()),
            entrypoint: settings.entrypoint.unwrap_or_default(),
            command: settings.cmd.unwrap_or_default(),
            environment: settings.env.unwrap_or_default(),
            directory: settings.working_dir.filter(|f| !f.is_empty()).unwrap_or_else(|| "/".into()),
            user: settings.user.unwrap_or_default(),
            layers: document.rootfs.diff_ids.unwrap_or_default(),
        })
    }

    /// What it claims to be for.
    pub fn platform(&self) -> Platform {
        let or_unknown = |text: &str| if text.is_empty() { "unknown".to_owned() } else { text.to_owned() };
        Platform::new(&or_unknown(&self.os), &or_unknown(&self.architecture), self.variant.as_deref())
    }

    /// What is executed: ENTRYPOINT and CMD.
    pub fn argv(&self) -> Vec<String> {
        self.entrypoint.iter().chain(&self.command).cloned().collect()
    }

    /// PATH, which runtimes fill in where the image has none.
    pub fn path(&self) -> &str {
        const USUAL: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        self.environment.iter().rev().find_map(|variable| variable.strip_prefix("PATH=")).unwrap_or(USUAL)
    }
}
