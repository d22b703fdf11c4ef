//! A number that several patients share never guesses.

use jiff::SignedDuration;
use sotto::db::task::TaskKind;
use sotto::inbound::{Effect, Received};

use crate::clinic::{Clinic, add_consent, add_number, phone};
use crate::on_both_engines;

const PHONE: &str = "+12125550180";

fn read(received: Received) -> (Effect, Option<gate::PatientId>) {
    match received {
        Received::New { effect, patient, .. } => (effect, patient),
        Received::Repeated { .. } => panic!("it is new"),
    }
}

/// Two children with one number.
async fn siblings(clinic: &Clinic) -> (gate::PatientId, gate::PatientId) {
    let one = clinic.patient("Ana", "en", PHONE).await;
    let two = clinic.patient("Ben", "en", "+12125550181").await;
    clinic
        .write(move |tx, office| {
            add_number(tx, office, two, &phone(PHONE));
            add_consent(tx, office, two, &phone(PHONE));
        })
        .await;
    (one, two)
}

on_both_engines! {
    async fn both_reminded_is_nobody(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let (one, two) = siblings(&clinic).await;
        let friday = "2027-03-05T19:30:00Z".parse().unwrap();
        let first = clinic.book(one, "a", friday).await;
        let second = clinic.book(two, "b", friday).await;
        // The second child's own number goes first for them: take it away.
        clinic.write(move |tx, office| {
            let rows = sotto::db::contact_point::of_patient(tx, office.practice(), two).unwrap();
            for mut row in rows {
                if row.address_index != office.address_index(&phone(PHONE)) {
                    row.valid_until = Some(office.clock().now());
                    sotto::db::contact_point::put(tx, office.practice(), &row).unwrap();
                }
            }
        }).await;
        clinic.office.clock().advance(SignedDuration::from_hours(55));
        assert_eq!(clinic.tick().await.sent_on, 2);
        assert_eq!(read(clinic.text(PHONE, "C").await), (Effect::Unclear, None));
        assert_eq!(read(clinic.text(PHONE, "X").await), (Effect::Unclear, None));
        for visit in [first, second] {
            assert_eq!(clinic.appointment(visit).await.reply, None);
        }
        let tasks = clinic.tasks().await;
        assert!(tasks.iter().all(|t| t.kind == TaskKind::WhichPatient && t.patient_id.is_none()));
        assert_eq!(tasks.len(), 2);
        // STOP needs no guess: it is about the number.
        assert_eq!(read(clinic.text(PHONE, "STOP").await), (Effect::OptedOut, None));
        let sent = clinic.sent_to(PHONE).await;
        assert!(sent.iter().all(|m| m.kind != "appt_reminder" || m.state == "cancelled"), "{sent:?}");
        clinic.is_proved().await;
    }

    async fn the_only_reminder_to_a_number_says_who_is_meant(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let (one, two) = siblings(&clinic).await;
        let visit = clinic.book(one, "a", "2027-03-05T19:30:00Z".parse().unwrap()).await;
        // The other child has an appointment too, and was not reminded at this number.
        clinic.book(two, "b", "2027-04-20T19:30:00Z".parse().unwrap()).await;
        clinic.office.clock().advance(SignedDuration::from_hours(55));
        assert_eq!(clinic.tick().await.sent_on, 1);
        assert_eq!(read(clinic.text(PHONE, "C").await), (Effect::Confirmed, Some(one)));
        assert!(clinic.appointment(visit).await.reply.is_some());
    }

    async fn one_patient_with_two_reminded_appointments_is_asked_about(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let patient = clinic.patient("Ana", "en", PHONE).await;
        clinic.book(patient, "a", "2027-03-05T19:30:00Z".parse().unwrap()).await;
        clinic.office.clock().advance(SignedDuration::from_hours(55));
        clinic.tick().await;
        clinic.book(patient, "b", "2027-03-06T19:30:00Z".parse().unwrap()).await;
        clinic.office.clock().advance(SignedDuration::from_hours(24));
        clinic.tick().await;
        assert_eq!(read(clinic.text(PHONE, "X").await).0, Effect::Unclear);
        let kinds: Vec<_> = clinic.tasks().await.iter().map(|t| t.kind).collect();
        assert_eq!(kinds, [TaskKind::AppointmentQuestion]);
    }

    async fn a_wrong_number_belongs_to_nobody_afterwards(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let (one, two) = siblings(&clinic).await;
        assert_eq!(read(clinic.text(PHONE, "You have the wrong number").await).0, Effect::WrongNumber);
        let tasks = clinic.tasks().await;
        let mut whose: Vec<_> = tasks.iter().filter_map(|t| t.patient_id).collect();
        whose.sort();
        let mut both = vec![one, two];
        both.sort();
        assert_eq!(whose, both);
        let sent = clinic.sent_to(PHONE).await;
        assert!(!sent[0].body.contains("Harborview"), "{}", sent[0].body);
        // Said again, nothing more is sent; START does not undo it.
        assert_eq!(read(clinic.text(PHONE, "wrong number!").await).0, Effect::WrongNumber);
        assert_eq!(read(clinic.text(PHONE, "START").await).0, Effect::Task);
        assert_eq!(clinic.sent_to(PHONE).await.len(), 1);
        let visit = clinic.book(one, "a", "2027-03-02T19:30:00Z".parse().unwrap()).await;
        clinic.office.clock().advance(SignedDuration::from_hours(27));
        clinic.tick().await;
        assert_eq!(clinic.sent_to(PHONE).await.len(), 1);
        assert!(clinic.steps(visit).await.iter().all(|s| s.state != sotto::db::reminder::ReminderState::Planned));
    }
}
