//! Where things can be in a new program's address space. Much of it is random, so addresses are intervals: a check
//! that fails for all of them is a failure, one that fails for some is unclear. Pure.

use super::arch::Loader;
use super::facts::ExecFacts;
use super::outcome::Death;

/// What happens after the point of no return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// The process is killed, whatever the random numbers.
    Dies(Death),
    /// It depends on random numbers, or on more than this model follows.
    Unclear(&'static str),
}

/// A number that is known to be between two others, both included. Addresses wrap as the kernel's do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Between {
    pub(super) lo: u64,
    pub(super) hi: u64,
}

impl Between {
    pub(super) fn exactly(n: u64) -> Self {
        Between { lo: n, hi: n }
    }

    pub(super) fn map(self, f: impl Fn(u64) -> u64) -> Self {
        Between { lo: f(self.lo), hi: f(self.hi) }
    }

    /// `Some(true)` where `f` holds at both ends, `None` where at one; every check here changes at most once between.
    pub(super) fn all(self, f: impl Fn(u64) -> bool) -> Option<bool> {
        match (f(self.lo), f(self.hi)) {
            _ if self.lo > self.hi => None,
            (a, b) if a == b => Some(a),
            _ => None,
        }
    }
}

/// The address space of a program that is being loaded.
#[derive(Debug)]
pub(super) struct Space {
    pub(super) end: u64,
    pub(super) page: u64,
    min_address: u64,
    hint_min: u64,
    bytes: Option<u64>,
    /// Where the search for space begins, downwards.
    top: Between,
    /// The stack's lowest possible address.
    stack_low: u64,
    /// Every address from here on may be stack, and from `stack_low` up to here nothing but stack can be sure.
    stack_sure: Between,
    /// Mapped so far: each is somewhere within its interval.
    mapped: Vec<Between>,
    unclear: Option<Fate>,
}

/// Room that the kernel leaves below the stack, at least.
const GAP: u64 = 128 << 20;
/// stack_guard_gap
const GUARD: u64 = 1 << 20;
/// A huge page: files as long as that may be put at a multiple of it, except in the 32-bit mode.
const HUGE: u64 = 2 << 20;
/// CONFIG_LSM_MMAP_MIN_ADDR, as every distribution has it: an address that is asked for is not lower, one that is
/// insisted on may be.
const LSM_MIN_ADDRESS: u64 = 65_536;
/// What setup_arg_pages adds to the stack.
const STACK_EXPAND: u64 = 128 << 10;

impl Space {
    pub(super) fn new(facts: &ExecFacts, loader: &Loader, arguments: u64) -> Self {
        let m = &facts.memory;
        let bits = if loader.is_wide() { m.random_bits } else { m.random_bits_compat };
        let pages = |bits: u32| if m.randomised { ((1 << bits) - 1) * facts.page_size } else { 0 };
        // 22 bits of pages on x86_64, 11 in its 32-bit mode (STACK_RND_MASK).
        let stack_random = if loader.is_wide() { 0x3f_ffff * facts.page_size } else { 0x7ff * facts.page_size };
        let limit = facts.stack_limit.unwrap_or(u64::MAX);
        let gap = limit.saturating_add(stack_random + GUARD).clamp(GAP, loader.end / 6 * 5);
        let top = match facts.stack_limit {
            Some(_) => Between { lo: (loader.end - gap).saturating_sub(pages(bits)), hi: loader.end - gap },
            // Without a limit the search goes upwards, from a third of the space.
            None => Between { lo: loader.end / 3, hi: loader.end },
        };
        let stack = arguments + STACK_EXPAND + 4 * facts.page_size;
        let stack_low = loader.end.saturating_sub(stack_random + stack + (1 << 16));
        Space {
            end: loader.end,
            page: facts.page_size,
            min_address: if facts.identity.raw_io { 0 } else { m.min_address },
            hint_min: m.min_address.max(LSM_MIN_ADDRESS),
            // Only the heuristic mode has a plain limit.
            bytes: (m.overcommit == 0 && m.bytes > 0).then_some(m.bytes),
            top,
            stack_low,
            stack_sure: Between { lo: loader.end - stack_random - facts.page_size, hi: loader.end - STACK_EXPAND },
            mapped: Vec::new(),
            unclear: (m.overcommit == 2).then_some(Fate::Unclear("memory is not overcommitted here")),
        }
    }

    pub(super) fn page_start(&self, address: u64) -> u64 {
        address & !(self.page - 1)
    }

    pub(super) fn page_end(&self, address: u64) -> u64 {
        self.page_start(address.wrapping_add(self.page - 1))
    }

