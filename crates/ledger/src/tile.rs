//! Tiles: 256 neighbouring hashes of one level, stored and fetched together.
//!
//! Level 0 holds leaf hashes; a hash at level *n* is the root of a full tile at level *n* − 1.
//! (C2SP tlog-tiles.)

use std::{fmt, str::FromStr};

use crate::hash::Hash;

/// How many hashes a full tile holds.
pub const TILE_WIDTH: u16 = 256;

/// The largest tree this crate reads or builds, in leaves. At 20,000 events a second it lasts
/// 446 years, and it keeps every index computation far from overflow.
pub const MAX_SIZE: u64 = 1 << 48;

const HEIGHT: u32 = 8;
const MAX_LEVEL: u8 = 5;

/// Which tile: its level, its place in the level, and how many hashes of it are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    level: u8,
    index: u64,
    width: u16,
}

/// A tile with its hashes, to be stored. A store keeps one row for each `(level, index)` and
/// replaces a narrower tile by a wider one, which begins with the same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Where it belongs.
    pub id: TileId,
    /// As many hashes as the id's width says.
    pub hashes: Vec<Hash>,
}

/// A tile that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// The level, index or width is out of range.
    #[error("tile out of range: level 0 to 5, width 1 to 256, index below 2^48")]
    OutOfRange,
    /// The path is not written the way C2SP tlog-tiles writes it.
    #[error("malformed tile path: expected tile/<level>/<index>, as in tile/0/x001/234.p/17")]
    Path,
    /// The stored bytes are fewer than the tile's hashes.
    #[error("the stored tile holds fewer hashes than the tree needs")]
    TooShort,
}

impl TileId {
    /// A tile id. `level` 0 to 5, `width` 1 to 256 hashes, `index` below 2⁴⁸.
    ///
    /// # Errors
    /// [`TileError::OutOfRange`].
    pub fn new(level: u8, index: u64, width: u16) -> Result<Self, TileError> {
        let sound = level <= MAX_LEVEL && (1..=TILE_WIDTH).contains(&width) && index < MAX_SIZE;
        if sound { Ok(Self { level, index, width }) } else { Err(TileError::OutOfRange) }
    }

    /// The level, 0 for leaves.
    pub fn level(self) -> u8 {
        self.level
    }

    /// The place within the level, counted in tiles.
    pub fn index(self) -> u64 {
        self.index
    }

    /// How many hashes, 1 to 256.
    pub fn width(self) -> u16 {
        self.width
    }

    /// Whether no hash can be added to it any more.
    pub fn is_full(self) -> bool {
        self.width == TILE_WIDTH
    }

    /// Whether a stored tile with this id answers a question for `wanted`: the same place, and
    /// at least as wide.
    pub fn covers(self, wanted: Self) -> bool {
        (self.level, self.index) == (wanted.level, wanted.index) && self.width >= wanted.width
    }

    /// Every tile of a tree of `size` leaves, leaves first: what a verifier expects to find.
    pub fn all_of(size: u64) -> impl Iterator<Item = Self> {
        let size = size.min(MAX_SIZE);
        (0..=MAX_LEVEL).flat_map(move |level| {
            let hashes = size >> (HEIGHT * u32::from(level));
            let (full, rest) = (hashes >> HEIGHT, partial_width(hashes));
            let whole = (0..full).map(move |index| Self { level, index, width: TILE_WIDTH });
            whole.chain((rest > 0).then_some(Self { level, index: full, width: rest }))
        })
    }

    /// The path under which C2SP tlog-tiles publishes it.
    pub fn path(self) -> String {
        let mut rest = self.index / 1000;
        let mut path = format!("{:03}", self.index % 1000);
        while rest > 0 {
            path = format!("x{:03}/{path}", rest % 1000);
            rest /= 1000;
        }
        let partial = if self.is_full() { String::new() } else { format!(".p/{}", self.width) };
        format!("tile/{}/{path}{partial}", self.level)
    }
}

