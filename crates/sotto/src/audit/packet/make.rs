//! Making a packet.

use std::collections::{BTreeMap, BTreeSet};

use gate::MessageId;
use ledger::{Checkpoint, prove_inclusion};
use seal::{Place, SealError, Sealed};

use super::{Data, Held, Proved};
use crate::audit::append::{AuditError, Log, append};
use crate::audit::event::{Actor, Digest, Entry, Event, Kind};
use crate::audit::record::{self, Column};
use crate::audit::sequencer::{last_note, log_key, tile};
use crate::db::registry::{
    ATTEMPT, ATTEMPT_PART, CONSENT_EVENT, MESSAGE, POLICY_VERSION, PRACTICE, RECEIPT,
    RETENTION_MONTH, TEMPLATE_VERSION, Table,
};
use crate::db::{DbError, Row, Sql, Tx, Value, retention_month};
use crate::{params, sql};

/// A packet could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PacketError {
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// There is no such message.
    #[error("no message {0} in this practice")]
    NoMessage(MessageId),
    /// Nothing was signed yet.
    #[error("the log has no checkpoint yet: run `sotto audit verify`, then try again")]
    NoCheckpoint,
    /// A row is not as the log bound it.
    #[error("{table} {row} is not what the audit log bound; run `sotto audit verify`")]
    Unbound {
        /// The table.
        table: String,
        /// The row's key.
        row: String,
    },
    /// The content cannot be opened.
    #[error("the content of the message cannot be opened: {0}")]
    Seal(#[from] seal::SealError),
    /// The content opens and makes no sense.
    #[error("the content of message {0} cannot be read; run `sotto audit verify`")]
    Content(MessageId),
    /// The head cannot be trusted.
    #[error("the last checkpoint cannot be trusted: {0}; run `sotto audit verify`")]
    Head(#[from] ledger::CheckpointError),
    /// The log's key cannot be made.
    #[error(transparent)]
    Key(#[from] ledger::VerifierKeyError),
    /// The proofs cannot be made.
    #[error(transparent)]
    Proof(#[from] ledger::ProofError<DbError>),
    /// The packet is too large to sign.
    #[error("the packet cannot be signed: {0}")]
    Note(#[from] ledger::NoteError),
}

/// Writes into the log that this message's record leaves the house. Do this first and sequence the
/// log, so that the packet itself holds that entry; then [`make`].
///
/// # Errors
/// [`PacketError::NoMessage`], [`PacketError::Audit`].
pub fn announce<'a>(
    tx: &mut Tx<'_>,
    log: impl Into<Log<'a>>,
    message: MessageId,
    actor: Actor,
) -> Result<(), PacketError> {
    let log = log.into();
    let patient: Option<gate::PatientId> = tx
        .query_opt(
            sql!("SELECT patient_id FROM message WHERE practice_id = $1 AND id = $2"),
            params![log.practice, message],
            |row| row.get(0),
        )?
        .ok_or(PacketError::NoMessage(message))?;
    let event = Event::new(Kind::AuditExported, actor)
        .about(MESSAGE, message)
        .patient(patient)
        .code("packet");
    append(tx, log, event)?;
    Ok(())
}

/// Makes the packet of a message: the signed file's text.
///
/// # Errors
/// [`PacketError`].
pub fn make<'a>(
    tx: &mut Tx<'_>,
    log: impl Into<Log<'a>>,
    message: MessageId,
) -> Result<String, PacketError> {
    let log = log.into();
    let key = log_key(log)?;
    let (note, _) = last_note(tx, log.practice)?.ok_or(PacketError::NoCheckpoint)?;
    let head = Checkpoint::open(note.as_bytes(), &key.verifier())?.head();
    let rows = rows(tx, log, message)?;
    let content_key = content_key(log, message, &rows)?;
    let found = entries(tx, log, message, &rows, head.size)?;
    unbound(&rows, &found)?;
    let practice = log.practice;
    let mut entries = Vec::with_capacity(found.len());
    for (leaf, entry, _) in found {
        let proof = prove_inclusion(head, leaf, |id| tile(tx, practice, id))?;
        let proof = proof.iter().map(ToString::to_string).collect();
        entries.push(Proved { leaf, entry, proof });
    }
    let data = Data {
        practice: practice.to_string(),
        message: message.to_string(),
        made_at: log.clock.now().as_microsecond(),
        content_key,
        rows,
        entries,
        checkpoint: note,
        key: key.verifier().to_string(),
    };
    let text = data.to_text().ok_or(PacketError::Content(message))?;
    Ok(key.sign_note(&text)?)
}

/// The message's row and every row that tells of it.
fn rows(tx: &mut Tx<'_>, log: Log<'_>, message: MessageId) -> Result<Vec<Held>, PacketError> {
    let own = message.to_string();
    let held = one(tx, log, MESSAGE, &own)?.ok_or(PacketError::NoMessage(message))?;
    let mut rows = vec![];
    rows.extend(one(tx, log, PRACTICE, &log.practice.to_string())?);
    if let (Some(name), Some(version)) = (held.text("template_name"), held.int("template_version"))
    {
        rows.extend(one(tx, log, TEMPLATE_VERSION, &format!("{name}/{version}"))?);
    }
    if let Some(basis) = held.text("basis").and_then(crate::db::message::basis_from_json) {
        rows.extend(one(tx, log, POLICY_VERSION, basis.policy.as_str())?);
        for consent in &basis.consents {
            let events = sql!(
                "SELECT id FROM consent_event WHERE practice_id = $1 AND consent_id = $2
                 ORDER BY recorded_at, id"
            );
            for id in keys(tx, events, params![log.practice, consent])? {
                rows.extend(one(tx, log, CONSENT_EVENT, &id)?);
            }
        }
    }
    if let Some(name) = held.bytes("record_wrap").as_deref().and_then(seal::sealed_under) {
        let all = retention_month::all(tx, log.practice)?;
        let its = all.iter().find(|row| row.ended_at.is_some() && row.key_name == name);
        if let Some(month) = its {
            rows.extend(one(tx, log, RETENTION_MONTH, &month.month)?);
        }
    }
    rows.push(held);
    let attempts =
        sql!("SELECT id FROM attempt WHERE practice_id = $1 AND message_id = $2 ORDER BY number");
    for attempt in keys(tx, attempts, params![log.practice, message])? {
        rows.extend(one(tx, log, ATTEMPT, &attempt)?);
        let parts = tx.query(
            sql!(
                "SELECT part FROM attempt_part WHERE practice_id = $1 AND attempt_id = $2
                 ORDER BY part"
            ),
            params![log.practice, attempt],
            |row| row.get::<i64>(0),
        )?;
        for part in parts {
            rows.extend(one(tx, log, ATTEMPT_PART, &format!("{attempt}/{part}"))?);
        }
        let receipts = sql!(
            "SELECT id FROM receipt WHERE practice_id = $1 AND attempt_id = $2
             ORDER BY received_at, id"
        );
        for id in keys(tx, receipts, params![log.practice, attempt])? {
            rows.extend(one(tx, log, RECEIPT, &id)?);
        }
    }
    Ok(rows)
}

fn keys(tx: &mut Tx<'_>, sql: Sql, params: &[Value<'_>]) -> Result<Vec<String>, DbError> {
    tx.query(sql, params, |row| row.get(0))
}

fn one(
    tx: &mut Tx<'_>,
    log: Log<'_>,
    table: Table,
    key: &str,
) -> Result<Option<Held>, PacketError> {
    let Some(spec) = table.spec() else { return Ok(None) };
    let params = record::key_params(log.practice, spec, key)?;
    let columns = tx.query_opt(spec.one, &params, |row: &Row<'_>| {
        let mut columns = BTreeMap::new();
        for (index, name) in spec.columns.iter().enumerate() {
            columns.insert((*name).to_owned(), row.get::<Column>(index)?);
        }
        Ok(columns)
    })?;
    Ok(columns.map(|columns| Held {
        table: table.name().to_owned(),
        row: key.to_owned(),
        row_key: record::row_key(log.keys, table.name(), key),
        columns,
    }))
}

