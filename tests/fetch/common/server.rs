//! A small HTTP server on loopback that fails on demand.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a slow answer comes in.
const PIECES: u32 = 20;

/// What goes wrong with one answer.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The connection ends after so many bytes of the body.
    Cut(usize),
    /// Nothing more comes after so many bytes of the body.
    Stall(usize),
    /// The body comes in pieces, for about as long as this.
    Slow(Duration),
    /// One byte of the body is another.
    Corrupt(usize),
    /// Another place is named.
    Redirect(String),
    /// Only a status.
    Status(u16),
    /// Who asks is wanted to be known: 401 with this WWW-Authenticate.
    Challenge(String),
    /// Content-Length says so many.
    Length(usize),
    /// So many bytes follow behind the body, and no length is told.
    Oversize(usize),
    /// A byte comes now and then, and it never ends.
    Drip,
    /// So many bytes of another file come, and then the connection ends.
    Other(usize),
    /// A page for people.
    Page(String),
    /// The range is ignored.
    NoRange,
    /// Another part than was asked for comes.
    WrongRange,
    /// These bytes come in place of an answer, and then this happens.
    Bytes(Vec<u8>, Then),
}

/// What comes after the bytes of an answer that is none.
#[derive(Debug, Clone)]
pub enum Then {
    /// The connection ends.
    End,
    /// The connection is reset.
    Reset,
    /// Nothing, and the connection stays.
    Nothing,
    /// These, again and again, until the client goes away.
    Again(Vec<u8>),
}

/// A client that has read so much reads without end.
const MOST: usize = 256 << 20;

#[derive(Default)]
struct State {
    files: BTreeMap<String, Vec<u8>>,
    faults: BTreeMap<String, VecDeque<Fault>>,
    requests: Vec<String>,
    read_without_end: bool,
}

/// The server; it ends with the test process.
#[derive(Clone)]
pub struct Server {
    state: Arc<Mutex<State>>,
    pub url: String,
}

impl Server {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let shared = shared.clone();
                // A client that goes away is what some tests are about.
                std::thread::spawn(move || drop(serve(connection.unwrap(), &shared)));
            }
        });
        Server { state, url }
    }

    /// Its address and port.
    pub fn host(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    pub fn put(&self, path: &str, bytes: &[u8]) {
        self.state.lock().unwrap().files.insert(path.to_owned(), bytes.to_vec());
    }

    pub fn get(&self, path: &str) -> Vec<u8> {
        self.state.lock().unwrap().files[path].clone()
    }

    pub fn remove(&self, path: &str) {
        self.state.lock().unwrap().files.remove(path);
    }

    /// The next answers for a path go wrong like this, one after the other.
    pub fn fail(&self, path: &str, faults: &[Fault]) {
        self.state.lock().unwrap().faults.insert(path.to_owned(), faults.iter().cloned().collect());
    }

    /// Whether somebody went on reading what does not end.
    pub fn was_read_without_end(&self) -> bool {
        self.state.lock().unwrap().read_without_end
    }

    /// The requests so far: "GET /path bytes=5-".
    pub fn requests(&self) -> Vec<String> {
        self.state.lock().unwrap().requests.clone()
    }
}

fn serve(stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    // The small writes of an answer would wait for the client's delayed acknowledgements, 40 ms each.
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let path = line.split(' ').nth(1).unwrap_or("/").to_owned();
        let (mut range, mut login) = (None, String::new());
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            if header.to_ascii_lowercase().starts_with("authorization: ") {
                login = header[15..].trim().to_owned();
            }
            let header = header.trim().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(bytes) = header.strip_prefix("range: bytes=") {
                range = bytes.trim_end_matches('-').parse::<usize>().ok();
            }
        }
        let (body, fault) = {
            let mut state = state.lock().unwrap();
            let range = range.map_or(String::new(), |r| format!(" bytes={r}-"));
            let login = if login.is_empty() { login } else { format!(" {login}") };
            state.requests.push(format!("{path}{range}{login}"));
            let fault = state.faults.get_mut(&path).and_then(VecDeque::pop_front);
            (state.files.get(&path).cloned(), fault)
        };
        if let Some(Fault::Bytes(bytes, then)) = fault {
            return misbehave(&stream, &bytes, then, state);
        }
        if !answer(&stream, body, fault, range)? {
            return Ok(());
        }
    }
}

