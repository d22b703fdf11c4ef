//! Which parts of which messages wait, fly or are answered. No socket and no clock here.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use gate::MessageId;
use smpp::ShortMessage;
use tokio::sync::oneshot;

use super::{Failure, FailureKind, Handoff};
use crate::nodes::Lease;

/// Parts that may wait for the window, over all messages.
const MOST_WAITING: usize = 2_000;
/// How often a part of a half-sent message is tried again after throttling.
const MOST_AGAIN: u32 = 10;
/// Messages given up as uncertain whose late answer is still waited for.
const MOST_LATE: usize = 1_024;

pub(super) type Outcome = Result<Handoff, Failure>;

/// One message to submit, and whom to tell.
#[derive(Debug)]
pub(super) struct Submit {
    pub(super) message: MessageId,
    pub(super) parts: Vec<ShortMessage>,
    /// Under which it was claimed.
    pub(super) lease: Lease,
    pub(super) answer: oneshot::Sender<Outcome>,
}

/// A question what became of a message, and whom to tell.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) id: String,
    pub(super) source: smpp::Address,
    /// Dropped where the session ends before an answer.
    pub(super) answer: oneshot::Sender<Result<(smpp::ReceiptState, u8), smpp::Status>>,
}

/// A message whose fate is known now.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) message: MessageId,
    pub(super) outcome: Outcome,
    /// Nothing when the answer came after the message had been given up.
    pub(super) answer: Option<oneshot::Sender<Outcome>>,
}

#[derive(Debug)]
enum Part {
    Waiting,
    Flying,
    Accepted(String),
    Failed(Failure),
    Uncertain,
}

#[derive(Debug)]
struct Job {
    submit: Submit,
    parts: Vec<Part>,
    until: Duration,
    again: u32,
}

#[derive(Debug, Default)]
pub(super) struct Jobs {
    jobs: HashMap<u64, Job>,
    next: u64,
    /// Tokens in the order to send; parts that wait no more are skipped.
    queue: VecDeque<u64>,
    late: VecDeque<(u64, MessageId)>,
}

/// A token names a job and one of its at most 255 parts.
const fn token(job: u64, part: usize) -> u64 {
    (job << 8) | part as u64
}

fn split(token: u64) -> (u64, usize) {
    (token >> 8, usize::try_from(token & 0xFF).unwrap_or(0))
}

impl Jobs {
    pub(super) fn has_room(&self) -> bool {
        self.queue.len() < MOST_WAITING
    }

    /// Takes a message; its parts wait at most until `until`.
    pub(super) fn add(&mut self, submit: Submit, until: Duration) {
        let job = self.next;
        self.next += 1;
        let parts: Vec<Part> = submit.parts.iter().map(|_| Part::Waiting).collect();
        self.queue.extend((0..parts.len()).map(|part| token(job, part)));
        self.jobs.insert(job, Job { submit, parts, until, again: 0 });
    }

    /// The next part to put on the wire, and the lease under which it may go.
    pub(super) fn front(&mut self) -> Option<(u64, &ShortMessage, &Lease)> {
        while let Some(front) = self.queue.front().copied() {
            if self.waits(front) {
                let (job, part) = split(front);
                let submit = &self.jobs.get(&job)?.submit;
                return Some((front, submit.parts.get(part)?, &submit.lease));
            }
            self.queue.pop_front();
        }
        None
    }

    fn waits(&self, token: u64) -> bool {
        let (job, part) = split(token);
        let part = self.jobs.get(&job).and_then(|job| job.parts.get(part));
        matches!(part, Some(Part::Waiting))
    }

    /// The front part was put on the wire.
    pub(super) fn flies(&mut self) {
        if let Some(front) = self.queue.pop_front() {
            self.set(front, Part::Flying);
        }
    }

    /// The front part is not put on the wire, and neither is the rest of its message.
    pub(super) fn stop_front(&mut self, why: FailureKind) -> Option<Finished> {
        let front = self.queue.pop_front()?;
        self.fail(front, Failure::new(why))
    }

    pub(super) fn accepted(&mut self, token: u64, id: String) -> Option<Finished> {
        if let Some(at) = self.late.iter().position(|(known, _)| *known == token) {
            let (_, message) = self.late.remove(at)?;
            let handoff = Handoff { parts: vec![id], transport: None };
            return Some(Finished { message, outcome: Ok(handoff), answer: None });
        }
        self.set(token, Part::Accepted(id));
        self.finish(split(token).0)
    }

