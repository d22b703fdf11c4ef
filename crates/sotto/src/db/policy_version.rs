//! Table `policy_version`: every policy file that was ever in force, as loaded.

use gate::PracticeId;
use jiff::Timestamp;

use crate::db::registry::POLICY_VERSION;
use crate::db::{DbError, Tx};
use crate::{params, sql};

/// A stored policy file.
#[derive(Debug, Clone)]
pub struct StoredPolicy {
    /// Its version.
    pub version: String,
    /// The file's text.
    pub document: String,
}

/// The policy file activated last, or none where the rulebook stands.
///
/// # Errors
/// [`DbError`].
pub fn active(tx: &mut Tx<'_>, practice: PracticeId) -> Result<Option<StoredPolicy>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT version, document FROM policy_version WHERE practice_id = $1
             ORDER BY activated_at DESC, version DESC LIMIT 1"
        ),
        params![practice],
        |row| Ok(StoredPolicy { version: row.get(0)?, document: row.get(1)? }),
    )
}

/// Puts a policy file in force. Activating one again moves it to the top.
///
/// # Errors
/// [`DbError`].
pub fn activate(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    policy: &StoredPolicy,
    by: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        sql!(
            "INSERT INTO policy_version (practice_id, version, document, activated_at, activated_by)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (practice_id, version) DO UPDATE SET
                 activated_at = excluded.activated_at, activated_by = excluded.activated_by"
        ),
        params![practice, policy.version, policy.document, now, by],
    )?;
    tx.touch(POLICY_VERSION, policy.version.clone());
    Ok(())
}
