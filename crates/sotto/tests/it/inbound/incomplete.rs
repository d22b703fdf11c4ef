//! A long text of which a part never comes: what must not wait is done, nothing else is taken for
//! an answer, and a person is told that something is missing.

use jiff::SignedDuration;
use sotto::db::task::TaskKind::{self, ClinicalQuestion, Emergency, IncompleteText};
use sotto::{params, sql};

use super::smsc::{kept, run, texted};
use crate::clinic::Clinic;
use crate::on_both_engines;

/// Longer than one short message, whatever it begins with.
const REST: &str = " and there is some more to tell you about the parking lot and the door on the \
                    north side, which was locked the last time we came by, so we had to go all the \
                    way around the building to the front.";

/// How it begins; the effect, what it is read as, the tasks, the kinds of our answers.
type Case =
    (&'static str, &'static str, &'static str, &'static [TaskKind], &'static [&'static str]);

on_both_engines! {
    async fn of_a_part_only_what_cannot_wait_is_done(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let table: [Case; 6] = [
            ("Yes I will be there", "incomplete", "other", &[IncompleteText], &[]),
            ("I can't come,", "incomplete", "other", &[IncompleteText], &[]),
            ("START", "incomplete", "other", &[IncompleteText], &[]),
            ("Please stop texting me,", "opted_out", "opt_out", &[IncompleteText], &["stop_confirm"]),
            (
                "I have chest pain",
                "emergency",
                "emergency",
                &[Emergency, IncompleteText],
                &["emergency_autoreply"],
            ),
            (
                "Should I take my blood pressure pill?",
                "clinical_question",
                "question_clinical",
                &[ClinicalQuestion, IncompleteText],
                &["clinical_question_autoreply"],
            ),
        ];
        for (number, (begins, effect, intents, tasks, answers)) in (0..).zip(table) {
            let phone = format!("+1212555{:04}", 180 + number);
            let patient = clinic.patient("Ana", "en", &phone).await;
            let starts = "2027-03-05T19:30:00Z".parse().unwrap();
            let visit = clinic.book(patient, &format!("v{number}"), starts).await;
            // Two days before it: the reminder that an answer would be about.
            clinic.office.clock().advance(SignedDuration::from_hours(if number == 0 { 55 } else { 0 }));
            assert_eq!(clinic.tick().await.sent_on, 1, "{begins}");
            let before = clinic.tasks().await.len();
            let parts = texted(&phone, &format!("{begins}{REST}"));
            assert_eq!(parts.len(), 2);
            run(&clinic, number + 1, &parts[..1]).await;

            let (did, understood) = kept(&clinic).await.pop().unwrap();
            assert_eq!((did.as_str(), understood.as_str()), (effect, intents), "{begins}");
            assert_eq!(clinic.appointment(visit).await.reply, None, "{begins}");
            let mut open: Vec<_> = clinic.tasks().await.iter().map(|task| task.kind).collect();
            open.sort_by_key(|kind| format!("{kind:?}"));
            assert_eq!(open.len(), before + tasks.len(), "{begins}");
            assert!(tasks.iter().all(|kind| open.contains(kind)), "{begins}: {open:?}");
            let sent = clinic.sent_to(&phone).await.into_iter().map(|sent| sent.kind);
            let sent: Vec<_> = sent.filter(|kind| !kind.starts_with("appt_reminder")).collect();
            assert_eq!(sent, answers, "{begins}");
            // Whole, the same words are an answer.
            if number < 2 {
                run(&clinic, 100 + number, &texted(&phone, begins)).await;
                assert!(clinic.appointment(visit).await.reply.is_some(), "{begins}");
            }
        }
        clinic.is_proved().await;
    }

    async fn what_is_kept_says_that_a_part_is_missing(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let phone = "+12125550190";
        clinic.patient("Ana", "en", phone).await;
        run(&clinic, 1, &texted(phone, &format!("Yes,{REST}"))[..1]).await;
        run(&clinic, 2, &texted(phone, "Yes")).await;
        let kept = clinic
            .write(|tx, office| {
                tx.query(
                    sql!(
                        "SELECT id, content_sealed, record_wrap FROM inbound_message
                          WHERE practice_id = $1 ORDER BY received_at, id"
                    ),
                    params![office.practice()],
                    |row| {
                        let (practice, id): (_, String) =
                            (office.practice().to_string(), row.get(0)?);
                        let place = seal::Place {
                            practice: &practice,
                            table: "inbound_message",
                            row: &id,
                            column: "content",
                        };
                        let sealed = seal::Sealed::from_bytes(row.get(1)?);
                        let wrap = seal::Sealed::from_bytes(row.get(2)?);
                        let plain = office.keys().open_message(&place, &sealed, &wrap).unwrap();
                        let content: serde_json::Value = serde_json::from_slice(&plain).unwrap();
                        Ok(content["incomplete"].as_bool().unwrap())
                    },
                )
                .unwrap()
            })
            .await;
        assert_eq!(kept, [true, false]);
    }
}
