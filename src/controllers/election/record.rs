//! What a lock says of its holder.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The content of a lock, in the form in which an annotation has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Record {
    /// Who holds it; empty when nobody does.
    pub holder_identity: String,
    /// The revision of the holder, after `^` if it is outside of the cluster; decides who may take it.
    pub holder_key: String,
    /// How long it is held after a renewal, for those who look at it.
    pub lease_duration_seconds: i32,
    /// Since when, by the holder's clock. For those who look at it, as clocks differ.
    pub acquire_time: Option<Timestamp>,
    /// The last renewal, by the holder's clock. Only that it changes means something.
    pub renew_time: Option<Timestamp>,
    /// How often the holder changed.
    pub leader_transitions: i32,
}

/// A look at a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It has no object.
    Absent,
    /// It has one.
    Present {
        /// Its content as it is stored: another text is a sign of life of its holder.
        text: String,
        /// What it says; None when it cannot be read.
        record: Option<Record>,
    },
}
