//! Our record with itself and with the receipts: messages, the queue, attempts, parts, receipts.
//!
//! Each question is one statement, so that it sees one state of the tables, and walks one span of a
//! key or an index, a row at a time. What is younger than [`Limits::grace`] is left to the running service.

use gate::MessageId;
use jiff::Timestamp;

use super::finding::{Cure, Found, channel_of};
use super::{FindingKind, Findings, Limits, ReconcileError, Span};
use crate::channels::AdapterName;
use crate::db::registry::{ATTEMPT, MESSAGE, OUTBOX, RECEIPT};
use crate::db::{DbError, Row, Tx, receipt};
use crate::ids::{AttemptId, lowest_at};
use crate::office::Office;
use crate::{params, sql};

/// Compares.
pub(super) fn look(
    tx: &mut Tx<'_>,
    office: &Office,
    span: &Span,
    limits: &Limits,
    found: &mut Findings,
) -> Result<(), ReconcileError> {
    let look = Look { office, span, limits };
    look.messages(tx, found)?;
    look.outbox(tx, found)?;
    look.attempts(tx, found)?;
    look.parts(tx, found)?;
    look.receipts(tx, found)?;
    Ok(())
}

struct Look<'a> {
    office: &'a Office,
    span: &'a Span,
    limits: &'a Limits,
}

/// A message that has not come to its end.
struct Unsettled {
    id: MessageId,
    state: String,
    state_at: Timestamp,
    channel: Option<&'static str>,
    patient: Option<gate::PatientId>,
    appointment: Option<gate::AppointmentId>,
    in_outbox: bool,
    last_attempt: Option<AttemptId>,
}

fn unsettled(row: &Row<'_>) -> Result<Unsettled, DbError> {
    let channel: gate::Channel = row.get(3)?;
    Ok(Unsettled {
        id: row.get(0)?,
        state: row.get(1)?,
        state_at: row.get(2)?,
        channel: Some(channel.as_str()),
        patient: row.get(4)?,
        appointment: row.get(5)?,
        in_outbox: row.get::<Option<String>>(6)?.is_some(),
        last_attempt: row.get(7)?,
    })
}

impl Unsettled {
    fn found(&self, kind: FindingKind) -> Found {
        Found {
            channel: self.channel,
            patient: self.patient,
            message: Some(self.id),
            appointment: self.appointment,
            ..Found::new(kind, (MESSAGE, self.id), self.state_at)
        }
    }
}

