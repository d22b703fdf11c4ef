//! The table: what a carrier may do with a message, and what each adapter must make of it.

use jiff::SignedDuration;
use sotto::channels::{FailureKind, ReceiptStatus};
use twin::{Fault, NotDelivered, ReplyKind};

use super::bench::{Bench, PHONE, SENDER, Which};

/// What the adapter answers to a message that meets this fault, by adapter (SMPP, HTTP, email), and
/// whether the carrier has the message then.
struct Refused {
    fault: Fault,
    answers: [FailureKind; 3],
    taken: usize,
}

#[tokio::test]
async fn refused_lost_and_unanswered() {
    use FailureKind::*;
    let table = [
        Refused { fault: Fault::Throttle, answers: [Throttled, Throttled, Throttled], taken: 0 },
        Refused { fault: Fault::Temporary, answers: [Temporary, Temporary, Temporary], taken: 0 },
        Refused { fault: Fault::Permanent, answers: [BadAddress; 3], taken: 0 },
        // Mail knows no opting out at the carrier; it is a block.
        Refused { fault: Fault::OptedOut, answers: [OptedOut, OptedOut, Blocked], taken: 0 },
        // Lost before the carrier had it. Mail can tell: its end had not left.
        Refused {
            fault: Fault::DropBeforeAccept,
            answers: [Uncertain, Uncertain, Unreachable],
            taken: 0,
        },
        // Lost after the carrier had it, before its answer.
        Refused { fault: Fault::DropBeforeAnswer, answers: [Uncertain; 3], taken: 1 },
        Refused { fault: Fault::AcceptAndNeverAnswer, answers: [Uncertain; 3], taken: 1 },
        Refused { fault: Fault::GarbageBytes, answers: [Uncertain; 3], taken: 1 },
    ];
    for (at, which) in Which::ALL.into_iter().enumerate() {
        let mut bench = Bench::start(which).await;
        let mut taken = 0;
        for case in &table {
            bench.twin.faults().next(which.door(), case.fault);
            let failure = bench.send().await.unwrap_err();
            assert_eq!(failure.kind, case.answers[at], "{which:?} {:?}", case.fault);
            taken += case.taken;
            assert_eq!(bench.taken(), taken, "{which:?} {:?}: never twice", case.fault);
            // And the next message finds its way, over a new connection where need be.
            bench
                .send()
                .await
                .unwrap_or_else(|f| panic!("{which:?} after {:?}: {f:?}", case.fault));
            taken += 1;
        }
        assert_eq!(bench.taken(), taken);
    }
}

#[tokio::test]
async fn accepted_and_delivered() {
    for which in Which::ALL {
        let mut bench = Bench::start(which).await;
        let handoff = bench.send().await.unwrap();
        assert_eq!(handoff.parts.len(), 1);
        let receipt = loop {
            let receipt = bench.receipt().await;
            assert_eq!(receipt.carrier_id, handoff.parts[0], "{which:?}");
            if receipt.status != ReceiptStatus::EnRoute {
                break receipt;
            }
        };
        assert_eq!((receipt.status, receipt.failure), (ReceiptStatus::Delivered, None));
    }
}

#[tokio::test]
async fn a_lost_answer_is_settled_by_its_receipt() {
    // SMPP and HTTP: by the phone's number; mail: by the id we chose.
    for which in Which::ALL {
        let mut bench = Bench::start(which).await;
        bench.twin.faults().next(which.door(), Fault::DropBeforeAnswer);
        let failure = bench.send().await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Uncertain);
        let receipt = bench.receipt().await;
        match which {
            Which::Email => assert_eq!(failure.parts, [receipt.carrier_id]),
            _ => assert_eq!(receipt.to.unwrap().reveal(), PHONE),
        }
    }
}

#[tokio::test]
async fn a_connection_lost_after_the_answer_loses_nothing() {
    for which in Which::ALL {
        let mut bench = Bench::start(which).await;
        bench.twin.faults().next(which.door(), Fault::DropAfterAnswer);
        let first = bench.send().await.unwrap();
        let second = bench.send().await.unwrap();
        assert_ne!(first.parts, second.parts, "{which:?}");
        let mut told = vec![bench.final_id().await, bench.final_id().await];
        told.sort();
        let mut sent = [first.parts, second.parts].concat();
        sent.sort();
        assert_eq!(told, sent, "{which:?}");
    }
}

