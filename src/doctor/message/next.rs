//! The one command that tells more.

use super::text::Text;
use super::words::{Place, TELLS};
use super::{Diagnosis, Next, Strength};
use crate::doctor::finding::quoted;

const EXPLAIN: &str = "rbinfmt explain {cause}";
const OF_FILE: &str = "rbinfmt doctor {path}";
const OF_IMAGE: &str = "rbinfmt doctor {image}";

/// All of them, as templates.
pub(in crate::doctor) fn commands() -> impl Iterator<Item = &'static str> {
    [EXPLAIN, OF_FILE, OF_IMAGE].into_iter().chain(TELLS.iter().map(|tell| tell.command))
}

/// What tells the first two apart, or what the first one is; `None` where the text has proved it.
pub(super) fn next(diagnosis: &Diagnosis, text: &Text) -> Option<Next> {
    let [first, rest @ ..] = &diagnosis.candidates[..] else { return Some(unknown(diagnosis)) };
    if first.strength == Strength::Certain {
        return None;
    }
    let in_image = [Place::Container, Place::Build, Place::Kubernetes].iter().any(|place| text.places.contains(place))
        || diagnosis.image.is_some();
    let tells = || TELLS.iter().filter(|tell| in_image || !tell.in_image);
    let both =
        rest.first().and_then(|second| tells().find(|t| t.among.contains(&first.id) && t.among.contains(&second.id)));
    Some(match both {
        // A file that is named is what is asked first, where it is not one of an image.
        Some(tell) if in_image || tell.command.contains("{path}") || diagnosis.paths.is_empty() => {
            Next { command: fill(diagnosis, tell.command), says: tell.says.into() }
        }
        _ if diagnosis.paths.is_empty() => Next {
            command: EXPLAIN.replace("{cause}", first.id.as_str()),
            says: "how it is told from others, and what to do".into(),
        },
        _ => of_file(diagnosis),
    })
}

/// Where nothing is recognised.
fn unknown(diagnosis: &Diagnosis) -> Next {
    if !diagnosis.paths.is_empty() {
        return of_file(diagnosis);
    }
    match diagnosis.image {
        Some(_) => Next {
            command: fill(diagnosis, OF_IMAGE),
            says: "what the image's programs are, without running one".into(),
        },
        None => Next {
            command: fill(diagnosis, OF_FILE),
            says: "what the kernel does with the program that does not start; run it where the file is".into(),
        },
    }
}

fn of_file(diagnosis: &Diagnosis) -> Next {
    Next {
        command: fill(diagnosis, OF_FILE),
        says: "what the file is, and what the kernel does with it; run it where the file is".into(),
    }
}

/// The names of the text in a command; what it does not name is left to the reader.
fn fill(diagnosis: &Diagnosis, template: &str) -> String {
    let mut text = template.to_owned();
    for (name, value) in diagnosis.names() {
        text = text.replace(&format!("{{{name}}}"), &quoted(&value));
    }
    text.replace("{path}", "FILE").replace("{image}", "IMAGE").replace("{platform}", "linux/ARCH")
}
