//! Our record beside the callers' and the carrier's own: what each says of every message, receipt
//! and reply. Whatever was done to servers in a run, this judges its end.
//!
//! The carrier's record comes from the twin, which knows only what came over the wire. It counts a
//! text of several parts as one, once the last part is there. A number other than nothing in
//! [`Findings::violations`] is a broken promise.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context as _, Result};
use gate::PracticeId;
use jiff::SignedDuration;
use serde::Serialize;
use twin::{DeliveryState, Outcome, Record, Twin};

use crate::audit::verify;
use crate::cli::open::Opened;
use crate::db::{DbError, Tx, board, message};
use crate::ids::InboundId;
use crate::inbound::content;
use crate::office::Office;
use crate::outbox::store::open_content;
use crate::{params, sql};

/// What an emergency says.
pub(super) const EMERGENCY: &str = "chest pain";

/// How long nothing may move before what waits counts as stuck, and callers may take to be answered.
/// A carrier that does not answer is waited for half a minute, and a dead connection is found out in
/// a minute.
pub(super) const TO_REST: Duration = Duration::from_secs(180);

/// How long a run may take to come to rest, whatever moves: something may for ever.
const NO_LONGER: Duration = Duration::from_secs(1800);

/// What the callers were told.
#[derive(Debug, Default, Clone)]
pub(super) struct Told {
    /// The message of each accepted request.
    pub(super) accepted: Vec<String>,
    /// Requests that were answered with another message than before.
    pub(super) answered_differently: u64,
    /// Requests that were never answered.
    pub(super) unanswered: u64,
}

/// What was found. Counts; `examples` names the first of each that should not be.
#[derive(Debug, Default, Serialize)]
pub(super) struct Findings {
    /// Requests answered with 202.
    pub(super) accepted: u64,
    /// Texts the carrier took.
    pub(super) texts: u64,
    /// Receipts and replies the carrier was told are stored.
    pub(super) receipts: u64,
    pub(super) replies: u64,
    /// Answered with 202 and not on file.
    pub(super) accepted_lost: u64,
    /// The same request, answered with two messages.
    pub(super) answered_differently: u64,
    /// Requests that nobody answered in the end.
    pub(super) unanswered: u64,
    /// Neither sent nor given up when all was quiet.
    pub(super) stuck: u64,
    /// Texts for which no released attempt is on file.
    pub(super) sent_without_permit: u64,
    /// More texts than messages, where every attempt had its answer.
    pub(super) sent_twice: u64,
    /// More texts than messages, where an attempt is flagged uncertain.
    pub(super) sent_twice_uncertain: u64,
    /// On file as sent, and unknown to the carrier.
    pub(super) marked_sent_never_left: u64,
    /// Taken by the carrier, and by our record neither sent nor uncertain.
    pub(super) disowned: u64,
    /// Acknowledged to the carrier and not on file, or given up by the carrier.
    pub(super) receipts_lost: u64,
    /// Every part reported as delivered, and the message not.
    pub(super) delivered_not_told: u64,
    pub(super) replies_lost: u64,
    /// The same reply on file twice.
    pub(super) replies_doubled: u64,
    /// Emergencies without a task.
    pub(super) emergencies_unanswered: u64,
    /// Texts to a number after its STOP was acknowledged.
    pub(super) sent_after_stop: u64,
    pub(super) audit_defects: u64,
    /// Flagged uncertain, waiting for a person. No violation: it is the truth.
    pub(super) uncertain: u64,
    pub(super) audit_entries: u64,
    #[serde(skip)]
    pub(super) examples: Vec<String>,
}

impl Findings {
    /// Each broken promise, by name.
    pub(super) fn violations(&self) -> Vec<(&'static str, u64)> {
        [
            ("accepted_lost", self.accepted_lost),
            ("answered_differently", self.answered_differently),
            ("unanswered", self.unanswered),
            ("stuck", self.stuck),
            ("sent_without_permit", self.sent_without_permit),
            ("sent_twice", self.sent_twice),
            ("marked_sent_never_left", self.marked_sent_never_left),
            ("disowned", self.disowned),
            ("receipts_lost", self.receipts_lost),
            ("delivered_not_told", self.delivered_not_told),
            ("replies_lost", self.replies_lost),
            ("replies_doubled", self.replies_doubled),
            ("emergencies_unanswered", self.emergencies_unanswered),
            ("sent_after_stop", self.sent_after_stop),
            ("audit_defects", self.audit_defects),
        ]
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .collect()
    }