    /// Remembers that the outcome is not certain; a later certain death still counts.
    pub(super) fn doubt(&mut self, why: &'static str) {
        self.unclear.get_or_insert(Fate::Unclear(why));
    }

    /// The doubts, at the end.
    pub(super) fn settle(self) -> Result<(), Fate> {
        self.unclear.map_or(Ok(()), Err)
    }

    /// Fails where `bad` is certain, doubts where it is possible.
    pub(super) fn refuse(&mut self, bad: Option<bool>, why: &'static str) -> Result<(), Fate> {
        match bad {
            Some(true) => Err(Fate::Dies(Death::Unmappable(why))),
            Some(false) => Ok(()),
            None => {
                self.doubt(why);
                Ok(())
            }
        }
    }

    /// Memory that can be written counts against what there is.
    pub(super) fn charge(&self, len: u64) -> Result<(), Fate> {
        match self.bytes {
            Some(bytes) if len > bytes => {
                Err(Fate::Dies(Death::Unmappable("a segment needs more memory than the machine has")))
            }
            _ => Ok(()),
        }
    }

    /// Maps `len` bytes at a fixed place, over what is there.
    pub(super) fn fix(&mut self, at: Between, len: u64) -> Result<(), Fate> {
        self.within(at, len)?;
        if at.hi.saturating_add(len) > self.stack_low {
            self.doubt("a segment may overlap the stack");
        }
        self.mapped.push(Between { lo: at.lo, hi: at.hi.saturating_add(len) });
        Ok(())
    }

    /// Maps `len` bytes at a fixed place that must be free.
    pub(super) fn claim(&mut self, at: Between, len: u64) -> Result<(), Fate> {
        self.within(at, len)?;
        let surely = |a: u64| a < self.stack_sure.lo && a + len > self.stack_sure.hi;
        if at.hi.saturating_add(len) > self.stack_low {
            if surely(at.lo) && surely(at.hi) {
                return Err(Fate::Dies(Death::Unmappable("the segments overlap the stack")));
            }
            self.doubt("a segment may overlap the stack");
        }
        Ok(())
    }

    fn within(&mut self, at: Between, len: u64) -> Result<(), Fate> {
        let end = self.end;
        if len > end {
            return Err(Fate::Dies(Death::Unmappable("a segment is larger than the address space")));
        }
        self.refuse(at.all(|a| a > end - len), "a segment is outside the address space")?;
        let min = self.min_address;
        self.refuse(at.all(|a| a < min), "a segment is below vm.mmap_min_addr")
    }

    /// Finds space for `len` bytes, near `hint` where that is not 0.
    pub(super) fn search(&mut self, hint: u64, len: u64) -> Result<Between, Fate> {
        if hint != 0
            && let Some(found) = self.at_hint(hint, len)
        {
            return Ok(found);
        }
        let len = self.page_end(len);
        if len > self.end {
            return Err(Fate::Dies(Death::Unmappable("the segments are larger than the address space")));
        }
        let low = self.page.max(self.min_address);
        let mut busy = self.mapped.clone();
        busy.sort_by_key(|b| b.lo);
        let (mut free_from, mut fits) = (low, false);
        for taken in &busy {
            fits |= taken.lo.min(self.top.lo).saturating_sub(free_from) >= len;
            free_from = free_from.max(taken.hi);
        }
        let fits_on_top = self.top.lo.saturating_sub(free_from) >= len;
        if fits_on_top {
            let slack = if len >= HUGE && self.end > 1 << 32 { 2 * HUGE } else { 0 };
            return Ok(Between { lo: (self.top.lo - len).saturating_sub(slack).max(low), hi: self.top.hi - len });
        }
        if !fits {
            if busy.is_empty() && len > self.top.hi.saturating_sub(self.page) && self.stack_low < len {
                return Err(Fate::Dies(Death::Unmappable("there is no space for the segments")));
            }
            self.doubt("there may be no space for the segments");
        }
        Ok(Between { lo: low, hi: self.top.hi.saturating_sub(len).max(low) })
    }

    /// A place that is asked for and not insisted on.
    fn at_hint(&mut self, hint: u64, len: u64) -> Option<Between> {
        let hint = self.page_start(hint);
        let hint = if hint != 0 && hint < self.hint_min { self.page_end(self.hint_min) } else { hint };
        let len = self.page_end(len);
        if hint == 0 || len > self.end || hint > self.end - len {
            return None;
        }
        let end = hint + len;
        if end > self.stack_low.saturating_sub(GUARD) {
            self.doubt("the interpreter may overlap the stack");
        }
        let taken = self.mapped.iter().any(|b| hint < b.hi && b.lo < end);
        (!taken).then_some(Between::exactly(hint))
    }
}
