//! The SMSC, met by a client in raw octets.

use std::sync::Arc;

use jiff::SignedDuration;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;

use super::raw_esme::{ENQUIRE, RESP, RawEsme};
use super::{PATIENT, PRACTICE, REMINDER, later, still_world};
use crate::{
    Behaviour, Channel, DeliveryState, Fault, Keep, Line, MessageIds, NotDelivered, Outcome,
    Persona, ReceiptForm, ReplyKind, Shown, SmppConfig, Twin, TwinConfig,
};

async fn carrier(smpp: SmppConfig, patients: Vec<Persona>) -> Twin {
    let accounts = vec![("sotto".to_owned(), "secret".to_owned())];
    let smpp = SmppConfig { accounts, ..smpp };
    still_world(TwinConfig { smpp: Some(smpp), patients, ..TwinConfig::default() }).await
}

async fn plain() -> (Twin, RawEsme) {
    let twin = carrier(SmppConfig::default(), Vec::new()).await;
    let esme = RawEsme::bound(twin.smpp_address().unwrap()).await;
    (twin, esme)
}

#[tokio::test]
async fn only_known_accounts_bind() {
    let twin = carrier(SmppConfig::default(), Vec::new()).await;
    let address = twin.smpp_address().unwrap();
    for (id, password, status) in [("sotto", "wrong", 0x0E), ("other", "secret", 0x0F)] {
        let mut esme = RawEsme::connect(address).await;
        assert_eq!(esme.bind(id, password).await, status);
        assert!(esme.read().await.is_none(), "the session ends with the refusal");
    }
    let mut esme = RawEsme::connect(address).await;
    assert_eq!(esme.bind("sotto", "secret").await, 0);
    assert_eq!(twin.look(|record| record.counts.binds), 1);
    twin.shutdown().await;
}

#[tokio::test]
async fn a_text_is_taken_recorded_and_receipted() {
    let (twin, mut esme) = plain().await;
    let (status, id) = esme.submit_and_wait(PATIENT, b"See you [Tue] \x1b\x65").await;
    assert_eq!(status, 0);
    later(&twin);
    let receipt = esme.delivery().await;
    assert_eq!(receipt.esm_class, 0x04);
    assert_eq!((receipt.from.as_str(), receipt.to.as_str()), ("12065550100", "12065550199"));
    let text = receipt.ascii();
    assert!(text.starts_with(&format!("id:{id} sub:001 dlvrd:001 submit date:2603022000 ")));
    assert!(text.contains("stat:DELIVRD err:000"), "{text}");
    assert_eq!(receipt.tlv(0x001E).unwrap(), format!("{id}\0").as_bytes());
    assert_eq!(receipt.tlv(0x0427).unwrap(), [2]);

    twin.until(|record| record.counts.receipts_acked == 1).await;
    let record = twin.record();
    assert_eq!(record.texts.len(), 1);
    let text = &record.texts[0];
    assert_eq!((text.from.as_str(), text.to.as_str()), (PRACTICE, PATIENT));
    // 0x1B 0x65 is the euro sign of the extension table; [ as octet 0x5B is Ä in GSM 03.38.
    assert_eq!(text.text, "See you ÄTueÑ €");
    assert_eq!((text.parts, &text.ids, &text.outcome), (1, &vec![id.clone()], &Outcome::Taken));
    let receipts: Vec<_> = record.receipts_for(&id).collect();
    assert_eq!(receipts.len(), 1);
    assert_eq!(receipts[0].state, DeliveryState::Delivered);
    assert!(receipts[0].acked_at.is_some());
    twin.shutdown().await;
}

