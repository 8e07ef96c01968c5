//! What is inside of an action: pipelines, commands, operands.

use super::At;
use super::ast::{Command, Operand, Pipe};
use super::functions::Library;
use super::lexer::Token;
use super::value::Value;

/// Words that begin an action and cannot be functions.
const KEYWORDS: &[&str] =
    &["if", "with", "range", "define", "block", "template", "break", "continue", "end", "else"];

/// Reads tokens from the first to the last.
pub(super) struct Reader<'a> {
    tokens: &'a [(usize, Token)],
    library: &'a Library,
    /// The variables that there are, the newest last.
    variables: Vec<String>,
    max_depth: usize,
    depth: usize,
    line: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        tokens: &'a [(usize, Token)],
        library: &'a Library,
        max_depth: usize,
    ) -> Reader<'a> {
        let variables = vec![String::new()];
        Reader { tokens, library, variables, max_depth, depth: 0, line: 1 }
    }

    /// The next token, whatever it is.
    pub(super) fn next(&mut self) -> Option<(usize, Token)> {
        let ((line, token), rest) = self.tokens.split_first()?;
        self.tokens = rest;
        self.line = *line;
        Some((*line, token.clone()))
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.first().map(|(_, token)| token)
    }

    fn skip_space(&mut self) {
        while self.peek() == Some(&Token::Space) {
            self.next();
        }
    }

    fn wrong<T>(&self, message: impl Into<String>) -> Result<T, At> {
        Err(At::new(self.line, message))
    }

    /// The keyword that is next, if one is. It is taken.
    pub(super) fn keyword(&mut self) -> Option<String> {
        self.skip_space();
        match self.peek() {
            Some(Token::Word(word)) if KEYWORDS.contains(&word.as_str()) => {
                let word = word.clone();
                self.next();
                Some(word)
            }
            _ => None,
        }
    }

    /// A string, as names of templates are.
    pub(super) fn quoted(&mut self, context: &str) -> Result<String, At> {
        self.skip_space();
        match self.next() {
            Some((_, Token::Quoted(text))) => Ok(text),
            _ => self.wrong(format!("{context} needs a name in quotes")),
        }
    }

    /// Whether the action ends here. Then the end is taken.
    pub(super) fn closes(&mut self) -> bool {
        self.skip_space();
        let closes = self.peek() == Some(&Token::Close);
        if closes {
            self.next();
        }
        closes
    }

    /// The end of the action.
    pub(super) fn close(&mut self, context: &str) -> Result<(), At> {
        match self.closes() {
            true => Ok(()),
            false => self.wrong(format!("unexpected operand in {context}")),
        }
    }

    /// How many variables there are.
    pub(super) fn mark(&self) -> usize {
        self.variables.len()
    }

    /// Back to so many variables.
    pub(super) fn drop_variables(&mut self, mark: usize) {
        self.variables.truncate(mark);
    }

    /// Only `$` from here on. Returns the others.
    pub(super) fn forget_variables(&mut self) -> Vec<String> {
        std::mem::replace(&mut self.variables, vec![String::new()])
    }

    /// The variables that there were.
    pub(super) fn restore_variables(&mut self, variables: Vec<String>) {
        self.variables = variables;
    }

    /// A pipeline up to the end of the action, with the variables that it sets if it may.
    pub(super) fn pipe(&mut self, context: &str, declares: bool) -> Result<Pipe, At> {
        let pipe = self.pipeline(context, declares)?;
        self.close(context)?;
        Ok(pipe)
    }

    fn pipeline(&mut self, context: &str, declares: bool) -> Result<Pipe, At> {
        self.skip_space();
        let line = self.line;
        let (variables, assigns) = match declares {
            true => self.targets(context)?,
            false => (Vec::new(), false),
        };
        let mut commands = vec![self.command(context)?];
        while self.peek() == Some(&Token::Sign('|')) {
            self.next();
            let command = self.command(context)?;
            // Only what can be called can take what comes through the pipe.
            if let [Operand::Dot | Operand::Nil | Operand::Literal(_)] = command.operands.as_slice()
            {
                return self.wrong("non executable command in pipeline");
            }
            commands.push(command);
        }
        // A variable is there after what it is set to.
        if !assigns {
            self.variables.extend(variables.iter().cloned());
        }
        Ok(Pipe { line, variables, assigns, commands })
    }

    /// `$x :=`, `$x =`, `$k, $v :=` at the start of a pipeline.
    fn targets(&mut self, context: &str) -> Result<(Vec<String>, bool), At> {
        let before = self.tokens;
        let mut names = Vec::new();
        while let Some(Token::Variable(name)) = self.peek().cloned() {
            self.next();
            names.push(name);
            self.skip_space();
            match self.peek() {
                Some(Token::Declare) => {
                    self.next();
                    return Ok((names, false));
                }
                Some(Token::Assign) => {
                    self.next();
                    for name in &names {
                        self.known(name)?;
                    }
                    return Ok((names, true));
                }
                Some(Token::Sign(',')) if context == "range" && names.len() < 2 => {
                    self.next();
                    self.skip_space();
                }
                _ => break,
            }
        }
        self.tokens = before;
        Ok((Vec::new(), false))
    }

    fn known(&self, name: &str) -> Result<(), At> {
        match self.variables.iter().any(|known| known == name) {
            true => Ok(()),
            false => self.wrong(format!("undefined variable \"${name}\"")),
        }
    }

    fn command(&mut self, context: &str) -> Result<Command, At> {
        self.skip_space();
        let line = self.line;
        let mut operands = Vec::new();
        while !matches!(self.peek(), None | Some(Token::Close | Token::Sign('|' | ')'))) {
            operands.push(self.operand()?);
            self.skip_space();
        }
        match operands.as_slice() {
            [] => self.wrong(format!("missing value for {context}")),
            [Operand::Nil] => self.wrong("nil is not a command"),
            // In Go this changes the data of the templates that follow.
            [Operand::Function(name), Operand::Dot | Operand::Field(_), ..]
                if name == "set" || name == "unset" =>
            {
                self.wrong(format!("{name} changes variables only: give the map to one first"))
            }
            _ => Ok(Command { line, operands }),
        }
    }

    fn operand(&mut self) -> Result<Operand, At> {
        let Some((line, token)) = self.next() else { return self.wrong("unexpected end") };
        let operand = match token {
            Token::Word(word) => match word.as_str() {
                "true" => Operand::Literal(Value::Bool(true)),
                "false" => Operand::Literal(Value::Bool(false)),
                "nil" => Operand::Nil,
                _ if KEYWORDS.contains(&word.as_str()) => {
                    return self.wrong(format!("unexpected {{{{{word}}}}}"));
                }
                _ if self.library.knows(&word) => Operand::Function(word),
                _ => return self.wrong(format!("function {word:?} is not known")),
            },
            Token::Field(name, _) if name.is_empty() => Operand::Dot,
            Token::Field(name, _) => Operand::Field(self.chain(vec![name])),
            Token::Variable(name) => {
                self.known(&name)?;
                let chain = self.chain(Vec::new());
                Operand::Variable(name, chain)
            }
            Token::Quoted(text) => Operand::Literal(Value::text(text)),
            Token::Number(text) => Operand::Literal(
                number(&text)
                    .ok_or_else(|| At::new(line, format!("bad number syntax: {text:?}")))?,
            ),
            Token::Sign('(') => {
                if self.depth == self.max_depth {
                    return self.wrong("too many parentheses in each other");
                }
                self.depth += 1;
                let pipe = self.pipeline("parenthesized pipeline", true)?;
                self.depth -= 1;
                match self.next() {
                    Some((_, Token::Sign(')'))) => {}
                    _ => return self.wrong("unclosed left paren"),
                }
                Operand::Pipe(Box::new(pipe), self.chain(Vec::new()))
            }
            other => return self.wrong(format!("unexpected {other:?} in an action")),
        };
        match self.peek() {
            Some(
                Token::Space
                | Token::Close
                | Token::Sign('|' | ')')
                | Token::Declare
                | Token::Assign,
            )
            | None => Ok(operand),
            Some(other) => self.wrong(format!("unexpected {other:?} in operand")),
        }
    }

    /// The fields that follow without a space.
    fn chain(&mut self, mut names: Vec<String>) -> Vec<String> {
        while let Some(Token::Field(name, true)) = self.peek() {
            if name.is_empty() {
                break;
            }
            names.push(name.clone());
            self.next();
        }
        names
    }
}

