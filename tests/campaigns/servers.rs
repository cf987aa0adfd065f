//! Every way in which a server can misbehave, at each file that a fetch asks for: the fetch ends, with an error that names the
//! server or with the emulator as it is, it reads nothing without end, and the next one from a good server goes well.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::World;
use crate::common::server::{Fault, Server, Then};
use crate::extent::{Extent, Report};
use crate::served::{Both, Came, Served};

/// Most of the time is spent on waiting.
const AT_ONCE: usize = 16;
/// More answers than are asked for.
const ALL: usize = 40;

/// A misbehaviour: its name, and what it is for a file with these bytes.
type Row = (&'static str, fn(&[u8]) -> Vec<Fault>);

const ROWS: [Row; 48] = [
    ("no answer", |_| bytes("", Then::Nothing)),
    ("reset before an answer", |_| bytes("", Then::Reset)),
    ("ends before an answer", |_| bytes("", Then::End)),
    ("ends within the status", |_| bytes("HTTP/1.1 2", Then::End)),
    ("ends within the headers", |_| bytes("HTTP/1.1 200 OK\r\nContent-Le", Then::End)),
    ("reset within the headers", |_| bytes("HTTP/1.1 200 OK\r\nContent-Le", Then::Reset)),
    ("stalls within the headers", |_| bytes("HTTP/1.1 200 OK\r\nContent-Le", Then::Nothing)),
    ("headers without end", |_| bytes("HTTP/1.1 200 OK\r\n", Then::Again(b"X-More: and more\r\n".to_vec()))),
    ("a header without end", |_| bytes("HTTP/1.1 200 OK\r\nX-Long: ", Then::Again(b"longer".to_vec()))),
    ("a status without end", |_| bytes("HTTP/1.1 200 ", Then::Again(b"fine ".to_vec()))),
    ("answers on the way without end", |_| bytes("", Then::Again(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec()))),
    ("a header with NUL", |_| bytes("HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n", Then::End)),
    ("another protocol", |_| bytes("SSH-2.0-OpenSSH_9.2\r\n", Then::Nothing)),
    ("an alert of TLS", |_| raw(b"\x15\x03\x01\x00\x02\x02\x28".to_vec(), Then::End)),
    ("a handshake of TLS", |_| raw(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc".to_vec(), Then::Again(vec![0xff; 64]))),
    ("a status that is not a number", |_| bytes("HTTP/1.1 abc OK\r\n\r\n", Then::End)),
    ("HTTP of another age", |_| bytes("HTTP/9.9 200 OK\r\nContent-Length: 0\r\n\r\n", Then::End)),
    ("reset within the body", |body| within(body, Then::Reset)),
    ("ends within the body", |body| vec![Fault::Cut(body.len() / 2); ALL]),
    ("stalls within the body", |body| within(body, Then::Nothing)),
    ("a body that drips", |_| vec![Fault::Drip; ALL]),
    ("a body without end", |_| bytes("HTTP/1.1 200 OK\r\n\r\n", Then::Again(vec![b'x'; 64]))),
    ("more than announced", |body| headed(body, &format!("Content-Length: {}\r\n", body.len() - 1))),
    ("less than announced", |body| vec![Fault::Length(body.len() + 1); ALL]),
    ("a length beyond all numbers", |body| headed(body, "Content-Length: 99999999999999999999\r\n")),
    ("a length that is not a number", |body| headed(body, "Content-Length: -1\r\n")),
    ("two lengths", |body| headed(body, &format!("Content-Length: 1\r\nContent-Length: {}\r\n", body.len()))),
    ("more after the body", |_| vec![Fault::Oversize(100_000); ALL]),
    ("nothing as body", |_| bytes("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Then::End)),
    ("chunks of no size", |body| headed(&chunked(body, "zz"), CHUNKED)),
    ("chunks beyond all numbers", |body| headed(&chunked(body, "fffffffffffffffff"), CHUNKED)),
    ("chunks that end early", |body| headed(&chunked(&body[..body.len() / 2], "8000000"), CHUNKED)),
    ("chunks without end", |_| raw(head(CHUNKED), Then::Again(b"4\r\nmore\r\n".to_vec()))),
    ("gzip that was not asked for", |body| headed(&crate::make::gzip(body), "Content-Encoding: gzip\r\n")),
    ("gzip that is not gzip", |body| headed(body, "Content-Encoding: gzip\r\n")),
    ("one byte is another", |body| vec![Fault::Corrupt(body.len() / 2); ALL]),
    ("another file of the same length", |body| headed(&vec![b'\n'; body.len()], &length(body))),
    ("another file at each resumption", |body| vec![Fault::Other(body.len() / 3); ALL]),
    ("another range than was asked for", |body| {
        [vec![Fault::Cut(body.len() / 2)], vec![Fault::WrongRange; ALL]].concat()
    }),
    ("no ranges", |body| vec![[Fault::Cut(body.len() / 2), Fault::NoRange]; ALL / 2].concat()),
    ("a page to log in", |_| vec![Fault::Page(PAGE.into()); ALL]),
    ("sent on to a page to log in", |_| vec![Fault::Redirect("/login".into()); ALL]),
    ("sent on in a circle", |_| vec![Fault::Redirect("?again".into()), Fault::Redirect("/circle".into())]),
    ("sent on to another scheme", |_| vec![Fault::Redirect("file:///etc/passwd".into()); ALL]),
    ("sent on to nowhere", |_| bytes("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", Then::End)),
    ("asks who we are", |_| vec![Fault::Challenge("Bearer realm=\"/login\"".into()); ALL]),
    ("asks to come back in a year", |_| bytes("HTTP/1.1 429 Slow\r\nRetry-After: 31536000\r\n\r\n", Then::End)),
    ("is broken", |_| vec![[500, 503, 204, 304, 416, 403].map(Fault::Status); ALL / 6].concat()),
];

const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";
const PAGE: &str = "<!DOCTYPE html><html><title>Welcome to the hotel</title></html>";

fn raw(bytes: Vec<u8>, then: Then) -> Vec<Fault> {
    vec![Fault::Bytes(bytes, then); ALL]
}

fn bytes(text: &str, then: Then) -> Vec<Fault> {
    raw(text.into(), then)
}

fn head(headers: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{headers}\r\n").into_bytes()
}

/// A body after these headers.
fn headed(body: &[u8], headers: &str) -> Vec<Fault> {
    raw([head(headers), body.to_vec()].concat(), Then::End)
}

fn length(body: &[u8]) -> String {
    format!("Content-Length: {}\r\n", body.len())
}

/// Half of the body, and then this.
fn within(body: &[u8], then: Then) -> Vec<Fault> {
    raw([head(&length(body)), body[..body.len() / 2].to_vec()].concat(), then)
}

/// The body as one chunk that says this of its size.
fn chunked(body: &[u8], size: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    write!(bytes, "{size}\r\n").unwrap();
    bytes.extend(body);
    bytes.extend(b"\r\n0\r\n\r\n");
    bytes
}

/// One misbehaviour at one file.
struct Mode<'a> {
    served: &'a Served,
    file: usize,
    row: Row,
}

pub(crate) fn run(extent: &Extent) -> Report {
    let both = Both::make();
    let files: Vec<(&Served, usize)> =
        [&both.mirror, &both.registry].iter().flat_map(|s| (0..s.files.len()).map(move |file| (*s, file))).collect();
    let all = ROWS.iter().enumerate().flat_map(|(number, row)| {
        let files = files.iter().enumerate();
        // A few: each misbehaviour, at one file after the other.
        let wanted = files.filter(move |(at, _)| !extent.is_few() || at % 6 == number % 6);
        wanted.map(move |(_, &(served, file))| Mode { served, file, row: *row })
    });
    let modes: Vec<Mode> = all.collect();
    let (next, report, outcomes) =
        (AtomicUsize::new(0), Mutex::new(Report::default()), Mutex::new((0, (Duration::ZERO, String::new()))));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(mode) = modes.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (came, took) = mode.try_out();
                    match came {
                        Came::Wrong(what) => report.lock().unwrap().wrong(format!("{}: {what}", mode.name())),
                        Came::Refused(_) => outcomes.lock().unwrap().0 += 1,
                        Came::Whole => {}
                    }
                    let longest = &mut outcomes.lock().unwrap().1;
                    if took > longest.0 {
                        *longest = (took, mode.name());
                    }
                }
            });
        }
    });
    let mut report = report.into_inner().unwrap();
    let (refused, longest) = outcomes.into_inner().unwrap();
    let paths: BTreeSet<_> = files.iter().map(|(served, file)| &served.files[*file].0).collect();
    report.count("modes", format!("{} ({} at {} files)", modes.len(), ROWS.len(), paths.len()));
    report.count("refused", refused);
    report.count("harmless", modes.len() - refused);
    report.count("longest", format!("{:.1} s ({})", longest.0.as_secs_f64(), longest.1));
    report
}

