//! What the API server asks before it takes an object: how pods are injected, and whether configuration is sound.
//!
//! Owns injection as a library: [`inject`] decides and makes the pod, over [`template`] (Go's templates), [`schema`] (the
//! types of Go that templates see), [`merge`] (strategic merge), [`patch`] and [`review`]
//! (the API server's question and answer). Whoever asks, an API server or a command line, gets the same pod.
//!
//! [`validate`] decides about objects of Istio's kinds by the rules that stand beside their types. It reads them as every
//! source does; what the whole configuration says of one is told to it.
//!
//! It must not know files, sockets or API servers, nor the state of the mesh.

pub mod inject;
pub mod merge;
pub mod patch;
pub mod review;
pub mod schema;
pub mod template;
pub mod validate;