/// A number as Go writes them.
fn number(text: &str) -> Option<Value> {
    let plain = text.replace('_', "");
    let (negative, digits) = match plain.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    let lower = digits.to_ascii_lowercase();
    let radix = |radix: u32, digits: &str| i64::from_str_radix(digits, radix).ok();
    let integer = if let Some(digits) = lower.strip_prefix("0x") {
        radix(16, digits)
    } else if let Some(digits) = lower.strip_prefix("0b") {
        radix(2, digits)
    } else if let Some(digits) = lower.strip_prefix("0o") {
        radix(8, digits)
    } else if lower.len() > 1 && lower.starts_with('0') && lower.bytes().all(|c| c.is_ascii_digit())
    {
        radix(8, &lower)
    } else {
        lower.parse().ok()
    };
    if let Some(integer) = integer {
        return Some(Value::Int(if negative { integer.wrapping_neg() } else { integer }));
    }
    if !lower.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let float: f64 = lower.parse().ok()?;
    let float = if negative { -float } else { float };
    // `1e3` is an integer to Go, `1.5` and `1.0` are not.
    #[allow(clippy::cast_possible_truncation, reason = "only whole numbers in range are cast")]
    Some(match !lower.contains('.') && float.fract() == 0.0 && float.abs() < 1e18 {
        true => Value::Int(float as i64),
        false => Value::Float(float),
    })
}
