//! A packet convinces a stranger, and nothing but the true one does.

use gate::MessageId;
use ledger::{LogKey, VerifierKey};
use seal::{Buckets, Month, Place};
use sotto::audit::packet::{CheckError, announce, check, make};
use sotto::audit::{Actor, AuditError, Event, Kind, Log, append};
use sotto::db::registry::{
    ATTEMPT, ATTEMPT_PART, CONSENT_EVENT, MESSAGE, POLICY_VERSION, PRACTICE, RECEIPT,
    TEMPLATE_VERSION, Table,
};
use sotto::db::{Tx, Value};

use super::{Desk, Dice, insert, literal};
use crate::on_both_engines;

const SAID: &str = r#"{"address_kind":"phone","address":"+12025550101","subject":null,"body":"See you Tuesday.\nReply C to confirm.","fields":[]}"#;

fn text(text: &str) -> Value<'static> {
    Value::Text(text.to_owned().into())
}

fn blob(bytes: &[u8]) -> Value<'static> {
    Value::Blob(bytes.to_vec().into())
}

/// A cleared, sent and delivered message, with all that a packet tells of.
fn story(tx: &mut Tx<'_>, desk: &Desk) -> Result<MessageId, AuditError> {
    let log: Log<'_> = desk.into();
    let mut dice = Dice::new(3);
    let month = Month::new(2027, 3).unwrap();
    let message = MessageId(log.clock.new_id());
    let consent = log.clock.new_id().to_string();
    let (practice, row) = (log.practice.to_string(), message.to_string());
    let place = Place { practice: &practice, table: "message", row: &row, column: "content" };
    let buckets = Buckets { retention: month.plus(72).unwrap(), expiry: None };
    let sealed = log.keys.seal_message(buckets, &place, SAID.as_bytes()).unwrap();
    let basis = format!(
        r#"{{"cleared_at":1804000000000000,"not_before":null,"policy":"2027-01","level":1,"categories":[],"rules":["name"],"cells":[],"consents":["{consent}"]}}"#
    );
    let rows: [(Table, Vec<(&str, Value<'static>)>); 7] = [
        (PRACTICE, vec![("display_name", text("Lakeside Practice"))]),
        (POLICY_VERSION, vec![("version", text("2027-01"))]),
        (TEMPLATE_VERSION, vec![("name", text("appt.sms.en")), ("version", Value::Int(4))]),
        (CONSENT_EVENT, vec![("id", text(&consent)), ("consent_id", text(&consent))]),
        (
            MESSAGE,
            vec![
                ("id", text(&row)),
                ("state", text("delivered")),
                ("template_name", text("appt.sms.en")),
                ("template_version", Value::Int(4)),
                ("content_sealed", blob(sealed.body.as_bytes())),
                ("record_wrap", blob(sealed.record_wrap.as_bytes())),
                ("basis", text(&basis)),
                ("refusals", Value::Null),
            ],
        ),
        (ATTEMPT, vec![("id", text("a-1")), ("message_id", text(&row))]),
        (ATTEMPT_PART, vec![("attempt_id", text("a-1")), ("part", Value::Int(1))]),
    ];
    for (table, given) in rows {
        let key = insert(tx, desk, table.spec().unwrap(), &mut dice, &given)?;
        tx.touch(table, key);
        append(tx, desk, Event::new(Kind::PracticeChanged, Actor::operator()))?;
    }
    let given = [("attempt_id", text("a-1")), ("status", text("delivered"))];
    let key = insert(tx, desk, RECEIPT.spec().unwrap(), &mut dice, &given)?;
    tx.touch(RECEIPT, key);
    append(
        tx,
        desk,
        Event::new(Kind::ReceiptStored, Actor::carrier("sms_smpp")).about(MESSAGE, row),
    )?;
    Ok(message)
}

async fn packet(db: &sotto::db::Db, desk: &Desk) -> String {
    let own = desk.clone();
    let message = db.write(move |tx| story(tx, &own)).await.unwrap();
    desk.chatter(db, 300).await;
    let own = desk.clone();
    db.write(move |tx| announce(tx, &own, message, Actor::operator())).await.unwrap();
    desk.sequence(db).await;
    let own = desk.clone();
    db.read(move |tx| make(tx, &own, message)).await.unwrap()
}

fn key_in(packet: &str) -> VerifierKey {
    check(packet.as_bytes(), None).unwrap().key.parse().unwrap()
}

on_both_engines! {
    async fn a_stranger_reads_and_checks_it_with_nothing_else(db: TestDb) {
        let desk = Desk::new(&db);
        let packet = packet(&db, &desk).await;
        for said in [
            "Practice: Lakeside Practice",
            "By ",
            "to +12025550101",
            "| See you Tuesday.",
            "| Reply C to confirm.",
            "under policy 2027-01",
            "From template appt.sms.en version 4",
            "attempt ",
            "the carrier reports: delivered",
            "receipt.stored done by carrier:sms_smpp",
            "audit.exported done by operator:command line",
        ] {
            assert!(packet.contains(said), "{said}\n{packet}");
        }
        let key = key_in(&packet);
        let checked = check(packet.as_bytes(), Some(&key)).unwrap();
        assert!(checked.pinned && checked.rows == 8 && checked.entries >= 9, "{checked:?}");
        assert!(checked.size > 300);
    }

    async fn a_record_that_was_tampered_with_makes_no_packet(db: TestDb) {
        let desk = Desk::new(&db);
        let own = desk.clone();
        let message = db.write(move |tx| story(tx, &own)).await.unwrap();
        desk.sequence(&db).await;
        for table in ["receipt", "consent_event", "attempt_part", "template_version", "message"] {
            let own = desk.clone();
            let made = db.write(move |tx| {
                let column = match table {
                    "receipt" => "received_at",
                    "consent_event" => "captured_at",
                    "attempt_part" => "state_at",
                    "template_version" => "loaded_at",
                    _ => "send_at",
                };
                let sql = format!("UPDATE {table} SET {column} = {column} + 1");
                tx.execute(literal(sql), &[])?;
                let made = make(tx, &own, message);
                // Undone with the transaction.
                assert!(made.is_err(), "{table}");
                made.map(drop)
            });
            let error = made.await.unwrap_err().to_string();
            assert!(error.starts_with(table), "{table}: {error}");
        }
    }

    async fn another_s_packet_of_the_same_words_is_another_s(db: TestDb) {
        let (desk, other) = (Desk::new(&db), Desk::new(&db));
        let (mine, theirs) = (packet(&db, &desk).await, packet(&db, &other).await);
        let refused = check(theirs.as_bytes(), Some(&key_in(&mine)));
        assert!(matches!(refused, Err(CheckError::OtherKey { .. })));
    }
}

#[test]
fn no_changed_packet_is_sound_not_even_signed_again() {
    crate::engines::run(crate::engines::Engine::Sqlite, |db| async move {
        let desk = Desk::new(&db);
        let packet = packet(&db, &desk).await;
        let mut dice = Dice::new(11);
        for _ in 0..400 {
            let mut bytes = packet.clone().into_bytes();
            let at = dice.below(bytes.len() as u64) as usize;
            bytes[at] ^= 1 << dice.below(7);
            assert!(check(&bytes, None).is_err(), "byte {at}");
        }
        for cut in [0, 1, packet.len() / 2, packet.len() - 1] {
            assert!(check(&packet.as_bytes()[..cut], None).is_err());
        }
        // Who has the log's own key still cannot tell another story: the parts hold each other.
        let log: Log<'_> = (&desk).into();
        let signer =
            LogKey::from_seed(&format!("sotto/{}", log.practice), &log.keys.log_key()).unwrap();
        let text = signer.verifier().open_note(packet.as_bytes()).unwrap();
        for (from, to) in [
            ("See you Tuesday.", "See you Monday."),
            ("delivered\",\"state_at", "failed\",\"state_at"),
            ("\"leaf\":1,", "\"leaf\":0,"),
            ("\"kind\\\":\\\"receipt.stored", "\"kind\\\":\\\"task.changed"),
            ("\"made_at\":", "\"made_at\":1"),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text, "{from}");
            let again = signer.sign_note(&changed).unwrap();
            assert!(check(again.as_bytes(), None).is_err(), "{from}");
        }
    });
}
