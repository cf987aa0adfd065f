//! Native and compat ELF: header, PT_INTERP, properties, segments (load_elf_binary in fs/binfmt_elf.c).

use bstr::BString;
use nix::errno::Errno;

use super::arch::Loader;
use super::chain::{Admitted, Stop, Walk, admit};
use super::elf::{self, Mismatch};
use super::outcome::{Decided, Handler, Outcome, Started, Step};
use super::property;
use super::segments::{self, Image};
use super::space::Fate;
use crate::elf::{ET_DYN, ET_EXEC, Header, PT_GNU_PROPERTY, PT_INTERP, ProgramHeader, is_elf};

/// ELF_MIN_ALIGN bounds of load_elf_phdrs: bytes of all program headers.
const MOST: usize = 65_536;

/// Tries each loader of the kernel; `None` where none accepts the file.
pub(super) fn load(walk: &mut Walk, file: &Admitted, head: &[u8]) -> Stop<Option<Started>> {
    if !is_elf(head) {
        return Ok(None);
    }
    let model = walk.model;
    let mut said = Mismatch { why: "this kernel has no loader that is known here", at: 18, len: 2 };
    for loader in &model.loaders {
        match attempt(walk, file, head, loader) {
            Ok(started) => return Ok(Some(started)),
            Err(End::NotMine(mismatch)) => {
                // What the loader of this machine says is worth more than that the others do not know it.
                if mismatch.at != 18 || said.at == 18 {
                    said = mismatch;
                }
            }
            Err(End::Stop(stop)) => return Err(*stop),
        }
    }
    walk.mark(None, None, (said.at, said.len), Decided::Elf(said.why));
    Ok(None)
}

/// How an attempt ends: ENOEXEC, which lets the next loader try, or finally.
enum End {
    NotMine(Mismatch),
    Stop(Box<Outcome>),
}

impl From<Mismatch> for End {
    fn from(mismatch: Mismatch) -> Self {
        End::NotMine(mismatch)
    }
}

impl From<Outcome> for End {
    fn from(outcome: Outcome) -> Self {
        End::Stop(Box::new(outcome))
    }
}

fn attempt(walk: &mut Walk, file: &Admitted, head: &[u8], loader: &Loader) -> Result<Started, End> {
    let header = Header::read(head, loader.layout);
    // FDPIC and e_type are looked at first in the kernel; all of these answers are ENOEXEC.
    elf::belongs_to(&header, head, loader)?;
    if header.kind != ET_EXEC && header.kind != ET_DYN {
        return Err(Mismatch { why: "e_type is neither EXEC nor DYN", at: 16, len: 2 }.into());
    }
    let headers = elf::segments(&header, &file.content, most_headers(walk))?;
    let handler = if loader.native { Handler::Elf } else { Handler::Compat };
    walk.mark(Some(handler), None, (18, 2), Decided::Elf("e_machine is this kernel's"));

    let named = headers.iter().find(|s| s.p_type == PT_INTERP);
    let interpreter = named.map(|s| interpreter(walk, file, s, loader)).transpose()?;
    if loader.properties {
        judge_properties(file, &headers, interpreter.as_ref())?;
    }
    let credentials = walk.credentials.unwrap_or_else(|| file.content.capabilities());
    let refused = credentials.map_or(0, |caps| caps.refused(&walk.model.facts.identity));
    if refused != 0 {
        let why = format!("{} must have capabilities (bits {refused:x}) that its process cannot get", file.path);
        return Err(Outcome::fails(Errno::EPERM, why).into());
    }
    let arguments = walk.arguments.used();
    let program = Image { header, segments: headers, len: file.content.len };
    let other = interpreter.as_ref().map(|i| &i.image);
    let fate = segments::load(walk.model.facts, loader, &program, other, arguments);
    match fate {
        Ok(()) => {}
        Err(Fate::Dies(death)) => return Err(Outcome::Killed(death).into()),
        Err(Fate::Unclear(why)) => return Err(Outcome::Undecided(why.into()).into()),
    }
    Ok(Started {
        exe: file.path.clone(),
        argv: walk.arguments.list(),
        execfd: None,
        at_flags: 0,
        compat: !loader.native,
        loader: interpreter.map(|i| i.path),
    })
}

fn most_headers(walk: &Walk) -> usize {
    // Up to 6.13 the headers had to fit a page as well; in 3.10 the program's own did not.
    let page = walk.model.facts.page_size as usize;
    if walk.model.behaviour.headers_within_page { MOST.min(page) } else { MOST }
}

struct Interpreter {
    path: BString,
    content: super::file::Content,
    image: Image,
}

/// Opens and checks PT_INTERP.
fn interpreter(walk: &mut Walk, file: &Admitted, segment: &ProgramHeader, loader: &Loader) -> Result<Interpreter, End> {
    let name = match elf::interpreter(&file.content, segment) {
        Ok(name) => name,
        Err((Errno::ENOEXEC, why)) => return Err(Mismatch { why, at: 0, len: 0 }.into()),
        Err((errno, why)) => return Err(Outcome::fails(errno, format_args!("{}: {why}", file.path)).into()),
    };
    walk.step().name = Some(name.clone().into());
    let found = admit(walk.model, &name)?;
    let wanted = loader.layout.class.header_len().max(walk.model.behaviour.interpreter_head);
    let head = found.content.exactly(wanted, 0).map_err(|errno| {
        Outcome::fails(errno, format_args!("PT_INTERP {} is shorter than an ELF header", found.path))
    })?;
    let header = Header::read(&head, loader.layout);
    let bad = |m: Mismatch| Outcome::fails(Errno::ELIBBAD, format_args!("PT_INTERP {}: {}", found.path, m.why));
    walk.steps.push(Step {
        path: found.path.clone(),
        handler: None,
        name: None,
        argv: Vec::new(),
        head: head.clone(),
        marked: (18, 2),
        decided: Decided::PtInterp,
    });
    elf::belongs_to(&header, &head, loader).map_err(bad)?;
    let segments = elf::segments(&header, &found.content, most_headers(walk)).map_err(bad)?;
    walk.step().handler = Some(Handler::Loader);
    let image = Image { header, segments, len: found.content.len };
    Ok(Interpreter { path: found.path, content: found.content, image })
}

/// The last PT_GNU_PROPERTY of the interpreter, or of the program that has none.
fn judge_properties(file: &Admitted, headers: &[ProgramHeader], interpreter: Option<&Interpreter>) -> Result<(), End> {
    let (content, headers) = match interpreter {
        Some(i) => (&i.content, i.image.segments.as_slice()),
        None => (&file.content, headers),
    };
    let Some(segment) = headers.iter().rev().find(|s| s.p_type == PT_GNU_PROPERTY) else { return Ok(()) };
    match property::judge(content, segment) {
        Ok(()) => Ok(()),
        Err(Errno::ENOEXEC) => Err(Mismatch { why: "PT_GNU_PROPERTY is not as it should be", at: 0, len: 0 }.into()),
        Err(errno) => Err(Outcome::fails(errno, "PT_GNU_PROPERTY is beyond the end of the file").into()),
    }
}
