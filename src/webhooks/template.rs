//! Go's text/template: what injection templates are written in.
//!
//! Owns the language: `lexer` and `parser` make a tree once, when configuration is loaded, `run` executes it over
//! [`Value`]s as often as pods are injected, `functions` has those of Go and of Sprig. What users
//! can write is limited in depth, what a run may do in steps and output. Whatever a run could only
//! stumble over (an unknown function, variable or template) is an error of parsing, with template and line.
//!
//! It must not know pods, meshes or Istio.

mod ast;
mod compare;
mod expression;
pub mod functions;
mod lexer;
mod parser;
pub mod print;
mod run;
pub mod value;

use std::collections::BTreeMap;
use std::fmt;

pub use functions::{Arity, Function, Library};
pub use value::Value;

use ast::List;

/// A template that can run.
#[derive(Debug)]
pub struct Template {
    name: String,
    main: List,
    /// The bodies that `define` and `block` made.
    bodies: BTreeMap<String, List>,
}

/// What is wrong with a template, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The template.
    pub template: String,
    /// The line in it, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "template {:?}, line {}: {}", self.template, self.line, self.message)
    }
}

impl std::error::Error for Error {}

impl Template {
    /// Reads a template that may call the functions of a library.
    ///
    /// # Errors
    /// When it is not a template, or names what there is not.
    pub fn parse(name: &str, text: &str, library: &Library) -> Result<Template, Error> {
        let (main, bodies) = parser::parse(text, library).map_err(|at| at.of(name))?;
        Ok(Template { name: name.to_owned(), main, bodies })
    }

    /// Renders the template over some data.
    ///
    /// # Errors
    /// When it fails, or does more than a template may.
    pub fn render(&self, data: &Value, library: &Library) -> Result<String, Error> {
        run::run(&self.main, &self.bodies, data, library).map_err(|at| at.of(&self.name))
    }
}

/// What is wrong at a line, before anybody said of which template.
#[derive(Debug)]
struct At {
    line: usize,
    message: String,
}

impl At {
    fn new(line: usize, message: impl Into<String>) -> At {
        At { line, message: message.into() }
    }

    fn of(self, template: &str) -> Error {
        Error { template: template.to_owned(), line: self.line, message: self.message }
    }
}

#[cfg(test)]
mod tests;
