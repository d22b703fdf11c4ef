//! Table `api_token`.

use gate::PracticeId;
use jiff::Timestamp;

use crate::access::tokens::{Scope, Token};
use crate::db::registry::API_TOKEN;
use crate::db::{DbError, Row, Tx};
use crate::ids::TokenId;
use crate::{params, sql};

/// Stores a new token under the digest of its secret.
///
/// # Errors
/// [`DbError`].
pub fn insert(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    token: &Token,
    digest: &[u8; 32],
) -> Result<(), DbError> {
    let scopes: Vec<&str> = token.scopes.iter().map(|scope| scope.as_str()).collect();
    tx.execute(
        sql!(
            "INSERT INTO api_token (practice_id, id, name, secret_digest, scopes, created_at,
                 expires_at, revoked_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, NULL)"
        ),
        params![
            practice,
            token.id,
            token.name,
            digest,
            scopes.join(" "),
            token.created_at,
            token.expires_at
        ],
    )?;
    tx.touch(API_TOKEN, token.id.to_string());
    Ok(())
}

/// The token with this digest, and the digest as it is kept.
///
/// # Errors
/// [`DbError`].
pub fn find_by_digest(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    digest: &[u8; 32],
) -> Result<Option<(Token, [u8; 32])>, DbError> {
    tx.query_opt(
        sql!(
            "SELECT id, name, scopes, created_at, expires_at, revoked_at, secret_digest
             FROM api_token WHERE practice_id = $1 AND secret_digest = $2"
        ),
        params![practice, digest],
        |row| Ok((read(row)?, row.get(6)?)),
    )
}

/// Every token, newest first.
///
/// # Errors
/// [`DbError`].
pub fn list(tx: &mut Tx<'_>, practice: PracticeId) -> Result<Vec<Token>, DbError> {
    tx.query(
        sql!(
            "SELECT id, name, scopes, created_at, expires_at, revoked_at
             FROM api_token WHERE practice_id = $1 ORDER BY id DESC"
        ),
        params![practice],
        read,
    )
}

/// Marks a token as revoked. False when there is none, or it was revoked before.
///
/// # Errors
/// [`DbError`].
pub fn revoke(
    tx: &mut Tx<'_>,
    practice: PracticeId,
    id: TokenId,
    now: Timestamp,
) -> Result<bool, DbError> {
    let changed = tx.execute(
        sql!(
            "UPDATE api_token SET revoked_at = $3
             WHERE practice_id = $1 AND id = $2 AND revoked_at IS NULL"
        ),
        params![practice, id, now],
    )?;
    if changed > 0 {
        tx.touch(API_TOKEN, id.to_string());
    }
    Ok(changed > 0)
}

/// A scope that this version does not know opens nothing.
fn read(row: &Row<'_>) -> Result<Token, DbError> {
    Ok(Token {
        id: row.get(0)?,
        name: row.get(1)?,
        scopes: row.get::<String>(2)?.split_whitespace().filter_map(Scope::from_word).collect(),
        created_at: row.get(3)?,
        expires_at: row.get(4)?,
        revoked_at: row.get(5)?,
    })
}
