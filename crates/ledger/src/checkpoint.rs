//! Checkpoints (C2SP tlog-checkpoint): the log's name, size and root, signed.

use crate::{
    frontier::Head,
    hash::Hash,
    note::{LogKey, NoteError, VerifierKey},
    proof::verify_consistency,
    tile::MAX_SIZE,
};

/// What the log was at one moment. A checkpoint holds no personal data and may be given to
/// anyone: whoever keeps one can later prove that history was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    head: Head,
}

/// A checkpoint that was not accepted, or could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The signed note around it.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text is not a checkpoint.
    #[error("not a checkpoint: expected the log's name, its size and its root on three lines")]
    Malformed,
    /// It names another log than its key.
    #[error("the checkpoint is of log {found}, not of {expected}")]
    OtherLog {
        /// The origin on the first line.
        found: String,
        /// The verifier key's name.
        expected: String,
    },
}

/// Two checkpoints that cannot both be of one append-only log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// Entries were removed.
    #[error("the log went backwards: from {from} entries to {to}; entries were removed")]
    Backwards {
        /// The earlier size.
        from: u64,
        /// The later, smaller size.
        to: u64,
    },
    /// Entries were changed.
    #[error(
        "the log forked: the log of {to} entries does not begin with the {from} entries signed \
         before; entries were changed, or the log was rewritten"
    )]
    Forked {
        /// The earlier size.
        from: u64,
        /// The later size.
        to: u64,
    },
    /// Not the same log at all.
    #[error("the checkpoints are of two logs, {from} and {to}")]
    OtherLog {
        /// The earlier origin.
        from: String,
        /// The later origin.
        to: String,
    },
}

impl Checkpoint {
    /// A checkpoint yet to be signed. The origin is the log's name, the same as its key's.
    ///
    /// # Errors
    /// [`CheckpointError::Malformed`], for an origin that is empty or holds control characters,
    /// or a size above [`MAX_SIZE`].
    pub fn new(origin: &str, head: Head) -> Result<Self, CheckpointError> {
        let sound = !origin.is_empty() && !origin.chars().any(char::is_control);
        if !sound || head.size > MAX_SIZE || (head.size == 0 && head != Head::EMPTY) {
            return Err(CheckpointError::Malformed);
        }
        Ok(Self { origin: origin.to_owned(), head })
    }

    /// The log's name.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Size and root.
    pub fn head(&self) -> Head {
        self.head
    }

    /// How many entries.
    pub fn size(&self) -> u64 {
        self.head.size
    }

    /// The hash over all entries.
    pub fn root(&self) -> Hash {
        self.head.root
    }

    /// The signed note, to be stored and published.
    ///
    /// # Errors
    /// [`CheckpointError::OtherLog`], when the key is another log's.
    pub fn sign(&self, key: &LogKey) -> Result<String, CheckpointError> {
        self.of_log(&key.verifier())?;
        let text = format!("{}\n{}\n{}\n", self.origin, self.head.size, self.head.root);
        Ok(key.sign_note(&text)?)
    }

