//! Table `idempotency_key`: what a request with a key was answered, so that its repeat is answered
//! the same and does nothing. Holds digests and answers, no PHI.

use gate::PracticeId;
use jiff::Timestamp;

use crate::db::registry::IDEMPOTENCY_KEY;
use crate::db::{DbError, Tx};
use crate::ids::TokenId;
use crate::{params, sql};

/// Whose key.
#[derive(Debug, Clone, Copy)]
pub struct KeyOf {
    /// The practice.
    pub practice: PracticeId,
    /// The caller: two callers may use the same key for different things.
    pub token: TokenId,
    /// A keyed digest of the key.
    pub key_digest: [u8; 32],
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// A keyed digest of the request: method, path and body.
    pub request_digest: [u8; 32],
    /// The HTTP status.
    pub status: u16,
    /// The body, JSON.
    pub response: String,
}

/// What a request with this key was answered, if there was one.
///
/// # Errors
/// [`DbError`].
pub fn find(tx: &mut Tx<'_>, of: &KeyOf) -> Result<Option<Kept>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT request_digest, status, response FROM idempotency_key
             WHERE practice_id = $1 AND token_id = $2 AND key_digest = $3"
        ),
        params![of.practice, of.token, of.key_digest],
        |row| Ok(Kept { request_digest: row.get(0)?, status: row.get(1)?, response: row.get(2)? }),
    )
}

/// Keeps an answer, in the transaction that did what it says.
///
/// # Errors
/// [`DbError::Duplicate`] when the key has an answer already.
pub fn insert(tx: &mut Tx<'_>, of: &KeyOf, kept: &Kept, now: Timestamp) -> Result<(), DbError> {
    tx.put(
        sql!(
            "INSERT INTO idempotency_key (practice_id, token_id, key_digest, request_digest,
                 status, response, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)"
        ),
        params![
            of.practice,
            of.token,
            of.key_digest,
            kept.request_digest,
            kept.status,
            kept.response,
            now
        ],
    )?;
    tx.touch(IDEMPOTENCY_KEY, row_key(of.token, &of.key_digest));
    Ok(())
}

/// Forgets answers older than this instant; returns how many.
///
/// # Errors
/// [`DbError`].
pub fn forget_before(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    instant: Timestamp,
) -> Result<usize, DbError> {
    let old = tx.query(
        sql!(
            "SELECT token_id, key_digest FROM idempotency_key
             WHERE practice_id = $1 AND created_at < $2 LIMIT 1000"
        ),
        params![practice, instant],
        |row| Ok((row.get::<TokenId>(0)?, row.get::<[u8; 32]>(1)?)),
    )?;
    for (token, key) in &old {
        tx.execute(
            sql!(
                "DELETE FROM idempotency_key
                 WHERE practice_id = $1 AND token_id = $2 AND key_digest = $3"
            ),
            params![practice, token, key],
        )?;
        tx.touch(IDEMPOTENCY_KEY, row_key(*token, key));
    }
    Ok(old.len())
}

/// The row's key, as the registry writes it.
fn row_key(token: TokenId, key_digest: &[u8; 32]) -> String {
    format!("{token}/{}", hex::encode(key_digest))
}
