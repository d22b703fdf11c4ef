//! Entries, tiles and checkpoints against each other.

use std::collections::BTreeMap;

use ledger::{Checkpoint, Frontier, Hash, Head, TILE_WIDTH, Tile, TileId, leaf_hash};

use super::{Fault, Findings, Last, VerifyError, short};
use crate::audit::event::{Entry, Kind};
use crate::audit::sequencer::index_of;
use crate::db::registry::{AUDIT_CHECKPOINT, AUDIT_ENTRY, AUDIT_TILE};
use crate::db::{Row, Tx};
use crate::{params, sql};

/// How many leaves are compared at a time: 2 MB of hashes.
const BLOCK: u64 = 65_536;

/// A checkpoint's row, as far as it could be read.
struct Signed {
    head: Head,
    signed_at: i64,
}

/// Checks the tree and gives the head that was signed last.
pub(super) fn check(
    tx: &mut Tx<'_>,
    found: &mut Findings<'_>,
    earlier: Option<Head>,
) -> Result<Head, VerifyError> {
    let signed = checkpoints(tx, found)?;
    let head = signed.values().next_back().map_or(Head::EMPTY, |last| last.head);
    let mut tree = Frontier::new();
    let mut ahead = signed.iter().peekable();
    let mut blamed = Vec::new();
    let mut from = 0;
    while from < head.size {
        let until = (from + BLOCK).min(head.size);
        let block = entries(tx, found, from, until)?;
        for (index, leaf) in (from..until).zip(&block.leaves) {
            // A leaf that is gone leaves a hole that no root fits; the others are still compared.
            tree.append(leaf.hash.unwrap_or(Hash::EMPTY_TREE))?;
            while let Some((_, checkpoint)) = ahead.next_if(|(size, _)| **size == index + 1) {
                check_checkpoint(found, &tree, checkpoint, leaf);
            }
            if earlier.is_some_and(|head| head.size == index + 1 && head.root != tree.root()) {
                found.defect(AUDIT_CHECKPOINT, format!("{} (kept)", index + 1), Fault::OtherTree);
            }
        }
        blamed.extend(tiles(tx, found, tree.take_tiles(), &block)?);
        from = until;
    }
    if earlier.is_some_and(|earlier| earlier.size > head.size) {
        let size = earlier.map_or(0, |earlier| earlier.size);
        found.defect(AUDIT_CHECKPOINT, format!("{size} (kept)"), Fault::Missing);
    }
    settle(found, &blamed, tree.root() == head.root);
    let reach = beyond(tx, found, head.size)?;
    stray_tiles(tx, found, reach)?;
    Ok(head)
}

/// What came of one leaf.
struct Leaf {
    hash: Option<Hash>,
    /// When it was recorded, and whether it is a checkpoint's own leaf.
    checkpoint_at: Option<i64>,
    id: String,
}

struct Block {
    from: u64,
    leaves: Vec<Leaf>,
}

fn checkpoints(
    tx: &mut Tx<'_>,
    found: &mut Findings<'_>,
) -> Result<BTreeMap<u64, Signed>, VerifyError> {
    let mut signed = BTreeMap::new();
    let practice = found.log.practice;
    tx.each(
        sql!(
            "SELECT size, signed_at, note FROM audit_checkpoint WHERE practice_id = $1
             ORDER BY size"
        ),
        params![practice],
        |row| {
            found.checkpoints += 1;
            found.step();
            let size = row.get::<i64>(0);
            let name = size.as_ref().map_or_else(|_| "?".into(), ToString::to_string);
            let (Ok(size), Ok(signed_at), Ok(note)) =
                (size, row.get::<i64>(1), row.get::<String>(2))
            else {
                found.defect(AUDIT_CHECKPOINT, name, Fault::Unreadable);
                return Ok(());
            };
            match Checkpoint::open(note.as_bytes(), &found.verifier) {
                Ok(checkpoint) if index_of(checkpoint.size()) == size => {
                    signed.insert(checkpoint.size(), Signed { head: checkpoint.head(), signed_at });
                }
                // A good note under another size: the row's own column was changed.
                Ok(checkpoint) => {
                    found.defect(AUDIT_CHECKPOINT, name, Fault::Altered);
                    let head = checkpoint.head();
                    signed.entry(head.size).or_insert(Signed { head, signed_at });
                }
                Err(_) => found.defect(AUDIT_CHECKPOINT, name, Fault::WrongSignature),
            }
            Ok::<_, VerifyError>(())
        },
    )?;
    Ok(signed)
}