#[tokio::test]
async fn message_ids_and_receipts_have_the_configured_form() {
    for (ids, form) in [
        (MessageIds::Decimal, ReceiptForm::Text),
        (MessageIds::Hex, ReceiptForm::Tlv),
        (MessageIds::HexThenDecimal, ReceiptForm::Both),
        (MessageIds::DecimalThenHex, ReceiptForm::Both),
    ] {
        let config = SmppConfig { ids, receipts: form, ..SmppConfig::default() };
        let twin = carrier(config, Vec::new()).await;
        let mut esme = RawEsme::bound(twin.smpp_address().unwrap()).await;
        let (_, id) = esme.submit_and_wait(PATIENT, b"hello").await;
        later(&twin);
        let receipt = esme.delivery().await;
        let expected = match ids {
            MessageIds::Decimal | MessageIds::Hex => id,
            MessageIds::HexThenDecimal => u64::from_str_radix(&id, 16).unwrap().to_string(),
            MessageIds::DecimalThenHex => format!("{:X}", id.parse::<u64>().unwrap()),
        };
        let in_text = receipt.ascii().starts_with(&format!("id:{expected} "));
        assert_eq!(in_text, form != ReceiptForm::Tlv, "{ids:?} {form:?}");
        let tlv = (form != ReceiptForm::Text).then(|| format!("{expected}\0").into_bytes());
        assert_eq!(receipt.tlv(0x001E).map(<[u8]>::to_vec), tlv, "{ids:?} {form:?}");
        twin.shutdown().await;
    }
}

#[tokio::test]
async fn parts_in_any_order_are_one_text_with_one_id_each() {
    let (twin, mut esme) = plain().await;
    // 👍 cut between its surrogates: D83D | DC4D.
    let parts: [&[u8]; 2] =
        [&[5, 0, 3, 7, 2, 2, 0xDC, 0x4D, 0x00, 0x21], &[5, 0, 3, 7, 2, 1, 0x00, 0x41, 0xD8, 0x3D]];
    let mut ids = Vec::new();
    for part in parts {
        esme.submit_as(PATIENT, part, 0x40, 8).await;
        let answer = esme.read().await.unwrap();
        ids.push(String::from_utf8_lossy(&answer.body).trim_end_matches('\0').to_owned());
    }
    let record = twin.record();
    assert_eq!(record.texts.len(), 1, "the text is whole with its last part");
    assert_eq!(record.texts[0].text, "A👍!");
    assert_eq!((record.texts[0].parts, &record.texts[0].ids), (2, &ids));
    assert_eq!((record.counts.texts, record.counts.parts), (1, 2));
    twin.shutdown().await;
}

#[tokio::test]
async fn refusals_have_the_status_of_their_kind_and_reach_no_phone() {
    let patient = Persona::mobile(PATIENT, Behaviour::Once(ReplyKind::Confirm));
    let twin = carrier(SmppConfig::default(), vec![patient]).await;
    let mut esme = RawEsme::bound(twin.smpp_address().unwrap()).await;
    for (fault, status) in [
        (Fault::Throttle, 0x58),
        (Fault::Temporary, 0x08),
        (Fault::Permanent, 0x0B),
        (Fault::OptedOut, 0x410),
    ] {
        twin.faults().next(Channel::Sms, fault);
        assert_eq!(esme.submit_and_wait(PATIENT, REMINDER.as_bytes()).await.0, status);
    }
    let record = twin.record();
    assert_eq!((record.counts.refused, record.counts.texts), (4, 0));
    assert!(record.texts.iter().all(|t| t.outcome != Outcome::Taken && t.text == REMINDER));
    assert_eq!(twin.pending(), 0, "no receipt and no reply is planned");
    twin.shutdown().await;
}