    pub(super) fn refused(&mut self, token: u64, failure: Failure) -> Option<Finished> {
        if let Some(at) = self.late.iter().position(|(known, _)| *known == token) {
            let (_, message) = self.late.remove(at)?;
            return Some(Finished { message, outcome: Err(failure), answer: None });
        }
        let (job, _) = split(token);
        // The rest of this message is with the carrier or on its way: starting over would send it
        // twice, so this part alone is tried again.
        if failure.kind == FailureKind::Throttled
            && let Some(open) = self.jobs.get_mut(&job)
            && open.again < MOST_AGAIN
            && open.parts.iter().filter(|p| matches!(p, Part::Accepted(_) | Part::Flying)).count()
                > 1
        {
            open.again += 1;
            self.requeue(token);
            return None;
        }
        self.fail(token, failure)
    }

    /// It left, and no answer came.
    pub(super) fn unanswered(&mut self, token: u64) -> Option<Finished> {
        self.set(token, Part::Uncertain);
        let (job, _) = split(token);
        self.stop_waiting(job, &Failure::new(FailureKind::Uncertain));
        let finished = self.finish(job)?;
        if matches!(&finished.outcome, Err(f) if f.kind == FailureKind::Uncertain)
            && token & 0xFF == 0
        {
            self.late.push_back((token, finished.message));
            if self.late.len() > MOST_LATE {
                self.late.pop_front();
            }
        }
        Some(finished)
    }

    /// It had not left when the connection was lost: it waits for the next one.
    pub(super) fn not_sent(&mut self, token: u64) {
        self.requeue(token);
    }

    fn requeue(&mut self, token: u64) {
        self.set(token, Part::Waiting);
        self.queue.push_front(token);
    }

    /// Gives up what has waited too long.
    pub(super) fn expire(&mut self, now: Duration, failure: FailureKind) -> Vec<Finished> {
        let waiting = |job: &Job| job.parts.iter().any(|part| matches!(part, Part::Waiting));
        let due: Vec<u64> = self
            .jobs
            .iter()
            .filter(|(_, job)| job.until <= now && waiting(job))
            .map(|(id, _)| *id)
            .collect();
        due.into_iter()
            .filter_map(|job| {
                self.stop_waiting(job, &Failure::new(failure));
                self.finish(job)
            })
            .collect()
    }

    /// When [`Jobs::expire`] has something to do next. Messages are added in the order of their
    /// limits, so the first that waits is the first due.
    pub(super) fn next_expiry(&mut self) -> Option<Duration> {
        let (token, ..) = self.front()?;
        self.jobs.get(&split(token).0).map(|job| job.until)
    }

    fn fail(&mut self, token: u64, failure: Failure) -> Option<Finished> {
        let (job, _) = split(token);
        self.stop_waiting(job, &failure);
        self.set(token, Part::Failed(failure));
        self.finish(job)
    }

    fn set(&mut self, token: u64, state: Part) {
        let (job, part) = split(token);
        if let Some(slot) = self.jobs.get_mut(&job).and_then(|job| job.parts.get_mut(part)) {
            *slot = state;
        }
    }

    /// No further part of this message is sent.
    fn stop_waiting(&mut self, job: u64, failure: &Failure) {
        let Some(job) = self.jobs.get_mut(&job) else { return };
        for part in &mut job.parts {
            if matches!(part, Part::Waiting) {
                *part = Part::Failed(failure.clone());
            }
        }
    }

