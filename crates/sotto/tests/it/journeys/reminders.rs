//! From a booking to the text that is queued, and what changes on the way.

use jiff::{SignedDuration, Timestamp};
use sotto::db::appointment::{AppointmentReply, AppointmentStatus};
use sotto::db::reminder::ReminderState;
use sotto::schedule::{Booking, Change, appointments};

use crate::clinic::{Clinic, booking, staff};
use crate::on_both_engines;

const PHONE: &str = "+12125550150";

/// 2:30 pm in New York, on Wednesday two weeks and two days after the tests begin.
const VISIT: &str = "2027-03-17T18:30:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Moves the clock on, hour by hour, as a service would see it.
async fn live_until(clinic: &Clinic, until: Timestamp) {
    while clinic.office.clock().now() < until {
        clinic.office.clock().advance(SignedDuration::from_hours(1));
        clinic.tick().await;
    }
}

on_both_engines! {
    async fn each_step_goes_once_with_the_time_as_it_is_then(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let patient = clinic.patient("Ana", "en", PHONE).await;
        let visit = clinic.book(patient, "v", at(VISIT)).await;
        live_until(&clinic, at(VISIT)).await;
        let sent = clinic.sent_to(PHONE).await;
        assert_eq!(sent.len(), 3, "{sent:?}");
        for message in &sent {
            assert_eq!(message.kind, "appt_reminder");
            assert!(message.body.contains("visit Wed Mar 17, 2:30 pm."), "{}", message.body);
            assert!(message.body.starts_with("Hi Ana. Harborview Family Health:"));
        }
        let steps = clinic.steps(visit).await;
        let states: Vec<_> = steps.iter().map(|s| (s.step.as_str(), s.state)).collect();
        let sent_on = ReminderState::SentOn;
        assert_eq!(states, [("7d", sent_on), ("2d", sent_on), ("3h", sent_on)]);
        clinic.is_proved().await;
    }

    async fn a_move_withdraws_what_waits_and_plans_anew(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let patient = clinic.patient("Ana", "en", PHONE).await;
        let visit = clinic.book(patient, "v", at(VISIT)).await;
        live_until(&clinic, at("2027-03-10T20:00:00Z")).await;
        let sent = clinic.sent_to(PHONE).await;
        assert_eq!((sent.len(), sent[0].state.as_str()), (1, "queued"));
        let later = at("2027-03-25T14:00:00Z");
        let moved = booking(patient, "v", later);
        let (change, again) = clinic.write(move |tx, office| {
            let first = appointments::upsert(tx, office, &moved, &staff()).unwrap().1;
            (first, appointments::upsert(tx, office, &moved, &staff()).unwrap().1)
        }).await;
        assert_eq!((change, again), (Change::Updated, Change::Unchanged));
        assert_eq!(clinic.sent_to(PHONE).await[0].state, "cancelled");
        let steps = clinic.steps(visit).await;
        for step in &steps {
            let expected = match (step.appointment_version, step.step.as_str()) {
                (1, "7d") => ReminderState::SentOn,
                (1, _) => ReminderState::Cancelled,
                _ => ReminderState::Planned,
            };
            assert_eq!(step.state, expected, "{step:?}");
        }
        assert_eq!(steps.len(), 6);
        live_until(&clinic, later).await;
        let sent = clinic.sent_to(PHONE).await;
        let new: Vec<_> = sent.iter().filter(|m| m.state == "queued").collect();
        assert_eq!(new.len(), 3);
        assert!(new.iter().all(|m| m.body.contains("Thu Mar 25, 10:00 am")), "{new:?}");
        clinic.is_proved().await;
    }

    async fn a_cancelled_appointment_is_not_mentioned_again(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let patient = clinic.patient("Ana", "en", PHONE).await;
        let visit = clinic.book(patient, "v", at(VISIT)).await;
        live_until(&clinic, at("2027-03-10T20:00:00Z")).await;
        clinic.write(move |tx, office| {
            appointments::cancel(tx, office, visit, &staff()).unwrap();
        }).await;
        live_until(&clinic, at(VISIT)).await;
        let sent = clinic.sent_to(PHONE).await;
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].state, "cancelled");
        // Booked again by the schedule, at the same hour: a new version with its own steps.
        assert_eq!(clinic.appointment(visit).await.version, 2);
    }

    async fn confirmed_patients_get_only_the_last_step_and_declined_ones_none(db: TestDb) {
        let clinic = Clinic::open(db).await;
        for phone in ["+12125550151", "+12125550152", "+12125550153"] {
            let patient = clinic.patient("Ana", "en", phone).await;
            clinic.book(patient, phone, at(VISIT)).await;
        }
        live_until(&clinic, at("2027-03-10T20:00:00Z")).await;
        for (phone, text) in [("+12125550151", "C"), ("+12125550152", "X")] {
            clinic.text(phone, text).await;
        }
        live_until(&clinic, at(VISIT)).await;
        for (phone, expected) in [("+12125550151", 2), ("+12125550152", 1), ("+12125550153", 3)] {
            let sent = clinic.sent_to(phone).await;
            let reminders = sent.iter().filter(|m| m.kind == "appt_reminder").count();
            assert_eq!(reminders, expected, "{phone}: {sent:?}");
        }
    }

    async fn who_declines_and_then_confirms_is_reminded_again(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let patient = clinic.patient("Ana", "en", PHONE).await;
        let visit = clinic.book(patient, "v", at(VISIT)).await;
        live_until(&clinic, at("2027-03-10T20:00:00Z")).await;
        for reply in [AppointmentReply::Declined, AppointmentReply::Confirmed] {
            clinic.write(move |tx, office| {
                appointments::reply(tx, office, visit, reply, &staff()).unwrap();
            }).await;
        }
        live_until(&clinic, at(VISIT)).await;
        let states: Vec<_> = clinic.steps(visit).await.into_iter().map(|s| s.state).collect();
        use ReminderState::{SentOn, Skipped};
        assert_eq!(states, [SentOn, Skipped, SentOn]);
    }

    async fn two_nodes_do_not_send_a_step_twice(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let mut phones = Vec::new();
        for n in 0..20 {
            let phone = format!("+121255502{n:02}");
            let patient = clinic.patient("Ana", "en", &phone).await;
            clinic.book(patient, &phone, at(VISIT)).await;
            phones.push(phone);
        }
        clinic.office.clock().advance_to(at("2027-03-10T19:45:00Z"));
        let other = clinic.db.again();
        let (one, two) = tokio::join!(
            sotto::journeys::reminders::tick(&clinic.db, &clinic.office),
            sotto::journeys::reminders::tick(&other, &clinic.office),
        );
        let sent = one.map(|t| t.sent_on).unwrap_or(0) + two.map(|t| t.sent_on).unwrap_or(0);
        let rest = clinic.tick().await.sent_on;
        assert_eq!(sent + rest, 20);
        for phone in &phones {
            assert_eq!(clinic.sent_to(phone).await.len(), 1);
        }
    }

    async fn a_name_that_is_no_name_becomes_a_task(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let patient = clinic.patient("http://example.test", "en", PHONE).await;
        let visit = clinic.book(patient, "v", at(VISIT)).await;
        live_until(&clinic, at("2027-03-10T20:00:00Z")).await;
        assert!(clinic.sent_to(PHONE).await.is_empty());
        assert_eq!(clinic.steps(visit).await[0].state, ReminderState::Refused);
        let tasks = clinic.tasks().await;
        assert_eq!(tasks.len(), 1);
        assert_eq!(tasks[0].kind, sotto::db::task::TaskKind::ReminderNotWritten);
    }

    async fn an_import_of_old_and_near_appointments_sends_no_burst(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let patient = clinic.patient("Ana", "en", PHONE).await;
        for (n, starts) in ["2027-02-20T15:00:00Z", "2027-03-02T15:00:00Z", "2027-03-04T15:00:00Z",
            "2027-03-06T15:00:00Z"].into_iter().enumerate()
        {
            clinic.book(patient, &format!("v{n}"), at(starts)).await;
        }
        let done = Booking {
            status: AppointmentStatus::Fulfilled,
            ..booking(patient, "done", at("2027-03-09T15:00:00Z"))
        };
        clinic.write(move |tx, office| {
            appointments::upsert(tx, office, &done, &staff()).unwrap();
        }).await;
        let ticked = clinic.tick().await;
        assert_eq!(ticked.sent_on + ticked.refused, 0, "{ticked:?}");
    }
}
