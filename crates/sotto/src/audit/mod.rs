//! The audit log: every decision, view, send and receipt is a leaf that cannot be taken back.
//!
//! Who changes a row calls [`append`] in the same transaction. The entry holds what happened (no
//! text, no addresses, keyed hashes only) and the keyed digest of each row that changed, so that
//! the Merkle tree over the entries vouches for the rows too. A single [`sequencer`] later gives
//! each entry its place in the tree and signs a checkpoint. (RULEBOOK §10, 45 CFR 164.312(b).)
//!
//! In reading order: [`event`] says what happened, [`record`] binds rows, [`mod@append`] writes the
//! entry, [`sequencer`] grows the tree, [`verify`] checks everything, [`search`] finds,
//! [`packet`] proves one message to a stranger, [`witness`] remembers how far the log was.

pub mod event;
pub mod record;

pub mod append;

pub mod sequencer;

pub mod oddities;
pub mod schema;
pub mod search;
pub mod verify;

pub mod packet;
pub mod witness;

pub use crate::ids::EntryId;
pub use append::{AuditError, Log, append, append_as, binding_of, read_ahead, read_behind};
pub use event::{Actor, Digest, Entry, Event, Kind, Object, Outcome, PurposeOfUse};
pub use sequencer::{SequenceError, sequence};
