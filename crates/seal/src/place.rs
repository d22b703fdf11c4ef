//! Where a sealed value stands, and the sealed value itself.

use std::fmt;

/// The practice, table, row and column a value is sealed for. It is authenticated with the
/// value: moved to another place, it does not open. Holds ids and names of columns only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The practice's id.
    pub practice: &'a str,
    /// The table's name.
    pub table: &'a str,
    /// The row's id.
    pub row: &'a str,
    /// The column's name.
    pub column: &'a str,
}

impl Place<'_> {
    /// The additional data of the AEAD: what kind of value this is (`header`), then each part
    /// with its length before it, so that no two places read the same.
    pub(crate) fn bind(&self, header: &[u8]) -> Vec<u8> {
        let parts = [self.practice, self.table, self.row, self.column];
        let length: usize = parts.iter().map(|part| part.len() + 4).sum();
        let mut bound = Vec::with_capacity(header.len() + length);
        bound.extend_from_slice(header);
        for part in parts {
            bound.extend_from_slice(&(part.len() as u32).to_be_bytes());
            bound.extend_from_slice(part.as_bytes());
        }
        bound
    }

    /// A 32-bit FNV-1a tag. It protects nothing (the AEAD does); it tells "moved" from "altered".
    pub(crate) fn tag(&self) -> [u8; 4] {
        let mut hash = 0x811c_9dc5_u32;
        for part in [self.practice, self.table, self.row, self.column] {
            for byte in part.bytes().chain([0xff]) {
                hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
            }
        }
        hash.to_be_bytes()
    }
}

/// A sealed value, as a BLOB or BYTEA column holds it. Safe to store and to back up; to read it
/// takes [`Keyring::open_value`](crate::Keyring::open_value) and its key.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// The bytes of a column. Anything is taken; what is not a sealed value does not open.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes, for the column.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, for the column, without copying.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_places_bind_the_same() {
        let a = Place { practice: "p", table: "ab", row: "c", column: "d" };
        let b = Place { practice: "p", table: "a", row: "bc", column: "d" };
        assert_ne!(a.bind(b""), b.bind(b""));
        assert_ne!(a.bind(b"1"), a.bind(b"2"));
        assert_ne!(a.tag(), b.tag());
    }

    #[test]
    fn debug_shows_the_size_only() {
        insta::assert_debug_snapshot!(Sealed::from_bytes(vec![1, 2, 3]), @"Sealed(3 bytes)");
    }
}
