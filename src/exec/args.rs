//! The argument list on its way through the chain, and how much space it may take (bprm_stack_limits and copy_strings
//! in fs/exec.c). Pure.

use std::collections::VecDeque;

use bstr::BString;

use super::facts::ExecFacts;

/// MAX_ARG_STRLEN: one string, with its NUL.
const LONGEST: u64 = 131_072;
/// ARG_MAX: what is always allowed.
const ALWAYS: u64 = 131_072;
/// Three quarters of _STK_LIM.
const MOST: u64 = 6 << 20;

/// The arguments, and the bytes that they and the environment take.
#[derive(Debug, Clone)]
pub(super) struct Arguments {
    list: VecDeque<BString>,
    used: u64,
    limit: u64,
}

/// What is too long.
pub(super) type TooBig = &'static str;

impl Arguments {
    /// The arguments of a call. `fills` makes one of none.
    pub(super) fn new(path: &[u8], argv: &[BString], facts: &ExecFacts, fills: bool) -> Result<Self, TooBig> {
        let environment = facts.environment;
        let quarter = facts.stack_limit.map_or(MOST, |limit| MOST.min(limit / 4));
        let pointers = 8 * (argv.len().max(1) as u64 + environment.count);
        let limit = quarter.max(ALWAYS);
        if limit <= pointers {
            return Err("there are more arguments and variables than a quarter of the stack can hold");
        }
        let mut all = Arguments { list: VecDeque::new(), used: 0, limit: limit - pointers };
        all.take_room(path.len() as u64 + 1)?;
        if environment.longest > LONGEST {
            return Err("a variable of the environment is longer than 131071 bytes");
        }
        all.used += environment.bytes;
        for argument in argv.iter().rev() {
            all.push(argument.clone())?;
        }
        if argv.is_empty() && fills {
            all.push(BString::default())?;
        }
        Ok(all)
    }

    fn take_room(&mut self, len: u64) -> Result<(), TooBig> {
        self.used += len;
        match () {
            () if len > LONGEST => Err("an argument is longer than 131071 bytes"),
            () if self.used > self.limit => Err("arguments and environment are larger than a quarter of the stack"),
            () => Ok(()),
        }
    }

    /// Puts one in front.
    pub(super) fn push(&mut self, argument: BString) -> Result<(), TooBig> {
        self.take_room(argument.len() as u64 + 1)?;
        self.list.push_front(argument);
        Ok(())
    }

    /// Takes the first away, where there is one.
    pub(super) fn shift(&mut self) {
        if let Some(first) = self.list.pop_front() {
            self.used -= first.len() as u64 + 1;
        }
    }

    /// The list as it is now.
    pub(super) fn list(&self) -> Vec<BString> {
        self.list.iter().cloned().collect()
    }

    /// The bytes of all strings.
    pub(super) fn used(&self) -> u64 {
        self.used
    }
}