    /// Reads a signed checkpoint. Nothing unsigned is ever parsed.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn open(note: &[u8], key: &VerifierKey) -> Result<Self, CheckpointError> {
        let text = key.open_note(note)?;
        let read = tlog_tiles::Checkpoint::from_bytes(text.as_bytes())
            .map_err(|_| CheckpointError::Malformed)?;
        // We write no extension lines, so one that has some is not ours.
        if !read.extension().is_empty() {
            return Err(CheckpointError::Malformed);
        }
        let head = Head { size: read.size(), root: Hash::from_bytes(read.hash().0) };
        let checkpoint = Self::new(read.origin(), head)?;
        checkpoint.of_log(key)?;
        Ok(checkpoint)
    }

    /// Checks that this log is the `earlier` one, grown or unchanged.
    ///
    /// # Errors
    /// [`ChainError`], which says whether entries were removed or changed.
    pub fn follows(&self, earlier: &Self, proof: &[Hash]) -> Result<(), ChainError> {
        if self.origin != earlier.origin {
            let (from, to) = (earlier.origin.clone(), self.origin.clone());
            return Err(ChainError::OtherLog { from, to });
        }
        let (from, to) = (earlier.head, self.head);
        if to.size < from.size {
            return Err(ChainError::Backwards { from: from.size, to: to.size });
        }
        let forked = ChainError::Forked { from: from.size, to: to.size };
        if to.size == from.size {
            return if to.root == from.root { Ok(()) } else { Err(forked) };
        }
        verify_consistency(from, to, proof).map_err(|_| forked)
    }

    fn of_log(&self, key: &VerifierKey) -> Result<(), CheckpointError> {
        if self.origin == key.name() {
            return Ok(());
        }
        let (found, expected) = (self.origin.clone(), key.name().to_owned());
        Err(CheckpointError::OtherLog { found, expected })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{frontier::Frontier, hash::leaf_hash, proof::prove_consistency, tile::Tile};
    use proptest::prelude::*;

    fn key() -> LogKey {
        LogKey::from_seed("log.example", &[7; 32]).unwrap()
    }

    fn tree(entries: impl IntoIterator<Item = u64>) -> (Checkpoint, Vec<Tile>) {
        let mut tree = Frontier::new();
        for n in entries {
            tree.append(leaf_hash(&n.to_be_bytes())).unwrap();
        }
        (Checkpoint::new("log.example", tree.head()).unwrap(), tree.take_tiles())
    }

    fn proof(to: &Checkpoint, from: u64, tiles: &[Tile]) -> Vec<Hash> {
        let read = |id| tiles.iter().find(|t| t.id.covers(id)).map(Tile::bytes);
        prove_consistency(to.head(), from, |id| read(id).ok_or(std::fmt::Error)).unwrap()
    }

    #[test]
    fn the_text_is_c2sp_s() {
        let note = Checkpoint::new("log.example", Head::EMPTY).unwrap().sign(&key()).unwrap();
        let lines: Vec<_> = note.lines().collect();
        assert_eq!(
            lines[..4],
            ["log.example", "0", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", ""]
        );
        assert!(lines[4].starts_with("— log.example "));
        assert_eq!(lines.len(), 5);
    }

    #[test]
    fn growth_is_accepted_and_removal_and_change_are_named() {
        let ((old, _), (new, tiles)) = (tree(0..300), tree(0..777));
        let good = proof(&new, 300, &tiles);
        assert_eq!(new.follows(&old, &good), Ok(()));
        assert_eq!(new.follows(&new, &[]), Ok(()));
        assert_eq!(old.follows(&new, &good), Err(ChainError::Backwards { from: 777, to: 300 }));

        let (rewritten, tiles) = tree((0..777).map(|n| if n == 200 { 999 } else { n }));
        let best = proof(&rewritten, 300, &tiles);
        let forked = Err(ChainError::Forked { from: 300, to: 777 });
        assert_eq!(rewritten.follows(&old, &best), forked);
        assert_eq!(rewritten.follows(&new, &[]), Err(ChainError::Forked { from: 777, to: 777 }));

        let other = Checkpoint::new("other.example", new.head()).unwrap();
        assert!(matches!(other.follows(&old, &good), Err(ChainError::OtherLog { .. })));
    }

    #[test]
    fn only_the_log_s_own_signed_text_opens() {
        let (checkpoint, _) = tree(0..5);
        let note = checkpoint.sign(&key()).unwrap();
        assert_eq!(Checkpoint::open(note.as_bytes(), &key().verifier()), Ok(checkpoint.clone()));

        let other = LogKey::from_seed("other.example", &[9; 32]).unwrap();
        assert!(matches!(checkpoint.sign(&other), Err(CheckpointError::OtherLog { .. })));
        let foreign =
            key().sign_note("other.example\n5\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n");
        let foreign = Checkpoint::open(foreign.unwrap().as_bytes(), &key().verifier());
        assert!(matches!(foreign, Err(CheckpointError::OtherLog { .. })));
        for text in [
            "log.example\n",
            "log.example\n5\nx\n",
            "log.example\n05\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
            "log.example\n5\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nmore\n",
            "log.example\n0\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
            "log.example\n18446744073709551615\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        ] {
            let note = key().sign_note(text).unwrap();
            let opened = Checkpoint::open(note.as_bytes(), &key().verifier());
            assert_eq!(opened, Err(CheckpointError::Malformed), "{text}");
        }
        assert!(Checkpoint::new("two\nlines", Head::EMPTY).is_err());
    }

    proptest! {
        #[test]
        fn no_signed_text_panics(text in "(log[.]example\n)?[ -~é]{0,40}\n[ -~é]{0,50}\n") {
            let note = key().sign_note(&text).unwrap();
            prop_assert!(Checkpoint::open(note.as_bytes(), &key().verifier()).is_err());
        }
    }
}
