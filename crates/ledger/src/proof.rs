//! Inclusion: this entry is in that log. Consistency: this log is that one, grown.
//!
//! The proofs are RFC 6962's (§2.1.1 and §2.1.2). A proof is made from tiles that are first
//! checked against the signed root, so a damaged store gives an error and never a bad proof.

use std::cell::RefCell;

use tlog_tiles::{TileHashReader, TileReader};

use crate::{
    frontier::Head,
    hash::Hash,
    tile::{MAX_SIZE, TileId},
};

/// No honest proof is longer: a tree of 2⁴⁸ leaves is 48 high, and a consistency proof has one
/// hash more.
const MAX_PROOF: usize = 49;

/// Why a proof could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ProofError<E: std::error::Error + 'static> {
    /// The store did not answer.
    #[error("cannot read a tile of the log: {0}")]
    Read(#[source] E),
    /// The tiles do not make the tree of this head.
    #[error(
        "the stored tiles do not make the tree of {size} entries that was asked about: the log \
         was altered; run `sotto audit verify`"
    )]
    Damaged {
        /// The head's size.
        size: u64,
    },
    /// There is nothing to prove: the entry or the earlier tree is not within the head.
    #[error("entry or earlier size {asked} is not within the log of {size} entries")]
    OutOfRange {
        /// The index or the earlier size.
        asked: u64,
        /// The head's size.
        size: u64,
    },
}

/// A proof that does not prove what it claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refuted {
    /// The entry is not at this place in the log with this root.
    #[error("entry {index} is not in the log of {size} entries with this root")]
    NotIncluded {
        /// The place claimed.
        index: u64,
        /// The head's size.
        size: u64,
    },
    /// The later log does not begin with the earlier one.
    #[error("the log of {to} entries does not begin with the log of {from} entries")]
    NotConsistent {
        /// The earlier size.
        from: u64,
        /// The later size.
        to: u64,
    },
}

/// Proves that the log of `head` holds its entry `index`.
///
/// `read` gives the bytes of a tile; those of a wider tile at the same place will do.
///
/// # Errors
/// [`ProofError`].
pub fn prove_inclusion<E: std::error::Error + 'static>(
    head: Head,
    index: u64,
    read: impl FnMut(TileId) -> Result<Vec<u8>, E>,
) -> Result<Vec<Hash>, ProofError<E>> {
    if index >= head.size || head.size > MAX_SIZE {
        return Err(ProofError::OutOfRange { asked: index, size: head.size });
    }
    over_tiles(head, read, |reader| tlog_tiles::prove_record(head.size, index, reader))
}

/// Checks that `leaf` is entry `index` of the log of `head` (RFC 9162 §2.1.3.2).
///
/// # Errors
/// [`Refuted::NotIncluded`].
pub fn verify_inclusion(head: Head, index: u64, leaf: Hash, proof: &[Hash]) -> Result<(), Refuted> {
    let refuted = Refuted::NotIncluded { index, size: head.size };
    if index >= head.size || head.size > MAX_SIZE || proof.len() > MAX_PROOF {
        return Err(refuted);
    }
    tlog_tiles::check_record(&theirs(proof), head.size, their(head.root), index, their(leaf))
        .map_err(|_| refuted)
}

/// Proves that the log of `head` began with its first `from` entries.
///
/// # Errors
/// [`ProofError`].
pub fn prove_consistency<E: std::error::Error + 'static>(
    head: Head,
    from: u64,
    read: impl FnMut(TileId) -> Result<Vec<u8>, E>,
) -> Result<Vec<Hash>, ProofError<E>> {
    if from > head.size || head.size > MAX_SIZE {
        return Err(ProofError::OutOfRange { asked: from, size: head.size });
    }
    if from == 0 {
        return Ok(Vec::new());
    }
    over_tiles(head, read, |reader| tlog_tiles::prove_tree(head.size, from, reader))
}

/// Checks that the log of `to` begins with the log of `from` (RFC 9162 §2.1.4.2).
///
/// # Errors
/// [`Refuted::NotConsistent`].
pub fn verify_consistency(from: Head, to: Head, proof: &[Hash]) -> Result<(), Refuted> {
    let refuted = Refuted::NotConsistent { from: from.size, to: to.size };
    if from.size > to.size || to.size > MAX_SIZE || proof.len() > MAX_PROOF {
        return Err(refuted);
    }
    if from.size == 0 {
        return if from == Head::EMPTY && proof.is_empty() { Ok(()) } else { Err(refuted) };
    }
    let proof = theirs(proof);
    tlog_tiles::check_tree(&proof, to.size, their(to.root), from.size, their(from.root))
        .map_err(|_| refuted)
}