    fn example(&mut self, what: &str) {
        if self.examples.len() < 20 {
            self.examples.push(what.to_owned());
        }
    }
}

/// Waits until the carrier has nothing to tell, nothing waits to be sent or sequenced, and nothing
/// has moved for two seconds. A slow machine is waited for; where something waits and nothing moves
/// this ends too, since `stuck` is one of the counts.
pub(super) async fn at_rest(opened: &Opened, twin: &Twin) -> Result<()> {
    let (practice, clock) = (opened.office.practice(), opened.office.clock());
    let began = clock.instant();
    let (mut moved, mut quiet, mut before) = (began, 0, None);
    while moved.elapsed() < TO_REST && began.elapsed() < NO_LONGER && quiet < 4 {
        let gauges = opened.db.read(move |tx| board::gauges(tx, practice, None)).await?;
        let (counts, open) = twin.look(|record| {
            let receipts = record.receipts.iter().filter(|one| one.acked_at.is_none()).count();
            let replies = record.replies.iter().filter(|one| one.acked_at.is_none()).count();
            (record.counts, receipts + replies)
        });
        let waits = gauges.outbox > 0 || gauges.audit_waiting > 0;
        let calm = !waits && twin.pending() == 0 && open == 0;
        let now = Some((counts, gauges));
        quiet = if calm && now == before { quiet + 1 } else { 0 };
        if now != before {
            (moved, before) = (clock.instant(), now);
        }
        clock.sleep(SignedDuration::from_millis(500)).await;
    }
    Ok(())
}

/// A text by its number and words: what both records can tell.
type Words = (String, String);

/// What our record says.
struct Ours {
    /// By id: words, state, whether it was cleared.
    messages: BTreeMap<String, (Words, String, bool)>,
    /// Outcomes of each message's attempts.
    attempts: BTreeMap<String, Vec<String>>,
    /// Which message a carrier's id belongs to.
    parts: BTreeMap<String, String>,
    /// Carrier's id and status.
    receipts: BTreeSet<(String, String)>,
    /// By words: ids.
    replies: BTreeMap<Words, Vec<String>>,
    /// Replies with an emergency's task.
    emergencies: BTreeSet<String>,
}

/// Compares everything.
pub(super) fn compare(opened: &Opened, told: &Told, record: &Record) -> Result<Findings> {
    let office = opened.office.clone();
    let ours = opened.db.read_blocking(move |tx| ours(tx, &office))?;
    let mut found = Findings {
        accepted: told.accepted.len() as u64,
        answered_differently: told.answered_differently,
        unanswered: told.unanswered,
        ..Findings::default()
    };
    requests(&ours, told, &mut found);
    texts(&ours, record, &mut found);
    receipts(&ours, record, &mut found);
    replies(&ours, record, &mut found);
    for breach in record.sent_after_stop(twin::AfterStop::default()) {
        found.sent_after_stop += 1;
        found.example(&format!("a text to {} after its STOP", breach.to));
    }
    let office = opened.office.clone();
    let report =
        opened.db.read_blocking(move |tx| verify::verify(tx, &office, None, &mut |_| {}))?;
    found.audit_entries = report.size;
    found.audit_defects = report.defects.len() as u64;
    for defect in report.defects.iter().take(3) {
        found.example(&defect.to_string());
    }
    Ok(found)
}

fn requests(ours: &Ours, told: &Told, found: &mut Findings) {
    for id in &told.accepted {
        if !ours.messages.contains_key(id) {
            found.accepted_lost += 1;
            found.example(&format!("message {id} was answered with 202 and is not on file"));
        }
    }
    for (id, (_, state, _)) in &ours.messages {
        match state.as_str() {
            "queued" | "sending" => {
                found.stuck += 1;
                found.example(&format!("message {id} is still {state}"));
            }
            "uncertain" => found.uncertain += 1,
            _ => {}
        }
    }
}

