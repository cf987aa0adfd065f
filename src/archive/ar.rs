//! The outer shell of a .deb: `ar` with 60-byte headers, of which only data.tar* is looked for.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::Part;

const MAGIC: &[u8; 8] = b"!<arch>\n";
const HEADER: u64 = 60;

/// A .deb has three members; a few more are allowed by deb(5).
const MAX_MEMBERS: usize = 16;

pub(super) fn is_ar(file: &File) -> io::Result<bool> {
    let mut magic = [0; 8];
    match file.read_exact_at(&mut magic, 0) {
        Ok(()) => Ok(&magic == MAGIC),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// Where the package's files are.
pub(super) fn data_member(file: &Arc<File>, size: u64) -> Result<Part, String> {
    let mut at = MAGIC.len() as u64;
    for number in 0..MAX_MEMBERS {
        if at + HEADER > size {
            break;
        }
        let mut header = [0; HEADER as usize];
        file.read_exact_at(&mut header, at).map_err(|e| e.to_string())?;
        if &header[58..] != b"`\n" {
            return Err(format!("broken ar header of member {number} at byte {at}"));
        }
        let name = text(&header[..16]).trim_end_matches('/').to_owned();
        let len: u64 = text(&header[48..58]).parse().map_err(|_| format!("broken length of ar member {name:?}"))?;
        let start = at + HEADER;
        if start + len > size {
            return Err(format!("cut short: member {name:?} ends at byte {}, the file at {size}", start + len));
        }
        if number == 0 && name != "debian-binary" {
            return Err(format!("not a Debian package: its first member is {name:?}, expected debian-binary"));
        }
        if name.starts_with("data.tar") {
            return Ok(Part { file: file.clone(), start, len, verified: false });
        }
        at = start + len + len % 2;
    }
    Err("no member data.tar in it".to_owned())
}

fn text(field: &[u8]) -> &str {
    std::str::from_utf8(field).unwrap_or("").trim()
}