#[tokio::test]
async fn lost_connections_say_on_which_side_of_the_carrier_they_broke() {
    for (fault, taken, answered) in [
        (Fault::DropBeforeAccept, 0, false),
        (Fault::DropBeforeAnswer, 1, false),
        (Fault::GarbageBytes, 1, false),
        (Fault::DropAfterAnswer, 1, true),
    ] {
        let (twin, mut esme) = plain().await;
        twin.faults().next(Channel::Sms, fault);
        esme.submit(PATIENT, b"hello").await;
        let got = esme.read().await;
        assert_eq!(got.as_ref().is_some_and(|pdu| pdu.command == 4 | RESP), answered, "{fault:?}");
        let garbage = fault == Fault::GarbageBytes;
        assert_eq!(got.is_some_and(|pdu| pdu.command == 0), garbage, "{fault:?}");
        while esme.read().await.is_some() {}
        assert_eq!(twin.look(|record| record.counts.texts), taken, "{fault:?}");

        // The carrier has the message: its receipt finds the next session.
        let mut back = RawEsme::bound(twin.smpp_address().unwrap()).await;
        later(&twin);
        if taken == 1 {
            assert!(back.delivery().await.ascii().contains("stat:DELIVRD"), "{fault:?}");
        }
        assert_eq!(twin.pending(), 0);
        twin.shutdown().await;
    }
}

#[tokio::test]
async fn a_silent_carrier_takes_without_answering() {
    let (twin, mut esme) = plain().await;
    twin.faults().next(Channel::Sms, Fault::AcceptAndNeverAnswer);
    esme.submit(PATIENT, b"hello").await;
    // The link itself is well: an enquiry is the next thing answered.
    let enquiry = esme.send(ENQUIRE, &[]).await;
    let answer = esme.read().await.unwrap();
    assert_eq!((answer.command, answer.sequence), (ENQUIRE | RESP, enquiry));
    twin.until(|record| record.texts.len() == 1).await;

    twin.faults().next(Channel::Sms, Fault::HalfOpen);
    esme.submit(PATIENT, b"again").await;
    twin.until(|record| record.texts.len() == 2).await;
    esme.send(ENQUIRE, &[]).await;
    // Half-open: the enquiry is never answered; only the twin's end ends it.
    twin.shutdown().await;
    assert!(esme.read().await.is_none());
}

#[tokio::test]
async fn receipts_come_late_twice_out_of_order_early_or_never() {
    let (twin, mut esme) = plain().await;
    let faults = twin.faults();

    faults.next(Channel::Sms, Fault::LateReceipt { by: SignedDuration::from_hours(12) });
    let (_, late) = esme.submit_and_wait(PATIENT, b"late").await;
    later(&twin);
    faults.next(Channel::Sms, Fault::DuplicateReceipts { extra: 2 });
    let (_, twice) = esme.submit_and_wait(PATIENT, b"thrice").await;
    later(&twin);
    for _ in 0..3 {
        assert!(esme.delivery().await.ascii().starts_with(&format!("id:{twice} ")));
    }
    later(&twin);
    assert!(esme.delivery().await.ascii().starts_with(&format!("id:{late} ")));

    faults.next(Channel::Sms, Fault::ReorderedReceipts);
    let (_, swapped) = esme.submit_and_wait(PATIENT, b"swapped").await;
    later(&twin);
    let (first, second) = (esme.delivery().await, esme.delivery().await);
    assert!(first.ascii().contains("stat:DELIVRD") && second.ascii().contains("stat:ENROUTE"));
    assert_eq!((first.esm_class, second.esm_class), (0x04, 0x20));
    assert!(second.ascii().contains(&swapped));

    faults.next(Channel::Sms, Fault::ReceiptBeforeAnswer);
    esme.submit(PATIENT, b"early").await;
    let early = esme.delivery().await;
    let answer = esme.read().await.unwrap();
    let id = String::from_utf8_lossy(&answer.body).trim_end_matches('\0').to_owned();
    assert!(early.ascii().starts_with(&format!("id:{id} ")));

    faults.next(Channel::Sms, Fault::LostReceipt);
    esme.submit_and_wait(PATIENT, b"lost").await;
    assert_eq!(twin.pending(), 0);
    twin.shutdown().await;
}