#[tokio::test]
async fn late_duplicate_and_reordered_receipts_arrive_as_they_come() {
    for which in Which::TEXTS {
        let mut bench = Bench::start(which).await;
        let door = which.door();
        bench.twin.faults().next(door, Fault::LateReceipt { by: SignedDuration::from_secs(20) });
        let late = bench.send().await.unwrap();
        bench.twin.faults().next(door, Fault::DuplicateReceipts { extra: 2 });
        let twice = bench.send().await.unwrap();
        for _ in 0..3 {
            assert_eq!([bench.final_id().await], twice.parts[..], "{which:?}");
        }
        assert_eq!([bench.final_id().await], late.parts[..], "{which:?}");
        bench.twin.faults().next(door, Fault::ReorderedReceipts);
        let sent = bench.send().await.unwrap();
        let mut seen = Vec::new();
        while seen.len() < 2 || !seen.contains(&ReceiptStatus::Delivered) {
            let receipt = bench.receipt().await;
            assert_eq!(receipt.carrier_id, sent.parts[0]);
            seen.push(receipt.status);
        }
        assert!(seen.contains(&ReceiptStatus::EnRoute), "{which:?} {seen:?}");
    }
}

#[tokio::test]
async fn a_receipt_before_the_answer_is_not_lost() {
    let mut bench = Bench::start(Which::Smpp).await;
    bench.twin.faults().next(twin::Channel::Sms, Fault::ReceiptBeforeAnswer);
    let handoff = bench.send().await.unwrap();
    assert_eq!(bench.receipt().await.carrier_id, handoff.parts[0]);
}

#[tokio::test]
async fn undelivered_says_why() {
    use FailureKind::*;
    for (which, why, kind) in [
        (Which::Smpp, NotDelivered::Landline, Landline),
        (Which::Smpp, NotDelivered::Unknown, BadAddress),
        (Which::Smpp, NotDelivered::Expired, Expired),
        (Which::Http, NotDelivered::Landline, Landline),
        (Which::Http, NotDelivered::Unknown, BadAddress),
        (Which::Http, NotDelivered::Filtered, Blocked),
        (Which::Email, NotDelivered::Unknown, BadAddress),
        (Which::Email, NotDelivered::Filtered, Blocked),
        (Which::Email, NotDelivered::Expired, Expired),
    ] {
        let mut bench = Bench::start(which).await;
        bench.twin.faults().next(which.door(), Fault::FailedReceipt { why });
        let handoff = bench.send().await.unwrap();
        let receipt = bench.final_receipt().await;
        assert_eq!(receipt.carrier_id, handoff.parts[0]);
        assert_eq!(receipt.failure.map(|f| f.kind), Some(kind), "{which:?} {why:?}");
    }
}

#[tokio::test]
async fn a_reply_is_acknowledged_only_when_it_is_stored() {
    for which in Which::TEXTS {
        let mut bench = Bench::start(which).await;
        // So that a session is open.
        bench.send().await.unwrap();
        bench.final_id().await;
        let text = "Running late, is 3 ok? 😀 ".repeat(8);
        bench.twin.say(which.door(), PHONE, SENDER, &text, ReplyKind::RunningLate);
        let (reply, done) = bench.reply().await;
        assert_eq!((reply.from.reveal(), reply.to.as_str()), (PHONE, SENDER), "{which:?}");
        assert_eq!(reply.body.trim(), text.trim(), "{which:?}");
        assert!(!reply.incomplete);
        assert_eq!(bench.twin.look(|record| record.counts.replies_acked), 0, "{which:?}");
        // Not stored: it comes again.
        drop(done);
        let (again, done) = bench.reply().await;
        assert_eq!(again.body, reply.body);
        done.stored();
        bench.twin.until(|record| record.counts.replies_acked == 1).await;
        assert!(bench.nothing_more());
    }
}

impl Bench {
    pub(crate) async fn final_receipt(&mut self) -> sotto::channels::CarrierReceipt {
        loop {
            let receipt = self.receipt().await;
            if receipt.status != ReceiptStatus::EnRoute {
                return receipt;
            }
        }
    }

    async fn final_id(&mut self) -> String {
        self.final_receipt().await.carrier_id
    }
}