/// The carrier's texts beside our attempts, for each number and wording.
fn texts(ours: &Ours, record: &Record, found: &mut Findings) {
    let taken = || record.texts.iter().filter(|text| text.outcome == Outcome::Taken);
    let mut theirs: BTreeMap<Words, u64> = BTreeMap::new();
    for text in taken() {
        found.texts += 1;
        *theirs.entry((text.to.clone(), text.text.clone())).or_default() += 1;
    }
    let mut sent: BTreeMap<&Words, Vec<&str>> = BTreeMap::new();
    for (id, (words, _, cleared)) in &ours.messages {
        if *cleared && ours.attempts.contains_key(id) {
            sent.entry(words).or_default().push(id);
        }
    }
    for (words, count) in &theirs {
        let ids = sent.get(words).map(Vec::as_slice).unwrap_or_default();
        if ids.is_empty() {
            found.sent_without_permit += count;
            found.example(&format!("a text to {} has no attempt on file", words.0));
            continue;
        }
        let more = count.saturating_sub(ids.len() as u64);
        if more > 0 {
            let uncertain = |id: &&str| {
                ours.attempts.get(*id).is_some_and(|all| all.iter().any(|one| one == "uncertain"))
            };
            if ids.iter().any(uncertain) {
                found.sent_twice_uncertain += more;
            } else {
                found.sent_twice += more;
            }
            found.example(&format!("message {} was sent {count} times", ids.join(", ")));
        }
    }
    for (words, ids) in sent {
        let ended = |outcomes: &[&str]| {
            let one_of = |id: &&&str| {
                let all = ours.attempts.get(**id).map(Vec::as_slice).unwrap_or_default();
                all.iter().any(|one| outcomes.contains(&one.as_str()))
            };
            ids.iter().filter(one_of).count() as u64
        };
        let taken = theirs.get(words).copied().unwrap_or(0);
        let missing = ended(&["accepted"]).saturating_sub(taken);
        if missing > 0 {
            found.marked_sent_never_left += missing;
            found.example(&format!("message {} never reached the carrier", ids.join(", ")));
        }
        let disowned =
            taken.min(ids.len() as u64).saturating_sub(ended(&["accepted", "uncertain"]));
        if disowned > 0 {
            found.disowned += disowned;
            found.example(&format!("message {} reached the carrier", ids.join(", ")));
        }
    }
}

fn receipts(ours: &Ours, record: &Record, found: &mut Findings) {
    let mut delivered: BTreeSet<&str> = BTreeSet::new();
    for receipt in &record.receipts {
        if receipt.acked_at.is_none() {
            found.receipts_lost += 1;
            found.example(&format!("the receipt of {} was never taken", receipt.message_id));
            continue;
        }
        found.receipts += 1;
        let status = match receipt.state {
            DeliveryState::OnItsWay => "enroute",
            DeliveryState::Delivered => "delivered",
            DeliveryState::Undeliverable => "undelivered",
            DeliveryState::Expired => "expired",
        };
        if receipt.state == DeliveryState::Delivered {
            delivered.insert(&receipt.message_id);
        }
        if !ours.receipts.contains(&(receipt.message_id.clone(), status.to_owned())) {
            found.receipts_lost += 1;
            found.example(&format!("the receipt of {} is not on file", receipt.message_id));
        }
    }
    for text in &record.texts {
        let whole = !text.ids.is_empty() && text.ids.iter().all(|id| delivered.contains(&**id));
        let message = text.ids.first().and_then(|id| ours.parts.get(id));
        let state = message.and_then(|id| ours.messages.get(id)).map(|(_, state, _)| &**state);
        // A person is told of what is uncertain, and it is counted as that.
        if whole && state.is_some_and(|state| !matches!(state, "delivered" | "uncertain")) {
            found.delivered_not_told += 1;
            let message = message.map_or("?", |id| id);
            found.example(&format!("message {message} arrived and is {}", state.unwrap_or("?")));
        }
    }
}

