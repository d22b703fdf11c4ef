//! What a text does, from the number of one patient who was reminded of one appointment.

use jiff::SignedDuration;
use sotto::db::appointment::AppointmentReply::{self, Confirmed, Declined, Reschedule};
use sotto::db::task::TaskKind;
use sotto::inbound::Effect;
use sotto::inbound::Received;

use crate::clinic::{Clinic, staff};
use crate::on_both_engines;

struct Expected {
    text: &'static str,
    effect: Effect,
    reply: Option<AppointmentReply>,
    tasks: &'static [TaskKind],
    answer: Option<(&'static str, &'static str)>,
}

const fn case(
    text: &'static str,
    effect: Effect,
    reply: Option<AppointmentReply>,
    tasks: &'static [TaskKind],
    answer: Option<(&'static str, &'static str)>,
) -> Expected {
    Expected { text, effect, reply, tasks, answer }
}

const CONFIRMED: Option<(&str, &str)> = Some(("appt_reply_ack", "is confirmed"));
const DECLINED: Option<(&str, &str)> = Some(("appt_reply_ack", "cannot come"));
const RESCHEDULE: Option<(&str, &str)> = Some(("appt_reply_ack", "another time"));
const OFF: Option<(&str, &str)> = Some(("stop_confirm", "texts are off"));
const DANGER: Option<(&str, &str)> = Some(("emergency_autoreply", "call 911 now"));

/// It is Wednesday morning, the office is open, and the appointment is on Friday.
const CASES: &[Expected] = &[
    case("C", Effect::Confirmed, Some(Confirmed), &[], CONFIRMED),
    case("c.", Effect::Confirmed, Some(Confirmed), &[], CONFIRMED),
    case("yes I'll be there", Effect::Confirmed, Some(Confirmed), &[], CONFIRMED),
    case("X", Effect::Declined, Some(Declined), &[TaskKind::Declined], DECLINED),
    case(
        "sitter cancelled, no way today",
        Effect::Declined,
        Some(Declined),
        &[TaskKind::Declined],
        DECLINED,
    ),
    case("R", Effect::Reschedule, Some(Reschedule), &[TaskKind::Reschedule], RESCHEDULE),
    case(
        "running late, is 3 ok",
        Effect::Reschedule,
        Some(Reschedule),
        &[TaskKind::Reschedule],
        RESCHEDULE,
    ),
    case("STOP", Effect::OptedOut, None, &[], OFF),
    case("please stop texting me", Effect::OptedOut, None, &[], OFF),
    case(
        "cancel",
        Effect::OptedOut,
        None,
        &[TaskKind::AppointmentQuestion],
        Some(("stop_confirm", "Your visit is NOT changed")),
    ),
    case("chest pain", Effect::Emergency, None, &[TaskKind::Emergency], DANGER),
    // The word alone is no clear stop beside a danger (CLIN-04); a plain request is.
    case("STOP I can't breathe", Effect::Emergency, None, &[TaskKind::Emergency], DANGER),
    case(
        "stop texting me, I have chest pain",
        Effect::Emergency,
        None,
        &[TaskKind::Emergency],
        DANGER,
    ),
    case(
        "wrong number",
        Effect::WrongNumber,
        None,
        &[TaskKind::WrongNumber],
        Some(("wrong_number_apology", "wrong number")),
    ),
    case(
        "should I take my blood pressure pill before the visit?",
        Effect::ClinicalQuestion,
        None,
        &[TaskKind::ClinicalQuestion],
        Some(("clinical_question_autoreply", "cannot answer health questions")),
    ),
    case("HELP", Effect::Helped, None, &[], Some(("help", "For help call"))),
    case("who is this", Effect::Helped, None, &[], Some(("help", "For help call"))),
    case("where do I park?", Effect::Task, None, &[TaskKind::Answer], None),
    case("banana", Effect::Task, None, &[TaskKind::Answer], None),
    case("thanks", Effect::Kept, None, &[], None),
    case("(Auto-reply) I'm in a meeting", Effect::Automatic, None, &[], None),
    case("START", Effect::OptedIn, None, &[], Some(("start_confirm", "texts are on again"))),
];

