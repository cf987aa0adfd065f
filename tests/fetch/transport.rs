//! The transport: a server that cuts, stalls, corrupts and redirects; a real proxy.
#![allow(clippy::unwrap_used)]
#![cfg_attr(not(feature = "openpgp"), allow(dead_code, reason = "what begins at a Debian archive is left out"))]

use crate::common;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::server::{Fault, Server};
use crate::common::{Need, World, has, skipped};
use rbinfmt::http::proxy::Proxies;
use rbinfmt::http::{Client, Download, Missing, Options};
use rbinfmt::progress::Quiet;
use rbinfmt::verify::Expected;

const SIZE: usize = 700_000;

struct Scene {
    server: Server,
    world: World,
    body: Vec<u8>,
}

fn scene() -> Scene {
    let server = Server::start();
    let body = common::emulator("arm", "1", SIZE);
    server.put("/f", &body);
    Scene { server, world: World::default(), body }
}

impl Scene {
    fn download(&self) -> Result<(), String> {
        let partial = self.world.path().join("partial");
        let client = Client::new(self.world.options.clone());
        let url = format!("{}/f", self.server.url);
        let expected = Expected::of(&self.body);
        let file =
            Download { url: &url, headers: &[], missing: Missing::AskAgain, expected: &expected, progress: &Quiet };
        let done = client.download(&file, &partial);
        if done.is_ok() {
            assert_eq!(std::fs::read(&partial).unwrap(), self.body);
        }
        done.map_err(|e| format!("{e}\n{}", e.help_text().unwrap_or_default()))
    }

    fn after(&self, faults: &[Fault]) -> Result<(), String> {
        self.server.fail("/f", faults);
        self.download()
    }
}

#[test]
fn what_was_cut_off_is_taken_up_where_it_ended() {
    let s = scene();
    s.after(&[Fault::Cut(100_000), Fault::Cut(50_000), Fault::Status(503), Fault::Stall(10)]).unwrap();
    let requests = s.server.requests();
    assert_eq!(requests[..3], ["/f", "/f bytes=100000-", "/f bytes=150000-"]);
    assert_eq!(requests.len(), 5);
}

#[test]
fn a_later_process_goes_on_too() {
    let s = scene();
    std::fs::write(s.world.path().join("partial"), &s.body[..600_000]).unwrap();
    s.download().unwrap();
    assert_eq!(s.server.requests(), ["/f bytes=600000-"]);
    // What it finds may be of another file: then it starts again, once.
    std::fs::write(s.world.path().join("partial"), [7; 600_000]).unwrap();
    s.download().unwrap();
    assert_eq!(s.server.requests()[1..], ["/f bytes=600000-", "/f"]);
    // Or longer than all of it.
    std::fs::write(s.world.path().join("partial"), [7; SIZE + 100_000]).unwrap();
    s.download().unwrap();
}

#[test]
fn what_came_is_not_written_through_a_link() {
    let s = scene();
    let outside = s.world.write("outside", b"of somebody else");
    std::os::unix::fs::symlink(&outside, s.world.path().join("partial")).unwrap();
    let error = s.download().unwrap_err();
    assert!(error.contains("partial"), "{error}");
    assert_eq!(std::fs::read(&outside).unwrap(), b"of somebody else");
    assert!(s.server.requests().is_empty());
}

#[test]
fn a_server_without_ranges_starts_again() {
    let s = scene();
    s.after(&[Fault::Cut(100_000), Fault::NoRange]).unwrap();
    let s = scene();
    let error = s.after(&[Fault::Cut(100_000), Fault::WrongRange]).unwrap_err();
    assert!(error.contains("asked for bytes 100000-"), "{error}");
}

#[test]
fn what_is_missing_for_a_moment_is_asked_for_again() {
    let s = scene();
    s.after(&[Fault::Status(404), Fault::Status(429)]).unwrap();
    let s = scene();
    s.server.remove("/f");
    let error = s.download().unwrap_err();
    assert!(error.contains("404") && error.contains("tried 3 times") && error.contains("--mirror"), "{error}");
}

#[test]
fn a_stalled_server_is_left_after_the_idle_time() {
    let s = scene();
    let start = Instant::now();
    let error = s.after(&[Fault::Stall(0), Fault::Stall(0), Fault::Stall(0)]).unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    assert!(error.to_lowercase().contains("time"), "{error}");
}

