//! Text into tokens: where actions begin and end, what is trimmed, and what is in them.

use super::At;

/// A token of an action, or the text between actions.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// Text outside of actions, trimmed.
    Text(String),
    /// `{{`.
    Open,
    /// `}}`.
    Close,
    /// A word: a keyword, a function, `true`, `nil`.
    Word(String),
    /// `.A`, or a lone `.` when empty. True when it follows what is before it without a space.
    Field(String, bool),
    /// `$x`, or `$`.
    Variable(String),
    /// A string.
    Quoted(String),
    /// A number, as it is written; a character is its number.
    Number(String),
    /// `:=`.
    Declare,
    /// `=`.
    Assign,
    /// `|`, `(`, `)` or `,`.
    Sign(char),
    /// A space between operands.
    Space,
}

/// The tokens of a template with their lines.
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, At> {
    let mut lexer = Lexer { rest: text, line: 1, found: Vec::new() };
    lexer.run()?;
    Ok(lexer.found)
}

struct Lexer<'a> {
    rest: &'a str,
    line: usize,
    found: Vec<(usize, Token)>,
}

impl Lexer<'_> {
    fn run(&mut self) -> Result<(), At> {
        let mut trim = false;
        loop {
            let (text, action) = match self.rest.split_once("{{") {
                Some((text, _)) => (text, true),
                None => (self.rest, false),
            };
            let inside = self.rest.get(text.len() + 2..).unwrap_or_default();
            let trims_before = action && trims_left(inside);
            let kept = if trim { text.trim_start_matches(SPACES) } else { text };
            let kept = if trims_before { kept.trim_end_matches(SPACES) } else { kept };
            if !kept.is_empty() {
                self.found.push((self.line, Token::Text(kept.to_owned())));
            }
            self.advance(text.len());
            if !action {
                return Ok(());
            }
            self.advance(if trims_before { 4 } else { 2 });
            trim = if self.rest.starts_with("/*") { self.comment()? } else { self.action()? };
        }
    }

    /// Skips bytes, counting lines.
    fn advance(&mut self, bytes: usize) {
        let (skipped, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.line += skipped.matches('\n').count();
        self.rest = rest;
    }

    fn push(&mut self, token: Token, bytes: usize) {
        self.found.push((self.line, token));
        self.advance(bytes);
    }

    /// Skips a comment. True when what follows is trimmed: only its own end says so.
    fn comment(&mut self) -> Result<bool, At> {
        let line = self.line;
        let end = self.rest.find("*/").ok_or_else(|| At::new(line, "unclosed comment"))?;
        self.advance(end + 2);
        if self.rest.starts_with("}}") {
            self.advance(2);
            return Ok(false);
        }
        let trimmed = self.rest.trim_start_matches(SPACES);
        if trimmed.len() < self.rest.len() && trimmed.starts_with("-}}") {
            self.advance(self.rest.len() - trimmed.len() + 3);
            return Ok(true);
        }
        Err(At::new(self.line, "comment ends before closing delimiter"))
    }

    /// Reads an action up to its end. True when what follows is trimmed.
    fn action(&mut self) -> Result<bool, At> {
        self.found.push((self.line, Token::Open));
        loop {
            let Some(next) = self.rest.chars().next() else {
                return Err(At::new(self.line, "unclosed action"));
            };
            if self.rest.starts_with("}}") {
                self.push(Token::Close, 2);
                return Ok(false);
            }
            if SPACES.contains(&next) {
                let spaces = self.rest.len() - self.rest.trim_start_matches(SPACES).len();
                let after = self.rest.get(spaces..).unwrap_or_default();
                if after.starts_with("-}}") {
                    self.advance(spaces);
                    self.push(Token::Close, 3);
                    return Ok(true);
                }
                self.push(Token::Space, spaces);
                continue;
            }
            self.token(next)?;
        }
    }

    fn token(&mut self, next: char) -> Result<(), At> {
        match next {
            '"' => self.quoted(),
            '`' => {
                let inside = self.rest.get(1..).unwrap_or_default();
                let end = inside.find('`');
                let end =
                    end.ok_or_else(|| At::new(self.line, "unterminated raw quoted string"))?;
                let raw = inside.get(..end).unwrap_or_default().to_owned();
                self.push(Token::Quoted(raw), end + 2);
                Ok(())
            }
            '\'' => self.character(),
            ':' if self.rest.starts_with(":=") => {
                self.push(Token::Declare, 2);
                Ok(())
            }
            '=' => {
                self.push(Token::Assign, 1);
                Ok(())
            }
            '|' | '(' | ')' | ',' => {
                self.push(Token::Sign(next), 1);
                Ok(())
            }
            '.' if !self.second().is_some_and(|c| c.is_ascii_digit()) => {
                let name = self.word(1);
                let joined = !matches!(
                    self.found.last(),
                    Some((
                        _,
                        Token::Space
                            | Token::Open
                            | Token::Sign('(' | '|' | ',')
                            | Token::Declare
                            | Token::Assign
                    ))
                );
                let bytes = name.len() + 1;
                self.push(Token::Field(name, joined), bytes);
                Ok(())
            }
            '$' => {
                let name = self.word(1);
                let bytes = name.len() + 1;
                self.push(Token::Variable(name), bytes);
                Ok(())
            }
            '0'..='9' | '+' | '-' | '.' => {
                let end = self.rest.char_indices().skip(1).find(|(_, c)| {
                    !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '+' | '-'))
                });
                let end = end.map_or(self.rest.len(), |(at, _)| at);
                let number = self.rest.get(..end).unwrap_or_default().to_owned();
                self.push(Token::Number(number), end);
                Ok(())
            }
            c if is_word(c) => {
                let word = self.word(0);
                let bytes = word.len();
                self.push(Token::Word(word), bytes);
                Ok(())
            }
            other => Err(At::new(self.line, format!("unexpected {other:?} in an action"))),
        }
    }

    fn second(&self) -> Option<char> {
        self.rest.chars().nth(1)
    }

    /// The word that begins some bytes on.
    fn word(&self, skip: usize) -> String {
        let rest = self.rest.get(skip..).unwrap_or_default();
        rest.chars().take_while(|c| is_word(*c)).collect()
    }

    /// A string in quotes.
    fn quoted(&mut self) -> Result<(), At> {
        let mut text = String::new();
        let mut chars = self.rest.char_indices().skip(1).peekable();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.push(Token::Quoted(text), at + 1);
                    return Ok(());
                }
                '\n' => break,
                '\\' => {
                    let mut left = chars.clone().map(|(_, c)| c);
                    let before = left.clone().count();
                    let escaped = escape(&mut left)
                        .ok_or_else(|| At::new(self.line, "unknown escape in a string"))?;
                    text.push(escaped);
                    for _ in left.count()..before {
                        chars.next();
                    }
                }
                other => text.push(other),
            }
        }
        Err(At::new(self.line, "unterminated quoted string"))
    }

    /// A character, which is a number.
    fn character(&mut self) -> Result<(), At> {
        let malformed = || At::new(self.line, "malformed character constant");
        let inside = self.rest.get(1..).unwrap_or_default();
        let mut chars = inside.chars();
        let c = match chars.next().ok_or_else(malformed)? {
            '\\' => escape(&mut chars).ok_or_else(malformed)?,
            c => c,
        };
        let rest = chars.as_str().strip_prefix('\'').ok_or_else(malformed)?;
        let bytes = self.rest.len() - rest.len();
        self.push(Token::Number(u32::from(c).to_string()), bytes);
        Ok(())
    }
}

/// What Go's templates trim.
const SPACES: &[char] = &[' ', '\t', '\r', '\n'];

/// Whether an action trims what is before it: a dash and a space, so that `{{-3}}` is a number.
fn trims_left(inside: &str) -> bool {
    let mut chars = inside.chars();
    chars.next() == Some('-') && chars.next().is_some_and(|c| SPACES.contains(&c))
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// The character that an escape after a backslash means.
fn escape(chars: &mut impl Iterator<Item = char>) -> Option<char> {
    match chars.next()? {
        'a' => Some('\u{7}'),
        'b' => Some('\u{8}'),
        'f' => Some('\u{c}'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'v' => Some('\u{b}'),
        c @ ('\\' | '"' | '\'') => Some(c),
        'x' => read(chars, 2),
        'u' => read(chars, 4),
        'U' => read(chars, 8),
        _ => None,
    }
}

/// So many hexadecimal digits as a character.
fn read(chars: &mut impl Iterator<Item = char>, digits: usize) -> Option<char> {
    let digits: String = chars.by_ref().take(digits).collect();
    u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32)
}
