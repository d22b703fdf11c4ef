//! Table `import_file`: which files came in, and what became of their rows.

use gate::PracticeId;
use jiff::Timestamp;
use uuid::Uuid;

use crate::db::{DbError, Tx, registry::IMPORT_FILE};
use crate::{params, sql};

/// A row of `import_file`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportFileRow {
    /// Key.
    pub id: Uuid,
    /// `fhir`, `csv_patients` or `csv_appointments`.
    pub kind: String,
    /// SHA-256 of the file.
    pub digest: [u8; 32],
    /// Rows that were new.
    pub imported: i64,
    /// Rows that changed something.
    pub updated: i64,
    /// Rows that said what was known.
    pub unchanged: i64,
    /// Rows left out.
    pub skipped: i64,
    /// When.
    pub finished_at: Timestamp,
}

/// Adds the row.
///
/// # Errors
/// [`DbError`].
pub fn add(tx: &mut Tx<'_>, practice: PracticeId, row: &ImportFileRow) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO import_file
                 (practice_id, id, kind, digest, imported, updated, unchanged, skipped,
                  finished_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        ),
        params![
            practice,
            row.id,
            row.kind,
            row.digest,
            row.imported,
            row.updated,
            row.unchanged,
            row.skipped,
            row.finished_at
        ],
    )?;
    tx.touch(IMPORT_FILE, row.id.to_string());
    Ok(())
}

/// All files, oldest first.
///
/// # Errors
/// [`DbError`].
pub fn all(tx: &mut Tx<'_>, practice: PracticeId) -> Result<Vec<ImportFileRow>, DbError> {
    tx.query(
        sql!(
            "SELECT id, kind, digest, imported, updated, unchanged, skipped, finished_at
               FROM import_file WHERE practice_id = $1 ORDER BY id"
        ),
        params![practice],
        |row| {
            Ok(ImportFileRow {
                id: row.get(0)?,
                kind: row.get(1)?,
                digest: row.get(2)?,
                imported: row.get(3)?,
                updated: row.get(4)?,
                unchanged: row.get(5)?,
                skipped: row.get(6)?,
                finished_at: row.get(7)?,
            })
        },
    )
}
