//! Images, packages and texts that take more than they should: each is refused or read within 200 MB and 20 seconds of a
//! processor. The shell's limits hold it to that; what it took is measured beside.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use nix::unistd::mkfifo;
use rbinfmt::verify::Digest;
use serde_json::{Value, json};
use tar::Header;

use crate::common::{emulator, tar};
use crate::extent::{Extent, Report};
use crate::make::{Image, Layer, OWN, gzip, image, layout, program, tar_of, write_layout};

/// The most that any of them may take.
const MOST_KIB: u64 = 200_000;
const MOST_SECONDS: u64 = 20;
/// Without optimisation it may take three times as long.
const UNOPTIMISED: u64 = 3;

/// Something hostile.
struct Case {
    name: &'static str,
    /// Makes it in an empty directory.
    make: fn(&Path),
    words: &'static str,
    /// What comes on standard input.
    input: Option<fn(ChildStdin)>,
    status: i32,
    /// What is said of it.
    says: &'static str,
    /// It takes long to make or to read.
    long: bool,
}

const fn case(name: &'static str, make: fn(&Path), words: &'static str, status: i32, says: &'static str) -> Case {
    Case { name, make, words, input: None, status, says, long: false }
}

impl Case {
    const fn reads(self, input: fn(ChildStdin)) -> Case {
        Case { input: Some(input), ..self }
    }

    const fn long(self) -> Case {
        Case { long: true, ..self }
    }
}

const MEMORY: &str = "MiB of memory";
const BOMB: &str = "refused as a bomb";
const LAYERS: &str = "1000 layers, at most 256 are read";
const PIPE: &str = "it is not a file, but a pipe";
const INDICES: &str = "its indices name more than 256 documents, or more than 64 MiB of them";
const FOUR_GIB: &str = "it expands to more than 4 GiB, which is the limit";

const CASES: &[Case] = &[
    case("indices in indices", indices, "doctor oci:layout", 3, INDICES),
    case("documents of a packed archive", documents, "doctor docker-archive:x.tar.gz", 3, "more than 64 MiB"),
    case("a million members of a layer", million, "doctor docker-archive:layer.tar", 3, MEMORY).long(),
    case("the same, packed", million, "doctor docker-archive:packed.tar.gz", 3, MEMORY).long(),
    case("many members of an archive", parts, "doctor docker-archive:x.tar", 3, "more than 65536 members"),
    case("directories in directories", directories, "doctor docker-archive:x.tar", 3, MEMORY),
    case("a pipe as docker-archive", pipes, "doctor docker-archive:pipe", 3, PIPE),
    case("a pipe as oci-archive", pipes, "doctor oci-archive:pipe", 3, PIPE),
    case("a pipe in a layout", pipes, "doctor oci:layout", 3, PIPE),
    case("a pipe as package", pipes, "fetch arm --from pipe", 1, "pipe"),
    case("a bomb as layer", bomb, "doctor docker-archive:x.tar", 3, BOMB),
    case("a bomb as archive", bomb, "doctor docker-archive:x.tar.gz", 3, BOMB).long(),
    case("a thousand layers of an archive", layers, "doctor docker-archive:x.tar", 3, LAYERS),
    case("a thousand layers of a layout", layers, "doctor oci:layout", 3, LAYERS),
    case("a package over 4 GiB, compressed", large, "fetch arm --from x.tar.gz", 1, FOUR_GIB).long(),
    case(
        "a package over 4 GiB, with holes",
        large,
        "fetch arm --from x.tar",
        1,
        "a package of more than 4 GiB is not read",
    )
    .long(),
    case("a member that begins after 4 GiB", large, "doctor docker-archive:image.tar", 0, "").long(),
    case("a script with one line of a terabyte", line, "doctor ./script", 1, "ENOENT"),
    case("a program with more headers than it has bytes", headers, "doctor ./program", 1, ""),
    case("a name of 64 MiB", none, "doctor -", 1, "").reads(long_name),
    case("65,536 names", none, "doctor -", 1, "").reads(names).long(),
    case("a text of one line", none, "doctor --message -", 0, "foreign-arch-no-handler").reads(long_line).long(),
    case("a text of a million lines", none, "doctor --message -", 0, "foreign-arch-no-handler").reads(lines).long(),
];

pub(crate) fn run(extent: &Extent) -> Report {
    let mut report = Report::default();
    let (mut kib, mut time) = ((0, ""), (Duration::ZERO, ""));
    let chosen: Vec<&Case> = CASES.iter().filter(|case| !case.long || !extent.is_few()).collect();
    for case in &chosen {
        match try_out(case, &extent.program) {
            Ok(took) => {
                if !extent.is_few() {
                    println!("  {}: {:.0} MB, {:.2} s", case.name, took.kib as f64 / 1e3, took.time.as_secs_f64());
                }
                kib = kib.max((took.kib, case.name));
                time = time.max((took.time, case.name));
            }
            Err(what) => report.wrong(format!("{}: {what}", case.name)),
        }
    }
    report.count("cases", chosen.len());
    report.count("at most", format!("{:.0} MB ({})", kib.0 as f64 / 1e3, kib.1));
    report.count("at most", format!("{:.1} s of a processor ({})", time.0.as_secs_f64(), time.1));
    report
}

