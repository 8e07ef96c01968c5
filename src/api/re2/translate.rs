//! From RE2's dialect to that of Rust's engine.

use std::collections::HashSet;
use std::iter::Peekable;
use std::str::Chars;

use super::class;
use super::escape::{self, Escape};

/// What one repetition may count to, and all that are nested in each other together.
const MAX_REPEAT: u32 = 1000;

/// More digits than this are no count.
const MAX_DIGITS: usize = 8;

/// The pattern for Rust's engine, or what RE2 does not take.
pub(super) fn translate(pattern: &str) -> Result<String, String> {
    let mut translator = Translator {
        rest: pattern.chars().peekable(),
        out: String::with_capacity(pattern.len() + 16),
        group: Group::default(),
        outer: Vec::new(),
        names: HashSet::new(),
    };
    while let Some(c) = translator.rest.next() {
        translator.take(c)?;
    }
    match translator.outer.is_empty() {
        true => Ok(translator.out),
        false => Err("a ( without its )".to_owned()),
    }
}

/// The rest of a pattern.
pub(super) type Rest<'a> = Peekable<Chars<'a>>;

struct Translator<'a> {
    rest: Rest<'a>,
    out: String,
    /// The innermost group that is open.
    group: Group,
    /// Those around it, the whole pattern first.
    outer: Vec<Group>,
    names: HashSet<String>,
}

/// What is known of an open group.
#[derive(Default)]
struct Group {
    /// How often its part with the most repetitions is repeated; 0 for no part.
    most: u32,
    last: Last,
}

/// What a repetition that comes next would repeat.
#[derive(Clone, Copy, Default)]
enum Last {
    /// Nothing.
    #[default]
    Nothing,
    /// Something that counts as so many.
    Operand(u32),
    /// A repetition.
    Repetition,
}