on_both_engines! {
    async fn each_reply_does_what_it_says(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let friday = "2027-03-05T19:30:00Z".parse().unwrap();
        let mut people = Vec::new();
        for (number, _) in CASES.iter().enumerate() {
            let phone = format!("+1212555{:04}", 100 + number);
            let patient = clinic.patient("Ana", "en", &phone).await;
            let visit = clinic.book(patient, &format!("visit-{number}"), friday).await;
            people.push((phone, patient, visit));
        }
        // Two days before: each gets the second reminder of the plan.
        clinic.office.clock().advance(SignedDuration::from_hours(55));
        let ticked = clinic.tick().await;
        assert_eq!((ticked.sent_on, ticked.refused), (CASES.len(), 0));
        for (case, (phone, patient, visit)) in CASES.iter().zip(&people) {
            let before = clinic.tasks().await;
            let received = clinic.text(phone, case.text).await;
            let Received::New { effect, patient: from, .. } = received else {
                panic!("{}: {received:?}", case.text)
            };
            assert_eq!(effect, case.effect, "{}", case.text);
            assert_eq!(from, Some(*patient), "{}", case.text);
            let row = clinic.appointment(*visit).await;
            assert_eq!(row.reply, case.reply, "{}", case.text);
            let tasks: Vec<_> = clinic
                .tasks()
                .await
                .into_iter()
                .filter(|task| before.iter().all(|old| old.id != task.id))
                .collect();
            let kinds: Vec<_> = tasks.iter().map(|task| task.kind).collect();
            assert_eq!(kinds, case.tasks, "{}", case.text);
            assert!(tasks.iter().all(|t| t.patient_id == Some(*patient)), "{}", case.text);
            let sent = clinic.sent_to(phone).await;
            let answers: Vec<_> = sent.iter().filter(|m| m.kind != "appt_reminder").collect();
            match (case.answer, answers.as_slice()) {
                (None, []) => {}
                (Some((kind, words)), [answer]) => {
                    assert_eq!(answer.kind, kind, "{}", case.text);
                    assert_eq!(answer.state, "queued", "{}: {}", case.text, answer.refusals);
                    assert!(answer.body.contains(words), "{}: {}", case.text, answer.body);
                }
                (expected, got) => panic!("{}: {expected:?}, {got:?}", case.text),
            }
            // A number that is off hears nothing more of what waited.
            let off = matches!(case.effect, Effect::OptedOut | Effect::WrongNumber)
                || case.text.starts_with("stop texting");
            let waits = sent.iter().any(|m| m.kind == "appt_reminder" && m.state == "queued");
            let declined = case.effect == Effect::Declined;
            assert_eq!(waits, !off && !declined, "{}", case.text);
        }
        clinic.is_proved().await;
    }

    async fn a_stop_is_confirmed_once_and_start_undoes_it(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let phone = "+12125550190";
        let patient = clinic.patient("Ana", "en", phone).await;
        let effect = |received| match received {
            Received::New { effect, .. } => effect,
            Received::Repeated { .. } => panic!("it is new"),
        };
        assert_eq!(effect(clinic.text(phone, "stop").await), Effect::OptedOut);
        assert_eq!(effect(clinic.text(phone, "STOP!!").await), Effect::StillOptedOut);
        assert_eq!(effect(clinic.text(phone, "unsubscribe").await), Effect::StillOptedOut);
        let kinds = |sent: Vec<crate::clinic::Sent>| {
            sent.into_iter().map(|m| (m.kind, m.state)).collect::<Vec<_>>()
        };
        // The confirmation waited when the next STOP came, which withdrew it with the rest.
        let sent = kinds(clinic.sent_to(phone).await);
        assert_eq!(sent.iter().filter(|(kind, _)| kind == "stop_confirm").count(), 1);
        let visit = clinic.book(patient, "v", "2027-03-01T20:00:00Z".parse().unwrap()).await;
        clinic.office.clock().advance(SignedDuration::from_hours(4));
        assert_eq!(clinic.tick().await.refused, 1);
        let steps = clinic.steps(visit).await;
        assert!(steps.iter().any(|s| s.refusals.as_deref() == Some("E_OPTED_OUT")), "{steps:?}");
        assert_eq!(effect(clinic.text(phone, "start").await), Effect::OptedIn);
        clinic.book(patient, "w", "2027-03-02T20:00:00Z".parse().unwrap()).await;
        clinic.office.clock().advance(SignedDuration::from_hours(23));
        assert_eq!(clinic.tick().await.sent_on, 1);
    }

    async fn the_same_arrival_twice_is_one(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let phone = "+12125550191";
        clinic.patient("Ana", "en", phone).await;
        let arrival = clinic.arrival(phone, "where do I park?");
        let first = clinic.arrive(arrival.clone()).await;
        let again = clinic.arrive(arrival).await;
        let Received::New { inbound, .. } = first else { panic!("{first:?}") };
        assert_eq!(again, Received::Repeated { inbound });
        assert_eq!(clinic.tasks().await.len(), 1);
    }

    async fn spanish_is_answered_in_spanish(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let phone = "+12125550192";
        clinic.patient("Luz", "es", phone).await;
        clinic.text(phone, "ALTO").await;
        let sent = clinic.sent_to(phone).await;
        assert!(sent[0].body.contains("ya no le mandaremos textos"), "{}", sent[0].body);
        // A number nobody knows: the language of the text.
        clinic.text("+12125550193", "¿quién es?").await;
        clinic.text("+12125550194", "who is this?").await;
        assert!(clinic.sent_to("+12125550193").await[0].body.contains("Para ayuda"));
        assert!(clinic.sent_to("+12125550194").await[0].body.contains("For help"));
    }

    async fn a_machine_is_not_answered_for_ever(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let phone = "+12125550195";
        clinic.patient("Ana", "en", phone).await;
        for _ in 0..20 {
            clinic.text(phone, "help").await;
        }
        assert_eq!(clinic.sent_to(phone).await.len(), 6);
        // Danger is heard all the same, and answered once an episode.
        clinic.text(phone, "chest pain").await;
        clinic.text(phone, "chest pain, worse").await;
        let sent = clinic.sent_to(phone).await;
        assert_eq!(sent.iter().filter(|m| m.kind == "emergency_autoreply").count(), 1);
        let tasks = clinic.tasks().await;
        assert_eq!(tasks.iter().filter(|t| t.urgent).count(), 2);
    }

    async fn at_night_the_sender_is_told_that_nobody_reads(db: TestDb) {
        let clinic = Clinic::open(db).await;
        let phone = "+12125550196";
        clinic.patient("Ana", "en", phone).await;
        clinic.office.clock().advance(SignedDuration::from_hours(14));
        clinic.text(phone, "where do I park?").await;
        clinic.text(phone, "anyone?").await;
        let sent = clinic.sent_to(phone).await;
        assert_eq!(sent.len(), 1, "{sent:?}");
        assert_eq!((sent[0].kind.as_str(), sent[0].state.as_str()), ("after_hours_autoreply", "queued"));
        assert!(sent[0].body.contains("Mon-Fri 8:00 am-5:00 pm"), "{}", sent[0].body);
        assert_eq!(clinic.tasks().await.len(), 2);
    }

    async fn an_emergency_is_closed_by_a_person_only(db: TestDb) {
        use sotto::audit::Actor;
        use sotto::conversations::tasks::{self, TaskError, TaskOutcome};
        let clinic = Clinic::open(db).await;
        let phone = "+12125550197";
        clinic.patient("Ana", "en", phone).await;
        clinic.text(phone, "I want to kill myself").await;
        let task = clinic.tasks().await.remove(0);
        assert!(task.urgent);
        assert_eq!(task.due_at, clinic.office.clock().now() + SignedDuration::from_mins(5));
        let closed = clinic.write(move |tx, office| {
            let bot = tasks::complete(
                tx, office, task.id, TaskOutcome::Spoke, &Actor::service("inbound"),
            );
            assert!(matches!(bot, Err(TaskError::OnlyAPerson(_))), "{bot:?}");
            tasks::complete(tx, office, task.id, TaskOutcome::Spoke, &staff())
        }).await;
        closed.unwrap();
        assert!(clinic.tasks().await.is_empty());
    }
}
