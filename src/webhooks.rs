//! What the API server asks before it takes an object: how pods are injected.
//!
//! Owns injection as a library: [`inject`] decides and makes the pod, over [`template`] (Go's templates), [`schema`] (the
//! types of Go that templates see), [`merge`] (strategic merge), [`patch`] and [`review`]
//! (the API server's question and answer). Whoever asks, an API server or a command line, gets the same pod.
//!
//! It must not know files, sockets or API servers, nor the mesh's objects.

pub mod inject;
pub mod merge;
pub mod patch;
pub mod review;
pub mod schema;
pub mod template;
