//! A carrier that gives no ids delivers again after a crash between our commit and our answer:
//! to another run of the program, which is what each [`run`] here is.

use gate::AppointmentId;
use jiff::SignedDuration;
use sotto::audit::Kind;
use sotto::audit::event::Entry;
use sotto::db::appointment::AppointmentReply::{Confirmed, Reschedule};
use sotto::{params, sql};

use super::smsc::{kept, run, texted};
use crate::clinic::Clinic;
use crate::on_both_engines;

const PHONE: &str = "+12125550171";

/// How many audit entries say that something came again.
async fn repeated(clinic: &Clinic) -> usize {
    let bodies: Vec<Vec<u8>> = clinic
        .write(|tx, office| {
            let entries = sql!("SELECT body FROM audit_entry WHERE practice_id = $1");
            tx.query(entries, params![office.practice()], |row| row.get(0)).unwrap()
        })
        .await;
    let entries = bodies.iter().map(|body| Entry::from_bytes(body).unwrap());
    entries
        .filter(|entry| entry.kind == Kind::InboundReceived)
        .filter(|entry| entry.codes.iter().any(|code| code == "repeated"))
        .count()
}

/// A patient who was reminded of a visit in two days.
async fn reminded(clinic: &Clinic) -> AppointmentId {
    let patient = clinic.patient("Ana", "en", PHONE).await;
    let visit = clinic.book(patient, "v", "2027-03-05T19:30:00Z".parse().unwrap()).await;
    clinic.office.clock().advance(SignedDuration::from_hours(55));
    assert_eq!(clinic.tick().await.sent_on, 1);
    visit
}

fn effects(kept: &[(String, String)]) -> Vec<&str> {
    kept.iter().map(|(effect, _)| effect.as_str()).collect()
}

on_both_engines! {
    async fn a_reply_delivered_again_to_the_next_run_is_one_reply(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let visit = reminded(&clinic).await;
        let first = texted(PHONE, "C");
        run(&clinic, 1, &first).await;
        assert_eq!(clinic.appointment(visit).await.reply, Some(Confirmed));
        let answers = clinic.sent_to(PHONE).await.len();
        clinic.office.clock().advance(SignedDuration::from_mins(9));
        run(&clinic, 2, &first).await;
        run(&clinic, 3, &first).await;
        assert_eq!(effects(&kept(&clinic).await), ["confirmed"]);
        assert_eq!(clinic.sent_to(PHONE).await.len(), answers);
        assert_eq!(repeated(&clinic).await, 2);
        // A long one, whose parts are delivered again in the other order.
        let mut long = texted(PHONE, &"where do I park? ".repeat(12));
        assert_eq!(long.len(), 2);
        run(&clinic, 4, &long).await;
        long.reverse();
        run(&clinic, 5, &long).await;
        assert_eq!(effects(&kept(&clinic).await), ["confirmed", "task"]);
        clinic.is_proved().await;
    }

    async fn what_a_patient_says_again_is_heard_again(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let visit = reminded(&clinic).await;
        let say = |text: &str| texted(PHONE, text);
        // Within one run a carrier that was answered does not deliver again: it was said twice.
        run(&clinic, 1, &[say("C"), say("C")].concat()).await;
        assert_eq!(kept(&clinic).await.len(), 2);
        // The last word counts, however soon and after whatever restart.
        run(&clinic, 2, &say("R")).await;
        assert_eq!(clinic.appointment(visit).await.reply, Some(Reschedule));
        run(&clinic, 3, &say("C")).await;
        assert_eq!(clinic.appointment(visit).await.reply, Some(Confirmed));
        for (number, text) in (4..).zip(["STOP", "START", "STOP"]) {
            run(&clinic, number, &say(text)).await;
        }
        let heard = kept(&clinic).await;
        assert_eq!(effects(&heard)[4..], ["opted_out", "opted_in", "opted_out"]);
        // The same on another day, or from another phone, is another.
        clinic.office.clock().advance(SignedDuration::from_mins(11));
        run(&clinic, 7, &say("STOP")).await;
        run(&clinic, 8, &texted("+12125550172", "STOP")).await;
        let heard = kept(&clinic).await;
        assert_eq!(effects(&heard)[7..], ["still_opted_out", "opted_out"]);
        assert_eq!(repeated(&clinic).await, 0);
    }

    async fn several_texts_of_a_burst_delivered_again_are_each_known(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let visit = reminded(&clinic).await;
        let say = |text: &str| texted(PHONE, text);
        let (bus, late) = (say("I take the bus"), say("it may be late"));
        run(&clinic, 1, &[bus.clone(), late.clone()].concat()).await;
        assert_eq!(kept(&clinic).await.len(), 2);
        // Killed again after the first came again; and again when a third had come.
        run(&clinic, 2, &bus).await;
        run(&clinic, 3, &[bus.clone(), late.clone(), say("see you")].concat()).await;
        run(&clinic, 4, &[bus.clone(), late.clone(), say("see you")].concat()).await;
        assert_eq!(kept(&clinic).await.len(), 3);
        assert_eq!(repeated(&clinic).await, 6);
        // What sets something is heard again, in its order, and ends where it ended.
        let words = [say("C"), say("R")].concat();
        run(&clinic, 5, &words).await;
        run(&clinic, 6, &words).await;
        assert_eq!(clinic.appointment(visit).await.reply, Some(Reschedule));
        // A remark that follows another by minutes is made again.
        clinic.office.clock().advance(SignedDuration::from_mins(2));
        run(&clinic, 7, &say("thanks")).await;
        let before = kept(&clinic).await.len();
        run(&clinic, 8, &bus).await;
        assert_eq!(kept(&clinic).await.len(), before + 1);
        clinic.is_proved().await;
    }

    async fn a_number_of_the_phone_s_own_tells_two_alike_apart(db: TestDb) {
        let clinic = Clinic::open(db).await;
        clinic.patient("Ana", "en", PHONE).await;
        let mut message = texted(PHONE, "banana");
        message[0].optional.user_message_reference = Some(1);
        run(&clinic, 1, &message).await;
        run(&clinic, 2, &message).await;
        assert_eq!(kept(&clinic).await.len(), 1);
        message[0].optional.user_message_reference = Some(2);
        run(&clinic, 3, &message).await;
        assert_eq!(kept(&clinic).await.len(), 2);
    }
}
