//! Images made by hand, of real programs: the probe of each architecture, and Debian's busyboxes where they are here.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use rbinfmt::profile::Profiles;
use rbinfmt::verify::Digest;
use serde_json::{Value, json};
use tar::{EntryType, Header};

use crate::common::{Need, skipped};

/// This machine's architecture and another one, by OCI's names.
pub const OWN: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
pub const OTHER: &str = "s390x";

/// A static program of an architecture that really runs there.
pub fn program(arch: &str) -> Vec<u8> {
    let profiles = Profiles::load(&[]).unwrap();
    let profile = profiles.find(arch).unwrap();
    profile.rules.iter().find_map(|r| r.probe.clone()).unwrap()
}

/// The same with a PT_INTERP behind it (64-bit, little-endian).
pub fn dynamic(arch: &str, loader: &str) -> Vec<u8> {
    let own = program(arch);
    let mut bytes = own[..64].to_vec();
    bytes[56] = 2;
    let mut header = own[64..120].to_vec();
    let name = format!("{loader}\0");
    let at = 4096u64;
    let mut interp = vec![0; 56];
    interp[0] = 3;
    interp[8..16].copy_from_slice(&at.to_le_bytes());
    interp[32..40].copy_from_slice(&(name.len() as u64).to_le_bytes());
    interp[40..48].copy_from_slice(&(name.len() as u64).to_le_bytes());
    interp[48] = 1;
    let all = at + name.len() as u64;
    header[32..40].copy_from_slice(&all.to_le_bytes());
    header[40..48].copy_from_slice(&all.to_le_bytes());
    bytes.extend(interp);
    bytes.extend(header);
    bytes.resize(at as usize, 0);
    bytes.extend(name.bytes());
    bytes
}

/// Debian's static busybox for an architecture by Debian's name; `None`, aloud, where it was not fetched.
pub fn busybox(arch: &str) -> Option<Vec<u8>> {
    let directory = std::env::var_os("RBINFMT_TEST_CACHE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/.cache"), PathBuf::from);
    let found = fs::read(directory.join(arch).join("busybox")).ok();
    found.or_else(|| skipped(Need::Setup, &format!("no busybox of {arch}: tests/fixtures.sh fetches it")))
}

/// A layer.
pub struct Layer(tar::Builder<Vec<u8>>);

impl Default for Layer {
    fn default() -> Self {
        Layer(tar::Builder::new(Vec::new()))
    }
}

impl Layer {
    pub fn new() -> Self {
        Layer::default()
    }

    fn add(mut self, path: &str, (kind, mode): (EntryType, u32), body: &[u8], link: &str) -> Self {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(body.len() as u64);
        if link.is_empty() {
            self.0.append_data(&mut header, path, body).unwrap();
        } else {
            self.0.append_link(&mut header, path, link).unwrap();
        }
        self
    }

    pub fn file(self, path: &str, mode: u32, body: impl AsRef<[u8]>) -> Self {
        self.add(path, (EntryType::Regular, mode), body.as_ref(), "")
    }

    pub fn directory(self, path: &str) -> Self {
        self.add(path, (EntryType::Directory, 0o755), b"", "")
    }

    pub fn link(self, path: &str, target: &str) -> Self {
        self.add(path, (EntryType::Symlink, 0o777), b"", target)
    }

    pub fn hard(self, path: &str, target: &str) -> Self {
        self.add(path, (EntryType::Link, 0o755), b"", target)
    }

    pub fn tar(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}

/// An image for one platform.
pub struct Image {
    pub platform: String,
    pub config: Value,
    pub layers: Vec<Vec<u8>>,
    pub packed: Option<&'static str>,
}

/// An image with these layers that starts this.
pub fn image(platform: &str, argv: &[&str], layers: Vec<Layer>) -> Image {
    Image {
        platform: platform.into(),
        config: json!({"Entrypoint": argv}),
        layers: layers.into_iter().map(Layer::tar).collect(),
        packed: None,
    }
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", Digest::of(bytes))
}

impl Image {
    pub fn with(mut self, key: &str, value: Value) -> Self {
        self.config[key] = value;
        self
    }

