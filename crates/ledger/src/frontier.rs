//! The right edge of the tree: all that is needed to append, 255 hashes a level at most.

use crate::{
    hash::{Hash, node_hash},
    tile::{MAX_SIZE, Tile, TileError, TileId, hashes_of, partial_width},
};

/// A tree's size and root: everything about the log in 40 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// How many leaves.
    pub size: u64,
    /// The hash over all of them.
    pub root: Hash,
}

impl Head {
    /// The head of a log in which nothing was written yet.
    pub const EMPTY: Self = Self { size: 0, root: Hash::EMPTY_TREE };
}

/// The log holds [`MAX_SIZE`] leaves and takes no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the log is full: 2^48 entries; start a new log under a new origin")]
pub struct Full;

/// Why a stored tree could not be continued.
#[derive(Debug, thiserror::Error)]
pub enum LoadError<E: std::error::Error + 'static> {
    /// The store did not answer.
    #[error("cannot read a tile of the log: {0}")]
    Read(#[source] E),
    /// A tile is not what it should be.
    #[error("{id} is damaged: {why}; run `sotto audit verify`")]
    Tile {
        /// Which tile.
        id: TileId,
        /// What is wrong with it.
        why: TileError,
    },
    /// The tiles make another tree than the checkpoint signed.
    #[error(
        "the stored tiles do not make the tree of {size} entries that the checkpoint signed: \
         the log was altered; run `sotto audit verify`"
    )]
    OtherTree {
        /// The checkpoint's size.
        size: u64,
    },
}

/// The growing end of a log.
///
/// Owns the not yet full tile of each level and the tiles that nobody took yet. It stores
/// nothing: if the process ends before [`take_tiles`](Self::take_tiles) was written down, the
/// leaves are simply not in the log, and the store's last checkpoint is still right.
#[derive(Clone, Debug, Default)]
pub struct Frontier {
    size: u64,
    edges: Vec<Vec<Hash>>,
    filled: Vec<Tile>,
    taken: u64,
}

impl Frontier {
    /// The edge of an empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// The edge of a stored log, read back tile by tile and checked against its signed head.
    /// `read` gives a tile's bytes; those of a wider tile at the same place will do.
    ///
    /// # Errors
    /// [`LoadError`], when a tile is missing, short, or not the head's.
    pub fn load<E: std::error::Error + 'static>(
        head: Head,
        mut read: impl FnMut(TileId) -> Result<Vec<u8>, E>,
    ) -> Result<Self, LoadError<E>> {
        let mut frontier = Self { size: head.size, taken: head.size, ..Self::default() };
        let mut hashes = if head.size > MAX_SIZE { 0 } else { head.size };
        while hashes > 0 {
            let level = frontier.edges.len() as u8;
            let width = partial_width(hashes);
            hashes >>= 8;
            if width == 0 {
                frontier.edges.push(Vec::new());
                continue;
            }
            let Ok(id) = TileId::new(level, hashes, width) else { break };
            let bytes = read(id).map_err(LoadError::Read)?;
            let edge = hashes_of(&bytes, width).map_err(|why| LoadError::Tile { id, why })?;
            frontier.edges.push(edge);
        }
        if frontier.head() == head {
            Ok(frontier)
        } else {
            Err(LoadError::OtherTree { size: head.size })
        }
    }

    /// Adds a leaf and gives its index.
    ///
    /// # Errors
    /// [`Full`], after 2⁴⁸ leaves.
    pub fn append(&mut self, leaf: Hash) -> Result<u64, Full> {
        if self.size >= MAX_SIZE {
            return Err(Full);
        }
        let index = self.size;
        self.size += 1;
        let mut hash = leaf;
        for level in 0_u8.. {
            if self.edges.len() <= usize::from(level) {
                self.edges.push(Vec::with_capacity(256));
            }
            let Some(edge) = self.edges.get_mut(usize::from(level)) else { break };
            edge.push(hash);
            if edge.len() < 256 {
                break;
            }
            hash = subtree_root(edge);
            let hashes = std::mem::replace(edge, Vec::with_capacity(256));
            let place = index >> (8 * (u32::from(level) + 1));
            if let Ok(id) = TileId::new(level, place, 256) {
                self.filled.push(Tile { id, hashes });
            }
        }
        Ok(index)
    }

    /// How many leaves, those not yet stored included.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root over all leaves (RFC 6962 §2.1).
    pub fn root(&self) -> Hash {
        let mut root = None;
        for edge in &self.edges {
            let mut left = edge.as_slice();
            while !left.is_empty() {
                // The smallest complete subtree stands rightmost.
                let width = 1 << left.len().trailing_zeros();
                let Some((rest, peak)) = left.split_at_checked(left.len() - width) else { break };
                let peak = subtree_root(peak);
                root = Some(root.map_or(peak, |right| node_hash(peak, right)));
                left = rest;
            }
        }
        root.unwrap_or(Hash::EMPTY_TREE)
    }

    /// Size and root together.
    pub fn head(&self) -> Head {
        Head { size: self.size, root: self.root() }
    }

    /// The tiles that are new or wider since the last call, to be stored in the same
    /// transaction as the checkpoint that signs them.
    pub fn take_tiles(&mut self) -> Vec<Tile> {
        let mut tiles = std::mem::take(&mut self.filled);
        for (level, edge) in (0_u8..).zip(&self.edges) {
            let hashes = self.size >> (8 * u32::from(level));
            let before = self.taken >> (8 * u32::from(level));
            if edge.is_empty() || hashes == before {
                continue;
            }
            if let Ok(id) = TileId::new(level, hashes >> 8, partial_width(hashes)) {
                tiles.push(Tile { id, hashes: edge.clone() });
            }
        }
        self.taken = self.size;
        tiles
    }
}