#[tokio::test]
async fn undeliverable_texts_are_taken_first_and_reported_later() {
    let landline = Persona::mobile(PATIENT, Behaviour::Ordinary).on(Line::Landline);
    let twin = carrier(SmppConfig::default(), vec![landline]).await;
    let mut esme = RawEsme::bound(twin.smpp_address().unwrap()).await;
    let why = NotDelivered::Expired;
    twin.faults().next_to(Channel::Sms, "+12065550101", Fault::FailedReceipt { why });
    for (to, words) in [
        (PATIENT, format!("stat:UNDELIV err:{}", SmppConfig::LANDLINE)),
        ("+12065550101", "stat:EXPIRED err:036".to_owned()),
    ] {
        assert_eq!(esme.submit_and_wait(to, b"hello").await.0, 0);
        later(&twin);
        let receipt = esme.delivery().await.ascii();
        assert!(receipt.contains(&words), "{receipt}");
    }
    twin.shutdown().await;
}

#[tokio::test]
async fn unacknowledged_deliveries_come_again_on_the_next_session() {
    let (twin, mut esme) = plain().await;
    esme.submit_and_wait(PATIENT, b"hello").await;
    later(&twin);
    let first = esme.delivery_unanswered().await;
    drop(esme);
    let mut back = RawEsme::bound(twin.smpp_address().unwrap()).await;
    let again = back.delivery().await;
    assert_eq!((&first.text, &first.tlvs), (&again.text, &again.tlvs));
    twin.until(|record| record.counts.receipts_acked == 1).await;
    assert_eq!(twin.record().receipts.len(), 1, "a second try is not a second receipt");
    twin.shutdown().await;
}

#[tokio::test]
async fn patients_answer_and_long_or_colourful_answers_are_split() {
    let says = |text: &str| Behaviour::Says(vec![text.to_owned()]);
    let long = "ä".repeat(150) + "👍";
    let patients =
        vec![Persona::mobile(PATIENT, says("C")), Persona::mobile("+12065550101", says(&long))];
    let twin = carrier(SmppConfig::default(), patients).await;
    let mut esme = RawEsme::bound(twin.smpp_address().unwrap()).await;

    twin.faults().sometimes(Channel::Sms, 1.0, Fault::LostReceipt);
    esme.submit_and_wait(PATIENT, REMINDER.as_bytes()).await;
    later(&twin);
    let reply = esme.delivery().await;
    assert_eq!((reply.from.as_str(), reply.to.as_str()), ("12065550100", "12065550199"));
    assert_eq!((reply.ascii().as_str(), reply.esm_class), ("C", 0));

    esme.submit_and_wait("+12065550101", REMINDER.as_bytes()).await;
    later(&twin);
    let mut units = Vec::new();
    for _ in 0..3 {
        let part = esme.delivery().await;
        assert_eq!((part.esm_class, part.data_coding), (0x40, 8));
        units.extend(part.text[6..].chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])));
    }
    assert_eq!(String::from_utf16(&units).unwrap(), long);
    twin.until(|record| record.counts.replies_acked == 2).await;
    assert!(twin.record().replies.iter().all(|reply| reply.acked_at.is_some()));
    twin.shutdown().await;
}

#[tokio::test]
async fn a_text_after_an_acknowledged_stop_is_a_breach() {
    let patient = Persona::mobile(PATIENT, Behaviour::Once(ReplyKind::OptOut));
    let twin = carrier(SmppConfig::default(), vec![patient]).await;
    let mut esme = RawEsme::bound(twin.smpp_address().unwrap()).await;
    twin.faults().sometimes(Channel::Sms, 1.0, Fault::LostReceipt);
    esme.submit_and_wait(PATIENT, REMINDER.as_bytes()).await;
    later(&twin);
    esme.delivery().await;
    twin.until(|record| record.counts.replies_acked == 1).await;
    twin.clock().advance(SignedDuration::from_mins(1));
    esme.submit_and_wait(PATIENT, b"You get no more messages.").await;
    assert_eq!(twin.record().sent_after_stop(Default::default()), []);
    esme.submit_and_wait(PATIENT, REMINDER.as_bytes()).await;
    let breaches = twin.record().sent_after_stop(Default::default());
    assert_eq!(breaches.len(), 1);
    assert_eq!(breaches[0].text, REMINDER);
    twin.shutdown().await;
}

