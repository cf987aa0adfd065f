//! Images in the stores of this machine: Docker's, asked through its socket; Podman's, Buildah's and CRI-O's, asked
//! through `podman`, which knows how files of other users are read in a user namespace of one's own.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::escape;
use super::image::{self, Image, Opened, Options};
use super::name::Name;
use super::streamed::Streamed;
use crate::error::{Doing, Error, Result, Status};

/// Docker puts an image together before the first byte comes.
const IDLE: Duration = Duration::from_secs(120);

const SOCKET: &str = "/var/run/docker.sock";

/// The longest line of Docker's answer.
const MAX_HEAD: u64 = 16 << 10;

/// The first engine that has the image.
pub(super) fn any<'a>(reference: &str, options: &Options<'a>) -> Result<Image<'a>> {
    let mut refused = Vec::new();
    let names = [Name::DockerDaemon(reference.to_owned()), Name::Storage(reference.to_owned())];
    for name in names {
        match image::open(&name, options) {
            Ok(image) => return Ok(image),
            // It has the image, and something else is wrong.
            Err(error) if error.status() == Status::Failed => return Err(error),
            Err(error) => refused.push(error.to_string()),
        }
    }
    Err(Error::unknown(format!("looking for the image {reference}"), refused.join("; ")))
}

/// An image that Docker has.
pub(super) fn docker<'a>(what: &str, reference: &str, options: &Options<'a>) -> Result<Opened<'a>> {
    let doing = || format!("asking Docker for the image {reference}");
    let path = socket(options.access.docker_host.as_deref()).map_err(|why| {
        Error::unknown(doing(), why).help("save it elsewhere: `docker save IMAGE`, then docker-archive:FILE")
    })?;
    let no_docker = |error: io::Error| {
        let why = format!("{}: {}", path.display(), crate::error::os_text(&error));
        Error::unknown(doing(), why).help("is Docker running, and may this user talk to it?")
    };
    let stream = UnixStream::connect(&path).map_err(no_docker)?;
    stream.set_read_timeout(Some(IDLE)).and_then(|()| stream.set_write_timeout(Some(IDLE))).doing(doing)?;
    // HTTP/1.0: the body ends with the connection, without chunks.
    let name = escape(reference);
    write!(&stream, "GET /images/{name}/get HTTP/1.0\r\nHost: docker\r\n\r\n").doing(doing)?;
    let mut answer = BufReader::with_capacity(128 << 10, stream);
    let status = head(&mut answer).doing(doing)?;
    if status != 200 {
        let mut body = Vec::new();
        answer.take(MAX_HEAD).read_to_end(&mut body).doing(doing)?;
        let message = serde_json::from_slice::<serde_json::Value>(&body).ok();
        let message = message.and_then(|m| Some(m.get("message")?.as_str()?.to_owned()));
        let why = message.unwrap_or_else(|| format!("it answers with status {status}"));
        return Err(Error::unknown(doing(), why));
    }
    Streamed::read(what, answer, None, false, options)
}

/// Where Docker listens.
fn socket(host: Option<&str>) -> Result<PathBuf, String> {
    match host {
        None | Some("") => Ok(SOCKET.into()),
        Some(host) => match host.strip_prefix("unix://") {
            Some(path) => Ok(path.into()),
            None => Err(format!("DOCKER_HOST is {host}, and only unix:// is spoken here")),
        },
    }
}

/// Reads the head of an answer, and returns its status.
fn head(answer: &mut impl BufRead) -> io::Result<u16> {
    let mut lines = answer.take(MAX_HEAD);
    let (mut status, mut line) = (None, String::new());
    loop {
        line.clear();
        if lines.read_line(&mut line)? == 0 {
            return Err(io::Error::other("its answer has no end"));
        }
        if line.trim_end().is_empty() {
            return status.flatten().ok_or_else(|| io::Error::other("its answer is not HTTP"));
        }
        status.get_or_insert_with(|| line.split(' ').nth(1)?.trim().parse().ok());
    }
}

/// An image that Podman has.
pub(super) fn podman<'a>(what: &str, reference: &str, options: &Options<'a>) -> Result<Opened<'a>> {
    let doing = || format!("asking Podman for the image {reference}");
    let mut exists = Command::new("podman");
    exists.args(["image", "exists", "--", reference]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match exists.status() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Error::unknown(doing(), "podman is not installed"));
        }
        Err(error) => return Err(Error::io(doing(), error).with_status(Status::Unknown)),
        Ok(status) if status.success() => {}
        Ok(_) => return Err(Error::unknown(doing(), "it has no such image")),
    }
    let mut child = Command::new("podman")
        .args(["save", "--quiet", "--format", "docker-archive", "--", reference])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .doing(doing)?;
    let Some(output) = child.stdout.take() else { return Err(Error::failed(doing(), "it has no output")) };
    let _running = Running(child);
    Streamed::read(what, Patient(output), None, false, options)
        .map_err(|error| error.help(format!("`podman save {reference}` by hand may say more")))
}

/// A process that does not outlive us.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Output that comes in time or not at all.
struct Patient(ChildStdout);

impl Read for Patient {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let timeout = PollTimeout::try_from(IDLE).map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)], timeout)? {
            0 => Err(io::Error::new(io::ErrorKind::TimedOut, format!("nothing came for {} seconds", IDLE.as_secs()))),
            _ => self.0.read(buffer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_of_answers() {
        let read = |text: &str| head(&mut text.as_bytes()).ok();
        assert_eq!(read("HTTP/1.0 200 OK\r\nA: b\r\n\r\nbody"), Some(200));
        assert_eq!(read("HTTP/1.1 404 Not Found\r\n\r\n"), Some(404));
        for broken in ["", "HTTP/1.0 200 OK\r\nA: b", "\r\n\r\n", "garbage\r\n\r\n"] {
            assert_eq!(read(broken), None, "{broken:?}");
        }
        assert_eq!(escape("a/b:1@sha256:0 \r\n").to_string(), "a/b:1@sha256:0%20%0D%0A");
    }

    #[test]
    fn only_sockets_are_spoken_to() {
        assert_eq!(socket(Some("unix:///x")).unwrap(), PathBuf::from("/x"));
        assert_eq!(socket(None).unwrap(), PathBuf::from(SOCKET));
        assert!(socket(Some("tcp://1.2.3.4")).unwrap_err().contains("tcp://1.2.3.4"));
    }
}
