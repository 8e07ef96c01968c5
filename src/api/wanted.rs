//! Objects that are read only because somebody wants them.

use std::collections::{BTreeMap, BTreeSet};

use super::{ObjectKey, Str};

/// The objects that are wanted, by cluster; None for the one that configures the mesh.
pub type Wanted = BTreeMap<Option<Str>, BTreeSet<ObjectKey>>;