fn check_checkpoint(found: &mut Findings<'_>, tree: &Frontier, checkpoint: &Signed, last: &Leaf) {
    let name = checkpoint.head.size.to_string();
    if last.hash.is_some() && tree.root() != checkpoint.head.root {
        // Named here only if no entry is to blame; see `settle`.
        found.defect(AUDIT_CHECKPOINT, name.clone(), Fault::OtherTree);
    }
    if last.checkpoint_at.is_some_and(|at| at != checkpoint.signed_at) {
        found.defect(AUDIT_CHECKPOINT, name, Fault::Altered);
    }
}

/// Reads the entries of a range and notes what they bind.
fn entries(
    tx: &mut Tx<'_>,
    found: &mut Findings<'_>,
    from: u64,
    until: u64,
) -> Result<Block, VerifyError> {
    let mut leaves: Vec<Leaf> = Vec::with_capacity((until - from) as usize);
    let practice = found.log.practice;
    let gone = || Leaf { hash: None, checkpoint_at: None, id: String::new() };
    tx.each(
        sql!(
            "SELECT id, recorded_at, body, leaf_index FROM audit_entry
             WHERE practice_id = $1 AND leaf_index >= $2 AND leaf_index < $3 ORDER BY leaf_index"
        ),
        params![practice, index_of(from), index_of(until)],
        |row| {
            let index = row.get::<i64>(3).ok().and_then(|index| u64::try_from(index).ok());
            let Some(index) = index else { return Ok(()) };
            while from + (leaves.len() as u64) < index {
                found.defect(
                    AUDIT_ENTRY,
                    format!("leaf {}", from + leaves.len() as u64),
                    Fault::Missing,
                );
                leaves.push(gone());
            }
            leaves.push(entry(found, row, Some(index)));
            Ok::<_, VerifyError>(())
        },
    )?;
    while from + (leaves.len() as u64) < until {
        found.defect(AUDIT_ENTRY, format!("leaf {}", from + leaves.len() as u64), Fault::Missing);
        leaves.push(gone());
    }
    Ok(Block { from, leaves })
}

/// Reads one entry, checks its columns against its body, and notes what it binds.
fn entry(found: &mut Findings<'_>, row: &Row<'_>, leaf: Option<u64>) -> Leaf {
    found.step();
    let id = row.get::<String>(0).unwrap_or_else(|_| "?".into());
    let Ok(body) = row.get::<Vec<u8>>(2) else {
        found.defect(AUDIT_ENTRY, id.clone(), Fault::Unreadable);
        return Leaf { hash: None, checkpoint_at: None, id };
    };
    let hash = Some(leaf_hash(&body));
    let Ok(entry) = Entry::from_bytes(&body) else {
        found.defect(AUDIT_ENTRY, id.clone(), Fault::Altered);
        return Leaf { hash, checkpoint_at: None, id };
    };
    let columns = entry.id.to_string() == id
        && row.get::<i64>(1).is_ok_and(|at| at == entry.recorded_at)
        && entry.practice == found.log.practice;
    if !columns {
        found.defect(AUDIT_ENTRY, id.clone(), Fault::Altered);
    }
    for bound in entry.records {
        let last = Last { digest: bound.2, leaf, seen: false };
        found.last.insert(short(&bound.0, &bound.1), last);
    }
    let checkpoint_at = (entry.kind == Kind::Checkpoint).then_some(entry.recorded_at);
    Leaf { hash, checkpoint_at, id }
}