#[tokio::test]
async fn a_patient_can_opt_out_at_the_carrier() {
    let patient = Persona::mobile(PATIENT, Behaviour::OptsOutAtCarrier);
    let twin = carrier(SmppConfig::default(), vec![patient]).await;
    let mut esme = RawEsme::bound(twin.smpp_address().unwrap()).await;
    assert_eq!(esme.submit_and_wait(PATIENT, REMINDER.as_bytes()).await.0, 0);
    later(&twin);
    twin.until(|record| !record.blocks.is_empty()).await;
    esme.delivery().await;
    assert_eq!(esme.submit_and_wait(PATIENT, REMINDER.as_bytes()).await.0, 0x410);
    twin.shutdown().await;
}

#[tokio::test]
async fn tls_clients_must_trust_the_authority() {
    for (shown, trusted) in [(Shown::Good, true), (Shown::SelfSigned, false)] {
        let config = SmppConfig { tls: Some(shown), ..SmppConfig::default() };
        let twin = carrier(config, Vec::new()).await;
        let mut roots = RootCertStore::empty();
        roots.add(twin.authority().der()).unwrap();
        let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let io = TcpStream::connect(twin.smpp_address().unwrap()).await.unwrap();
        let name = ServerName::try_from("smsc.twin.test").unwrap();
        let connected = tokio_rustls::TlsConnector::from(Arc::new(client)).connect(name, io).await;
        assert_eq!(connected.is_ok(), trusted, "{shown:?}");
        if let Ok(io) = connected {
            assert_eq!(RawEsme::over(io).bind("sotto", "secret").await, 0);
        }
        twin.shutdown().await;
    }
}

#[tokio::test]
async fn a_restarting_carrier_drops_everybody_and_takes_them_back() {
    let (twin, mut esme) = plain().await;
    twin.drop_smpp_connections();
    assert!(esme.read().await.is_none());
    let mut back = RawEsme::bound(twin.smpp_address().unwrap()).await;
    assert_eq!(back.submit_and_wait(PATIENT, b"hello").await.0, 0);
    twin.shutdown().await;
}

#[tokio::test]
async fn hostile_bytes_end_one_connection_and_nothing_else() {
    let (twin, mut good) = plain().await;
    for hostile in [&[0xFF_u8; 64][..], &[0; 64], b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"] {
        let mut esme = RawEsme::connect(twin.smpp_address().unwrap()).await;
        esme.write_raw(hostile).await;
        while esme.read().await.is_some() {}
    }
    assert_eq!(good.submit_and_wait(PATIENT, b"hello").await.0, 0);
    twin.shutdown().await;
}

#[tokio::test]
async fn a_benchmark_keeps_counts_only_and_loses_none() {
    const MESSAGES: u32 = 3_000;
    let smpp = SmppConfig { receipt_delay: SignedDuration::ZERO, ..SmppConfig::default() };
    let config = TwinConfig { smpp: Some(smpp), keep: Keep::Counts, ..TwinConfig::default() };
    let twin = still_world(config).await;
    let mut esme = RawEsme::bound(twin.smpp_address().unwrap()).await;
    let (mut sent, mut answers, mut receipts) = (0, 0, 0);
    while answers < MESSAGES || receipts < MESSAGES {
        while sent < MESSAGES && sent - answers < 100 {
            esme.submit(PATIENT, REMINDER.as_bytes()).await;
            sent += 1;
        }
        let pdu = esme.read().await.unwrap();
        if pdu.command == 4 | RESP {
            assert_eq!(pdu.status, 0);
            answers += 1;
        } else {
            receipts += 1;
            esme.write(5 | RESP, 0, pdu.sequence, &[0]).await;
        }
    }
    twin.until(|record| record.counts.receipts_acked == u64::from(MESSAGES)).await;
    let record = twin.record();
    assert_eq!(record.counts.texts, u64::from(MESSAGES));
    assert!(record.texts.is_empty() && record.receipts.is_empty());
    twin.shutdown().await;
}
