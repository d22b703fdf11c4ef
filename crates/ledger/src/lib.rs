//! An append-only Merkle log: what was written stays, and anyone can check it.
//!
//! The tree is RFC 6962's (kept by RFC 9162): SHA-256, a `0x00` byte before a leaf and `0x01`
//! before a node. It is stored as C2SP tlog-tiles (256 hashes a tile) and its head is published
//! as a C2SP tlog-checkpoint, a signed note under an Ed25519 key. (RULEBOOK §10, 45 CFR
//! 164.312(b) and (c).)
//!
//! Nothing here stores anything: a [`Frontier`] says which tiles to keep, and whoever makes a
//! proof hands in a closure that reads them back. In reading order:
//!
//! * [`leaf_hash`], [`Hash`]: what a leaf and a node are.
//! * [`TileId`], [`Tile`]: where a hash is kept.
//! * [`Frontier`]: the right edge of the tree; leaves go in, tiles and the root come out.
//! * [`prove_inclusion`], [`prove_consistency`] and their checks.
//! * [`LogKey`], [`VerifierKey`]: signed notes.
//! * [`Checkpoint`]: a signed [`Head`], and the rule that one only ever grows from another.
//!
//! ```
//! use ledger::{Checkpoint, Frontier, Head, LogKey, leaf_hash, prove_inclusion, verify_inclusion};
//! let mut tree = Frontier::new();
//! for entry in ["first", "second", "third"] {
//!     tree.append(leaf_hash(entry.as_bytes()))?;
//! }
//! let tiles = tree.take_tiles();
//! let key = LogKey::from_seed("log.example", &[7; 32])?;
//! let note = Checkpoint::new("log.example", tree.head())?.sign(&key)?;
//! let signed = Checkpoint::open(note.as_bytes(), &key.verifier())?;
//! let proof = prove_inclusion(signed.head(), 1, |id| {
//!     tiles.iter().find(|t| t.id.covers(id)).map(|t| t.bytes()).ok_or(std::fmt::Error)
//! })?;
//! verify_inclusion(signed.head(), 1, leaf_hash(b"second"), &proof)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod hash;
mod tile;

mod frontier;
mod proof;

mod note;

mod checkpoint;

pub use checkpoint::{ChainError, Checkpoint, CheckpointError};
pub use frontier::{Frontier, Full, Head, LoadError, rebuild};
pub use hash::{Hash, HashError, leaf_hash};
pub use note::{LogKey, NoteError, VerifierKey, VerifierKeyError};
pub use proof::{
    ProofError, Refuted, prove_consistency, prove_inclusion, verify_consistency, verify_inclusion,
};
pub use tile::{MAX_SIZE, TILE_WIDTH, Tile, TileError, TileId};
