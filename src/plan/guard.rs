//! Rules that must never be registered: they would take away the programs that the machine lives on. Pure.

use std::path::Path;

use crate::binfmt::rule::Rule;
use crate::facts::Facts;
use crate::profile::Profiles;

/// Why a rule must not be registered; `None` when it may.
pub(super) fn danger(rule: &Rule, profiles: &Profiles, facts: &Facts) -> Option<String> {
    if let Some(file) = facts.guarded.iter().find(|g| takes(rule, &g.path, &g.head)) {
        return Some(format!("the rule would take {} ({})", file.what, file.path.display()));
    }
    if let Rule::Magic(magic) = rule {
        let own = profiles.iter().filter(|p| facts.is_own(p));
        for profile in own {
            if profile.ordinary_files().iter().any(|files| files.overlaps(magic)) {
                return Some(format!("the rule would take this machine's own programs ({})", profile.label()));
            }
        }
    }
    None
}

fn takes(rule: &Rule, path: &Path, head: &[u8]) -> bool {
    rule.takes(head, path.as_os_str().as_encoded_bytes())
}
