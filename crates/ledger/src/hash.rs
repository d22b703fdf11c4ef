//! The two hashes of RFC 6962 §2.1, by the same cryptographic module as everything else.

use std::{fmt, str::FromStr};

use aws_lc_rs::digest::{Context, SHA256, digest};
use base64::{Engine as _, prelude::BASE64_STANDARD};

/// A SHA-256 hash of a leaf, a node or a whole tree. Shown as base64, the way C2SP writes it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; Hash::LEN]);

/// A text that should have been a hash and is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a hash: expected 32 bytes, or 44 characters of base64")]
pub struct HashError;

/// The longest entry that is hashed from the stack; longer ones go through a context.
const SMALL: usize = 1024;

/// The hash of a leaf: `SHA-256(0x00 || entry)` (RFC 6962 §2.1).
pub fn leaf_hash(entry: &[u8]) -> Hash {
    let mut buffer = [0_u8; SMALL];
    if let Some(place) = buffer.get_mut(1..=entry.len()) {
        place.copy_from_slice(entry);
        if let Some(input) = buffer.get(..=entry.len()) {
            return Hash::of(input);
        }
    }
    let mut context = Context::new(&SHA256);
    context.update(&[0]);
    context.update(entry);
    Hash::taken(context.finish().as_ref())
}

/// The hash of an inner node: `SHA-256(0x01 || left || right)` (RFC 6962 §2.1).
pub(crate) fn node_hash(left: Hash, right: Hash) -> Hash {
    let mut input = [1_u8; 1 + 2 * Hash::LEN];
    input[1..33].copy_from_slice(&left.0);
    input[33..65].copy_from_slice(&right.0);
    Hash::of(&input)
}

impl Hash {
    /// The length of a hash in bytes.
    pub const LEN: usize = 32;

    /// The root of a tree without leaves: the hash of nothing (RFC 6962 §2.1).
    pub const EMPTY_TREE: Self = Self([
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9,
        0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52,
        0xb8, 0x55,
    ]);

    /// A hash from its bytes, for instance out of a database row.
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// The bytes, for storing.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    fn of(input: &[u8]) -> Self {
        Self::taken(digest(&SHA256, input).as_ref())
    }

    /// SHA-256 gives 32 bytes, so the zip below fills the array.
    fn taken(digest: &[u8]) -> Self {
        let mut bytes = [0; Self::LEN];
        bytes.iter_mut().zip(digest).for_each(|(to, from)| *to = *from);
        Self(bytes)
    }
}

impl TryFrom<&[u8]> for Hash {
    type Error = HashError;

    fn try_from(bytes: &[u8]) -> Result<Self, HashError> {
        bytes.try_into().map(Self).map_err(|_| HashError)
    }
}

impl FromStr for Hash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, HashError> {
        if text.len() != 44 {
            return Err(HashError);
        }
        let bytes = BASE64_STANDARD.decode(text).map_err(|_| HashError)?;
        Self::try_from(bytes.as_slice())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An independent implementation of the same RFC.
    fn theirs(entry: &[u8]) -> [u8; 32] {
        tlog_tiles::record_hash(entry).0
    }

    #[test]
    fn leaves_of_every_size_are_the_rfc_s() {
        for size in [0, 1, 55, 56, 63, 64, 1022, 1023, 1024, 1025, 5000] {
            let entry: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
            assert_eq!(*leaf_hash(&entry).as_bytes(), theirs(&entry), "{size} bytes");
        }
    }

    #[test]
    fn a_node_is_the_rfc_s_and_its_sides_differ() {
        let (a, b) = (leaf_hash(b"a"), leaf_hash(b"b"));
        let theirs = tlog_tiles::node_hash(tlog_tiles::Hash(a.0), tlog_tiles::Hash(b.0));
        assert_eq!(node_hash(a, b).0, theirs.0);
        assert_ne!(node_hash(a, b), node_hash(b, a));
    }

    #[test]
    fn text_form_goes_there_and_back_and_nothing_else_parses() {
        let hash = leaf_hash(b"x");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        let shown = hash.to_string();
        let bad = ["", "abc", &shown[1..], &format!("{shown}="), &"*".repeat(44), &"A".repeat(44)];
        for text in bad {
            assert_eq!(text.parse::<Hash>(), Err(HashError), "{text}");
        }
    }
}
