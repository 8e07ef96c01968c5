//! The tree of a template.

use super::value::Value;

/// Nodes, one after the other.
pub(super) type List = Vec<Node>;

/// A piece of a template.
#[derive(Debug)]
pub(super) enum Node {
    /// Text as it stands.
    Text(String),
    /// A pipeline whose value is printed, or kept in variables.
    Action(Pipe),
    /// `if` … `else` … `end`.
    If(Pipe, List, List),
    /// `with` … `else` … `end`.
    With(Pipe, List, List),
    /// `range` … `else` … `end`.
    Range(Pipe, List, List),
    /// `template` NAME, with what its dot is.
    Template { line: usize, name: String, dot: Option<Pipe> },
    /// `break`.
    Break,
    /// `continue`.
    Continue,
}

/// Commands, each getting what the one before it returned as its last argument.
#[derive(Debug)]
pub(super) struct Pipe {
    pub line: usize,
    /// The variables that get its value.
    pub variables: Vec<String>,
    /// Whether they are there already.
    pub assigns: bool,
    pub commands: Vec<Command>,
}

/// A function with arguments, or an operand alone.
#[derive(Debug)]
pub(super) struct Command {
    pub line: usize,
    pub operands: Vec<Operand>,
}

/// Something that has a value.
#[derive(Debug)]
pub(super) enum Operand {
    Dot,
    Nil,
    Literal(Value),
    /// `.A.B`.
    Field(Vec<String>),
    /// `$x.A.B`.
    Variable(String, Vec<String>),
    Function(String),
    /// `(…).A.B`.
    Pipe(Box<Pipe>, Vec<String>),
}
