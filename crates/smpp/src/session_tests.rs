//! Both ends of a session against each other, without sockets: tables of what may go wrong.
#![expect(
    clippy::disallowed_methods,
    reason = "the session is what is tested; nothing has a socket"
)]

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use crate::*;

const START: Duration = Duration::from_secs(100);

fn bind() -> Bind {
    Bind {
        kind: BindKind::Transceiver,
        system_id: "sotto".into(),
        password: "secret".into(),
        system_type: String::new(),
    }
}

fn message(text: &str) -> ShortMessage {
    let from = Address::parse("72404").unwrap();
    let to = Address::parse("+12125550100").unwrap();
    ShortMessage::submit(from, to, split(text, 1).unwrap().remove(0), true)
}

/// Two ends and the wire between them.
struct Pair {
    esme: Esme,
    smsc: Smsc,
    now: Duration,
}

impl Pair {
    fn new(settings: Settings) -> Self {
        let esme = Esme::connect(&bind(), settings, START).unwrap();
        Self { esme, smsc: Smsc::new(settings, START), now: START }
    }

    fn bound(settings: Settings) -> Self {
        let mut pair = Self::new(settings);
        pair.carry_to_smsc();
        let Some(SmscEvent::BindRequested { sequence, bind }) = pair.smsc.next_event() else {
            panic!("no bind")
        };
        assert_eq!((bind.system_id.as_str(), bind.password.as_str()), ("sotto", "secret"));
        pair.smsc.accept_bind(sequence, bind.kind, "twin").unwrap();
        pair.carry_to_esme();
        let event = pair.esme.next_event();
        assert!(matches!(event, Some(EsmeEvent::Bound { system_id }) if system_id == "twin"));
        pair
    }

    fn carry_to_smsc(&mut self) {
        let octets = self.esme.output().to_vec();
        self.esme.wrote(octets.len());
        self.smsc.receive(&octets, self.now);
    }

    fn carry_to_esme(&mut self) {
        let octets = self.smsc.output().to_vec();
        self.smsc.wrote(octets.len());
        self.esme.receive(&octets, self.now);
    }

