//! Flags that nobody knows: dropped with a warning, as istiod does, because charts of other versions pass
//! flags of other versions.
//!
//! Works on the words of the command line before clap sees them, by the rules of Go's pflag: an unknown flag
//! without `=` takes the word that follows it along, unless that looks like a flag. Only for `discovery`: to
//! the other commands, a typing error matters more.

use std::ffi::OsString;

use clap::{Arg, ArgAction, Command};

use super::DISCOVERY;

/// The arguments without unknown flags, and the flags that were dropped, as they stood.
pub(super) fn drop_unknown_flags(
    arguments: &[OsString],
    definition: &Command,
) -> (Vec<OsString>, Vec<String>) {
    let mut words = arguments.iter();
    let mut kept: Vec<OsString> = words.next().into_iter().cloned().collect();
    let mut dropped = Vec::new();
    // Flags before the command: istiod has none there, so that only one with `=` is sure to be one word.
    let command = loop {
        match words.next() {
            Some(word) if word.to_str().is_some_and(|w| w.starts_with("--") && w.contains('=')) => {
                dropped.push(word.to_string_lossy().into_owned());
            }
            Some(word) if word == DISCOVERY => break definition.find_subcommand(DISCOVERY),
            _ => break None,
        }
    };
    match command {
        Some(command) => {
            kept.push(DISCOVERY.into());
            drop_from_command(words, command, &mut kept, &mut dropped);
            (kept, dropped)
        }
        None => (arguments.to_vec(), Vec::new()),
    }
}

/// The same for the words behind the command.
fn drop_from_command<'a>(
    words: impl Iterator<Item = &'a OsString>,
    command: &Command,
    kept: &mut Vec<OsString>,
    dropped: &mut Vec<String>,
) {
    let mut words = words.peekable();
    while let Some(word) = words.next() {
        if word == "--" {
            kept.push(word.clone());
            kept.extend(words.by_ref().cloned());
            return;
        }
        let Some(text) = word.to_str().filter(|text| looks_like_flag(text)) else {
            kept.push(word.clone());
            continue;
        };
        let mut flag = word.clone();
        match find(command, text) {
            Some(argument) => {
                if takes_value(argument)
                    && is_bare(text)
                    && let Some(value) = words.next()
                {
                    // As one word, so that a value such as -1s is taken for one.
                    flag.push("=");
                    flag.push(value);
                }
                kept.push(flag);
            }
            None => {
                let is_value = |next: &&OsString| !next.to_string_lossy().starts_with('-');
                if is_bare(text)
                    && let Some(value) = words.next_if(is_value)
                {
                    flag.push(" ");
                    flag.push(value);
                }
                dropped.push(flag.to_string_lossy().into_owned());
            }
        }
    }
}

fn looks_like_flag(word: &str) -> bool {
    word.len() > 1 && word.starts_with('-')
}

/// Whether the value of a flag, if it has one, is the next word: `--flag` and `-f`, not `--flag=v` or `-fv`.
fn is_bare(word: &str) -> bool {
    match word.strip_prefix("--") {
        Some(long) => !long.contains('='),
        None => word.chars().count() == 2,
    }
}

/// The known flag that a word means.
fn find<'a>(command: &'a Command, word: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|argument| match word.strip_prefix("--") {
        Some(long) => argument.get_long() == long.split('=').next(),
        None => argument.get_short().is_some() && argument.get_short() == word.chars().nth(1),
    })
}

/// Whether a flag needs a value; that of a truth value may be left out.
fn takes_value(argument: &Arg) -> bool {
    let optional = argument.get_num_args().is_some_and(|range| range.min_values() == 0);
    matches!(argument.get_action(), ArgAction::Set | ArgAction::Append) && !optional
}