/// Runs `prove` over tiles that are checked against `head` as they are read.
fn over_tiles<E: std::error::Error + 'static>(
    head: Head,
    read: impl FnMut(TileId) -> Result<Vec<u8>, E>,
    prove: impl FnOnce(&TileHashReader<'_>) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error>,
) -> Result<Vec<Hash>, ProofError<E>> {
    let store = Store { read: RefCell::new(read), failed: RefCell::new(None) };
    let reader = TileHashReader::new(head.size, their(head.root), &store);
    let proof = prove(&reader);
    match (proof, store.failed.into_inner()) {
        (_, Some(error)) => Err(ProofError::Read(error)),
        (Ok(proof), None) => Ok(proof.into_iter().map(|hash| Hash::from_bytes(hash.0)).collect()),
        (Err(_), None) => Err(ProofError::Damaged { size: head.size }),
    }
}

/// The caller's closure, as the reader that `tlog_tiles` wants. Its error type has no room for
/// ours, so the first one is kept beside it.
struct Store<R, E> {
    read: RefCell<R>,
    failed: RefCell<Option<E>>,
}

impl<E, R: FnMut(TileId) -> Result<Vec<u8>, E>> TileReader for Store<R, E> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[tlog_tiles::Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        let mut read = self.read.borrow_mut();
        let mut found = Vec::with_capacity(tiles.len());
        for tile in tiles {
            let width = u16::try_from(tile.width()).map_err(|_| tlog_tiles::Error::InvalidTile)?;
            let id = TileId::new(tile.level(), tile.level_index(), width)
                .map_err(|_| tlog_tiles::Error::InvalidTile)?;
            match read(id) {
                Ok(mut bytes) => {
                    bytes.truncate(usize::from(width) * Hash::LEN);
                    found.push(bytes);
                }
                Err(error) => {
                    *self.failed.borrow_mut() = Some(error);
                    return Err(tlog_tiles::Error::InvalidTile);
                }
            }
        }
        Ok(found)
    }

    fn save_tiles(&self, _: &[tlog_tiles::Tile], _: &[Vec<u8>]) {}
}

fn their(hash: Hash) -> tlog_tiles::Hash {
    tlog_tiles::Hash(*hash.as_bytes())
}