    fn submitted(&mut self) -> (u32, ShortMessage) {
        match self.smsc.next_event() {
            Some(SmscEvent::Submitted { sequence, message }) => (sequence, message),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_message_goes_out_and_its_receipt_and_reply_come_back() {
    let mut pair = Pair::bound(Settings::default());
    pair.esme.submit(&message("See you at 9 {ok}"), 7, pair.now).unwrap();
    pair.carry_to_smsc();
    let (sequence, got) = pair.submitted();
    assert_eq!(got, message("See you at 9 {ok}"));
    assert!(got.wants_receipt());
    assert_eq!(got.part().reveal(), "See you at 9 {ok}");
    pair.smsc.accept_submit(sequence, "00AB").unwrap();
    pair.carry_to_esme();
    let event = pair.esme.next_event();
    assert!(
        matches!(event, Some(EsmeEvent::Accepted { token: 7, ref message_id, late: false }) if message_id == "00AB")
    );

    let receipt = Receipt {
        id: "00AB".into(),
        state: ReceiptState::Delivered,
        error: None,
        done: Some("2611210901".into()),
    };
    let mut report = message("");
    std::mem::swap(&mut report.source, &mut report.destination);
    report.esm_class = 0x04;
    report.body = Bytes::from(receipt.to_text());
    report.optional.receipted_message_id = Some("00AB".into());
    report.optional.message_state = Some(2);
    pair.smsc.deliver(&report, 1, pair.now).unwrap();
    pair.carry_to_esme();
    let Some(EsmeEvent::Delivery { sequence, message: got }) = pair.esme.next_event() else {
        panic!("no delivery")
    };
    assert_eq!(got.delivered(), Delivered::Receipt(receipt));
    // Nothing is answered before the caller says that it is stored.
    assert!(pair.esme.output().is_empty());
    pair.esme.accept(sequence);
    pair.esme.accept(sequence);
    pair.carry_to_smsc();
    assert!(matches!(
        pair.smsc.next_event(),
        Some(SmscEvent::DeliveryAnswered { token: 1, status: Status::OK })
    ));
    assert!(pair.smsc.next_event().is_none());
}

#[test]
fn what_became_of_a_message_can_be_asked() {
    let mut pair = Pair::bound(Settings::default());
    let source = Address::parse("72404").unwrap();
    let ask = |pair: &mut Pair, id: &str, token| {
        pair.esme.query(id, &source, token, pair.now).unwrap();
        pair.carry_to_smsc();
        let Some(SmscEvent::Queried { sequence, message_id, source }) = pair.smsc.next_event()
        else {
            panic!("no query")
        };
        assert_eq!((message_id.as_str(), source.reveal()), (id, "72404"));
        sequence
    };
    for (token, state) in [(1, ReceiptState::Delivered), (2, ReceiptState::Undeliverable)] {
        let sequence = ask(&mut pair, "00AB", token);
        pair.smsc.answer_query(sequence, "00AB", (state, 5)).unwrap();
        pair.carry_to_esme();
        let event = pair.esme.next_event();
        assert!(
            matches!(event, Some(EsmeEvent::Queried { token: t, answer: Ok((s, 5)) })
                if t == token && s == state),
            "{event:?}"
        );
    }
    for status in [Status::QUERY_FAILED, Status::INVALID_MESSAGE_ID, Status::INVALID_COMMAND_ID] {
        let sequence = ask(&mut pair, "x", 3);
        pair.smsc.refuse_query(sequence, status);
        pair.carry_to_esme();
        let event = pair.esme.next_event();
        assert!(
            matches!(event, Some(EsmeEvent::Queried { token: 3, answer: Err(s) }) if s == status),
            "{event:?}"
        );
    }
    // No answer in time, and none when the connection is lost.
    ask(&mut pair, "y", 4);
    pair.now += Duration::from_secs(30);
    pair.esme.tick(pair.now);
    assert!(matches!(pair.esme.next_event(), Some(EsmeEvent::QueryUnanswered { token: 4 })));
    ask(&mut pair, "z", 5);
    pair.esme.lost();
    assert!(matches!(pair.esme.next_event(), Some(EsmeEvent::QueryUnanswered { token: 5 })));
}

#[test]
fn a_patient_cannot_write_a_receipt() {
    let forged = message("id:00AB stat:DELIVRD err:000");
    let Delivered::Reply(part) = forged.delivered() else { panic!("taken for a receipt") };
    assert_eq!(part.reveal(), "id:00AB stat:DELIVRD err:000");
}

#[test]
fn a_long_body_travels_as_payload_and_sar_is_kept() {
    let mut pair = Pair::bound(Settings::default());
    let mut long = message("");
    long.body = Bytes::from(vec![b'x'; 3_000]);
    long.optional.sar = Some(Concat { reference: 300, total: 2, number: 1 });
    pair.esme.submit(&long, 1, pair.now).unwrap();
    pair.carry_to_smsc();
    assert_eq!(pair.submitted().1, long);
    pair.smsc.deliver(&long, 1, pair.now).unwrap();
    pair.carry_to_esme();
    let Some(EsmeEvent::Delivery { message: got, .. }) = pair.esme.next_event() else { panic!() };
    assert_eq!((got.part().concat, got.part().octets.len()), (long.optional.sar, 3_000));
}

#[test]
fn the_window_is_bounded_and_opens_again() {
    let settings = Settings { window: 2, ..Settings::default() };
    let mut pair = Pair::bound(settings);
    for token in 0..2 {
        pair.esme.submit(&message("a"), token, pair.now).unwrap();
    }
    assert_eq!(pair.esme.submit(&message("a"), 9, pair.now), Err(SubmitError::WindowFull));
    pair.carry_to_smsc();
    let (sequence, _) = pair.submitted();
    pair.smsc.accept_submit(sequence, "1").unwrap();
    pair.carry_to_esme();
    assert_eq!(pair.esme.open(), 1);
    pair.esme.submit(&message("a"), 9, pair.now).unwrap();
}

#[test]
fn throttling_pauses_and_doubles() {
    let mut pair = Pair::bound(Settings::default());
    for (step, pause) in [500, 1_000, 2_000].into_iter().enumerate() {
        pair.esme.submit(&message("a"), step as u64, pair.now).unwrap();
        pair.carry_to_smsc();
        let (sequence, _) = pair.submitted();
        pair.smsc.refuse_submit(sequence, Status::THROTTLED);
        pair.carry_to_esme();
        let event = pair.esme.next_event();
        assert!(matches!(event, Some(EsmeEvent::Refused { status: Status::THROTTLED, .. })));
        let until = pair.now + Duration::from_millis(pause);
        let refused = pair.esme.submit(&message("a"), 9, pair.now);
        assert_eq!(refused, Err(SubmitError::Throttled { until }));
        pair.now = until;
        assert_eq!(pair.esme.ready(pair.now), Ok(()));
    }
}

#[test]
fn lost_connections_tell_what_had_left() {
    let mut pair = Pair::bound(Settings::default());
    pair.esme.submit(&message("left"), 1, pair.now).unwrap();
    pair.esme.wrote(pair.esme.output().len());
    pair.esme.submit(&message("half left"), 2, pair.now).unwrap();
    pair.esme.wrote(20);
    pair.esme.submit(&message("stayed"), 3, pair.now).unwrap();
    pair.esme.lost();
    assert!(matches!(pair.esme.next_event(), Some(EsmeEvent::Unanswered { token: 1 })));
    assert!(matches!(pair.esme.next_event(), Some(EsmeEvent::NotSent { token: 2 })));
    assert!(matches!(pair.esme.next_event(), Some(EsmeEvent::NotSent { token: 3 })));
    let closed = pair.esme.next_event();
    assert!(matches!(closed, Some(EsmeEvent::Closed(CloseReason::Lost))));
    assert_eq!(pair.esme.submit(&message("a"), 4, pair.now), Err(SubmitError::NotBound));
}

#[test]
fn a_late_answer_still_arrives() {
    let mut pair = Pair::bound(Settings::default());
    pair.esme.submit(&message("a"), 5, pair.now).unwrap();
    pair.carry_to_smsc();
    let (sequence, _) = pair.submitted();
    pair.now += Duration::from_secs(29);
    pair.esme.tick(pair.now);
    assert!(pair.esme.next_event().is_none());
    pair.now += Duration::from_secs(1);
    pair.esme.tick(pair.now);
    assert!(matches!(pair.esme.next_event(), Some(EsmeEvent::Unanswered { token: 5 })));
    pair.smsc.accept_submit(sequence, "77").unwrap();
    pair.carry_to_esme();
    let event = pair.esme.next_event();
    assert!(matches!(event, Some(EsmeEvent::Accepted { token: 5, late: true, .. })), "{event:?}");
}

#[test]
fn a_quiet_link_is_tested_and_a_dead_one_closed() {
    let mut pair = Pair::bound(Settings::default());
    assert_eq!(pair.esme.next_tick(), Some(START + Duration::from_secs(30)));
    pair.now += Duration::from_secs(30);
    pair.esme.tick(pair.now);
    pair.carry_to_smsc();
    pair.carry_to_esme();
    pair.now += Duration::from_secs(31);
    pair.esme.tick(pair.now);
    assert!(!pair.esme.is_closed());
    pair.now += Duration::from_secs(30);
    pair.esme.tick(pair.now);
    let event = pair.esme.next_event();
    assert!(matches!(event, Some(EsmeEvent::Closed(CloseReason::Silent))), "{event:?}");
}

#[test]
fn a_refused_bind_says_why_and_a_missing_one_times_out() {
    let mut pair = Pair::new(Settings::default());
    pair.carry_to_smsc();
    let Some(SmscEvent::BindRequested { sequence, bind }) = pair.smsc.next_event() else {
        panic!()
    };
    pair.smsc.refuse_bind(sequence, bind.kind, Status::INVALID_PASSWORD);
    pair.carry_to_esme();
    let event = pair.esme.next_event();
    let reason = CloseReason::BindRefused(Status::INVALID_PASSWORD);
    assert!(matches!(event, Some(EsmeEvent::Closed(r)) if r == reason), "{event:?}");

    let mut silent = Pair::new(Settings::default());
    silent.esme.tick(START + Duration::from_secs(30));
    let event = silent.esme.next_event();
    assert!(matches!(event, Some(EsmeEvent::Closed(CloseReason::BindTimeout))), "{event:?}");
    silent.smsc.tick(START + Duration::from_secs(30));
    let event = silent.smsc.next_event();
    assert!(matches!(event, Some(SmscEvent::Closed(CloseReason::BindTimeout))), "{event:?}");
}

#[test]
fn too_many_open_deliveries_are_throttled() {
    let settings = Settings { inbound_window: 1, ..Settings::default() };
    let mut pair = Pair::bound(settings);
    pair.smsc.deliver(&message("a"), 1, pair.now).unwrap();
    pair.smsc.deliver(&message("b"), 2, pair.now).unwrap();
    pair.carry_to_esme();
    pair.carry_to_smsc();
    let event = pair.smsc.next_event();
    let full = Status::QUEUE_FULL;
    assert!(
        matches!(event, Some(SmscEvent::DeliveryAnswered { token: 2, status }) if status == full)
    );
    assert!(pair.smsc.next_event().is_none());
}

#[test]
fn unbinding_from_either_side() {
    let mut pair = Pair::bound(Settings::default());
    pair.esme.unbind(pair.now);
    pair.carry_to_smsc();
    pair.carry_to_esme();
    let unbound = CloseReason::Unbound;
    assert!(matches!(pair.esme.next_event(), Some(EsmeEvent::Closed(r)) if r == unbound));
    assert!(matches!(pair.smsc.next_event(), Some(SmscEvent::Closed(r)) if r == unbound));
    let mut pair = Pair::bound(Settings::default());
    pair.smsc.unbind(pair.now);
    pair.carry_to_esme();
    assert!(matches!(pair.esme.next_event(), Some(EsmeEvent::Closed(r)) if r == unbound));
}

#[test]
fn broken_octets_end_in_a_clear_reason() {
    let unit = |length: u32, id: u32, rest: &[u8]| {
        let mut octets = BytesMut::new();
        for word in [length, id, 0, 9] {
            octets.extend_from_slice(&word.to_be_bytes());
        }
        octets.extend_from_slice(rest);
        octets.to_vec()
    };
    let bad_length = |length| CloseReason::BadLength { length, most: 70_000 };
    for (octets, reason) in [
        (unit(15, 5, &[]), bad_length(15)),
        (unit(0, 5, &[]), bad_length(0)),
        (unit(u32::MAX, 5, &[]), bad_length(u32::MAX)),
        (unit(70_001, 5, &[]), bad_length(70_001)),
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), bad_length(0x4745_5420)),
        (unit(17, 5, &[1]).repeat(16), CloseReason::Unreadable(16)),
    ] {
        let mut pair = Pair::bound(Settings::default());
        pair.esme.receive(&octets, pair.now);
        let event = pair.esme.next_event();
        assert!(matches!(event, Some(EsmeEvent::Closed(r)) if r == reason), "{event:?}");
        // The peer is told before the door closes.
        assert!(!pair.esme.output().is_empty());
    }
    // Unknown requests, and answers to nothing, are no reason to end a session.
    let mut pair = Pair::bound(Settings::default());
    for octets in [unit(16, 0x111, &[]), unit(16, 0x8000_0004, &[]), unit(16, 0x8000_0000, &[])] {
        pair.esme.receive(&octets, pair.now);
    }
    assert!(!pair.esme.is_closed() && pair.esme.next_event().is_none());
}

#[test]
fn an_answer_of_another_kind_settles_nothing() {
    let mut pair = Pair::bound(Settings::default());
    pair.esme.submit(&message("a"), 1, pair.now).unwrap();
    // The submit has sequence number 2; an enquire_link_resp with that number is not its answer.
    pair.esme.receive(&[0, 0, 0, 16, 0x80, 0, 0, 0x15, 0, 0, 0, 0, 0, 0, 0, 2], pair.now);
    assert!(pair.esme.next_event().is_none());
    // A nack is, and one that says OK is a failure all the same.
    pair.esme.receive(&[0, 0, 0, 16, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2], pair.now);
    let event = pair.esme.next_event();
    let unknown = Status::UNKNOWN_ERROR;
    assert!(
        matches!(event, Some(EsmeEvent::Refused { token: 1, status, .. }) if status == unknown)
    );
}

#[test]
fn a_receipt_with_odd_parameters_is_still_read() {
    let mut pair = Pair::bound(Settings::default());
    let mut report = message("");
    report.esm_class = 0x04;
    report.body = Bytes::from_static(b"id:5 stat:DELIVRD");
    pair.smsc.deliver(&report, 1, pair.now).unwrap();
    let mut octets = pair.smsc.output().to_vec();
    // receipted_message_id without its NUL, message_state of two octets, an unknown tag, and a
    // length that runs past the end.
    octets.extend_from_slice(b"\x00\x1E\x00\x02AB\x04\x27\x00\x02\x02\x02\x77\x77\x00\x00\x14");
    octets.extend_from_slice(b"\x01\xFF\xFF");
    let length = u32::try_from(octets.len()).unwrap().to_be_bytes();
    octets[..4].copy_from_slice(&length);
    pair.esme.receive(&octets, pair.now);
    let Some(EsmeEvent::Delivery { message: got, .. }) = pair.esme.next_event() else { panic!() };
    let Delivered::Receipt(receipt) = got.delivered() else { panic!() };
    assert_eq!((receipt.id.as_str(), receipt.state), ("AB", ReceiptState::Delivered));
}

#[test]
fn fields_that_do_not_fit_are_named() {
    let long = Bind { password: "ninechars".into(), ..bind() };
    let error = Esme::connect(&long, Settings::default(), START).unwrap_err();
    assert_eq!(error.field, "password");
    assert!(!error.to_string().contains("ninechars"));
}

proptest! {
    #[test]
    fn any_octets_in_any_pieces_neither_panic_nor_pile_up(
        octets in prop::collection::vec(any::<u8>(), 0..2_000),
        cut in 1usize..64,
    ) {
        let mut pair = Pair::bound(Settings::default());
        for piece in octets.chunks(cut) {
            pair.esme.receive(piece, pair.now);
            pair.smsc.receive(piece, pair.now);
        }
    }

    #[test]
    fn damaged_units_neither_panic_nor_desynchronise(
        at in 4usize..80, value: u8, text in "[a-z]{0,60}",
    ) {
        let mut pair = Pair::bound(Settings::default());
        pair.smsc.deliver(&message(&text), 1, pair.now).unwrap();
        let mut octets = pair.smsc.output().to_vec();
        let position = at.min(octets.len() - 1);
        octets[position] = value;
        pair.esme.receive(&octets, pair.now);
        while pair.esme.next_event().is_some() {}
        prop_assume!(!pair.esme.is_closed());
        // The next unit is read whatever became of the damaged one.
        let mut next = message("next");
        next.esm_class = 0;
        pair.smsc.wrote(pair.smsc.output().len());
        pair.smsc.deliver(&next, 2, pair.now).unwrap();
        pair.carry_to_esme();
        let event = pair.esme.next_event();
        prop_assert!(matches!(event, Some(EsmeEvent::Delivery { .. })), "{:?}", event);
    }
}