    pub fn packed(mut self, how: &'static str) -> Self {
        self.packed = Some(how);
        self
    }

    /// "linux/arm/v7" in OCI's fields.
    fn fields(&self) -> Value {
        let parts: Vec<&str> = self.platform.split('/').collect();
        let mut fields = json!({"os": parts[0], "architecture": parts[1]});
        if let Some(variant) = parts.get(2) {
            fields["variant"] = json!(variant);
        }
        fields
    }

    fn document(&self) -> Vec<u8> {
        let mut document = self.fields();
        document["config"] = self.config.clone();
        let ids: Vec<String> = self.layers.iter().map(|l| digest(l)).collect();
        document["rootfs"] = json!({"type": "layers", "diff_ids": ids});
        serde_json::to_vec(&document).unwrap()
    }

    /// As `docker save` wrote it up to version 24.
    pub fn docker_archive(&self, name: &str) -> Vec<u8> {
        let config = self.document();
        let mut names = Vec::new();
        let mut archive = Layer::new();
        for (number, layer) in self.layers.iter().enumerate() {
            let name = format!("layer{number}/layer.tar");
            archive = archive.file(&format!("layer{number}/VERSION"), 0o644, "1.0").file(&name, 0o644, layer);
            names.push(name);
        }
        let own = format!("{}.json", Digest::of(&config));
        let list = json!([{"Config": own, "RepoTags": [name], "Layers": names}]);
        archive.file(&own, 0o644, config).file("manifest.json", 0o644, list.to_string()).tar()
    }

    fn pack(&self, layer: &[u8]) -> Vec<u8> {
        match self.packed {
            Some("gzip") => gzip(layer),
            Some(_) => crate::common::pipe("zstd", &["-c", "-q"], layer),
            None => layer.to_vec(),
        }
    }

    /// Its parts by digest, and the manifest's descriptor.
    pub fn parts(&self) -> (Vec<Vec<u8>>, Value, Vec<u8>) {
        let mut blobs = Vec::new();
        let mut descriptor = |kind: &str, bytes: Vec<u8>| {
            let descriptor = json!({"mediaType": kind, "digest": digest(&bytes), "size": bytes.len()});
            blobs.push(bytes);
            descriptor
        };
        let config = descriptor("application/vnd.oci.image.config.v1+json", self.document());
        let layers: Vec<Value> = self
            .layers
            .iter()
            .map(|layer| descriptor("application/vnd.oci.image.layer.v1.tar", self.pack(layer)))
            .collect();
        const M: &str = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({"schemaVersion": 2, "mediaType": M, "config": config, "layers": layers}).to_string();
        let listed = json!({
            "mediaType": M, "digest": digest(manifest.as_bytes()), "size": manifest.len(), "platform": self.fields(),
        });
        (blobs, listed, manifest.into_bytes())
    }
}

/// The files of an OCI layout with an index of these images, under a tag.
pub fn layout(tag: &str, images: &[&Image]) -> Vec<(String, Vec<u8>)> {
    const I: &str = "application/vnd.oci.image.index.v1+json";
    let mut files = vec![("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec())];
    let mut put = |bytes: Vec<u8>| files.push((format!("blobs/sha256/{}", Digest::of(&bytes)), bytes));
    let mut listed = Vec::new();
    for image in images {
        let (blobs, descriptor, manifest) = image.parts();
        blobs.into_iter().for_each(&mut put);
        put(manifest);
        listed.push(descriptor);
    }
    let index = json!({"schemaVersion": 2, "mediaType": I, "manifests": listed}).to_string();
    let top = json!({"schemaVersion": 2, "manifests": [{
        "mediaType": I, "digest": digest(index.as_bytes()), "size": index.len(),
        "annotations": {"org.opencontainers.image.ref.name": tag},
    }]});
    put(index.into_bytes());
    files.push(("index.json".into(), top.to_string().into_bytes()));
    files
}

/// Writes a layout into a directory.
pub fn write_layout(directory: &Path, files: &[(String, Vec<u8>)]) {
    for (name, bytes) in files {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// The same as a tar.
pub fn tar_of(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    files.iter().fold(Layer::new(), |layer, (name, bytes)| layer.file(name, 0o644, bytes)).tar()
}
