//! Tokens into trees: blocks with their ends. What is inside of an action is [`super::expression`]'s.

use std::collections::BTreeMap;

use super::At;
use super::ast::{List, Node, Pipe};
use super::expression::Reader;
use super::functions::Library;
use super::lexer::{self, Token};

/// How deep blocks and parentheses may be in each other.
const MAX_DEPTH: usize = 100;

/// Reads a template: its main body, and those that have names.
pub(super) fn parse(text: &str, library: &Library) -> Result<(List, BTreeMap<String, List>), At> {
    let tokens = lexer::tokens(text)?;
    let reader = Reader::new(&tokens, library, MAX_DEPTH);
    let mut parser =
        Parser { reader, bodies: BTreeMap::new(), called: Vec::new(), loops: 0, depth: 0 };
    let (body, end) = parser.list(true)?;
    if let Some(end) = end {
        return Err(At::new(end.line, format!("unexpected {{{{{}}}}}", end.keyword)));
    }
    match parser.called.iter().find(|(_, called)| !parser.bodies.contains_key(called)) {
        Some((line, called)) => Err(At::new(*line, format!("template {called:?} is not defined"))),
        None => Ok((body, parser.bodies)),
    }
}

/// What ended a list of nodes.
struct End {
    line: usize,
    keyword: &'static str,
}

struct Parser<'a> {
    reader: Reader<'a>,
    bodies: BTreeMap<String, List>,
    /// The templates that are called, and where.
    called: Vec<(usize, String)>,
    /// How many loops are around.
    loops: usize,
    depth: usize,
}

impl Parser<'_> {
    /// Nodes until an `end` or `else`, or the end of the text.
    fn list(&mut self, top: bool) -> Result<(List, Option<End>), At> {
        let mut nodes = List::new();
        loop {
            let (line, token) = match self.reader.next() {
                Some(next) => next,
                None => return Ok((nodes, None)),
            };
            match token {
                Token::Text(text) => nodes.push(Node::Text(text)),
                _ => match self.action(line, top)? {
                    Action::Node(node) => nodes.push(node),
                    Action::Nothing => {}
                    Action::End(end) => return Ok((nodes, Some(end))),
                },
            }
        }
    }

    fn action(&mut self, line: usize, top: bool) -> Result<Action, At> {
        let keyword = self.reader.keyword();
        Ok(match keyword.as_deref() {
            Some("if") => Action::Node(self.branch(line, "if", Node::If)?),
            Some("with") => Action::Node(self.branch(line, "with", Node::With)?),
            Some("range") => {
                self.loops += 1;
                let node = self.branch(line, "range", Node::Range)?;
                Action::Node(node)
            }
            Some("define") => {
                if !top {
                    return Err(At::new(line, "unexpected {{define}}"));
                }
                let name = self.reader.quoted("define")?;
                self.reader.close("define")?;
                let body = self.body(line, "define")?;
                self.bodies.insert(name, body);
                Action::Nothing
            }
            Some("block") => {
                let name = self.reader.quoted("block")?;
                let dot = self.reader.pipe("block", false)?;
                let body = self.body(line, "block")?;
                self.bodies.insert(name.clone(), body);
                Action::Node(Node::Template { line, name, dot: Some(dot) })
            }
            Some("template") => {
                let name = self.reader.quoted("template")?;
                self.called.push((line, name.clone()));
                let dot = match self.reader.closes() {
                    true => None,
                    false => Some(self.reader.pipe("template", false)?),
                };
                Action::Node(Node::Template { line, name, dot })
            }
            Some(word @ ("break" | "continue")) => {
                if self.loops == 0 {
                    return Err(At::new(line, format!("{{{{{word}}}}} outside {{{{range}}}}")));
                }
                let node = if word == "break" { Node::Break } else { Node::Continue };
                self.reader.close(word)?;
                Action::Node(node)
            }
            Some("end") => {
                self.reader.close("end")?;
                Action::End(End { line, keyword: "end" })
            }
            // What follows an `else` is read by who it belongs to.
            Some("else") => Action::End(End { line, keyword: "else" }),
            _ => Action::Node(Node::Action(self.reader.pipe("command", true)?)),
        })
    }

    /// A body of its own: variables and loops around it are not seen in it.
    fn body(&mut self, line: usize, of: &str) -> Result<List, At> {
        let loops = std::mem::take(&mut self.loops);
        let variables = self.reader.forget_variables();
        let body = self.nested(line, of)?;
        self.reader.restore_variables(variables);
        self.loops = loops;
        match body {
            (body, Some(end)) if end.keyword == "end" => Ok(body),
            (_, Some(end)) => Err(At::new(end.line, format!("unexpected {{{{else}}}} in {of}"))),
            (_, None) => Err(At::new(line, format!("{of} has no {{{{end}}}}"))),
        }
    }

    fn nested(&mut self, line: usize, of: &str) -> Result<(List, Option<End>), At> {
        if self.depth == MAX_DEPTH {
            return Err(At::new(line, format!("{of}: more than {MAX_DEPTH} blocks in each other")));
        }
        self.depth += 1;
        let list = self.list(false);
        self.depth -= 1;
        list
    }

    /// A pipeline, what is done if it holds, and what otherwise.
    fn branch(
        &mut self,
        line: usize,
        keyword: &'static str,
        node: fn(Pipe, List, List) -> Node,
    ) -> Result<Node, At> {
        let mark = self.reader.mark();
        let pipe = self.reader.pipe(keyword, true)?;
        let (then, mut end) = self.nested(line, keyword)?;
        if keyword == "range" {
            self.loops -= 1;
        }
        let mut otherwise = List::new();
        if let Some(End { line: at, keyword: "else" }) = end {
            // `else if` and `else with` are a block of the same kind in the other branch, which share its end.
            let again = self.reader.keyword();
            match again.as_deref() {
                Some("if") if keyword == "if" => {
                    otherwise.push(self.chained(at, "if", Node::If)?);
                    self.reader.drop_variables(mark);
                    return Ok(node(pipe, then, otherwise));
                }
                Some("with") if keyword == "with" => {
                    otherwise.push(self.chained(at, "with", Node::With)?);
                    self.reader.drop_variables(mark);
                    return Ok(node(pipe, then, otherwise));
                }
                Some(other) => {
                    return Err(At::new(at, format!("unexpected {other:?} after else")));
                }
                None => self.reader.close("else")?,
            }
            (otherwise, end) = self.nested(at, keyword)?;
        }
        self.reader.drop_variables(mark);
        match end {
            Some(End { keyword: "end", .. }) => Ok(node(pipe, then, otherwise)),
            Some(end) => Err(At::new(end.line, "expected end; found {{else}}")),
            None => Err(At::new(line, format!("{keyword} has no {{{{end}}}}"))),
        }
    }

    /// The next of `else if` after `else if`: as deep as there are of them, which is limited too.
    fn chained(
        &mut self,
        line: usize,
        keyword: &'static str,
        node: fn(Pipe, List, List) -> Node,
    ) -> Result<Node, At> {
        if self.depth == MAX_DEPTH {
            return Err(At::new(line, format!("{keyword}: more than {MAX_DEPTH} in a row")));
        }
        self.depth += 1;
        let branch = self.branch(line, keyword, node);
        self.depth -= 1;
        branch
    }
}

/// What an action is.
enum Action {
    Node(Node),
    Nothing,
    End(End),
}