fn replies(ours: &Ours, record: &Record, found: &mut Findings) {
    for reply in &record.replies {
        let words = (reply.from.clone(), reply.text.clone());
        let ids = ours.replies.get(&words).map(Vec::as_slice).unwrap_or_default();
        if reply.acked_at.is_some() {
            found.replies += 1;
        }
        if reply.acked_at.is_none() || ids.is_empty() {
            found.replies_lost += 1;
            found.example(&format!("a reply from {} is not on file", reply.from));
        }
        if ids.len() > 1 {
            found.replies_doubled += 1;
            found.example(&format!("reply {} is on file {} times", ids.join(", "), ids.len()));
        }
        let alarmed = ids.iter().any(|id| ours.emergencies.contains(id));
        if reply.text.contains(EMERGENCY) && !alarmed {
            found.emergencies_unanswered += 1;
            found.example(&format!("the emergency from {} has no task", reply.from));
        }
    }
}

/// Reads our record, and opens what is sealed.
fn ours(tx: &mut Tx<'_>, office: &Office) -> Result<Ours> {
    let practice = office.practice();
    let mut messages = BTreeMap::new();
    for id in ids(tx, practice)? {
        let stored = message::find(tx, practice, id)?.context("a message went away")?;
        let content = open_content(office, &stored)?;
        let draft = stored.draft(&content).context("a message cannot be read")?;
        let words = (draft.address.reveal().to_owned(), draft.content.body.clone());
        let (state, cleared) = (stored.state.as_str().to_owned(), stored.clearance.is_some());
        messages.insert(id.to_string(), (words, state, cleared));
    }
    let mut attempts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    tx.each(
        sql!("SELECT message_id, outcome FROM attempt WHERE practice_id = $1"),
        params![practice],
        |row| {
            attempts.entry(row.get(0)?).or_default().push(row.get(1)?);
            Ok::<_, DbError>(())
        },
    )?;
    let parts = tx.query(
        sql!(
            "SELECT p.carrier_id, a.message_id FROM attempt_part p
             JOIN attempt a ON a.practice_id = p.practice_id AND a.id = p.attempt_id
             WHERE p.practice_id = $1"
        ),
        params![practice],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let receipts = tx.query(
        sql!("SELECT carrier_id, status FROM receipt WHERE practice_id = $1"),
        params![practice],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let emergencies = tx.query(
        sql!(
            "SELECT inbound_id FROM task
             WHERE practice_id = $1 AND kind = 'emergency' AND inbound_id IS NOT NULL"
        ),
        params![practice],
        |row| row.get(0),
    )?;
    Ok(Ours {
        messages,
        attempts,
        parts: parts.into_iter().collect(),
        receipts: receipts.into_iter().collect(),
        replies: our_replies(tx, office)?,
        emergencies: emergencies.into_iter().collect(),
    })
}

fn ids(tx: &mut Tx<'_>, practice: PracticeId) -> Result<Vec<gate::MessageId>, DbError> {
    tx.query(
        sql!("SELECT id FROM message WHERE practice_id = $1 AND channel = 'sms'"),
        params![practice],
        |row| row.get(0),
    )
}

fn our_replies(tx: &mut Tx<'_>, office: &Office) -> Result<BTreeMap<Words, Vec<String>>> {
    let rows = tx.query(
        sql!("SELECT id, content_sealed, record_wrap FROM inbound_message WHERE practice_id = $1"),
        params![office.practice()],
        |row| Ok((row.get::<InboundId>(0)?, row.get::<Vec<u8>>(1)?, row.get::<Vec<u8>>(2)?)),
    )?;
    let mut replies: BTreeMap<Words, Vec<String>> = BTreeMap::new();
    for (id, sealed, wrap) in rows {
        let came = content::open(office, id, (&sealed, &wrap))?;
        replies.entry((came.from.value, came.body)).or_default().push(id.to_string());
    }
    Ok(replies)
}