/// What it took.
struct Took {
    kib: u64,
    time: Duration,
}

fn try_out(case: &Case, rbinfmt: &Path) -> Result<Took, String> {
    let directory = tempfile::tempdir().unwrap();
    (case.make)(directory.path());
    fs::create_dir(directory.path().join("table")).unwrap();
    fs::write(directory.path().join("table/status"), "enabled\n").unwrap();
    let seconds = MOST_SECONDS * if cfg!(debug_assertions) { UNOPTIMISED } else { 1 };
    let limits = format!("ulimit -v {MOST_KIB}; ulimit -t {seconds}; exec \"$@\"");
    let before = time_of_children();
    let mut command = Command::new("sh");
    command.current_dir(&directory).args(["-c", &limits, "sh"]).arg(rbinfmt).args(case.words.split(' '));
    command.args(["--mount", "table"]).env("RBINFMT_STORE", directory.path().join("store"));
    command.env("DOCKER_CONFIG", directory.path()).env("DOCKER_HOST", "unix:///nowhere/no.sock");
    let piped = if case.input.is_some() { Stdio::piped() } else { Stdio::null() };
    let mut child = command.stdin(piped).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let writer = case.input.map(|input| {
        let stdin = child.stdin.take().unwrap();
        thread::spawn(move || input(stdin))
    });
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let readers = [thread::spawn(move || start_of(&mut out)), thread::spawn(move || start_of(&mut err))];
    // The peak so far: what is used up to its end is in the last look, but for a millisecond.
    let status_file = format!("/proc/{}/status", child.id());
    let mut kib = 0;
    let status = loop {
        let text = fs::read_to_string(&status_file).unwrap_or_default();
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        kib = peak.unwrap_or(0).max(kib);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        thread::sleep(Duration::from_millis(1));
    };
    writer.into_iter().for_each(|writer| writer.join().unwrap());
    let said: String = readers.map(|reader| reader.join().unwrap()).concat();
    let time = time_of_children() - before;
    if status.code() != Some(case.status) || !said.contains(case.says) || said.contains("panicked") {
        return Err(format!("{status}: {said}"));
    }
    Ok(Took { kib, time })
}

fn time_of_children() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    Duration::from_micros((usage.user_time() + usage.system_time()).num_microseconds() as u64)
}

/// All is read, and the beginning kept.
fn start_of(from: &mut impl Read) -> String {
    let mut start = Vec::new();
    from.take(1 << 16).read_to_end(&mut start).unwrap();
    std::io::copy(from, &mut std::io::sink()).unwrap();
    String::from_utf8_lossy(&start).into_owned()
}

fn none(_: &Path) {}

fn sound() -> Image {
    image(&format!("linux/{OWN}"), &["/app"], vec![Layer::new().file("app", 0o755, program(OWN))])
}

fn with_layer(layer: Vec<u8>) -> Vec<u8> {
    Image { layers: vec![layer], ..sound() }.docker_archive("a:1")
}

/// Three levels of indices, each with 64 times the same one and as long as is read.
fn indices(at: &Path) {
    let blobs = at.join("layout/blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let put = |bytes: &[u8], kind: &str| {
        let digest = Digest::of(bytes).hex();
        fs::write(blobs.join(&digest), bytes).unwrap();
        let kind = format!("application/vnd.oci.image.{kind}.v1+json");
        json!({"mediaType": kind, "digest": format!("sha256:{digest}"), "size": bytes.len()})
    };
    let index = |of: &Value| {
        let filler = "x".repeat(1 << 20);
        json!({"schemaVersion": 2, "manifests": vec![of.clone(); 64], "annotations": {"x": filler}}).to_string()
    };
    let config = put(b"{}", "config");
    let manifest = json!({"schemaVersion": 2, "config": config, "layers": []}).to_string();
    let manifest = put(manifest.as_bytes(), "manifest");
    let inner = put(index(&manifest).as_bytes(), "index");
    let middle = put(index(&inner).as_bytes(), "index");
    fs::write(at.join("layout/index.json"), index(&middle)).unwrap();
}

fn documents(at: &Path) {
    let document = [b"[".as_slice(), &b"0,".repeat((2 << 20) - 8), b"0]"].concat();
    let files: Vec<_> = (0..20).map(|number| (format!("d{number}.json"), document.clone())).collect();
    fs::write(at.join("x.tar.gz"), gzip(&tar_of(&files))).unwrap();
}

/// 16,384 files, without the zeros that end a tar.
fn members() -> Vec<u8> {
    let mut layer = Layer::new();
    for number in 0..16_384 {
        layer = layer.file(&format!("{number:08}"), 0o644, "x");
    }
    let mut tar = layer.tar();
    tar.truncate(tar.len() - 1024);
    tar
}

