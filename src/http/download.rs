//! Large files: to a partial file that a later try, or a later process, takes up again.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use ureq::http::{StatusCode, header};

use super::fault::web_page;
use super::pace::{Deadline, Paced};
use super::{Client, Fault, FaultKind, content_length, ok, passing};
use crate::error::{Doing, Error, Result};
use crate::progress::Progress;
use crate::verify::{self, Expected};

/// What to do when the server says that there is no such file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// It is promised, and its mirror half way through an update: ask again.
    AskAgain,
    /// There is another place to ask.
    Error,
}

/// A file to be fetched from one place.
pub struct Download<'a> {
    /// The place.
    pub url: &'a str,
    /// What the request says besides.
    pub headers: &'a [(&'a str, &'a str)],
    /// What to do when it is not there.
    pub missing: Missing,
    /// What the file must be.
    pub expected: &'a Expected,
    /// Who is told.
    pub progress: &'a dyn Progress,
}

/// Whatever a broken server does, it ends: so many requests for one file.
const MAX_REQUESTS: u32 = 40;

impl Client {
    /// Fetches a file into `partial`, taking up what is there already. Afterwards it is exactly what was expected.
    ///
    /// # Errors
    /// The network's, after as many tries as the client has patience for; the disk's; a file that is not what was expected.
    pub fn download(&self, what: &Download, partial: &Path) -> Result<()> {
        let mut file = open(partial)?;
        let deadline = Deadline::new(self.options(), what.expected.size);
        // What was put together of several answers may be parts of two files: of an earlier process, or of a mirror that was updated
        // meanwhile. That is no reason to give up.
        let mut fresh = length(&file, partial)? == 0;
        let mut again = 0;
        loop {
            let answers = self.fill(what, &mut file, deadline)?;
            fresh &= answers < 2;
            let came =
                verify::of_file(partial, what.expected.size).doing(|| format!("reading {}", partial.display()))?;
            match what.expected.check(what.url, &came) {
                Ok(()) => return Ok(()),
                Err(error) => {
                    let emptied = file.set_len(0).doing(|| format!("emptying {}", partial.display()));
                    emptied?;
                    again += 1;
                    if fresh || again > 1 {
                        return Err(error);
                    }
                    fresh = true;
                }
            }
        }
    }

    /// Requests until the file has its length; how many answers that took.
    fn fill(&self, what: &Download, file: &mut File, deadline: Deadline) -> Result<u32> {
        let size = what.expected.size;
        let doing = || format!("fetching {}", what.url);
        let mut backoff = self.options().backoff();
        for answers in 0..MAX_REQUESTS {
            let before = file.metadata().doing(doing)?.len();
            if before > size {
                file.set_len(0).doing(doing)?;
                continue;
            }
            if before == size {
                return Ok(answers);
            }
            let came = match deadline.over() {
                Some(why) => Err(Fault::lasting(why).into()),
                None => self.rest(what, file, deadline),
            };
            let fault = match came {
                Ok(()) => continue,
                Err(Stop::Disk(error)) => {
                    return Err(Error::io(format!("writing what comes from {}", what.url), error)
                        .help("free some space, or point RBINFMT_STORE at a directory with more; what was in the store is untouched"));
                }
                Err(Stop::Fault(fault)) => fault,
            };
            if file.metadata().doing(doing)?.len() > before {
                backoff = self.options().backoff();
            }
            let asked = match fault.kind {
                FaultKind::Passing { retry_after } => retry_after,
                FaultKind::Missing if what.missing == Missing::AskAgain => None,
                FaultKind::Missing | FaultKind::Lasting => {
                    return Err(self.explain(Error::failed(doing(), fault.why)));
                }
            };
            if !backoff.wait(asked) {
                let why = format!("{} (tried {} times)", fault.why, backoff.failed());
                return Err(self.explain(Error::failed(doing(), why)));
            }
        }
        Err(self.explain(Error::failed(doing(), format!("not whole after {MAX_REQUESTS} requests"))))
    }

    /// One request for what is missing.
    fn rest(&self, what: &Download, file: &mut File, deadline: Deadline) -> Result<(), Stop> {
        let size = what.expected.size;
        let from = file.metadata().map_err(Stop::Disk)?.len();
        let range = format!("bytes={from}-");
        let mut headers = what.headers.to_vec();
        if from > 0 {
            headers.push(("range", &range));
        }
        let mut answer = self.request(what.url, &headers)?;
        if answer.status == StatusCode::RANGE_NOT_SATISFIABLE && from > 0 {
            file.set_len(0).map_err(Stop::Disk)?;
            return Ok(());
        }
        ok(&answer)?;
        let from = match answer.status {
            StatusCode::PARTIAL_CONTENT => {
                let told = answer.headers.get(header::CONTENT_RANGE).and_then(|v| v.to_str().ok()).unwrap_or_default();
                if !told.starts_with(&format!("bytes {from}-")) {
                    return Err(Fault::lasting(format!("asked for bytes {from}-, the server sends {told:?}")).into());
                }
                from
            }
            // The server knows no ranges: all over again.
            _ => 0,
        };
        if let Some(length) = content_length(&answer.headers).filter(|&length| length != size - from) {
            let mut start = [0; 512];
            let len = answer.body.as_reader().read(&mut start).unwrap_or(0);
            web_page(&answer.url, &answer.headers, &start[..len])?;
            return Err(Fault::lasting(format!("expected {} bytes, the server announces {length}", size - from)).into());
        }
        file.set_len(from).and_then(|()| file.seek(SeekFrom::Start(from))).map_err(Stop::Disk)?;
        let mut body = Paced::new(answer.body.as_reader(), self.options().idle, deadline);
        let mut buffer = vec![0; 128 << 10];
        let mut done = from;
        loop {
            let n = match body.read(&mut buffer) {
                Ok(0) if done == size => return Ok(()),
                Ok(0) => return Err(Fault::passing(format!("cut off after {done} of {size} bytes")).into()),
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(passing(&error).into()),
            };
            if done == 0 {
                web_page(&answer.url, &answer.headers, &buffer[..n])?;
            }
            if done + n as u64 > size {
                return Err(Fault::lasting(format!("expected {size} bytes, more came")).into());
            }
            file.write_all(&buffer[..n]).map_err(Stop::Disk)?;
            done += n as u64;
            what.progress.bytes(done, Some(size));
        }
    }
}

/// Whose fault it was: the network's or the disk's.
enum Stop {
    Fault(Fault),
    Disk(io::Error),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Stop::Fault(fault)
    }
}

fn open(partial: &Path) -> Result<File> {
    let doing = || format!("opening {}", partial.display());
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let file = options.custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK).open(partial).doing(doing)?;
    match file.metadata().doing(doing)?.is_file() {
        true => Ok(file),
        false => Err(Error::failed(doing(), "it is not a file")),
    }
}

fn length(file: &File, path: &Path) -> Result<u64> {
    Ok(file.metadata().doing(|| format!("reading the size of {}", path.display()))?.len())
}
