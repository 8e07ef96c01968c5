//! Where objects come from: sources that emit batches of typed changes.
//!
//! Owns reading, projecting and watching. Sources know `api` only: what is made of the objects, and who
//! listens, is none of their business. An object whose projection did not change is not a change.

pub mod bundles;
mod hints;
pub mod injector;
pub mod intern;
pub mod jwks;
pub mod kubernetes;
mod lines;
pub mod mesh;
pub mod project;
mod report;
mod value;
pub mod yaml;
