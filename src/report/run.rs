//! The plan of `run`.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::report::progress::size;
use crate::run::{MOST, Plan, Way, Who};
use crate::text::to_text;

/// For people.
pub fn text(plan: &Plan) -> String {
    let mut text = String::new();
    let mut line = |what: &str, is: String| {
        // A String takes everything.
        let _ = writeln!(text, "{what:<10} {is}");
    };
    match &plan.way {
        Way::Table(table) => {
            line("namespaces", format!("user (as {}), mount", plan.who));
            for entry in table.entries() {
                line("entry", format!("{} -> {} ({})", entry.name, entry.handler(), entry.flags));
            }
        }
        Way::Emulator(obstacle) => line("no table", obstacle.to_string()),
        Way::Kept(kept) => line("joins", format!("{} (process {})", kept.name, kept.pid)),
    }
    if let Some(root) = &plan.view.root {
        line("root", root.display().to_string());
        if plan.view.scratch.is_some() {
            line("writes", "to memory; they end with the program".to_owned());
            line("disk", format!("at most {}, extracted once", size(MOST)));
        }
        line("mounts", "/proc /sys /dev /etc/resolv.conf; /tmp where it cannot be written".to_owned());
    }
    if let Some(sysroot) = &plan.sysroot {
        line("libraries", sysroot.display().to_string());
    }
    for library in &plan.missing {
        line("missing", library.clone());
    }
    for bind in &plan.view.binds {
        let how = if bind.read_only { " (read-only)" } else { "" };
        line("bind", format!("{} on {}{how}", bind.source.display(), bind.target.display()));
    }
    if let Some(directory) = &plan.view.directory {
        line("directory", directory.display().to_string());
    }
    for (name, option) in &plan.left_out {
        line("without", format!("{name}, which QEMU takes for {option}"));
    }
    line("program", plan.path.display().to_string());
    if !plan.used.is_empty() {
        line("through", plan.used.join(", "));
    }
    let words = plan.command.iter().map(|word| to_text(word.as_encoded_bytes()));
    line("command", words.collect::<Vec<_>>().join(" "));
    text
}

/// For programs.
pub fn json(plan: &Plan) -> Value {
    let path = |path: &std::path::Path| to_text(path.as_os_str().as_encoded_bytes());
    let (entries, obstacle) = match &plan.way {
        Way::Table(table) => (table.entries(), None),
        Way::Emulator(obstacle) => (Vec::new(), Some(obstacle.to_string())),
        Way::Kept(_) => (Vec::new(), None),
    };
    let binds =
        plan.view.binds.iter().map(
            |bind| json!({ "source": path(&bind.source), "target": path(&bind.target), "read_only": bind.read_only }),
        );
    json!({
        "schema": 1,
        "obstacle": obstacle,
        "as_root": matches!(plan.who, Who::Root { .. }),
        "entries": entries,
        "root": plan.view.root.as_deref().map(path),
        "sysroot": plan.sysroot.as_deref().map(path),
        "missing": plan.missing,
        "binds": binds.collect::<Vec<_>>(),
        "directory": plan.view.directory.as_deref().map(path),
        "left_out": plan.left_out.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        "program": path(&plan.path),
        "through": plan.used,
        "command": plan.command.iter().map(|word| to_text(word.as_encoded_bytes())).collect::<Vec<_>>(),
    })
}
