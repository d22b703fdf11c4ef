//! A carrier's delivery file held against our parts, in both directions.
//!
//! What it says of a part of ours goes the way of a receipt, a few lines a transaction: a crash in
//! between leaves what was taken over until then, and the same file may be given again. A message
//! that only one side knows, and one of which the two say different ends, is a finding. Nothing is
//! sent by it.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

use gate::{Channel, MessageId};
use jiff::{SignedDuration, Timestamp};
use smpp::MessageIdForm;

use super::carrier_file::{CarrierFile, Line};
use super::finding::{Found, channel_of};
use super::report::FileTold;
use super::{FindingKind, Findings, ReconcileError};
use crate::channels::{AdapterName, CarrierReceipt, Failure, FailureKind, ReceiptStatus};
use crate::db::receipt::{self, KnownPart, PartState};
use crate::db::registry::{MESSAGE, RECEIPT};
use crate::db::{Db, DbError, Tx, message, vendor};
use crate::ids::lowest_at;
use crate::office::Office;
use crate::receipts::{self, Recorded};
use crate::{params, sql};

/// How many lines are taken at a time.
const BATCH: usize = 500;

/// At its edges a file may lack what is in the one before or after.
const EDGE: SignedDuration = SignedDuration::from_mins(15);

/// Of so many of a hundred messages whose end we know, a file that is the whole list of its time has
/// lines.
const WHOLE: u64 = 90;

/// What is known while a file is being held against the record.
struct Holding {
    adapter: AdapterName,
    form: MessageIdForm,
    told: FileTold,
    /// The time within which it lacks nothing, as ids of attempts; none in a file without times.
    window: Option<(String, String)>,
    /// Lines about parts of ours of that time.
    ours: u64,
    /// Eight bytes for each id of ours that is on its way still: it is in the file.
    named: HashSet<u64>,
    hasher: RandomState,
}

/// Holds the file against our parts: what it knows more goes to `receipts`, what only one side
/// knows to `found`.
pub(super) async fn compare(
    db: &Db,
    office: &Office,
    file: &mut CarrierFile,
    found: &mut Findings,
) -> Result<FileTold, ReconcileError> {
    let practice = office.practice();
    let carrier = db.read(move |tx| vendor::for_channel(tx, practice, Channel::Sms)).await?;
    let adapter = carrier.and_then(|carrier| AdapterName::from_word(&carrier.adapter));
    let mut holding = Holding {
        adapter: adapter.ok_or(ReconcileError::NoTextCarrier)?,
        form: file.form,
        told: FileTold { lines: file.lines, skipped: file.skipped, ..FileTold::default() },
        window: file.times.and_then(window),
        ours: 0,
        named: HashSet::new(),
        hasher: RandomState::new(),
    };
    let mut lines = file.read()?;
    loop {
        let batch = lines.some(BATCH)?;
        if batch.is_empty() {
            break;
        }
        holding.take(db, office, batch, found).await?;
    }
    holding.look_for_missing(db, office, found).await?;
    Ok(holding.told)
}

fn window((first, last): (Timestamp, Timestamp)) -> Option<(String, String)> {
    let (from, until) = (first.saturating_add(EDGE).ok()?, last.saturating_sub(EDGE).ok()?);
    (from < until).then(|| (lowest_at(from), lowest_at(until)))
}

impl Holding {
    async fn take(
        &mut self,
        db: &Db,
        office: &Office,
        mut batch: Vec<Line>,
        found: &mut Findings,
    ) -> Result<(), ReconcileError> {
        if self.adapter == AdapterName::SmsSmpp {
            for line in &mut batch {
                line.id = self.form.of_receipt(&line.id);
            }
        }
        let (desk, adapter) = (office.clone(), self.adapter);
        let known: Vec<(Line, Known)> = db
            .read(move |tx| {
                let known = batch.into_iter().map(|line| {
                    let known = look_up(tx, &desk, adapter, &line)?;
                    Ok::<_, DbError>((line, known))
                });
                known.collect()
            })
            .await?;
        let mut news = Vec::new();
        for (line, Known { part, otherwise }) in known {
            self.ours += u64::from(part.as_ref().is_some_and(|part| self.is_of_its_time(part)));
            match part.map(|part| part.state) {
                Some(PartState::Accepted) if !line.status.is_final() => {
                    self.named.insert(self.hasher.hash_one(&line.id));
                    continue;
                }
                Some(PartState::Undelivered) if line.status != ReceiptStatus::Delivered => continue,
                Some(PartState::Delivered) if otherwise.is_none() => continue,
                Some(PartState::Delivered) => self.told.otherwise += 1,
                Some(PartState::Accepted | PartState::Undelivered) => self.told.settled += 1,
                None => {}
            }
            found.extend(otherwise);
            news.push(line);
        }
        self.tell(db, office, news, found).await
    }

    fn is_of_its_time(&self, part: &KnownPart) -> bool {
        let attempt = part.attempt.to_string();
        self.window.as_ref().is_some_and(|(from, until)| (from..until).contains(&&attempt))
    }