/// The key of the content; none where its month has ended, of which the certificate is added.
fn content_key(
    log: Log<'_>,
    message: MessageId,
    rows: &[Held],
) -> Result<Option<Digest>, PacketError> {
    let held = rows.iter().find(|row| row.table == MESSAGE.name());
    let wrap = held.and_then(|held| held.bytes("record_wrap"));
    let wrap = Sealed::from_bytes(wrap.ok_or(PacketError::Content(message))?);
    let (practice, row) = (log.practice.to_string(), message.to_string());
    let place = Place { practice: &practice, table: "message", row: &row, column: "content" };
    match log.keys.disclose_message_key(&place, &wrap) {
        Ok(key) => Ok(Some(Digest(*key))),
        Err(SealError::Destroyed { .. })
            if rows.iter().any(|row| row.table == RETENTION_MONTH.name()) =>
        {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

type Found = (u64, String, Entry);

/// The entries about the message, and those that bound one of the rows, in their order.
fn entries(
    tx: &mut Tx<'_>,
    log: Log<'_>,
    message: MessageId,
    rows: &[Held],
    size: u64,
) -> Result<Vec<Found>, PacketError> {
    let own = message.to_string();
    // Rows that many messages share tell of this one only as they now stand.
    let shared = [PRACTICE.name(), POLICY_VERSION.name(), TEMPLATE_VERSION.name()];
    let wanted: BTreeSet<(&str, &str)> = rows
        .iter()
        .filter(|row| !shared.contains(&row.table.as_str()))
        .map(|row| (row.table.as_str(), row.row.as_str()))
        .collect();
    let mut current: BTreeMap<(String, String), Found> = BTreeMap::new();
    let mut found = BTreeMap::new();
    tx.each(
        sql!(
            "SELECT leaf_index, body FROM audit_entry
             WHERE practice_id = $1 AND leaf_index >= 0 AND leaf_index < $2 ORDER BY leaf_index"
        ),
        params![log.practice, crate::audit::sequencer::index_of(size)],
        |row| {
            let leaf = u64::try_from(row.get::<i64>(0)?).unwrap_or(u64::MAX);
            let body = row.get::<Vec<u8>>(1)?;
            let (Ok(entry), Ok(text)) = (Entry::from_bytes(&body), String::from_utf8(body)) else {
                return Ok(());
            };
            let about = entry.object.as_ref().is_some_and(|object| object.id == own);
            let binds = |bound: &crate::audit::event::Bound| {
                wanted.contains(&(bound.0.as_ref(), bound.1.as_str()))
            };
            if about || entry.records.iter().any(binds) {
                found.insert(leaf, (leaf, text, entry));
                return Ok::<_, PacketError>(());
            }
            for bound in &entry.records {
                let key = (bound.0.to_string(), bound.1.clone());
                let is = |row: &Held| (row.table.as_str(), row.row.as_str()) == (&key.0, &key.1);
                if rows.iter().any(|row| is(row) && row.digest() == bound.2) {
                    current.insert(key, (leaf, text.clone(), entry.clone()));
                }
            }
            Ok(())
        },
    )?;
    found.extend(current.into_values().map(|entry| (entry.0, entry)));
    Ok(found.into_values().collect())
}

/// Every row must have the digest that the log bound last.
fn unbound(rows: &[Held], entries: &[Found]) -> Result<(), PacketError> {
    for row in rows {
        let bound = entries
            .iter()
            .flat_map(|(_, _, entry)| &entry.records)
            .rfind(|bound| (bound.0.as_ref(), &bound.1) == (row.table.as_str(), &row.row));
        if bound.and_then(|bound| bound.2) != row.digest() {
            return Err(PacketError::Unbound { table: row.table.clone(), row: row.row.clone() });
        }
    }
    Ok(())
}