impl Translator<'_> {
    fn take(&mut self, c: char) -> Result<(), String> {
        match c {
            '(' => self.open(),
            ')' => self.close(),
            '|' => {
                self.out.push('|');
                self.group.last = Last::Nothing;
                Ok(())
            }
            '*' | '+' | '?' => self.repeat(&c.to_string(), 1),
            '{' => match count(&self.rest) {
                Some(count) => {
                    self.rest.nth(count.chars - 1);
                    self.counted(count)
                }
                None => self.literal('{'),
            },
            '[' => {
                let class = class::translate(&mut self.rest)?;
                self.operand(&class)
            }
            '^' | '$' | '.' => self.operand(&c.to_string()),
            '\\' => self.escaped(),
            other => self.literal(other),
        }
    }

    /// What follows is in a group that was written with `text`.
    fn enter(&mut self, text: &str) {
        self.out.push_str(text);
        self.outer.push(std::mem::take(&mut self.group));
    }

    fn operand(&mut self, text: &str) -> Result<(), String> {
        self.out.push_str(text);
        self.counts(1);
        Ok(())
    }

    /// Something of this many repetitions stands behind what was read.
    fn counts(&mut self, times: u32) {
        self.group.most = self.group.most.max(times);
        self.group.last = Last::Operand(times);
    }

    fn literal(&mut self, c: char) -> Result<(), String> {
        let text = escape::literal(c);
        self.operand(&text)
    }

    fn escaped(&mut self) -> Result<(), String> {
        match self.rest.peek() {
            Some('Q') => {
                self.rest.next();
                self.quoted()
            }
            Some('A' | 'z' | 'B') => {
                let c = self.rest.next().unwrap_or_default();
                self.operand(&format!("\\{c}"))
            }
            Some('b') => {
                self.rest.next();
                self.operand(r"(?-u:\b)")
            }
            _ => match escape::escape(&mut self.rest)? {
                Escape::Char(c) => self.literal(c),
                Escape::Class(class) => self.operand(&class),
            },
        }
    }

    /// Everything up to `\E` stands for itself.
    fn quoted(&mut self) -> Result<(), String> {
        while let Some(c) = self.rest.next() {
            if c == '\\' && self.rest.peek() == Some(&'E') {
                self.rest.next();
                return Ok(());
            }
            self.literal(c)?;
        }
        Ok(())
    }

    fn open(&mut self) -> Result<(), String> {
        if self.rest.peek() != Some(&'?') {
            self.enter("(");
            return Ok(());
        }
        self.rest.next();
        let mut ahead = self.rest.clone();
        match (ahead.next(), ahead.next()) {
            (Some('P'), Some('<')) => {
                self.rest.next();
                self.rest.next();
                self.named()
            }
            (Some('<'), Some('=' | '!')) | (Some('=' | '!'), _) => {
                Err("RE2 has no look-around".to_owned())
            }
            (Some('<'), _) => {
                self.rest.next();
                self.named()
            }
            _ => self.flags(),
        }
    }

    fn named(&mut self) -> Result<(), String> {
        let mut name = String::new();
        loop {
            match self.rest.next() {
                Some('>') => break,
                Some(c) if c.is_ascii_alphanumeric() || c == '_' => name.push(c),
                _ => return Err("the name of a group has letters, digits and _ only".to_owned()),
            }
        }
        if name.is_empty() || !self.names.insert(name) {
            return Err("a group needs a name of its own".to_owned());
        }
        // Nobody asks for groups by name.
        self.enter("(");
        Ok(())
    }

    /// `(?i)`, `(?s-m:…)` and alike.
    fn flags(&mut self) -> Result<(), String> {
        let (mut flags, mut any, mut negative) = (String::new(), false, false);
        loop {
            match self.rest.next() {
                Some(c @ ('i' | 'm' | 's' | 'U')) => {
                    any = true;
                    flags.push(c);
                }
                Some('-') if !negative => {
                    (negative, any) = (true, false);
                    flags.push('-');
                }
                Some(':') if any || !negative => {
                    self.enter(&format!("(?{flags}:"));
                    return Ok(());
                }
                Some(')') if any || !negative => {
                    if any {
                        self.out.push_str(&format!("(?{flags})"));
                    }
                    // Rust's engine repeats nothing behind flags.
                    self.group.last = Last::Nothing;
                    return Ok(());
                }
                _ => {
                    return Err(
                        "behind (? only the flags i, m, s, U or a name may stand".to_owned()
                    );
                }
            }
        }
    }

    fn close(&mut self) -> Result<(), String> {
        let Some(outer) = self.outer.pop() else { return Err("a ) without its (".to_owned()) };
        let group = std::mem::replace(&mut self.group, outer);
        self.out.push(')');
        self.counts(group.most.max(1));
        Ok(())
    }

    fn counted(&mut self, count: Count) -> Result<(), String> {
        let Count { min, max, .. } = count;
        let sound = min.is_some_and(|min| match max {
            Max::Same | Max::Open => min <= MAX_REPEAT,
            Max::Is(max) => max.is_some_and(|max| min <= max && max <= MAX_REPEAT),
        });
        let Some(min) = min.filter(|_| sound) else {
            return Err(format!("a repetition counts to {MAX_REPEAT} at most, and not down"));
        };
        let (text, times) = match max {
            Max::Same => (format!("{{{min}}}"), min),
            Max::Open => (format!("{{{min},}}"), min),
            Max::Is(max) => {
                let max = max.unwrap_or(min);
                (format!("{{{min},{max}}}"), max)
            }
        };
        self.repeat(&text, times)
    }

    fn repeat(&mut self, operator: &str, times: u32) -> Result<(), String> {
        let operand = match self.group.last {
            Last::Operand(operand) => operand,
            Last::Nothing => return Err(format!("nothing stands before {operator}")),
            Last::Repetition => return Err(format!("{operator} follows another repetition")),
        };
        let times = operand.saturating_mul(times.max(1));
        if times > MAX_REPEAT {
            return Err(format!("nested repetitions count to {MAX_REPEAT} together at most"));
        }
        self.out.push_str(operator);
        if self.rest.peek() == Some(&'?') {
            self.rest.next();
            self.out.push('?');
        }
        self.counts(times);
        self.group.last = Last::Repetition;
        Ok(())
    }
}

/// The count of a repetition; a number that is too long is None.
struct Count {
    min: Option<u32>,
    max: Max,
    /// How long it is, without the first brace.
    chars: usize,
}

enum Max {
    /// `{2}`
    Same,
    /// `{2,}`
    Open,
    /// `{2,3}`
    Is(Option<u32>),
}

/// What stands behind a brace, if it is a count; otherwise the brace stands for itself.
fn count(rest: &Rest<'_>) -> Option<Count> {
    let mut ahead = rest.clone();
    let mut chars = 0;
    let min = number(&mut ahead, &mut chars)?;
    let max = match ahead.next()? {
        '}' => return Some(Count { min, max: Max::Same, chars: chars + 1 }),
        ',' if ahead.peek() == Some(&'}') => Max::Open,
        ',' => {
            chars += 1;
            let max = number(&mut ahead, &mut chars)?;
            chars -= 1;
            Max::Is(max)
        }
        _ => return None,
    };
    (ahead.next()? == '}').then_some(Count { min, max, chars: chars + 2 })
}

/// Digits without a leading zero; the inner None is a number that is too long.
fn number(rest: &mut Rest<'_>, chars: &mut usize) -> Option<Option<u32>> {
    let mut digits = String::new();
    while let Some(c) = rest.next_if(char::is_ascii_digit) {
        digits.push(c);
        *chars += 1;
    }
    match digits.as_str() {
        "" => None,
        long if long.len() > 1 && long.starts_with('0') => None,
        long if long.len() >= MAX_DIGITS => Some(None),
        digits => Some(digits.parse().ok()),
    }
}
