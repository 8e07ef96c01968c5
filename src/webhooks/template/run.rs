//! Executes a tree over data.
//!
//! A run is bounded: in steps, in output, and in how deep templates call each other.

use std::collections::BTreeMap;

use super::At;
use super::ast::{Command, List, Node, Operand, Pipe};
use super::functions::Library;
use super::print;
use super::value::Value;

/// How many nodes and operands one run may evaluate: hundreds of times what Istio's templates do.
const MAX_STEPS: usize = 1_000_000;
/// How much one run may write, in bytes: more than the API server takes for a pod.
const MAX_OUTPUT_BYTES: usize = 4 << 20;
/// How deep templates may call each other.
const MAX_CALLS: usize = 50;
/// How deep blocks may nest, through all templates that call each other: what the stack of any thread takes.
const MAX_BLOCKS: usize = 300;

/// Renders the main body over the data.
pub(super) fn run(
    main: &List,
    bodies: &BTreeMap<String, List>,
    data: &Value,
    library: &Library,
) -> Result<String, At> {
    let mut run = Run {
        bodies,
        library,
        variables: vec![(String::new(), data.clone())],
        output: String::new(),
        steps: 0,
        line: 1,
        calls: 0,
        blocks: 0,
    };
    run.list(main, data)?;
    Ok(run.output)
}

/// How deep a value may nest, and how much it may hold: what is in it twice counts twice, because it is written twice.
const MAX_NESTING: usize = 128;
const MAX_VALUE: usize = 4 << 20;
/// What it costs to compile a pattern.
const PATTERN_STEPS: usize = 2_000;

/// Functions of Sprig that change the map that is their first argument.
pub(super) const CHANGES_FIRST: &[&str] = &["set", "unset", "merge", "mergeOverwrite"];

/// Takes from `left` what is in a value. False when it nests too deep, or holds more.
fn fits(value: &Value, depth: usize, left: &mut usize) -> bool {
    let own = match value {
        Value::Text(text) => text.len() + 16,
        _ => 16,
    };
    let Some(rest) = left.checked_sub(own).filter(|_| depth <= MAX_NESTING) else { return false };
    *left = rest;
    match value {
        Value::List(items) => items.iter().all(|item| fits(item, depth + 1, left)),
        Value::Map(map) => map.entries.values().all(|item| fits(item, depth + 1, left)),
        Value::Struct(of) => of.fields.values().all(|item| fits(item, depth + 1, left)),
        Value::Pointer(to) => fits(to, depth + 1, left),
        _ => true,
    }
}

/// What a value costs beyond the step that made it or reads it: large ones are copied.
fn cost(value: &Value) -> usize {
    match value {
        Value::List(items) => items.len() / 16,
        Value::Map(map) => map.entries.len() / 16,
        Value::Text(text) => text.len() / 256,
        _ => 0,
    }
}

/// What a list of nodes ended with.
#[derive(PartialEq)]
enum Flow {
    On,
    Break,
    Continue,
}

struct Run<'a> {
    bodies: &'a BTreeMap<String, List>,
    library: &'a Library,
    /// The variables that there are, the newest last; `$` first.
    variables: Vec<(String, Value)>,
    output: String,
    steps: usize,
    /// Where the last step was.
    line: usize,
    calls: usize,
    blocks: usize,
}