impl Mode<'_> {
    fn name(&self) -> String {
        format!("{} at {}", self.row.0, self.served.files[self.file].0)
    }

    /// The fetch from the bad server, and then one from a good one into the same store.
    fn try_out(&self) -> (Came, Duration) {
        let (path, body) = &self.served.files[self.file];
        let server = self.served.serve();
        server.put("/login", PAGE.as_bytes());
        server.fail("/login", &vec![Fault::Page(PAGE.into()); ALL]);
        server.fail("/circle", &vec![Fault::Redirect("/circle".into()); ALL]);
        server.fail(path, &(self.row.1)(body));
        let mut world = self.served.world(&server);
        // As impatient as the tests of the transport.
        let patient = std::mem::replace(&mut world.options, World::default().options);
        let started = Instant::now();
        let came = self.served.fetch(&world, &server);
        let took = started.elapsed();
        server.fail(path, &[]);
        world.options = patient;
        (self.judge(came, &server, || self.served.fetch(&world, &server)), took)
    }

    fn judge(&self, came: Came, server: &Server, again: impl FnOnce() -> Came) -> Came {
        match (came, again()) {
            (Came::Wrong(why), _) => Came::Wrong(why),
            _ if server.was_read_without_end() => Came::Wrong("it is read without end".into()),
            (Came::Refused(text), _) if !text.contains(server.host()) => {
                Came::Wrong(format!("it is not named: {text}"))
            }
            (came, Came::Whole) => came,
            (_, after) => Came::Wrong(format!("from a good server afterwards: {after:?}")),
        }
    }
}
