//! Why a request came to nothing.

use std::io;
use std::time::Duration;

use ureq::http::{HeaderMap, StatusCode, header};

use super::{Answer, host_of};
use crate::error::os_text;

/// Why a request came to nothing.
#[derive(Debug)]
pub(crate) struct Fault {
    /// What can be done about it.
    pub(crate) kind: FaultKind,
    /// For people.
    pub(crate) why: String,
    /// What the server answered, where it is the server that refused.
    pub(crate) status: Option<StatusCode>,
}

/// What can be done about a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// It may go away: a broken connection, an overloaded server.
    Passing {
        /// The pause that the server asked for.
        retry_after: Option<Duration>,
    },
    /// The server says that there is no such thing.
    Missing,
    /// It will be the same next time.
    Lasting,
}

impl Fault {
    /// One that will be the same next time.
    pub(crate) fn lasting(why: impl Into<String>) -> Self {
        Fault { kind: FaultKind::Lasting, why: why.into(), status: None }
    }

    /// One of the connection, which may go away.
    pub(crate) fn passing(why: impl Into<String>) -> Self {
        Fault { kind: FaultKind::Passing { retry_after: None }, why: why.into(), status: None }
    }
}

/// Whether a status means that the body is what was asked for.
pub(crate) fn ok(answer: &Answer) -> Result<(), Fault> {
    let kind = match answer.status.as_u16() {
        200..=299 => return Ok(()),
        404 | 410 => FaultKind::Missing,
        408 | 425 | 429 | 500..=599 => FaultKind::Passing { retry_after: retry_after(&answer.headers) },
        _ => FaultKind::Lasting,
    };
    Err(Fault { kind, why: format!("the server says {}", answer.status), status: Some(answer.status) })
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// What the transport says when there is no answer.
pub(super) fn of_transport(error: ureq::Error) -> Fault {
    use ureq::Error as E;
    match error {
        E::Io(error) => passing(&error),
        E::Timeout(what) => Fault::passing(format!("no answer in time ({what})")),
        E::HostNotFound => Fault::passing("the host's name was not found"),
        E::ConnectionFailed => Fault::passing("no connection"),
        E::Protocol(error) => Fault::passing(format!("broken HTTP: {error}")),
        error => Fault::lasting(error.to_string()),
    }
}

/// What broke while a body was read.
pub(super) fn passing(error: &io::Error) -> Fault {
    // A certificate that is not trusted now will not be in a second.
    if error.kind() == io::ErrorKind::InvalidData {
        return Fault::lasting(os_text(error));
    }
    Fault::passing(os_text(error))
}

/// An error where a page for people came in the place of a file: a network's page to log in, or a proxy's. None of our files is
/// HTML.
pub(crate) fn web_page(url: &str, headers: &HeaderMap, start: &[u8]) -> Result<(), Fault> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("text/html") || start.trim_ascii_start().first() != Some(&b'<') {
        return Ok(());
    }
    let host = host_of(url).unwrap_or_default();
    Err(Fault::lasting(format!(
        "{host} sends a web page in its place: does this network, or a proxy, want a login first (a captive portal)?"
    )))
}