/// How many hashes stand in the last, not yet full tile.
pub(crate) fn partial_width(hashes: u64) -> u16 {
    (hashes % u64::from(TILE_WIDTH)) as u16
}

impl FromStr for TileId {
    type Err = TileError;

    /// Only the one canonical spelling of a path parses.
    fn from_str(path: &str) -> Result<Self, TileError> {
        if path.len() > 64 {
            return Err(TileError::Path);
        }
        let rest = path.strip_prefix("tile/").ok_or(TileError::Path)?;
        let (level, rest) = rest.split_once('/').ok_or(TileError::Path)?;
        let (index, width) = match rest.split_once(".p/") {
            Some((index, width)) => (index, width.parse().map_err(|_| TileError::Path)?),
            None => (rest, TILE_WIDTH),
        };
        let mut number = 0_u64;
        for part in index.split('/') {
            let digits = part.strip_prefix('x').unwrap_or(part);
            let part: u64 = digits.parse().map_err(|_| TileError::Path)?;
            let grown = number.checked_mul(1000).and_then(|n| n.checked_add(part));
            number = grown.ok_or(TileError::Path)?;
        }
        let id = Self::new(level.parse().map_err(|_| TileError::Path)?, number, width)?;
        if id.path() == path { Ok(id) } else { Err(TileError::Path) }
    }
}

impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path())
    }
}

impl Tile {
    /// The hashes one after the other: the file's or the column's content.
    pub fn bytes(&self) -> Vec<u8> {
        self.hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
    }
}

/// The first `width` hashes of a stored tile, which may be wider than asked for.
pub(crate) fn hashes_of(bytes: &[u8], width: u16) -> Result<Vec<Hash>, TileError> {
    let needed = usize::from(width) * Hash::LEN;
    let bytes = bytes.get(..needed).ok_or(TileError::TooShort)?;
    bytes.chunks_exact(Hash::LEN).map(|h| h.try_into().map_err(|_| TileError::TooShort)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_are_c2sp_s() {
        for (id, path) in [
            ((0, 0, 256), "tile/0/000"),
            ((0, 2, 88), "tile/0/002.p/88"),
            ((1, 1_234_067, 256), "tile/1/x001/x234/067"),
            ((3, 1000, 1), "tile/3/x001/000.p/1"),
        ] {
            let id = TileId::new(id.0, id.1, id.2).unwrap();
            assert_eq!(id.path(), path);
            assert_eq!(path.parse(), Ok(id));
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for path in [
            "",
            "tile",
            "tile/0",
            "tile/0/0",
            "tile/0/0000",
            "tile/00/000",
            "tile/0/x000/000",
            "tile/0/001/000",
            "tile/0/000.p/256",
            "tile/0/000.p/0",
            "tile/0/000.p/+1",
            "tile/0/000.p/1/",
            "tile/9/000",
            "tile/0/-01",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert!(path.parse::<TileId>().is_err(), "{path}");
        }
    }

    #[test]
    fn all_tiles_of_a_tree() {
        let paths = |size| TileId::all_of(size).map(TileId::path).collect::<Vec<_>>();
        assert_eq!(paths(0), Vec::<String>::new());
        assert_eq!(paths(1), ["tile/0/000.p/1"]);
        assert_eq!(paths(256), ["tile/0/000", "tile/1/000.p/1"]);
        assert_eq!(paths(513), ["tile/0/000", "tile/0/001", "tile/0/002.p/1", "tile/1/000.p/2"]);
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_canonical(text in "\\PC{0,70}") {
            if let Ok(id) = text.parse::<TileId>() { prop_assert_eq!(id.path(), text); }
        }

        #[test]
        fn every_path_comes_back(level in 0..=MAX_LEVEL, index in 0..MAX_SIZE, width in 1..=256_u16) {
            let id = TileId::new(level, index, width).unwrap();
            prop_assert_eq!(id.path().parse(), Ok(id));
        }
    }
}