/// A place where the stored tile and the entries disagree.
struct Blame {
    tile: TileId,
    entries: Vec<String>,
    /// Does the stored tile fit its stored parent?
    tile_fits: bool,
}

/// Compares rebuilt tiles with the stored ones.
fn tiles(
    tx: &mut Tx<'_>,
    found: &mut Findings<'_>,
    rebuilt: Vec<Tile>,
    block: &Block,
) -> Result<Vec<Blame>, VerifyError> {
    let mut blamed = Vec::new();
    for tile in rebuilt {
        found.step();
        let stored = stored(tx, found, tile.id)?;
        let Some(stored) = stored else {
            found.defect(AUDIT_TILE, name(tile.id), Fault::Missing);
            continue;
        };
        if stored == tile.bytes() {
            continue;
        }
        // A block ends inside a tile only at the end of the log, or above the leaves, where a
        // later block brings the wider tile.
        let narrower = stored.len() > tile.hashes.len() * Hash::LEN && tile.id.level() > 0;
        if narrower && stored.starts_with(&tile.bytes()) {
            continue;
        }
        let start = tile.id.index() * u64::from(TILE_WIDTH);
        let mut entries = Vec::new();
        if tile.id.level() == 0 {
            for (offset, hash) in tile.hashes.iter().enumerate() {
                let bytes = stored.get(offset * Hash::LEN..(offset + 1) * Hash::LEN);
                if bytes == Some(hash.as_bytes().as_slice()) {
                    continue;
                }
                let leaf = start + offset as u64;
                let place = usize::try_from(leaf.saturating_sub(block.from)).ok();
                let id = place.and_then(|place| block.leaves.get(place)).map(|leaf| &leaf.id);
                entries.push(match id {
                    Some(id) if !id.is_empty() => id.clone(),
                    _ => format!("leaf {leaf}"),
                });
            }
        }
        let tile_fits = fits_parent(tx, found, tile.id, &stored)?;
        blamed.push(Blame { tile: tile.id, entries, tile_fits });
    }
    Ok(blamed)
}

/// Who is to blame, now that it is known whether the entries make the signed root.
fn settle(found: &mut Findings<'_>, blamed: &[Blame], entries_are_right: bool) {
    let mut entry_named = found.defects.iter().any(|defect| defect.table == AUDIT_ENTRY.name());
    for blame in blamed {
        if entries_are_right || (blame.tile.level() == 0 && !blame.tile_fits) {
            found.defect(AUDIT_TILE, name(blame.tile), Fault::Altered);
        }
        if entries_are_right || blame.tile.level() > 0 {
            continue;
        }
        for entry in &blame.entries {
            entry_named = true;
            let fault = if entry.starts_with("leaf ") { Fault::Missing } else { Fault::Altered };
            found.defect(AUDIT_ENTRY, entry.clone(), fault);
        }
    }
    // When entries are to blame, the checkpoints over them are not: they tell of the damage.
    if entry_named && !entries_are_right {
        found.defects.retain(|defect| defect.fault != Fault::OtherTree);
    }
}

fn fits_parent(
    tx: &mut Tx<'_>,
    found: &Findings<'_>,
    id: TileId,
    bytes: &[u8],
) -> Result<bool, VerifyError> {
    if !id.is_full() || bytes.len() != usize::from(TILE_WIDTH) * Hash::LEN {
        return Ok(bytes.len() == usize::from(id.width()) * Hash::LEN);
    }
    let width = u64::from(TILE_WIDTH);
    let offset = (id.index() % width) as usize * Hash::LEN;
    let parent = TileId::new(id.level() + 1, id.index() / width, 1);
    let Ok(parent) = parent else { return Ok(true) };
    let stored = stored(tx, found, parent)?.unwrap_or_default();
    let hashes = bytes.chunks_exact(Hash::LEN).filter_map(|hash| Hash::try_from(hash).ok());
    let root = ledger::rebuild(hashes)?.root;
    Ok(stored.get(offset..offset + Hash::LEN) == Some(root.as_bytes().as_slice()))
}

