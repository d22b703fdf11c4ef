//! The carrier asked what became of the texts that it took and never reported on: `query_sm` by SMPP,
//! `GET …/Messages/ID` by HTTP. What it says goes the way of a receipt; that it does not know a text
//! is a finding. Mail servers cannot be asked.
//!
//! A carrier that does not know a text, one that forgot it, one that writes ids otherwise and one
//! that takes no questions may all answer the same. So its "unknown" is believed only where it knows
//! a text at least as old, of which it had reported the delivery: that one is asked about in between.
//!
//! Only a running server asks, over the connection that it has anyway: a carrier that allows one
//! bind would drop the server's for ours. A crash here leaves what was answered until then.

use std::time::Duration;

use gate::{AppointmentId, MessageId, PatientId};
use jiff::Timestamp;
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::finding::{Found, channel_of};
use super::report::{AskedCarrier, WhyStopped};
use super::{FindingKind, Findings, ReconcileError};
use crate::channels::{Adapter, Answer, CarrierReceipt};
use crate::db::registry::MESSAGE;
use crate::db::{Db, DbError, Row};
use crate::ids::{AttemptId, lowest_at};
use crate::office::Office;
use crate::receipts;
use crate::{params, sql};

/// Most texts that a run asks about. A carrier that lost more has a delivery file for them.
const MOST: u32 = 6_000;

/// Real time that a run spends on asking.
const ASKS_FOR: Duration = Duration::from_secs(1200);

/// After so many questions in a row without an answer the carrier is not asked on.
const SILENT_IN_A_ROW: u32 = 5;

/// Whom a run asks, how fast, and until when.
#[derive(Debug)]
pub(super) struct Asking<'a, A> {
    pub(super) adapter: &'a A,
    /// Real time from one question to the next.
    pub(super) every: Duration,
    pub(super) stop: &'a CancellationToken,
}

/// The texts to ask about.
pub(super) struct Overdue {
    /// Taken by the carrier from then on.
    pub(super) since: Timestamp,
    /// Silent since before then.
    pub(super) until: Timestamp,
}

/// A part that the carrier took and has not reported on.
struct Silent {
    attempt: AttemptId,
    carrier_id: String,
    at: Timestamp,
    message: MessageId,
    patient: Option<PatientId>,
    appointment: Option<AppointmentId>,
}

fn silent(row: &Row<'_>) -> Result<Silent, DbError> {
    Ok(Silent {
        attempt: row.get(0)?,
        carrier_id: row.get(1)?,
        at: row.get(2)?,
        message: row.get(3)?,
        patient: row.get(4)?,
        appointment: row.get(5)?,
    })
}

/// Asks about every part that is overdue for a receipt, the newest first: those the carrier still
/// remembers.
pub(super) async fn ask<A: Adapter>(
    db: &Db,
    office: &Office,
    (whom, overdue): (&Asking<'_, A>, &Overdue),
    found: &mut Findings,
) -> Result<AskedCarrier, ReconcileError> {
    let adapter = whom.adapter.name();
    let (practice, lowest, by) = (office.practice(), lowest_at(overdue.since), overdue.until);
    let open = db
        .read(move |tx| {
            tx.query(
                sql!(
                    "SELECT p.attempt_id, p.carrier_id, p.state_at, m.id, m.patient_id,
                         m.appointment_id
                     FROM attempt_part p
                     JOIN attempt a ON a.practice_id = p.practice_id AND a.id = p.attempt_id
                     JOIN message m ON m.practice_id = a.practice_id AND m.id = a.message_id
                     WHERE p.practice_id = $1 AND p.attempt_id >= $2 AND p.adapter = $3
                         AND p.state = 'accepted' AND p.state_at < $4
                         AND m.state IN ('sent', 'uncertain')
                     ORDER BY p.attempt_id DESC, p.part LIMIT $5"
                ),
                params![practice, lowest, adapter.as_str(), by, MOST],
                silent,
            )
        })
        .await?;
    let mut pace = tokio::time::interval(whom.every.max(Duration::from_millis(1)));
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let told = AskedCarrier::of(adapter, open.len());
    let mut talk = Talk {
        db,
        office,
        whom,
        pace,
        told,
        began: Instant::now(),
        silent: 0,
        knows_back_to: None,
    };
    for part in open {
        if let Some(why) = talk.about(&part, found).await? {
            talk.told.stopped = Some(why);
            break;
        }
    }
    let told = talk.told;
    let (asked, settled, unknown) = (told.asked, told.settled, told.unknown);
    match told.stopped {
        None => {
            tracing::info!(adapter = adapter.as_str(), asked, settled, unknown, "carrier.asked")
        }
        Some(why) => {
            let why = why.as_str();
            tracing::warn!(
                adapter = adapter.as_str(),
                asked,
                settled,
                unknown,
                why,
                "carrier.not_asked_on"
            );
        }
    }
    Ok(told)
}

struct Talk<'a, A> {
    db: &'a Db,
    office: &'a Office,
    whom: &'a Asking<'a, A>,
    pace: Interval,
    told: AskedCarrier,
    began: Instant,
    /// Questions in a row without an answer.
    silent: u32,
    /// The oldest text that it knew in this talk.
    knows_back_to: Option<AttemptId>,
}