    /// What the file knows more than we do, as receipts.
    async fn tell(
        &mut self,
        db: &Db,
        office: &Office,
        news: Vec<Line>,
        found: &mut Findings,
    ) -> Result<(), ReconcileError> {
        if news.is_empty() {
            return Ok(());
        }
        let (desk, adapter) = (office.clone(), self.adapter);
        let (strangers, settled) = db
            .write(move |tx| {
                let mut strangers = Vec::new();
                let mut settled = 0;
                for line in news {
                    let unknown = receipt::part(tx, desk.practice(), adapter.as_str(), &line.id)?;
                    let recorded = receipts::record_listed(tx, &desk, &receipt_of(adapter, &line))?;
                    match recorded {
                        Recorded::Stranger => strangers.push(line),
                        // An answer that was lost, found by the phone that the line names.
                        Recorded::Stored => settled += u64::from(unknown.is_none()),
                        Recorded::AwaitsAnswer => {}
                    }
                }
                Ok::<_, ReconcileError>((strangers, settled))
            })
            .await?;
        self.told.settled += settled;
        for line in strangers {
            self.told.unknown += 1;
            let subject = (RECEIPT, format!("{}/{}", adapter.as_str(), line.id));
            let at = line.at.unwrap_or_else(|| office.clock().now());
            let kind = FindingKind::ListedByCarrierAlone;
            let channel = channel_of(adapter.as_str());
            found.add(Found { channel, ..Found::new(kind, subject, at) });
        }
        Ok(())
    }

    /// Parts that a carrier took in this time and that its own file does not have. A file that lacks
    /// what we know to be there, since it holds only failures, say, tells nothing by what it lacks.
    async fn look_for_missing(
        &mut self,
        db: &Db,
        office: &Office,
        found: &mut Findings,
    ) -> Result<(), ReconcileError> {
        let Some(window) = self.window.take() else { return Ok(()) };
        let (practice, adapter) = (office.practice(), self.adapter.as_str());
        let (named, hasher) = (std::mem::take(&mut self.named), self.hasher.clone());
        let ours = self.ours;
        let mut all = std::mem::take(found);
        let (missing, all) = db
            .read(move |tx| {
                let ended = ended(tx, practice, adapter, &window)?;
                let whole = if ended == 0 { ours > 0 } else { ours * 100 >= ended * WHOLE };
                if !whole {
                    return Ok((None, all));
                }
                let mut missing = 0;
                tx.each::<DbError>(
                    sql!(
                        "SELECT p.carrier_id, m.id, a.started_at, m.patient_id, m.appointment_id
                         FROM attempt_part p
                         JOIN attempt a ON a.practice_id = p.practice_id AND a.id = p.attempt_id
                         JOIN message m ON m.practice_id = a.practice_id AND m.id = a.message_id
                         WHERE p.practice_id = $1 AND p.attempt_id >= $2 AND p.attempt_id < $3
                             AND p.adapter = $4 AND p.state = 'accepted'
                             AND m.state IN ('sent', 'uncertain')"
                    ),
                    params![practice, window.0, window.1, adapter],
                    |row| {
                        if named.contains(&hasher.hash_one(row.get::<String>(0)?)) {
                            return Ok(());
                        }
                        let message: MessageId = row.get(1)?;
                        missing += 1;
                        all.add(Found {
                            channel: channel_of(adapter),
                            patient: row.get(3)?,
                            message: Some(message),
                            appointment: row.get(4)?,
                            ..Found::new(
                                FindingKind::UnknownToCarrier,
                                (MESSAGE, message),
                                row.get(2)?,
                            )
                        });
                        Ok(())
                    },
                )?;
                Ok::<_, ReconcileError>((Some(missing), all))
            })
            .await?;
        *found = all;
        self.told.missing = missing;
        Ok(())
    }
}

/// What our record has of a line.
struct Known {
    part: Option<KnownPart>,
    /// It arrived, as the carrier reported; the line says that it did not.
    otherwise: Option<Found>,
}

fn look_up(
    tx: &mut Tx<'_>,
    office: &Office,
    adapter: AdapterName,
    line: &Line,
) -> Result<Known, DbError> {
    let part = receipt::part(tx, office.practice(), adapter.as_str(), &line.id)?;
    let failed = line.status.is_final() && line.status != ReceiptStatus::Delivered;
    let arrived = part.as_ref().filter(|part| failed && part.state == PartState::Delivered);
    let stored = match arrived {
        Some(part) => message::find(tx, office.practice(), part.message)?,
        None => None,
    };
    let otherwise = stored.map(|stored| Found {
        channel: channel_of(adapter.as_str()),
        patient: stored.patient,
        message: Some(stored.id),
        appointment: stored.appointment,
        ..Found::new(
            FindingKind::ListedOtherwise,
            (MESSAGE, stored.id),
            line.at.unwrap_or_else(|| office.clock().now()),
        )
    });
    Ok(Known { part, otherwise })
}

/// How many parts of this time have come to their end.
fn ended(
    tx: &mut Tx<'_>,
    practice: gate::PracticeId,
    adapter: &str,
    (from, until): &(String, String),
) -> Result<u64, DbError> {
    let count: i64 = tx.query_one(
        sql!(
            "SELECT COUNT(*) FROM attempt_part WHERE practice_id = $1 AND attempt_id >= $2
                 AND attempt_id < $3 AND adapter = $4 AND state <> 'accepted'"
        ),
        params![practice, from, until, adapter],
        |row| row.get(0),
    )?;
    Ok(u64::try_from(count).unwrap_or_default())
}

fn receipt_of(adapter: AdapterName, line: &Line) -> CarrierReceipt {
    let failure = match line.status {
        ReceiptStatus::Undelivered | ReceiptStatus::Rejected => Some(FailureKind::Rejected),
        ReceiptStatus::Expired => Some(FailureKind::Expired),
        _ => None,
    };
    CarrierReceipt {
        adapter,
        carrier_id: line.id.clone(),
        to: line.to.clone(),
        status: line.status,
        failure: failure.map(Failure::new),
        occurred_at: line.at,
    }
}
