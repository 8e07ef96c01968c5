//! The words of CEL.

/// A word of CEL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A name, or a word such as `true`.
    Word(&'a str),
    /// An operator or a bracket.
    Symbol(&'a str),
    /// A text or bytes.
    Text,
    /// A number.
    Number,
    /// Nothing is left.
    End,
}

/// Operators and brackets, the longer first.
const SYMBOLS: [&str; 26] = [
    "||", "&&", "<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",",
    "(", ")", "[", "]", "{", "}", "`", "=",
];

pub(super) struct Tokens<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Tokens<'a> {
        Tokens { text, rest: text }
    }

    /// Where the reading is, in characters from 1.
    pub(super) fn at(&self) -> usize {
        let read = self.text.len() - self.rest.len();
        self.text.get(..read).unwrap_or_default().chars().count()
    }

    pub(super) fn next(&mut self) -> Result<Token<'a>, String> {
        self.skip_blanks();
        let Some(first) = self.rest.chars().next() else { return Ok(Token::End) };
        if let Some((raw, quoted)) = self.quoted() {
            self.rest = quoted;
            return self.string(raw).map(|()| Token::Text);
        }
        let point = self.rest.strip_prefix('.').unwrap_or(self.rest);
        if point.starts_with(|c: char| c.is_ascii_digit()) {
            return self.number();
        }
        if first.is_ascii_alphabetic() || first == '_' {
            let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            return Ok(Token::Word(self.take(self.while_is(word))));
        }
        if first == '`' {
            let end = self.rest.get(1..).and_then(|rest| rest.find('`')).ok_or("a ` is missing")?;
            return Ok(Token::Word(self.take(end + 2)));
        }
        match SYMBOLS.iter().find(|symbol| self.rest.starts_with(**symbol)) {
            Some(&("`" | "=")) | None => {
                Err(format!("{first:?} at character {} has no meaning", self.at() + 1))
            }
            Some(symbol) => Ok(Token::Symbol(self.take(symbol.len()))),
        }
    }

    fn skip_blanks(&mut self) {
        loop {
            self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n', '\x0c']);
            let Some(comment) = self.rest.strip_prefix("//") else { return };
            self.rest = comment.find('\n').and_then(|end| comment.get(end..)).unwrap_or_default();
        }
    }

    /// How many bytes from here on are so.
    fn while_is(&self, is: impl Fn(char) -> bool) -> usize {
        self.rest.find(|c| !is(c)).unwrap_or(self.rest.len())
    }

    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    /// Whether a text begins here: whether it is raw, and the text from its quotes on.
    fn quoted(&self) -> Option<(bool, &'a str)> {
        // At most two letters stand before it.
        let letters = self.rest.bytes().take(3).position(|b| matches!(b, b'"' | b'\''))?;
        let (prefix, quoted) = self.rest.split_at_checked(letters)?;
        let raw = match prefix.to_ascii_lowercase().as_str() {
            "" | "b" => false,
            "r" | "br" | "rb" => true,
            _ => return None,
        };
        Some((raw, quoted))
    }

    fn string(&mut self, raw: bool) -> Result<(), String> {
        let quotes = ["\"\"\"", "'''", "\"", "'"];
        let quote = quotes.into_iter().find(|quote| self.rest.starts_with(quote));
        let quote = quote.unwrap_or("\"");
        self.take(quote.len());
        loop {
            if self.rest.starts_with(quote) {
                self.take(quote.len());
                return Ok(());
            }
            match self.rest.chars().next() {
                None => return Err("a text does not end".to_owned()),
                Some('\n' | '\r') if quote.len() == 1 => {
                    return Err("a text does not end in its line".to_owned());
                }
                Some('\\') if !raw => self.escape()?,
                Some(c) => {
                    self.take(c.len_utf8());
                }
            }
        }
    }

    /// What a backslash begins.
    fn escape(&mut self) -> Result<(), String> {
        self.take(1);
        let wrong = || "a \\ begins nothing that is known".to_owned();
        let kind = self.rest.chars().next().ok_or_else(wrong)?;
        let (skip, digits, radix) = match kind {
            'a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '\\' | '?' | '"' | '\'' | '`' => (1, 0, 16),
            'x' | 'X' => (1, 2, 16),
            'u' => (1, 4, 16),
            'U' => (1, 8, 16),
            '0'..='3' => (0, 3, 8),
            _ => return Err(wrong()),
        };
        self.take(skip);
        let code = self.rest.get(..digits).ok_or_else(wrong)?;
        if !code.chars().all(|c| c.is_digit(radix)) {
            return Err(wrong());
        }
        self.take(digits);
        Ok(())
    }

    fn number(&mut self) -> Result<Token<'a>, String> {
        if let Some(digits) = self.rest.strip_prefix("0x") {
            let count = digits.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(digits.len());
            self.take(2);
            let digits = self.take(count);
            self.unsigned();
            return match u64::from_str_radix(digits, 16) {
                Ok(_) => Ok(Token::Number),
                Err(_) => Err(format!("0x{digits} is no number")),
            };
        }
        let digits = |c: char| c.is_ascii_digit();
        let whole = self.take(self.while_is(digits));
        let mut float = false;
        let fraction = self.rest.strip_prefix('.').filter(|rest| rest.starts_with(digits));
        if fraction.is_some() {
            float = true;
            self.take(1);
            self.take(self.while_is(digits));
        }
        let exponent = self.rest.strip_prefix(['e', 'E']);
        let exponent = exponent.map(|rest| rest.strip_prefix(['+', '-']).unwrap_or(rest));
        if let Some(rest) = exponent.filter(|rest| rest.starts_with(digits)) {
            float = true;
            self.take(self.rest.len() - rest.len());
            self.take(self.while_is(digits));
        }
        let unsigned = !float && self.unsigned();
        // The smallest number is written with a minus before it.
        let most = if unsigned { u128::from(u64::MAX) } else { i64::MAX as u128 + 1 };
        match float || whole.parse::<u128>().is_ok_and(|number| number <= most) {
            true => Ok(Token::Number),
            false => Err(format!("{whole} is too large")),
        }
    }

    fn unsigned(&mut self) -> bool {
        let marked = self.rest.starts_with(['u', 'U']);
        if marked {
            self.take(1);
        }
        marked
    }
}