fn stored(
    tx: &mut Tx<'_>,
    found: &Findings<'_>,
    id: TileId,
) -> Result<Option<Vec<u8>>, VerifyError> {
    Ok(tx.query_opt(
        sql!("SELECT hashes FROM audit_tile WHERE practice_id = $1 AND level = $2 AND tile = $3"),
        params![found.log.practice, id.level(), index_of(id.index())],
        // Not even bytes any more: as good as other bytes.
        |row| Ok(row.get::<Vec<u8>>(0).unwrap_or_default()),
    )?)
}

/// Tiles that no tree of this size has, or wider than it has them.
fn stray_tiles(tx: &mut Tx<'_>, found: &mut Findings<'_>, size: u64) -> Result<(), VerifyError> {
    let practice = found.log.practice;
    tx.each(
        sql!("SELECT level, tile, hashes FROM audit_tile WHERE practice_id = $1"),
        params![practice],
        |row| {
            let place = (row.get::<i64>(0), row.get::<i64>(1));
            let (Ok(level), Ok(tile)) = place else {
                found.defect(AUDIT_TILE, "?", Fault::Unreadable);
                return Ok::<_, VerifyError>(());
            };
            let key = format!("{level}/{tile}");
            let expected = u32::try_from(level)
                .ok()
                .and_then(|level| size.checked_shr(level.checked_mul(8)?))
                .zip(u64::try_from(tile).ok())
                .map_or(0, |(hashes, tile)| {
                    hashes.saturating_sub(tile.saturating_mul(256)).min(256)
                });
            let length = row.get::<Vec<u8>>(2).map_or(usize::MAX, |hashes| hashes.len());
            if expected == 0 {
                found.defect(AUDIT_TILE, key, Fault::Unrecorded);
            } else if length as u64 != expected * Hash::LEN as u64 {
                found.defect(AUDIT_TILE, key, Fault::Altered);
            }
            Ok(())
        },
    )?;
    Ok(())
}

/// Entries beyond the last good checkpoint: a checkpoint that is gone or broken had covered them,
/// or they are misplaced. Those without a place wait for the next. Gives the size that the log had.
fn beyond(tx: &mut Tx<'_>, found: &mut Findings<'_>, size: u64) -> Result<u64, VerifyError> {
    let practice = found.log.practice;
    let mut placed = Vec::new();
    tx.each(
        sql!(
            "SELECT id, recorded_at, body, leaf_index FROM audit_entry
             WHERE practice_id = $1 AND (leaf_index IS NULL OR leaf_index < 0 OR leaf_index >= $2)
             ORDER BY id"
        ),
        params![practice, index_of(size)],
        |row| {
            let leaf = entry(found, row, None);
            match row.get::<Option<i64>>(3) {
                Ok(None) => found.waiting += 1,
                Ok(Some(index)) => placed.push((u64::try_from(index).ok(), leaf)),
                Err(_) => placed.push((None, leaf)),
            }
            Ok::<_, VerifyError>(())
        },
    )?;
    let reach = placed
        .iter()
        .filter(|(_, leaf)| leaf.checkpoint_at.is_some())
        .filter_map(|(index, _)| index.map(|index| index + 1))
        .filter(|reach| *reach <= ledger::MAX_SIZE)
        .max()
        .unwrap_or(size);
    for (index, leaf) in placed {
        let covered = index.is_some_and(|index| index < reach);
        if !covered {
            found.defect(AUDIT_ENTRY, leaf.id, Fault::Misplaced);
        } else if leaf.checkpoint_at.is_some() {
            let gone = index.map_or(0, |index| index + 1);
            let row: Option<i64> = tx.query_opt(
                sql!("SELECT size FROM audit_checkpoint WHERE practice_id = $1 AND size = $2"),
                params![practice, index_of(gone)],
                |row| row.get(0),
            )?;
            if row.is_none() {
                found.defect(AUDIT_CHECKPOINT, gone.to_string(), Fault::Missing);
            }
        }
    }
    Ok(reach)
}

fn name(id: TileId) -> String {
    format!("{}/{}", id.level(), id.index())
}
