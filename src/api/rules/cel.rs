//! Whether a text is an expression in CEL (<https://github.com/google/cel-spec>): its grammar, not its types.
//!
//! Envoy compiles expressions when it gets them, and refuses the whole listener of one that it cannot read.

mod tokens;

use self::tokens::{Token, Tokens};

/// How deep an expression may be nested.
const MAX_DEPTH: usize = 128;

/// The longest expression, in bytes: proxies evaluate it for each request.
const MAX_BYTES: usize = 64 * 1024;

/// Words that CEL keeps for itself.
const RESERVED: [&str; 16] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
];

/// Binary operators, those that bind least first.
const OPERATORS: [&[&str]; 5] =
    [&["||"], &["&&"], &["<=", ">=", "==", "!=", "<", ">", "in"], &["+", "-"], &["*", "/", "%"]];

/// Why a text is no expression, if it is none.
pub(in crate::api) fn check(text: &str) -> Result<(), String> {
    if text.len() > MAX_BYTES {
        return Err(format!("it is longer than {MAX_BYTES} bytes"));
    }
    let mut parser = Parser { tokens: Tokens::new(text), next: Token::End, depth: 0 };
    parser.advance()?;
    parser.expression()?;
    match parser.next {
        Token::End => Ok(()),
        _ => Err(parser.unexpected("the end")),
    }
}

struct Parser<'a> {
    tokens: Tokens<'a>,
    next: Token<'a>,
    depth: usize,
}

type Parsed = Result<(), String>;

impl<'a> Parser<'a> {
    fn advance(&mut self) -> Result<Token<'a>, String> {
        let next = self.tokens.next()?;
        Ok(std::mem::replace(&mut self.next, next))
    }

    fn takes(&mut self, symbol: &str) -> Result<bool, String> {
        let found = self.is(symbol);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn is(&self, symbol: &str) -> bool {
        matches!(self.next, Token::Symbol(next) if next == symbol)
            || symbol == "in" && self.next == Token::Word("in")
    }

    fn needs(&mut self, symbol: &str) -> Parsed {
        match self.takes(symbol)? {
            true => Ok(()),
            false => Err(self.unexpected(symbol)),
        }
    }

    fn unexpected(&self, wanted: &str) -> String {
        let found = match &self.next {
            Token::End => "it ends".to_owned(),
            Token::Symbol(text) | Token::Word(text) => format!("there is {text:?}"),
            Token::Text => "there is a text".to_owned(),
            Token::Number => "there is a number".to_owned(),
        };
        format!("{found} at character {} where {wanted} is expected", self.tokens.at())
    }

    fn expression(&mut self) -> Parsed {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("it is nested more than {MAX_DEPTH} deep"));
        }
        self.binary(&OPERATORS)?;
        if self.takes("?")? {
            self.binary(&OPERATORS)?;
            self.needs(":")?;
            self.expression()?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// Operands with operators of the first level between them.
    fn binary(&mut self, levels: &[&[&str]]) -> Parsed {
        let Some((operators, tighter)) = levels.split_first() else { return self.unary() };
        self.binary(tighter)?;
        while let Some(operator) = operators.iter().copied().find(|operator| self.is(operator)) {
            self.takes(operator)?;
            self.binary(tighter)?;
        }
        Ok(())
    }

    fn unary(&mut self) -> Parsed {
        let operator = ["!", "-"].into_iter().find(|operator| self.is(operator));
        if let Some(operator) = operator {
            while self.takes(operator)? {}
        }
        // Names with points between them may name a message, whose fields follow.
        let mut named = self.primary()?;
        loop {
            if self.takes(".")? {
                self.takes("?")?;
                let Token::Word(_) = self.next else { return Err(self.unexpected("a name")) };
                self.advance()?;
                if self.takes("(")? {
                    named = false;
                    self.list(")", Parser::expression)?;
                }
            } else if self.takes("[")? {
                named = false;
                self.takes("?")?;
                self.expression()?;
                self.needs("]")?;
            } else if named && self.takes("{")? {
                named = false;
                self.list("}", Parser::entry)?;
            } else {
                return Ok(());
            }
        }
    }

    /// An operand without what may follow it. Whether it is a name.
    fn primary(&mut self) -> Result<bool, String> {
        if self.takes("(")? {
            self.expression()?;
            return self.needs(")").map(|()| false);
        }
        if self.takes("[")? {
            let item = |parser: &mut Parser<'a>| {
                parser.takes("?")?;
                parser.expression()
            };
            return self.list("]", item).map(|()| false);
        }
        if self.takes("{")? {
            return self.list("}", Parser::entry).map(|()| false);
        }
        let absolute = self.takes(".")?;
        match self.next {
            Token::Text | Token::Number if !absolute => self.advance().map(|_| false),
            Token::Word(word) if RESERVED.contains(&word) || word == "in" => {
                Err(format!("{word} is a reserved word"))
            }
            Token::Word(_) => {
                self.advance()?;
                match self.takes("(")? {
                    true => self.list(")", Parser::expression).map(|()| false),
                    false => Ok(true),
                }
            }
            _ => Err(self.unexpected("an operand")),
        }
    }

    /// `KEY: VALUE`.
    fn entry(&mut self) -> Parsed {
        self.takes("?")?;
        self.expression()?;
        self.needs(":")?;
        self.expression()
    }

    /// Items with commas between them, up to `end`.
    fn list(&mut self, end: &str, mut item: impl FnMut(&mut Parser<'a>) -> Parsed) -> Parsed {
        while !self.takes(end)? {
            item(self)?;
            // A comma behind the last one is allowed, but not behind the last argument.
            if self.takes(",")? {
                if end == ")" && self.is(end) {
                    return Err(self.unexpected("an argument"));
                }
            } else {
                return self.needs(end);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
