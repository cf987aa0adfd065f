//! What is in an archive or a compressed file, as far as its beginning shows it.

use bstr::ByteSlice;
use tar::Header;

use super::command;
use super::content::{self, Content, Sample};
use crate::archive;
use crate::doctor::catalogue::{Advice, CauseId};
use crate::doctor::finding::quoted;

/// Archives whose members are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Container {
    Tar,
    Zip,
}

/// Members that are looked at.
const MOST_MEMBERS: usize = 256;

const BLOCK: usize = 512;

/// How a file is compressed.
struct Compression {
    name: &'static str,
    program: &'static str,
    /// What its programs expect a file to be called.
    extension: &'static str,
    /// Extensions of a tar that is compressed so.
    tars: [&'static str; 2],
    magic: &'static [u8],
}

const COMPRESSIONS: [Compression; 7] = {
    const fn of(
        name: &'static str,
        programs: [&'static str; 2],
        tars: [&'static str; 2],
        magic: &'static [u8],
    ) -> Compression {
        Compression { name, program: programs[0], extension: programs[1], tars, magic }
    }
    [
        of("gzip", ["gunzip", "gz"], [".tar.gz", ".tgz"], b"\x1f\x8b"),
        of("xz", ["unxz", "xz"], [".tar.xz", ".txz"], b"\xfd7zXZ\0"),
        of("zstd", ["unzstd", "zst"], [".tar.zst", ".tzst"], b"\x28\xb5\x2f\xfd"),
        of("bzip2", ["bunzip2", "bz2"], [".tar.bz2", ".tbz2"], b"BZh"),
        of("lz4", ["unlz4", "lz4"], [".tar.lz4", ".tlz4"], b"\x04\x22\x4d\x18"),
        of("lzip", ["lzip -d", "lz"], [".tar.lz", ".tlz"], b"LZIP"),
        of("compress", ["uncompress", "Z"], [".tar.z", ".taz"], b"\x1f\x9d"),
    ]
};

/// Says what an archive is; `None` for what is not one.
pub(super) fn look(sample: &Sample) -> Option<Content> {
    if sample.head.starts_with(b"PK\x03\x04") {
        return content::archive(Container::Zip, &zip_members(sample.head), sample);
    }
    if is_tar(sample.head) {
        return tar(sample, &tar_members(sample.head), None);
    }
    let compression = COMPRESSIONS.iter().find(|compression| sample.head.starts_with(compression.magic))?;
    let inside = archive::beginning(sample.head);
    let name = sample.name().to_ascii_lowercase();
    if is_tar(&inside) || (inside.is_empty() && compression.tars.iter().any(|end| name.ends_with(end))) {
        return tar(sample, &tar_members(&inside), Some(compression)).or_else(|| {
            // GNU tar does not know lz4 by its bytes.
            let command = if compression.name == "lz4" { command::TAR_LZ4 } else { command::TAR };
            Some(archived(format!("a tar archive, compressed with {}", compression.name), sample.fill(command)))
        });
    }
    let is_program = inside.starts_with(b"\x7fELF") || inside.starts_with(b"#!");
    let what = if is_program { "a program, compressed with" } else { "a file, compressed with" };
    let in_place = sample.path.strip_suffix(&format!(".{}", compression.extension));
    let command = match (in_place, is_program) {
        (Some(_), false) => command::EXPAND,
        (Some(_), true) => command::EXPAND_PROGRAM,
        (None, false) => command::EXPAND_TO,
        (None, true) => command::EXPAND_PROGRAM_TO,
    };
    let unpacked = in_place.map_or_else(|| format!("{}.unpacked", sample.path), str::to_owned);
    let (path, unpacked) = (quoted(sample.path), quoted(&unpacked));
    let values = [("program", compression.program), ("path", &path), ("unpacked", &unpacked)];
    Some(archived(format!("{what} {}", compression.name), command::fill(command, &values)))
}

fn archived(what: String, command: String) -> Content {
    Content { cause: CauseId::ArchiveNotExtracted, what, advice: vec![(Advice::Unpack, Some(command))] }
}

/// A tar that is more than one: an image, or a package.
fn tar(sample: &Sample, members: &[String], compression: Option<&Compression>) -> Option<Content> {
    if let Some(transport) = image(members) {
        // What reads images does not know every compression.
        let command = match compression.filter(|c| !["gzip", "zstd"].contains(&c.name)) {
            Some(compression) => {
                let plain = format!("{}.tar", sample.path);
                let image = quoted(&format!("{transport}:{plain}"));
                let (path, plain) = (quoted(sample.path), quoted(&plain));
                let values =
                    [("program", compression.program), ("path", &path), ("unpacked", &plain), ("image", &image)];
                command::fill(command::EXPAND_AND_EXAMINE, &values)
            }
            None => {
                let image = quoted(&format!("{transport}:{}", sample.path));
                command::fill(command::EXAMINE, &[("path", &image)])
            }
        };
        return Some(Content {
            cause: CauseId::ArchiveNotExtracted,
            what: "a container image in an archive".into(),
            advice: vec![(Advice::ExamineImage, Some(command))],
        });
    }
    content::archive(Container::Tar, members, sample)
}

/// The transport by which an image with these members is read. One that docker-archive reads may have OCI's layout too.
fn image(members: &[String]) -> Option<&'static str> {
    let is_digest = |name: &str| name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit());
    let of_docker = |name: &String| {
        let first = name.split(['/', '.']).next().unwrap_or_default();
        name == "manifest.json" || name == "repositories" || is_digest(first)
    };
    let of_oci = |name: &String| name == "oci-layout" || name == "index.json" || name.starts_with("blobs/sha256");
    match (members.iter().any(of_docker), members.iter().any(of_oci)) {
        (false, false) => None,
        (false, true) if members.iter().any(|name| name == "oci-layout") => Some("oci-archive"),
        _ => Some("docker-archive"),
    }
}

fn is_tar(head: &[u8]) -> bool {
    head.get(257..262) == Some(b"ustar")
}

/// The names of the members that begin in `head`.
fn tar_members(head: &[u8]) -> Vec<String> {
    let mut members = Vec::new();
    let mut at = 0;
    while members.len() < MOST_MEMBERS
        && let Some(block) = head.get(at..).and_then(|rest| rest.first_chunk::<BLOCK>())
        && is_tar(block)
    {
        let header = Header::from_byte_slice(block);
        let Ok(size) = header.entry_size() else { break };
        let path = header.path_bytes();
        members.push(path.strip_prefix(b"./").unwrap_or(&path).to_str_lossy().into_owned());
        let Some(next) = usize::try_from(size).ok().and_then(|size| size.checked_next_multiple_of(BLOCK)) else {
            break;
        };
        let Some(next) = at.checked_add(BLOCK).and_then(|body| body.checked_add(next)) else { break };
        at = next;
    }
    members
}

/// The names in the local headers that are in `head`.
fn zip_members(head: &[u8]) -> Vec<String> {
    const HEADER: usize = 30;
    let mut members = Vec::new();
    let headers = head.find_iter(b"PK\x03\x04").take(MOST_MEMBERS);
    for header in headers.filter_map(|at| head.get(at..)) {
        let Some(&[low, high]) = header.get(26..28).and_then(|len| len.first_chunk()) else { continue };
        let len = usize::from(u16::from_le_bytes([low, high]));
        members.extend(header.get(HEADER..HEADER + len).map(|name| name.to_str_lossy().into_owned()));
    }
    members
}
