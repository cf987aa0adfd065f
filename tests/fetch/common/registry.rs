//! A real registry, started for one test.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{Need, has, skipped};
use rbinfmt::verify::Digest;

/// Debian's docker-registry on a port of its own.
pub struct Registry {
    process: Child,
    pub directory: tempfile::TempDir,
    pub host: String,
}

impl Registry {
    pub fn start(auth: &str) -> Option<Self> {
        if !has("docker-registry") {
            return skipped(Need::Setup, "docker-registry is not installed");
        }
        let directory = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let host = format!("127.0.0.1:{port}");
        let root = directory.path().join("data");
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"{host}\"}}\n{auth}",
            root.display()
        );
        let file = directory.path().join("config.yml");
        std::fs::write(&file, config.replace("@DIR@", &directory.path().display().to_string())).unwrap();
        // admin:secret, as htpasswd -B writes it.
        std::fs::write(directory.path().join("htpasswd"), HTPASSWD).unwrap();
        let process = Command::new("docker-registry")
            .arg("serve")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let start = Instant::now();
        while TcpStream::connect(&host).is_err() {
            assert!(start.elapsed() < Duration::from_secs(20), "the registry does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(Registry { process, directory, host })
    }

    /// One request, by hand: the pushing side is not what is tested.
    pub fn send(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> String {
        // "Basic" and admin:secret; a registry without logins does not look at it.
        const LOGIN: &str = "YWRtaW46c2VjcmV0";
        let mut stream = TcpStream::connect(&self.host).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nAuthorization: Basic {LOGIN}\r\nConnection: close\r\n\r\n",
            self.host,
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    pub fn blob(&self, bytes: &[u8]) -> String {
        let started = self.send("POST", "/v2/emu/blobs/uploads/", "text/plain", b"");
        let place = started.lines().find_map(|l| l.strip_prefix("Location: ")).unwrap_or_else(|| panic!("{started}"));
        let path = place.trim().trim_start_matches("http://").trim_start_matches(self.host.as_str());
        let digest = format!("sha256:{}", Digest::of(bytes));
        let done = self.send("PUT", &format!("{path}&digest={digest}"), "application/octet-stream", bytes);
        assert!(done.starts_with("HTTP/1.1 201"), "{done}");
        format!("\"digest\":\"{digest}\",\"size\":{}", bytes.len())
    }

    /// Pushes an image of these layers for this machine under a tag, each with the end of its media type, and returns the
    /// index's digest.
    pub fn push(&self, tag: &str, layers: &[(&str, Vec<u8>)]) -> Digest {
        const M: &str = "application/vnd.oci.image.manifest.v1+json";
        const I: &str = "application/vnd.oci.image.index.v1+json";
        const L: &str = "application/vnd.oci.image.layer.v1";
        let config = self.blob(b"{}");
        let layer = |(kind, bytes): &(&str, Vec<u8>)| format!("{{\"mediaType\":\"{L}.{kind}\",{}}}", self.blob(bytes));
        let layers = layers.iter().map(layer).collect::<Vec<_>>().join(",");
        let manifest = format!(
            "{{\"schemaVersion\":2,\"mediaType\":\"{M}\",\"config\":{{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",{config}}},\"layers\":[{layers}]}}"
        );
        let digest = Digest::of(manifest.as_bytes());
        let done = self.send("PUT", &format!("/v2/emu/manifests/sha256:{digest}"), M, manifest.as_bytes());
        assert!(done.starts_with("HTTP/1.1 201"), "{done}");
        let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
        let index = format!(
            "{{\"schemaVersion\":2,\"mediaType\":\"{I}\",\"manifests\":[{{\"mediaType\":\"{M}\",\"digest\":\"sha256:{digest}\",\"size\":{},\"platform\":{{\"os\":\"linux\",\"architecture\":\"{arch}\"}}}}]}}",
            manifest.len()
        );
        let done = self.send("PUT", &format!("/v2/emu/manifests/{tag}"), I, index.as_bytes());
        assert!(done.starts_with("HTTP/1.1 201"), "{done}");
        Digest::of(index.as_bytes())
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

const HTPASSWD: &str = "admin:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n";
