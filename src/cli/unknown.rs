//! Flags that nobody knows: dropped with a warning, as istiod does, because charts of other versions pass
//! flags of other versions.
//!
//! Works on the words of the command line before clap sees them, by the rules of Go's pflag: an unknown flag
//! without `=` takes the word that follows it along, unless that looks like a flag.

use std::ffi::OsString;

use clap::{ArgAction, Command};

use super::DISCOVERY;

/// The arguments without unknown flags, and the flags that were dropped, as they stood.
pub(super) fn drop_unknown_flags(
    arguments: &[OsString],
    definition: &Command,
) -> (Vec<OsString>, Vec<String>) {
    let Some(command) = definition.find_subcommand(DISCOVERY) else {
        return (arguments.to_vec(), Vec::new());
    };
    let Some(at) = arguments.iter().position(|word| word == DISCOVERY) else {
        return (arguments.to_vec(), Vec::new());
    };
    let (before, after) = arguments.split_at(at + 1);
    // Another command, with `discovery` as its argument.
    if before.iter().skip(1).take(at - 1).any(|word| !word.to_string_lossy().starts_with('-')) {
        return (arguments.to_vec(), Vec::new());
    }
    let mut kept: Vec<OsString> = before.first().into_iter().cloned().collect();
    let mut dropped = Vec::new();
    for word in before.iter().skip(1).take(at - 1) {
        match word.to_str().filter(|word| word.starts_with("--") && word.contains('=')) {
            Some(flag) => dropped.push(flag.to_owned()),
            None => kept.push(word.clone()),
        }
    }
    kept.push(DISCOVERY.into());
    let mut words = after.iter().peekable();
    while let Some(word) = words.next() {
        if word == "--" {
            kept.push(word.clone());
            kept.extend(words.by_ref().cloned());
            break;
        }
        let Some(text) = word.to_str().filter(|text| text.len() > 1 && text.starts_with('-'))
        else {
            kept.push(word.clone());
            continue;
        };
        match find(command, text) {
            Some(takes_value) => {
                let mut flag = word.clone();
                if takes_value
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
                let mut flag = text.to_owned();
                let value = |next: &&OsString| !next.to_string_lossy().starts_with('-');
                if is_bare(text)
                    && let Some(value) = words.next_if(value)
                {
                    flag = format!("{flag} {}", value.to_string_lossy());
                }
                dropped.push(flag);
            }
        }
    }
    (kept, dropped)
}

/// Whether the value of a flag, if it has one, is the next word: `--flag` and `-f`, not `--flag=v` or `-fv`.
fn is_bare(word: &str) -> bool {
    match word.strip_prefix("--") {
        Some(long) => !long.contains('='),
        None => word.chars().count() == 2,
    }
}

/// Whether a known flag takes a value; None for an unknown one.
fn find(command: &Command, word: &str) -> Option<bool> {
    let found = match word.strip_prefix("--") {
        Some(long) => {
            let name = long.split('=').next().unwrap_or(long);
            command.get_arguments().find(|argument| argument.get_long() == Some(name))
        }
        None => {
            let short = word.chars().nth(1);
            command.get_arguments().find(|argument| argument.get_short() == short)
        }
    }?;
    let optional = found.get_num_args().is_some_and(|range| range.min_values() == 0);
    let takes_value = matches!(found.get_action(), ArgAction::Set | ArgAction::Append) && !optional;
    Some(takes_value)
}