impl Run<'_> {
    fn step(&mut self, line: usize) -> Result<(), At> {
        self.line = line;
        self.steps += 1;
        match self.steps > MAX_STEPS {
            true => Err(At::new(line, format!("stopped after {MAX_STEPS} steps"))),
            false => Ok(()),
        }
    }

    fn write(&mut self, text: &str) -> Result<(), At> {
        if self.output.len() + text.len() > MAX_OUTPUT_BYTES {
            let message = format!("stopped after {MAX_OUTPUT_BYTES} bytes of output");
            return Err(At::new(self.line, message));
        }
        self.output.push_str(text);
        Ok(())
    }

    fn list(&mut self, nodes: &List, dot: &Value) -> Result<Flow, At> {
        if self.blocks == MAX_BLOCKS {
            let message = format!("more than {MAX_BLOCKS} blocks and templates in each other");
            return Err(At::new(self.line, message));
        }
        self.blocks += 1;
        let mark = self.variables.len();
        let mut flow = Flow::On;
        for node in nodes {
            flow = self.node(node, dot)?;
            if flow != Flow::On {
                break;
            }
        }
        self.variables.truncate(mark);
        self.blocks -= 1;
        Ok(flow)
    }

    fn node(&mut self, node: &Node, dot: &Value) -> Result<Flow, At> {
        match node {
            Node::Text(text) => self.write(text)?,
            Node::Action(pipe) => {
                let value = self.pipe(pipe, dot)?;
                match pipe.variables.is_empty() {
                    true => self.write(&print::shown(&value))?,
                    false => self.keep(pipe, value),
                }
            }
            Node::If(pipe, then, otherwise) => {
                let mark = self.variables.len();
                let value = self.pipe(pipe, dot)?;
                let holds = value.is_true();
                self.keep(pipe, value);
                let flow = self.list(if holds { then } else { otherwise }, dot)?;
                self.variables.truncate(mark);
                return Ok(flow);
            }
            Node::With(pipe, then, otherwise) => {
                let mark = self.variables.len();
                let value = self.pipe(pipe, dot)?;
                self.keep(pipe, value.clone());
                let flow = match value.is_true() {
                    true => self.list(then, &value)?,
                    false => self.list(otherwise, dot)?,
                };
                self.variables.truncate(mark);
                return Ok(flow);
            }
            Node::Range(pipe, then, otherwise) => return self.range(pipe, then, otherwise, dot),
            Node::Template { line, name, dot: given } => self.call(*line, name, given, dot)?,
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::On)
    }

    /// Puts the value of a pipeline where its variables say.
    fn keep(&mut self, pipe: &Pipe, value: Value) {
        if let Some(name) = pipe.variables.last() {
            self.set(name, value, pipe.assigns);
        }
    }

    fn set(&mut self, name: &str, value: Value, assigns: bool) {
        match self.variables.iter_mut().rev().find(|(known, _)| assigns && known == name) {
            Some((_, kept)) => *kept = value,
            None => self.variables.push((name.to_owned(), value)),
        }
    }

    fn range(
        &mut self,
        pipe: &Pipe,
        then: &List,
        otherwise: &List,
        dot: &Value,
    ) -> Result<Flow, At> {
        let mark = self.variables.len();
        let value = self.pipe(pipe, dot)?;
        let pairs: Vec<(Value, Value)> = match &value {
            Value::List(items) => {
                (0..).zip(items.iter()).map(|(at, item)| (Value::Int(at), item.clone())).collect()
            }
            Value::Map(map) => map
                .entries
                .iter()
                .map(|(key, item)| (Value::Text(key.clone()), item.clone()))
                .collect(),
            Value::Int(count) => {
                let most = i64::try_from(MAX_STEPS).unwrap_or(i64::MAX);
                (0..(*count).min(most)).map(|at| (Value::Int(at), Value::Int(at))).collect()
            }
            Value::Missing | Value::Nil | Value::NilPointer(_) => Vec::new(),
            other => {
                let shown = print::shown(other);
                return Err(At::new(pipe.line, format!("range can't iterate over {shown}")));
            }
        };
        if pairs.is_empty() {
            return self.list(otherwise, dot);
        }
        for (key, item) in pairs {
            self.step(pipe.line)?;
            match pipe.variables.as_slice() {
                [item_name] => self.set(item_name, item.clone(), pipe.assigns),
                [key_name, item_name] => {
                    self.set(key_name, key, pipe.assigns);
                    self.set(item_name, item.clone(), pipe.assigns);
                }
                _ => {}
            }
            let flow = self.list(then, &item)?;
            self.variables.truncate(mark);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(Flow::On)
    }

    fn call(
        &mut self,
        line: usize,
        name: &str,
        given: &Option<Pipe>,
        dot: &Value,
    ) -> Result<(), At> {
        let value = match given {
            Some(pipe) => self.pipe(pipe, dot)?,
            None => Value::Nil,
        };
        if self.calls == MAX_CALLS {
            return Err(At::new(line, format!("more than {MAX_CALLS} templates call each other")));
        }
        let Some(body) = self.bodies.get(name) else {
            return Err(At::new(line, format!("template {name:?} is not defined")));
        };
        self.calls += 1;
        let around = std::mem::replace(&mut self.variables, vec![(String::new(), value.clone())]);
        let outcome = self.list(body, &value);
        self.variables = around;
        self.calls -= 1;
        outcome.map(|_| ())
    }

    fn pipe(&mut self, pipe: &Pipe, dot: &Value) -> Result<Value, At> {
        let mut value = None;
        for command in &pipe.commands {
            value = Some(self.command(command, value, dot)?);
        }
        Ok(value.unwrap_or(Value::Missing))
    }

    fn command(
        &mut self,
        command: &Command,
        through: Option<Value>,
        dot: &Value,
    ) -> Result<Value, At> {
        self.step(command.line)?;
        let Some((first, rest)) = command.operands.split_first() else {
            return Ok(Value::Missing);
        };
        if let Operand::Function(name) = first {
            return self.function(command.line, name, rest, through, dot);
        }
        if !rest.is_empty() || through.is_some() {
            return Err(At::new(command.line, "can't give argument to non-function"));
        }
        self.operand(command.line, first, dot)
    }

    fn operand(&mut self, line: usize, operand: &Operand, dot: &Value) -> Result<Value, At> {
        let follow = |value: Value, names: &[String]| {
            names
                .iter()
                .try_fold(value, |value, name| value.field(name))
                .map_err(|message| At::new(line, format!("{message} (at <{}>)", names.join("."))))
        };
        match operand {
            Operand::Dot => Ok(dot.clone()),
            Operand::Nil => Ok(Value::Nil),
            Operand::Literal(value) => Ok(value.clone()),
            Operand::Field(names) => follow(dot.clone(), names),
            Operand::Variable(name, names) => {
                let value = self.variables.iter().rev().find(|(known, _)| known == name);
                follow(value.map_or(Value::Missing, |(_, value)| value.clone()), names)
            }
            Operand::Function(name) => self.function(line, name, &[], None, dot),
            Operand::Pipe(pipe, names) => {
                self.step(line)?;
                let value = self.pipe(pipe, dot)?;
                self.keep(pipe, value.clone());
                follow(value, names)
            }
        }
    }

    fn function(
        &mut self,
        line: usize,
        name: &str,
        operands: &[Operand],
        through: Option<Value>,
        dot: &Value,
    ) -> Result<Value, At> {
        // These two stop at the first argument that decides.
        if let Some(stop) = match name {
            "and" => Some(false),
            "or" => Some(true),
            _ => None,
        } {
            let mut value = Value::Missing;
            for operand in operands {
                value = self.operand(line, operand, dot)?;
                if value.is_true() == stop {
                    return Ok(value);
                }
            }
            return Ok(through.unwrap_or(value));
        }
        let mut arguments = Vec::with_capacity(operands.len() + 1);
        for operand in operands {
            arguments.push(self.operand(line, operand, dot)?);
        }
        arguments.extend(through);
        self.steps += arguments.iter().map(cost).sum::<usize>();
        self.steps += if name.contains("egex") { PATTERN_STEPS } else { 0 };
        self.step(line)?;
        let value = self
            .library
            .call(name, &arguments)
            .map_err(|message| At::new(line, format!("error calling {name}: {message}")))?;
        let mut left = MAX_VALUE;
        if !fits(&value, 0, &mut left) {
            return Err(At::new(line, format!("{name} made a value that nests or holds too much")));
        }
        self.steps += cost(&value) + (MAX_VALUE - left) / 4096;
        // Values do not change here; for what Sprig changes in place, the variable does.
        if CHANGES_FIRST.contains(&name)
            && let Some(Operand::Variable(variable, names)) = operands.first()
            && names.is_empty()
        {
            self.set(variable, value.clone(), true);
        }
        Ok(value)
    }
}