/// A layer with a million members, and the same in a packed archive.
fn million(at: &Path) {
    let saved = with_layer(gzip(&members()).repeat(64));
    fs::write(at.join("packed.tar.gz"), gzip(&saved)).unwrap();
    fs::write(at.join("layer.tar"), saved).unwrap();
}

/// An archive with 81,920 members.
fn parts(at: &Path) {
    let tar = members();
    fs::write(at.join("x.tar"), (0..5).flat_map(|part| renamed(&tar, part)).collect::<Vec<u8>>()).unwrap();
}

/// The same members under other names.
fn renamed(tar: &[u8], part: u8) -> Vec<u8> {
    let mut tar = tar.to_vec();
    for block in tar.chunks_exact_mut(1024) {
        let mut header = Header::from_byte_slice(&block[..512]).clone();
        header.as_mut_bytes()[0] = b'a' + part;
        header.set_cksum();
        block[..512].copy_from_slice(header.as_bytes());
    }
    tar
}

fn directories(at: &Path) {
    let path = |number: u32| format!("{number}/{}x", "d/".repeat(2000));
    let layer = (0..2500).fold(Layer::new(), |layer, number| layer.file(&path(number), 0o644, ""));
    fs::write(at.join("x.tar"), with_layer(layer.tar())).unwrap();
}

fn pipes(at: &Path) {
    fs::create_dir(at.join("layout")).unwrap();
    for name in ["pipe", "layout/index.json"] {
        mkfifo(&at.join(name), nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
    }
}

/// The header of a file of so many GiB.
fn header_of(name: &str, gib: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_path(name).unwrap();
    header.set_size(gib << 30);
    header.set_mode(0o644);
    header.set_cksum();
    header
}

/// A tar with a file of zeros, as gzip has it: members one after the other.
fn zeros(gib: u64) -> Vec<u8> {
    let part = gzip(&vec![0; 16 << 20]).repeat((gib as usize) << 6);
    [gzip(header_of("zeros", gib).as_bytes()), part].concat()
}

fn bomb(at: &Path) {
    fs::write(at.join("x.tar"), with_layer(zeros(8))).unwrap();
    fs::write(at.join("x.tar.gz"), zeros(8)).unwrap();
}

/// A file of 5 GiB in front of an emulator, and in front of an image.
fn large(at: &Path) {
    let header = header_of("zeros", 5);
    let sparse = |name: &str, rest: &[u8]| {
        let mut file = File::create(at.join(name)).unwrap();
        file.write_all(header.as_bytes()).unwrap();
        file.set_len(512 + (5 << 30)).unwrap();
        fs::OpenOptions::new().append(true).open(at.join(name)).unwrap().write_all(rest).unwrap();
    };
    let emulators = tar(&[("usr/bin/qemu-arm", &emulator("arm", "1.0", 40_000))]);
    sparse("x.tar", &emulators);
    sparse("image.tar", &sound().docker_archive("a:1"));
    fs::write(at.join("x.tar.gz"), [zeros(5), gzip(&emulators)].concat()).unwrap();
}

fn layers(at: &Path) {
    let layer = |number: u32| Layer::new().file(&format!("f{number}"), 0o644, "").tar();
    let image = Image { layers: (0..1000).map(layer).collect(), ..sound() };
    fs::write(at.join("x.tar"), image.docker_archive("a:1")).unwrap();
    write_layout(&at.join("layout"), &layout("v1", &[&image]));
}

/// Makes a file that can be executed, and is so long.
fn executable(path: &Path, bytes: &[u8], length: u64) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, bytes).unwrap();
    fs::OpenOptions::new().write(true).open(path).unwrap().set_len(length).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn line(at: &Path) {
    executable(&at.join("script"), b"#!/nowhere/interpreter ", 1 << 40);
}

/// e_phnum says 65,535 of a file with one.
fn headers(at: &Path) {
    let mut bytes = program(OWN);
    bytes[56..58].copy_from_slice(&u16::MAX.to_le_bytes());
    let length = bytes.len() as u64;
    executable(&at.join("program"), &bytes, length);
}

/// Whoever reads may have had enough.
fn write(mut to: ChildStdin, times: usize, part: &[u8], last: &[u8]) {
    let _ = (0..times).try_for_each(|_| to.write_all(part)).and_then(|()| to.write_all(last));
}

fn long_name(to: ChildStdin) {
    write(to, 1 << 10, &[b'x'; 1 << 16], b"\n");
}

fn names(to: ChildStdin) {
    write(to, 1 << 12, &b"nowhere/a\n".repeat(16), b"");
}

const LAST: &[u8] = b"\nfork/exec /opt/solver: exec format error\n";

fn long_line(to: ChildStdin) {
    write(to, 1 << 10, &b"a log that never ends ".repeat(1 << 10), LAST);
}

fn lines(to: ChildStdin) {
    write(to, 1 << 10, &b"a line of a log\n".repeat(1 << 10), LAST);
}