/// Writes what is not an answer.
fn misbehave(mut out: &TcpStream, bytes: &[u8], then: Then, state: &Mutex<State>) -> std::io::Result<()> {
    out.write_all(bytes)?;
    match then {
        Then::End => out.shutdown(std::net::Shutdown::Both),
        Then::Reset => {
            let reset = nix::libc::linger { l_onoff: 1, l_linger: 0 };
            nix::sys::socket::setsockopt(&out, nix::sys::socket::sockopt::Linger, &reset)?;
            Ok(())
        }
        // Until the client has had enough.
        Then::Nothing => std::io::copy(&mut out, &mut std::io::sink()).map(drop),
        Then::Again(piece) => {
            let piece = piece.repeat((1 << 16) / piece.len() + 1);
            for _ in 0..MOST / piece.len() {
                out.write_all(&piece)?;
            }
            state.lock().unwrap().read_without_end = true;
            Ok(())
        }
    }
}

/// Whether the connection may be used again.
fn answer(
    mut out: &TcpStream,
    body: Option<Vec<u8>>,
    fault: Option<Fault>,
    range: Option<usize>,
) -> std::io::Result<bool> {
    let status = match (&fault, &body) {
        (Some(Fault::Status(status)), _) => Some(*status),
        (Some(Fault::Redirect(_)), _) => Some(302),
        (Some(Fault::Challenge(_)), _) => Some(401),
        (_, None) => Some(404),
        _ => None,
    };
    if let Some(status) = status {
        let location = match &fault {
            Some(Fault::Redirect(to)) => format!("Location: {to}\r\n"),
            Some(Fault::Challenge(what)) => format!("WWW-Authenticate: {what}\r\n"),
            _ => String::new(),
        };
        write!(out, "HTTP/1.1 {status} Test\r\n{location}Content-Length: 0\r\n\r\n")?;
        return Ok(true);
    }
    if let Some(Fault::Page(page)) = &fault {
        let len = page.len();
        write!(
            out,
            "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len}\r\n\r\n{page}"
        )?;
        return Ok(true);
    }
    let mut body = body.unwrap_or_default();
    let whole = body.len();
    if let Some(Fault::Corrupt(at)) = fault {
        body[at] ^= 1;
    }
    if let Some(Fault::Other(_)) = fault {
        body[0] ^= 1;
    }
    let from = range.filter(|_| !matches!(fault, Some(Fault::NoRange)));
    let mut head = match from {
        Some(from) if from >= whole => "HTTP/1.1 416 Range\r\n".to_owned(),
        Some(from) => {
            let from = if matches!(fault, Some(Fault::WrongRange)) { from + 1 } else { from };
            body.drain(..from);
            format!("HTTP/1.1 206 Partial\r\nContent-Range: bytes {from}-{}/{whole}\r\n", whole - 1)
        }
        None => "HTTP/1.1 200 OK\r\n".to_owned(),
    };
    match fault {
        Some(Fault::Oversize(more)) => {
            body.extend(std::iter::repeat_n(0, more));
            head.push_str("Connection: close\r\n");
        }
        Some(Fault::Length(length)) => head.push_str(&format!("Content-Length: {length}\r\n")),
        _ => head.push_str(&format!("Content-Length: {}\r\n", body.len())),
    }
    out.write_all(head.as_bytes())?;
    out.write_all(b"\r\n")?;
    match fault {
        Some(Fault::Drip) => {
            for byte in body {
                out.write_all(&[byte])?;
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Some(Fault::Cut(n) | Fault::Other(n)) => out.write_all(&body[..n.min(body.len())])?,
        Some(Fault::Stall(n)) => {
            out.write_all(&body[..n.min(body.len())])?;
            std::thread::sleep(Duration::from_secs(3));
        }
        _ => {
            let pause = if let Some(Fault::Slow(time)) = fault { time / PIECES } else { Duration::ZERO };
            for piece in body.chunks(body.len().div_ceil(PIECES as usize).max(1)) {
                out.write_all(piece)?;
                std::thread::sleep(pause);
            }
            return Ok(!matches!(fault, Some(Fault::Oversize(_) | Fault::Length(_))));
        }
    }
    out.shutdown(std::net::Shutdown::Both)?;
    Ok(false)
}