/// The head of the log with exactly these leaves, in bounded memory.
///
/// # Errors
/// [`Full`], after 2⁴⁸ leaves.
pub fn rebuild(leaves: impl IntoIterator<Item = Hash>) -> Result<Head, Full> {
    let mut frontier = Frontier::new();
    for leaf in leaves {
        frontier.append(leaf)?;
        frontier.filled.clear();
    }
    Ok(frontier.head())
}

/// The root of a complete subtree; `hashes` is a power of two long.
fn subtree_root(hashes: &[Hash]) -> Hash {
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        row = row
            .chunks_exact(2)
            .filter_map(|pair| match pair {
                [left, right] => Some(node_hash(*left, *right)),
                _ => None,
            })
            .collect();
    }
    row.first().copied().unwrap_or(Hash::EMPTY_TREE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::leaf_hash;
    use crate::proof::tests::{Missing, Shelf};
    use proptest::prelude::*;

    /// The definition of RFC 6962 §2.1, word for word and slow.
    fn by_definition(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Hash::EMPTY_TREE,
            [one] => *one,
            many => {
                let split = many.len().next_power_of_two() / 2;
                node_hash(by_definition(&many[..split]), by_definition(&many[split..]))
            }
        }
    }

    fn leaves(count: usize) -> Vec<Hash> {
        (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
    }

    #[test]
    fn root_is_the_rfc_s_at_every_small_size_and_around_tiles() {
        let all = leaves(66_000);
        for size in (0..300).chain([511, 512, 513, 65_535, 65_536, 65_537, 65_999]) {
            let head = rebuild(all[..size].iter().copied()).unwrap();
            assert_eq!(head.root, by_definition(&all[..size]), "{size} leaves");
            assert_eq!(head.size, size as u64);
        }
    }

    #[test]
    fn the_tiles_taken_are_exactly_those_of_the_tree() {
        let mut shelf = Shelf::default();
        let mut tree = Frontier::new();
        for (n, leaf) in leaves(1000).into_iter().enumerate() {
            tree.append(leaf).unwrap();
            if n % 37 == 0 || n == 999 {
                shelf.put(tree.take_tiles());
                assert!(tree.take_tiles().is_empty(), "nothing is given twice");
                let expected: Vec<_> = TileId::all_of(tree.size()).collect();
                assert_eq!(shelf.ids(), expected, "{} leaves", tree.size());
            }
        }
    }

    #[test]
    fn a_missing_short_or_altered_tile_is_named() {
        let mut shelf = Shelf::default();
        let mut tree = Frontier::new();
        for leaf in leaves(600) {
            tree.append(leaf).unwrap();
        }
        shelf.put(tree.take_tiles());
        let head = tree.head();
        assert!(Frontier::load(head, |id| shelf.read(id)).is_ok());

        let missing = Frontier::load(head, |_| Err(Missing)).unwrap_err();
        assert!(matches!(missing, LoadError::Read(Missing)));
        let short = Frontier::load(head, |id| shelf.read(id).map(|mut b| b.split_off(32)));
        assert!(matches!(short, Err(LoadError::Tile { why: TileError::TooShort, .. })));
        let altered = Frontier::load(head, |id| {
            shelf.read(id).map(|mut bytes| {
                bytes[5] ^= 1;
                bytes
            })
        });
        assert!(matches!(altered, Err(LoadError::OtherTree { size: 600 })));
        let huge = Frontier::load(Head { size: u64::MAX, ..head }, |id| shelf.read(id));
        assert!(matches!(huge, Err(LoadError::OtherTree { .. })));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn stopping_and_continuing_anywhere_makes_the_same_tree(
            cuts in proptest::collection::vec(1..900_usize, 1..5)
        ) {
            let mut shelf = Shelf::default();
            let mut head = Head::EMPTY;
            let all = leaves(cuts.iter().sum());
            let mut rest = all.as_slice();
            for cut in cuts {
                let mut tree = Frontier::load(head, |id| shelf.read(id)).unwrap();
                let (now, later) = rest.split_at(cut);
                rest = later;
                for leaf in now { tree.append(*leaf).unwrap(); }
                shelf.put(tree.take_tiles());
                head = tree.head();
            }
            prop_assert_eq!(head, rebuild(all).unwrap());
        }
    }
}