impl<A: Adapter> Talk<'_, A> {
    /// One question, when its turn has come; why there are no more, if so.
    async fn question(&mut self, carrier_id: &str) -> Result<Answer, WhyStopped> {
        let next = async {
            self.pace.tick().await;
            self.whom.adapter.ask(carrier_id).await
        };
        let answer = tokio::select! {
            answer = next => answer,
            () = self.whom.stop.cancelled() => return Err(WhyStopped::Stopping),
        };
        self.silent = if answer == Answer::Nothing { self.silent + 1 } else { 0 };
        if answer == Answer::NotSupported {
            return Err(WhyStopped::NotSupported);
        }
        if self.silent >= SILENT_IN_A_ROW {
            return Err(WhyStopped::NoAnswer);
        }
        Ok(answer)
    }

    async fn about(
        &mut self,
        part: &Silent,
        found: &mut Findings,
    ) -> Result<Option<WhyStopped>, ReconcileError> {
        if self.began.elapsed() >= ASKS_FOR {
            return Ok(Some(WhyStopped::Time));
        }
        let answer = match self.question(&part.carrier_id).await {
            Ok(answer) => answer,
            Err(why) => return Ok(Some(why)),
        };
        self.told.asked += 1;
        self.told.left = self.told.left.saturating_sub(1);
        match answer {
            Answer::Says(receipt) => {
                self.knows_back_to = Some(part.attempt);
                self.says(receipt).await?;
            }
            Answer::Unknown => match self.knows_so_old(part.attempt).await? {
                Ok(true) => {
                    self.told.unknown += 1;
                    found.add(unknown(self.whom.adapter.name().as_str(), part));
                }
                Ok(false) => self.told.unanswered += 1,
                Err(why) => {
                    self.told.unanswered += 1;
                    return Ok(Some(why));
                }
            },
            Answer::Nothing | Answer::NotSupported => self.told.unanswered += 1,
        }
        Ok(None)
    }

    async fn says(&mut self, receipt: CarrierReceipt) -> Result<(), ReconcileError> {
        if !receipt.status.is_final() {
            self.told.on_its_way += 1;
            return Ok(());
        }
        self.told.settled += 1;
        let office = self.office.clone();
        self.db.write(move |tx| receipts::record(tx, &office, &receipt, false)).await?;
        Ok(())
    }

    /// Whether it knows a text that is no younger, so that its not knowing this one says something.
    /// If it does not know one of which it told us the delivery, it need not be asked on; if there
    /// is none to ask about, nobody can tell.
    async fn knows_so_old(
        &mut self,
        attempt: AttemptId,
    ) -> Result<Result<bool, WhyStopped>, ReconcileError> {
        if self.knows_back_to.is_some_and(|known| known <= attempt) {
            return Ok(Ok(true));
        }
        let (practice, adapter) = (self.office.practice(), self.whom.adapter.name());
        let reported = self
            .db
            .read(move |tx| {
                tx.query_opt(
                    sql!(
                        "SELECT p.attempt_id, p.carrier_id FROM attempt_part p
                         WHERE p.practice_id = $1 AND p.attempt_id <= $2 AND p.adapter = $3
                             AND p.state = 'delivered'
                         ORDER BY p.attempt_id DESC LIMIT 1"
                    ),
                    params![practice, attempt, adapter.as_str()],
                    |row| Ok((row.get::<AttemptId>(0)?, row.get::<String>(1)?)),
                )
            })
            .await?;
        let Some((older, carrier_id)) = reported else { return Ok(Ok(false)) };
        Ok(match self.question(&carrier_id).await {
            Err(why) => Err(why),
            Ok(Answer::Says(_)) => {
                self.knows_back_to = Some(older);
                Ok(true)
            }
            Ok(Answer::Unknown) => Err(WhyStopped::KnowsNone),
            Ok(Answer::Nothing | Answer::NotSupported) => Ok(false),
        })
    }
}

fn unknown(adapter: &str, part: &Silent) -> Found {
    Found {
        channel: channel_of(adapter),
        patient: part.patient,
        message: Some(part.message),
        appointment: part.appointment,
        ..Found::new(FindingKind::UnknownToCarrier, (MESSAGE, part.message), part.at)
    }
}
