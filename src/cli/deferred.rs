//! Arguments that are built when their verb is the one that was named: those of all verbs took a third of a short run.

use std::ops::Deref;

use clap::builder::Resettable;
use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::Common;

/// The arguments of one verb.
#[derive(Debug, Clone)]
pub struct Deferred<T>(pub T);

impl<T> Deref for Deferred<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: FromArgMatches> FromArgMatches for Deferred<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        T::from_arg_matches(matches).map(Deferred)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches(matches)
    }
}

impl<T: Args> Args for Deferred<T> {
    fn augment_args(command: Command) -> Command {
        command.defer(|command| {
            // What the list of verbs says of it stands; derive would now put the words of T in its place.
            let (about, long) = (command.get_about().cloned(), command.get_long_about().cloned());
            T::augment_args(with_common(command)).about(Resettable::from(about)).long_about(Resettable::from(long))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        T::augment_args_for_update(command)
    }
}

/// With the options of every verb. Here they are global, so that they go for what is below the verb too, and what is said
/// before the verb counts like what is said after it. Were they global in the program's own command, clap would copy them
/// into each of its verbs at every start, for a third of its memory.
fn with_common(verb: Command) -> Command {
    Common::augment_args(verb).mut_args(|arg| arg.global(true)).next_help_heading(None)
}