impl Look<'_> {
    fn messages(&self, tx: &mut Tx<'_>, found: &mut Findings) -> Result<(), ReconcileError> {
        let practice = self.office.practice();
        let mut lagging = Vec::new();
        tx.each::<DbError>(
            sql!(
                "SELECT u.id, u.state, u.state_at, u.channel, u.patient_id, u.appointment_id,
                     u.in_outbox, u.last_attempt, (SELECT COUNT(*) FROM attempt_part p
                         WHERE p.practice_id = u.practice_id AND p.attempt_id = u.last_attempt
                             AND p.state = 'accepted')
                 FROM (SELECT m.practice_id, m.id, m.state, m.state_at, m.channel, m.patient_id,
                           m.appointment_id, o.message_id AS in_outbox,
                           (SELECT MAX(a.id) FROM attempt a WHERE a.practice_id = m.practice_id
                               AND a.message_id = m.id) AS last_attempt
                       FROM message m LEFT JOIN outbox o
                           ON o.practice_id = m.practice_id AND o.message_id = m.id
                       WHERE m.practice_id = $1 AND m.created_at >= $2
                           AND m.state IN ('queued', 'sending', 'sent', 'uncertain')
                           AND m.state_at < $3) u"
            ),
            params![practice, self.span.since, self.limits.settled_by],
            |row| {
                let (row, open) = (unsettled(row)?, row.get::<i64>(8)?);
                let late = row.state_at < self.limits.receipts_by;
                match row.state.as_str() {
                    "queued" if !row.in_outbox => found.add(Found {
                        cure: row.last_attempt.is_none().then_some(Cure::QueueAgain(row.id)),
                        ..row.found(FindingKind::QueuedWithoutOutboxRow)
                    }),
                    "sending" if !row.in_outbox => found.add(Found {
                        cure: Some(Cure::MakeUncertain(row.id)),
                        ..row.found(FindingKind::AttemptOpenTooLong)
                    }),
                    "uncertain" if late => found.add(row.found(FindingKind::UncertainUnsettled)),
                    // Of mail a carrier reports only what fails: silence is all there is. What has
                    // an open part is told below, by its parts.
                    "sent"
                        if late
                            && row.channel == Some("sms")
                            && open == 0
                            && lagging.len() < super::MOST_OF_A_KIND =>
                    {
                        lagging.push(row);
                    }
                    _ => {}
                }
                Ok(())
            },
        )?;
        lagging.into_iter().try_for_each(|row| self.lagging(tx, found, &row))
    }

    /// Its parts have come to their end, and it lags behind; or it has none.
    fn lagging(
        &self,
        tx: &mut Tx<'_>,
        found: &mut Findings,
        row: &Unsettled,
    ) -> Result<(), ReconcileError> {
        let parts = match row.last_attempt {
            Some(attempt) => receipt::parts_of(tx, self.office.practice(), attempt)?,
            None => Vec::new(),
        };
        found.add(match parts.first() {
            None => row.found(FindingKind::SentWithoutReceipt),
            Some(part) => {
                let adapter = AdapterName::from_word(&part.adapter);
                let cure = adapter.map(|name| Cure::ApplyReceipts(name, part.carrier_id.clone()));
                Found { cure, ..row.found(FindingKind::CarrierSaysOtherwise) }
            }
        });
        Ok(())
    }

    fn outbox(&self, tx: &mut Tx<'_>, found: &mut Findings) -> Result<(), ReconcileError> {
        tx.each::<DbError>(
            sql!(
                "SELECT o.message_id, o.adapter, o.due_at, o.leased_until, m.state, m.patient_id,
                     m.appointment_id
                 FROM outbox o LEFT JOIN message m
                     ON m.practice_id = o.practice_id AND m.id = o.message_id
                 WHERE o.practice_id = $1 AND (m.id IS NULL
                     OR m.state NOT IN ('queued', 'sending')
                     OR (o.leased_until IS NULL AND o.due_at < $2))"
            ),
            params![self.office.practice(), self.limits.stuck_since],
            |row| {
                let id: MessageId = row.get(0)?;
                let adapter: String = row.get(1)?;
                let state: Option<String> = row.get(4)?;
                let waits = matches!(state.as_deref(), Some("queued" | "sending"));
                let kind = if waits {
                    FindingKind::OverdueInOutbox
                } else {
                    FindingKind::OutboxRowWithoutMessage
                };
                found.add(Found {
                    channel: channel_of(&adapter),
                    patient: row.get(5)?,
                    message: state.is_some().then_some(id),
                    appointment: row.get(6)?,
                    ..Found::new(kind, (OUTBOX, id), row.get(2)?)
                });
                Ok(())
            },
        )?;
        Ok(())
    }

    fn attempts(&self, tx: &mut Tx<'_>, found: &mut Findings) -> Result<(), ReconcileError> {
        tx.each::<DbError>(
            sql!(
                "SELECT a.message_id, a.adapter, a.started_at, m.id, m.state, m.patient_id,
                     m.appointment_id, o.message_id
                 FROM attempt a
                 LEFT JOIN message m ON m.practice_id = a.practice_id AND m.id = a.message_id
                 LEFT JOIN outbox o ON o.practice_id = a.practice_id AND o.message_id = a.message_id
                 WHERE a.practice_id = $1 AND a.id >= $2 AND a.started_at < $3
                     AND (m.id IS NULL OR a.outcome = 'started')"
            ),
            params![self.office.practice(), lowest_at(self.span.since), self.limits.settled_by],
            |row| {
                let id: MessageId = row.get(0)?;
                let adapter: String = row.get(1)?;
                let state: Option<String> = row.get(4)?;
                let leased = row.get::<Option<String>>(7)?.is_some();
                let at: Timestamp = row.get(2)?;
                let kind = match state.as_deref() {
                    None => FindingKind::MessageMissing,
                    // The running service holds it, or told above.
                    Some("sending") => return Ok(()),
                    Some(_) if leased => return Ok(()),
                    Some(_) => FindingKind::AttemptOpenTooLong,
                };
                found.add(Found {
                    channel: channel_of(&adapter),
                    patient: row.get(5)?,
                    message: state.is_some().then_some(id),
                    appointment: row.get(6)?,
                    ..Found::new(kind, (MESSAGE, id), at)
                });
                Ok(())
            },
        )?;
        Ok(())
    }

    /// What a part's state says, against what the receipts of its id say.
    fn parts(&self, tx: &mut Tx<'_>, found: &mut Findings) -> Result<(), ReconcileError> {
        tx.each::<DbError>(
            sql!(
                "SELECT p.attempt_id, p.adapter, p.carrier_id, p.state, p.state_at, p.good, p.bad,
                     a.message_id, m.id, m.patient_id, m.appointment_id, m.state
                 FROM (SELECT q.practice_id, q.attempt_id, q.adapter, q.carrier_id, q.state,
                           q.state_at,
                           CASE WHEN EXISTS (SELECT 1 FROM receipt r
                               WHERE r.practice_id = q.practice_id AND r.adapter = q.adapter
                                   AND r.carrier_id = q.carrier_id AND r.status = 'delivered')
                               THEN 1 ELSE 0 END AS good,
                           CASE WHEN EXISTS (SELECT 1 FROM receipt r
                               WHERE r.practice_id = q.practice_id AND r.adapter = q.adapter
                                   AND r.carrier_id = q.carrier_id
                                   AND r.status IN ('undelivered', 'rejected', 'expired'))
                               THEN 1 ELSE 0 END AS bad
                       FROM attempt_part q
                       WHERE q.practice_id = $1 AND q.attempt_id >= $2 AND q.state_at < $3) p
                 LEFT JOIN attempt a ON a.practice_id = p.practice_id AND a.id = p.attempt_id
                 LEFT JOIN message m ON m.practice_id = a.practice_id AND m.id = a.message_id
                 WHERE a.id IS NULL
                     OR (p.state = 'accepted' AND (p.good = 1 OR p.bad = 1 OR p.state_at < $4))
                     OR (p.state = 'undelivered' AND (p.good = 1 OR p.bad = 0))
                     OR (p.state = 'delivered' AND p.good = 0)"
            ),
            params![
                self.office.practice(),
                lowest_at(self.span.since),
                self.limits.settled_by,
                self.limits.receipts_by
            ],
            |row| {
                found.extend(part(row)?);
                Ok(())
            },
        )?;
        Ok(())
    }

    /// Receipts that belong to nothing.
    fn receipts(&self, tx: &mut Tx<'_>, found: &mut Findings) -> Result<(), ReconcileError> {
        tx.each::<DbError>(
            sql!(
                "SELECT r.adapter, r.carrier_id, r.received_at FROM receipt r
                 LEFT JOIN attempt_part p ON p.practice_id = r.practice_id
                     AND p.attempt_id = r.attempt_id AND p.carrier_id = r.carrier_id
                 WHERE r.practice_id = $1 AND r.id >= $2 AND r.received_at < $3
                     AND p.attempt_id IS NULL"
            ),
            params![self.office.practice(), lowest_at(self.span.since), self.limits.settled_by],
            |row| {
                let adapter: String = row.get(0)?;
                let subject = format!("{adapter}/{}", row.get::<String>(1)?);
                found.add(Found {
                    channel: channel_of(&adapter),
                    ..Found::new(
                        FindingKind::ReceiptWithoutMessage,
                        (RECEIPT, subject),
                        row.get(2)?,
                    )
                });
                Ok(())
            },
        )?;
        Ok(())
    }
}