#[test]
fn a_server_that_drips_is_left_soon() {
    let s = scene();
    s.server.fail("/f", &vec![Fault::Drip; 10]);
    let start = Instant::now();
    let error = s.download().unwrap_err();
    assert!(error.contains("too slow") && error.contains("at least 1000 a second"), "{error}");
    s.server.fail("/f", &vec![Fault::Drip; 10]);
    let error = Client::new(s.world.options.clone()).small(&format!("{}/f", s.server.url), 1 << 20).unwrap_err();
    assert!(error.to_string().contains("too slow"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

/// However fast each part of it comes, and however often it goes on.
#[test]
fn a_file_that_takes_too_long_in_all_is_left_to_the_next_run() {
    let slow = Fault::Slow(Duration::from_secs(4));
    for faults in [vec![slow.clone()], vec![Fault::Stall(30_000); 9]] {
        let mut s = scene();
        (s.world.options.grace, s.world.options.average) = (Duration::from_millis(600), 1 << 30);
        let start = Instant::now();
        let error = s.after(&faults).unwrap_err();
        assert!(error.contains("too slow: not all came in"), "{faults:?}: {error}");
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
        let came = std::fs::metadata(s.world.path().join("partial")).unwrap().len();
        s.server.fail("/f", &[]);
        s.download().unwrap();
        assert_eq!(s.server.requests().last(), Some(&format!("/f bytes={came}-")));
        s.server.fail("/f", std::slice::from_ref(&slow));
        let error = Client::new(s.world.options.clone()).small(&format!("{}/f", s.server.url), 1 << 20).unwrap_err();
        assert!(error.to_string().contains("too slow"), "{error}");
    }
}

#[test]
fn a_mirror_that_is_updated_meanwhile_is_asked_again_from_the_start() {
    let s = scene();
    s.after(&[Fault::Other(100_000), Fault::Cut(50_000)]).unwrap();
    assert_eq!(s.server.requests(), ["/f", "/f bytes=100000-", "/f bytes=150000-", "/f"]);
    // Once: it may be wrong as well.
    let s = scene();
    let error = s.after(&[Fault::Other(100_000), Fault::Corrupt(200_000), Fault::Corrupt(0)]).unwrap_err();
    assert!(error.contains("expected SHA-256"), "{error}");
}

#[test]
fn a_page_to_log_in_is_told_from_a_file() {
    let page = "\n<!DOCTYPE html><html><title>Welcome</title></html>".to_owned();
    for size in [0, SIZE] {
        let s = scene();
        let page = format!("{page}{}", " ".repeat(size.saturating_sub(page.len())));
        let pages = vec![Fault::Redirect("/login".into()), Fault::Redirect("/login".into())];
        s.server.put("/login", b"");
        s.server.fail("/f", &pages);
        s.server.fail("/login", &vec![Fault::Page(page.clone()); 9]);
        let error = s.download().unwrap_err();
        assert!(error.contains("sends a web page in its place") && error.contains("captive portal"), "{error}");
        let error = Client::new(s.world.options.clone()).small(&format!("{}/f", s.server.url), 1 << 20).unwrap_err();
        assert!(error.to_string().contains("captive portal"), "{error}");
    }
}

#[test]
fn wrong_lengths_and_changed_bytes_are_refused() {
    for (fault, expected) in [
        (Fault::Corrupt(SIZE / 2), "expected SHA-256"),
        (Fault::Length(SIZE + 1), "expected 700000 bytes, the server announces 700001"),
        (Fault::Length(SIZE - 1), "expected 700000 bytes, the server announces 699999"),
        (Fault::Oversize(1_000_000), "more came"),
    ] {
        let s = scene();
        let error = s.after(std::slice::from_ref(&fault)).unwrap_err();
        assert!(error.contains(expected) && error.contains("/f"), "{fault:?}: {error}");
    }
}

#[test]
fn redirects_are_followed_but_not_for_ever() {
    let s = scene();
    s.server.put("/g", &s.body);
    s.after(&[Fault::Redirect("g".into())]).unwrap();
    let s = scene();
    let error = s.after(&vec![Fault::Redirect("/f".into()); 20]).unwrap_err();
    assert!(error.contains("more than 8 redirects"), "{error}");
    let s = scene();
    let error = s.after(&[Fault::Redirect("ftp://x/f".into())]).unwrap_err();
    assert!(error.contains("\"ftp\""), "{error}");
}

/// A TLS server on loopback with a certificate that SSL_CERT_FILE makes trusted.
struct Tls {
    process: Child,
    directory: tempfile::TempDir,
    port: u16,
}

impl Tls {
    /// Answers every request with the HTTP text in `answer`.
    fn start(answer: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let port = free_port();
        let run = |args: &[&str]| {
            let output = Command::new("openssl").args(args).current_dir(&directory).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        let subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
        let new = [
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            "k.pem",
            "-out",
            "c.pem",
            "-days",
            "2",
        ];
        run(&[&new[..], &subject, &["-addext", "basicConstraints=critical,CA:FALSE"]].concat());
        std::fs::create_dir_all(directory.path().join("dists/stable")).unwrap();
        std::fs::write(directory.path().join("dists/stable/InRelease"), answer).unwrap();
        // -HTTP serves files that hold their own status line and headers.
        let process = Command::new("openssl")
            .args([
                "s_server",
                "-quiet",
                "-HTTP",
                "-cert",
                "c.pem",
                "-key",
                "k.pem",
                "-accept",
                &format!("127.0.0.1:{port}"),
            ])
            .current_dir(&directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_for(port);
        Tls { process, directory, port }
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn wait_for(port: u16) {
    let start = Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(start.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(feature = "openpgp")]
#[test]
fn https_is_never_left_for_http_and_unknown_certificates_are_refused() {
    if !has("openssl") {
        return skipped(Need::Setup, "openssl is not installed").unwrap_or(());
    }
    let plain = Server::start();
    plain.put("/debian/dists/stable/InRelease", b"text");
    let place = format!("{}/debian/dists/stable/InRelease", plain.url);
    let tls = Tls::start(&format!(
        "HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    ));
    let world = World::default();
    // The certificate is for this process alone: the program is run, not the library.
    let run = |trusted: &str| {
        let output = common::rbinfmt(world.store.root())
            .env("SSL_CERT_FILE", trusted)
            .env_remove("SSL_CERT_DIR")
            .args(["fetch", "arm", "--mirror", &format!("https://localhost:{}", tls.port)])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        common::text(&output)
    };
    let certificate = tls.directory.path().join("c.pem");
    let text = run("/dev/null");
    assert!(text.to_lowercase().contains("certificate"), "{text}");
    let text = run(certificate.to_str().unwrap());
    assert!(text.contains("redirected from https to http"), "{text}");
    assert!(plain.requests().is_empty(), "http was asked all the same");
}

struct Proxy {
    process: Child,
    directory: tempfile::TempDir,
    port: u16,
}

impl Proxy {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let port = free_port();
        let log = directory.path().join("log");
        let config =
            format!("Port {port}\nListen 127.0.0.1\nLogFile \"{}\"\nLogLevel Connect\nMaxClients 20\n", log.display());
        let file = directory.path().join("conf");
        std::fs::write(&file, config).unwrap();
        let process = Command::new("tinyproxy")
            .arg("-d")
            .arg("-c")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_for(port);
        Proxy { process, directory, port }
    }

    fn asked_for(&self, path: &str) -> usize {
        let log = std::fs::read_to_string(self.directory.path().join("log")).unwrap();
        log.lines().filter(|l| l.contains("Request") && l.contains(path)).count()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

#[test]
fn a_real_proxy_is_used_as_the_variables_say() {
    if !has("tinyproxy") {
        return skipped(Need::Setup, "tinyproxy is not installed").unwrap_or(());
    }
    let proxy = Proxy::start();
    let s = scene();
    let url = format!("{}/f", s.server.url);
    let through = |variables: &[(&str, String)]| {
        let of = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone());
        let options = Options { proxies: Proxies::read(of), ..s.world.options.clone() };
        let before = proxy.asked_for("/f");
        let got = Client::new(options).small(&url, 1 << 20).unwrap().unwrap();
        assert!(got == s.body);
        proxy.asked_for("/f") - before
    };
    let address = format!("http://127.0.0.1:{}", proxy.port);
    assert_eq!(through(&[("http_proxy", address.clone())]), 1);
    assert_eq!(through(&[("HTTP_PROXY", format!("127.0.0.1:{}", proxy.port))]), 1);
    assert_eq!(through(&[("ALL_PROXY", address.clone())]), 1);
    assert_eq!(through(&[("https_proxy", address.clone())]), 0);
    assert_eq!(through(&[("http_proxy", address.clone()), ("NO_PROXY", "127.0.0.0/8".into())]), 0);
    // A proxy that is not there is an error, never a way around it.
    let dead = format!("http://127.0.0.1:{}", free_port());
    let options =
        Options { proxies: Proxies::read(|n| (n == "http_proxy").then(|| dead.clone())), ..s.world.options.clone() };
    assert!(Client::new(options).small(&url, 1 << 20).is_err());
}