fn theirs(hashes: &[Hash]) -> Vec<tlog_tiles::Hash> {
    hashes.iter().copied().map(their).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{frontier::Frontier, hash::leaf_hash, tile::Tile};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[derive(Debug, thiserror::Error)]
    #[error("no such tile")]
    pub(crate) struct Missing;

    /// A store as a database would be: one row for each place.
    #[derive(Default)]
    pub(crate) struct Shelf(BTreeMap<(u8, u64), Tile>);

    impl Shelf {
        pub(crate) fn put(&mut self, tiles: Vec<Tile>) {
            for tile in tiles {
                assert_eq!(tile.hashes.len(), usize::from(tile.id.width()));
                self.0.insert((tile.id.level(), tile.id.index()), tile);
            }
        }

        pub(crate) fn read(&self, id: TileId) -> Result<Vec<u8>, Missing> {
            let tile = self.0.get(&(id.level(), id.index())).ok_or(Missing)?;
            assert!(tile.id.covers(id));
            Ok(tile.bytes())
        }

        pub(crate) fn ids(&self) -> Vec<TileId> {
            self.0.values().map(|tile| tile.id).collect()
        }
    }

    fn log(size: u64) -> (Shelf, Head) {
        let mut tree = Frontier::new();
        for n in 0..size {
            tree.append(leaf(n)).unwrap();
        }
        let mut shelf = Shelf::default();
        shelf.put(tree.take_tiles());
        (shelf, tree.head())
    }

    fn leaf(n: u64) -> Hash {
        leaf_hash(&n.to_be_bytes())
    }

    fn flipped(hash: Hash, bit: usize) -> Hash {
        let mut bytes = *hash.as_bytes();
        bytes[bit / 8 % 32] ^= 1 << (bit % 8);
        Hash::from_bytes(bytes)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn inclusion_proves_and_any_change_refutes(
            size in 1..1500_u64, at in any::<u64>(), bit in 0..256_usize, which in any::<usize>()
        ) {
            let (shelf, head) = log(size);
            let index = at % size;
            let proof = prove_inclusion(head, index, |id| shelf.read(id)).unwrap();
            prop_assert_eq!(verify_inclusion(head, index, leaf(index), &proof), Ok(()));

            let no = Err(Refuted::NotIncluded { index, size });
            prop_assert_eq!(verify_inclusion(head, index, flipped(leaf(index), bit), &proof), no);
            let other = Head { root: flipped(head.root, bit), ..head };
            prop_assert_eq!(verify_inclusion(other, index, leaf(index), &proof), no);
            let mut longer = proof.clone();
            longer.push(leaf(3));
            prop_assert_eq!(verify_inclusion(head, index, leaf(index), &longer), no);
            if !proof.is_empty() {
                let mut bad = proof.clone();
                let which = which % bad.len();
                bad[which] = flipped(bad[which], bit);
                prop_assert_eq!(verify_inclusion(head, index, leaf(index), &bad), no);
                prop_assert_eq!(verify_inclusion(head, index, leaf(index), &proof[1..]), no);
            }
            if size > 1 {
                let elsewhere = (index + 1) % size;
                prop_assert!(verify_inclusion(head, elsewhere, leaf(index), &proof).is_err());
            }
        }

        #[test]
        fn consistency_proves_and_any_change_refutes(
            size in 1..1500_u64, at in any::<u64>(), bit in 0..256_usize, which in any::<usize>()
        ) {
            let (shelf, to) = log(size);
            let from = log(at % (size + 1)).1;
            let proof = prove_consistency(to, from.size, |id| shelf.read(id)).unwrap();
            prop_assert_eq!(verify_consistency(from, to, &proof), Ok(()));

            let no = Err(Refuted::NotConsistent { from: from.size, to: size });
            let forged = Head { root: flipped(from.root, bit), ..from };
            prop_assert_eq!(verify_consistency(forged, to, &proof), no);
            if from.size > 0 {
                let forked = Head { root: flipped(to.root, bit), ..to };
                prop_assert_eq!(verify_consistency(from, forked, &proof), no);
            }
            if !proof.is_empty() {
                let mut bad = proof.clone();
                let which = which % bad.len();
                bad[which] = flipped(bad[which], bit);
                prop_assert_eq!(verify_consistency(from, to, &bad), no);
            }
        }

        #[test]
        fn a_damaged_store_gives_an_error_and_never_a_bad_proof(
            size in 2..1500_u64, at in any::<u64>(), byte in any::<usize>()
        ) {
            let (shelf, head) = log(size);
            let index = at % size;
            let proof = prove_inclusion(head, index, |id| {
                let mut bytes = shelf.read(id)?;
                let place = byte % (usize::from(id.width()) * 32);
                bytes[place] ^= 1;
                Ok::<_, Missing>(bytes)
            });
            let damaged = matches!(proof, Err(ProofError::Damaged { .. }));
            prop_assert!(damaged);
        }

        #[test]
        fn no_input_panics(
            sizes in any::<(u64, u64)>(), seed in any::<u8>(),
            proof in proptest::collection::vec(any::<u8>(), 0..70)
        ) {
            let proof: Vec<_> = proof.iter().map(|n| leaf(u64::from(*n))).collect();
            let (a, b) = (Head { size: sizes.0, root: leaf(1) }, Head { size: sizes.1, root: leaf(2) });
            prop_assert!(verify_inclusion(a, sizes.1, leaf(u64::from(seed)), &proof).is_err());
            prop_assert!(verify_consistency(a, b, &proof).is_err());
            prop_assert!(prove_inclusion(a, sizes.1, |_| Err::<Vec<u8>, _>(Missing)).is_err());
        }
    }

    #[test]
    fn a_missing_tile_is_the_store_s_own_error() {
        let (_, head) = log(700);
        let proof = prove_inclusion(head, 5, |_| Err(Missing));
        assert!(matches!(proof, Err(ProofError::Read(Missing))));
        assert!(prove_inclusion(head, 700, |_| Err(Missing)).is_err());
        assert!(prove_consistency(head, 701, |_| Err(Missing)).is_err());
    }

    #[test]
    fn the_empty_log_is_the_start_of_every_log_and_of_no_forgery() {
        let (_, head) = log(9);
        assert_eq!(verify_consistency(Head::EMPTY, head, &[]), Ok(()));
        assert!(verify_consistency(Head::EMPTY, head, &[leaf(1)]).is_err());
        assert!(verify_consistency(Head { size: 0, root: leaf(1) }, head, &[]).is_err());
    }
}
