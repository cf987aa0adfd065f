//! Large files: to a partial file that a later try, or a later process, takes up again.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use ureq::http::{StatusCode, header};

use super::pace::Paced;
use super::{Client, Fault, content_length, ok, passing, web_page};
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

/// Whatever a broken server does, it ends: so many requests for one file.
const MAX_REQUESTS: u32 = 40;

impl Client {
    /// Fetches what `expected` describes into `partial`, taking up what is there already. Afterwards the file is
    /// exactly what was expected.
    pub fn download(
        &self,
        url: &str,
        headers: &[(&str, &str)],
        missing: Missing,
        partial: &Path,
        expected: &Expected,
        progress: &dyn Progress,
    ) -> Result<()> {
        let mut file = open(partial)?;
        // What was put together of several answers may be parts of two files: of an earlier process, or of a mirror that was updated
        // meanwhile. That is no reason to give up.
        let mut fresh = length(&file, partial)? == 0;
        let mut again = 0;
        loop {
            let answers = self.fill(url, headers, missing, &mut file, expected, progress)?;
            fresh &= answers < 2;
            let came = verify::of_file(partial, expected.size).doing(|| format!("reading {}", partial.display()))?;
            match expected.check(url, &came) {
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
    fn fill(
        &self,
        url: &str,
        headers: &[(&str, &str)],
        missing: Missing,
        file: &mut File,
        expected: &Expected,
        progress: &dyn Progress,
    ) -> Result<u32> {
        let doing = || format!("fetching {url}");
        let mut backoff = self.options().backoff();
        for answers in 0..MAX_REQUESTS {
            let before = file.metadata().doing(doing)?.len();
            if before > expected.size {
                file.set_len(0).doing(doing)?;
                continue;
            }
            if before == expected.size {
                return Ok(answers);
            }
            let fault = match self.rest(url, headers, file, before, expected.size, progress) {
                Ok(()) => continue,
                Err(Stop::Disk(error)) => {
                    return Err(Error::io(format!("writing what comes from {url}"), error)
                        .help("free some space, or point RBINFMT_STORE at a directory with more; what was in the store is untouched"));
                }
                Err(Stop::Fault(fault)) => fault,
            };
            if file.metadata().doing(doing)?.len() > before {
                backoff = self.options().backoff();
            }
            let asked = match &fault {
                Fault::Passing(_, asked) => *asked,
                Fault::Missing(_) if missing == Missing::AskAgain => None,
                Fault::Missing(_) | Fault::Lasting(_) => return Err(self.explain(Error::failed(doing(), fault.why()))),
            };
            if !backoff.wait(asked) {
                let why = format!("{} (tried {} times)", fault.why(), backoff.failed());
                return Err(self.explain(Error::failed(doing(), why)));
            }
        }
        Err(self.explain(Error::failed(doing(), format!("not whole after {MAX_REQUESTS} requests"))))
    }

    /// One request for what is missing.
    fn rest(
        &self,
        url: &str,
        headers: &[(&str, &str)],
        file: &mut File,
        from: u64,
        size: u64,
        progress: &dyn Progress,
    ) -> Result<(), Stop> {
        let range = format!("bytes={from}-");
        let mut headers = headers.to_vec();
        if from > 0 {
            headers.push(("range", &range));
        }
        let mut answer = self.request(url, &headers)?;
        if answer.status == StatusCode::RANGE_NOT_SATISFIABLE && from > 0 {
            file.set_len(0).map_err(Stop::Disk)?;
            return Ok(());
        }
        ok(&answer)?;
        let from = match answer.status {
            StatusCode::PARTIAL_CONTENT => {
                let told = answer.headers.get(header::CONTENT_RANGE).and_then(|v| v.to_str().ok()).unwrap_or_default();
                if !told.starts_with(&format!("bytes {from}-")) {
                    return Err(Fault::Lasting(format!("asked for bytes {from}-, the server sends {told:?}")).into());
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
            return Err(Fault::Lasting(format!("expected {} bytes, the server announces {length}", size - from)).into());
        }
        file.set_len(from).and_then(|()| file.seek(SeekFrom::Start(from))).map_err(Stop::Disk)?;
        let mut body = Paced::new(answer.body.as_reader(), self.options().idle);
        let mut buffer = vec![0; 128 << 10];
        let mut done = from;
        loop {
            let n = match body.read(&mut buffer) {
                Ok(0) if done == size => return Ok(()),
                Ok(0) => return Err(Fault::Passing(format!("cut off after {done} of {size} bytes"), None).into()),
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(passing(&error).into()),
            };
            if done == 0 {
                web_page(&answer.url, &answer.headers, &buffer[..n])?;
            }
            if done + n as u64 > size {
                return Err(Fault::Lasting(format!("expected {size} bytes, more came")).into());
            }
            file.write_all(&buffer[..n]).map_err(Stop::Disk)?;
            done += n as u64;
            progress.bytes(done, Some(size));
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
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .custom_flags(nix::libc::O_NOFOLLOW)
        .mode(0o600)
        .open(partial)
        .doing(|| format!("opening {}", partial.display()))
}

fn length(file: &File, path: &Path) -> Result<u64> {
    Ok(file.metadata().doing(|| format!("reading the size of {}", path.display()))?.len())
}