/// What a part that does not fit its receipts means; nothing for what is no finding.
fn part(row: &Row<'_>) -> Result<Option<Found>, DbError> {
    let attempt: AttemptId = row.get(0)?;
    let (adapter, carrier_id): (String, String) = (row.get(1)?, row.get(2)?);
    let (state, at): (String, Timestamp) = (row.get(3)?, row.get(4)?);
    let (good, bad): (bool, bool) = (row.get(5)?, row.get(6)?);
    let message: Option<MessageId> = row.get(7)?;
    let known: Option<MessageId> = row.get(8)?;
    let name = AdapterName::from_word(&adapter);
    let Some(message) = message else {
        let subject = (ATTEMPT, attempt);
        let channel = channel_of(&adapter);
        return Ok(Some(Found { channel, ..Found::new(FindingKind::MessageMissing, subject, at) }));
    };
    // A message that is gone is told by its attempt.
    if known.is_none() {
        return Ok(None);
    }
    let text = matches!(name, Some(AdapterName::SmsSmpp | AdapterName::SmsHttp));
    let (kind, cure) = match (state.as_str(), good, bad) {
        ("accepted", false, false) => match row.get::<String>(11)?.as_str() {
            "delivered" => (FindingKind::EndedWithoutReceipt, None),
            // Of mail a carrier reports only what fails; of the others staff know already.
            "sent" if text => (FindingKind::SentWithoutReceipt, None),
            _ => return Ok(None),
        },
        ("accepted", ..) | ("undelivered", true, _) => {
            let cure = name.map(|name| Cure::ApplyReceipts(name, carrier_id));
            (FindingKind::CarrierSaysOtherwise, cure)
        }
        _ => (FindingKind::EndedWithoutReceipt, None),
    };
    Ok(Some(Found {
        channel: channel_of(&adapter),
        patient: row.get(9)?,
        message: Some(message),
        appointment: row.get(10)?,
        cure,
        ..Found::new(kind, (MESSAGE, message), at)
    }))
}