    fn finish(&mut self, job: u64) -> Option<Finished> {
        let open = |part: &Part| matches!(part, Part::Waiting | Part::Flying);
        if self.jobs.get(&job)?.parts.iter().any(open) {
            return None;
        }
        let Job { submit, parts, .. } = self.jobs.remove(&job)?;
        let total = parts.len();
        let (mut ids, mut uncertain, mut first) = (Vec::new(), false, None);
        for part in parts {
            match part {
                Part::Accepted(id) => ids.push(id),
                Part::Failed(failure) => first = first.or(Some(failure)),
                Part::Uncertain | Part::Waiting | Part::Flying => uncertain = true,
            }
        }
        let outcome = if ids.len() == total {
            Ok(Handoff { parts: ids, transport: None })
        } else if uncertain {
            Err(Failure::new(FailureKind::Uncertain).with_parts(ids))
        } else if ids.is_empty() {
            Err(first.unwrap_or(Failure::new(FailureKind::Uncertain)))
        } else {
            let code = first.and_then(|failure| failure.code);
            Err(Failure { kind: FailureKind::PartlySent, code, parts: ids })
        };
        Some(Finished { message: submit.message, outcome, answer: Some(submit.answer) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::ids::RunId;
    use crate::nodes::Standing;

    fn jobs(text: &str) -> Jobs {
        let address = smpp::Address::parse("+12125550100").unwrap();
        let parts = smpp::split(text, 1).unwrap().into_iter();
        let parts = parts
            .map(|s| ShortMessage::submit(address.clone(), address.clone(), s, true))
            .collect();
        let (answer, _) = oneshot::channel();
        let mut jobs = Jobs::default();
        let message = MessageId(uuid::Uuid::from_u128(1));
        let standing = Standing::alone(Clock::system(), RunId(uuid::Uuid::from_u128(2)));
        let lease = standing.lease().unwrap();
        jobs.add(Submit { message, parts, lease, answer }, Duration::from_secs(20));
        jobs
    }

    fn fly(jobs: &mut Jobs) -> u64 {
        let (token, ..) = jobs.front().unwrap();
        jobs.flies();
        token
    }

    fn kind(finished: Option<Finished>) -> FailureKind {
        finished.unwrap().outcome.unwrap_err().kind
    }

    #[test]
    fn all_parts_must_be_accepted() {
        let mut jobs = jobs(&"a".repeat(200));
        let (a, b) = (fly(&mut jobs), fly(&mut jobs));
        assert!(jobs.front().is_none());
        assert!(jobs.accepted(b, "2".into()).is_none());
        let handoff = jobs.accepted(a, "1".into()).unwrap().outcome.unwrap();
        assert_eq!(handoff.parts, ["1", "2"]);
    }

    #[test]
    fn a_throttled_part_is_tried_again_only_if_others_left() {
        let throttled = || Failure::new(FailureKind::Throttled);
        let mut single = jobs("a");
        let token = fly(&mut single);
        assert_eq!(kind(single.refused(token, throttled())), FailureKind::Throttled);

        let mut long = jobs(&"a".repeat(200));
        let (a, b) = (fly(&mut long), fly(&mut long));
        assert!(long.accepted(a, "1".into()).is_none());
        assert!(long.refused(b, throttled()).is_none());
        assert_eq!(fly(&mut long), b);
        let finished = long.refused(b, Failure::new(FailureKind::Blocked));
        assert_eq!(kind(finished), FailureKind::PartlySent);
    }

    #[test]
    fn a_refused_first_part_stops_the_rest() {
        let mut jobs = jobs(&"a".repeat(400));
        let token = fly(&mut jobs);
        let finished = jobs.refused(token, Failure::new(FailureKind::BadAddress));
        assert_eq!(kind(finished), FailureKind::BadAddress);
        assert!(jobs.front().is_none());
    }

    #[test]
    fn uncertain_is_settled_late() {
        let mut jobs = jobs("a");
        let token = fly(&mut jobs);
        assert_eq!(kind(jobs.unanswered(token)), FailureKind::Uncertain);
        let late = jobs.accepted(token, "9".into()).unwrap();
        assert!(late.answer.is_none());
        assert_eq!(late.outcome.unwrap().parts, ["9"]);
        assert!(jobs.accepted(token, "9".into()).is_none());
    }

    #[test]
    fn what_had_not_left_waits_for_the_next_connection_until_its_limit() {
        let mut jobs = jobs("a");
        let token = fly(&mut jobs);
        jobs.not_sent(token);
        assert_eq!(jobs.next_expiry(), Some(Duration::from_secs(20)));
        assert!(jobs.expire(Duration::from_secs(19), FailureKind::Unreachable).is_empty());
        let mut gone = jobs.expire(Duration::from_secs(20), FailureKind::Unreachable);
        assert_eq!(kind(gone.pop()), FailureKind::Unreachable);
        assert_eq!(jobs.next_expiry(), None);
    }
}
