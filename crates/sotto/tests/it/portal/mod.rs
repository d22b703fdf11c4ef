//! The patient's side, through the real router, on both engines.

mod choices;
pub(crate) mod copies;
pub(crate) mod files;
mod forms;
mod guessing;
mod injected;
mod inside;
mod let_in;
mod merged;
mod phones;
pub(crate) mod restored;
mod sealed;
mod tablet;
mod theirs;
mod way_in;

use gate::{Channel, Kind, MessageId, Origin, PatientId, Purpose};
use sotto::audit::Actor;
use sotto::db::message::{self, Change, State};
use sotto::db::outbox;
use sotto::facts;
use sotto::ids::Id as _;
use sotto::intake::{self, Answer as Decision, Request, Wanted, Words};
use sotto::{params, sql};

use crate::access::{Answer, Desk, Jar};
use crate::clinic::Sent;

pub(crate) const PHONE: &str = "+12125550171";
pub(crate) const OTHER: &str = "+12125550172";
const WORDS: &str = "Your culture grew Quillfeather bacteria. Take the tablets for seven days.";

/// A message of the practice's in the portal, arrived.
pub(crate) async fn letter(desk: &Desk, patient: PatientId, body: &'static str) -> MessageId {
    desk.clinic
        .write(move |tx, office| {
            let request = Request {
                message: MessageId::new(office.clock()),
                patient: facts::subject(tx, office, patient).unwrap(),
                channel: Wanted::Channel(Channel::Portal),
                to: None,
                kind: Kind::FreeText,
                purpose: Purpose::Treatment,
                origin: Origin::Staff,
                words: Words::Typed { subject: None, body: body.to_owned() },
                language: None,
                appointment: None,
                inbound: None,
                useless_after: None,
                actor: Actor::staff("s-1", "nurse"),
            };
            let id = request.message;
            let decided = intake::accept(tx, office, request).unwrap();
            assert!(matches!(decided, Decision::Accepted { .. }), "{decided:?}");
            arrive(tx, office, id);
            id
        })
        .await
}

pub(crate) fn arrive(tx: &mut sotto::db::Tx<'_>, office: &sotto::office::Office, id: MessageId) {
    let (practice, now) = (office.practice(), office.clock().now());
    for (from, to) in [(State::Queued, State::Sending), (State::Sending, State::Delivered)] {
        assert!(
            message::change_state(tx, practice, &Change { id, from, to, refusals: &[] }, now)
                .unwrap()
        );
    }
    outbox::delete(tx, practice, id).unwrap();
}

/// What went to a number, of one kind, the newest last.
async fn of_kind(desk: &Desk, number: &str, kind: &str) -> Vec<Sent> {
    let mut sent = desk.clinic.sent_to(number).await;
    sent.retain(|one| one.kind == kind);
    sent
}

/// The token in the newest notice.
async fn token(desk: &Desk, number: &str) -> String {
    let notices = of_kind(desk, number, "secure_message_notice").await;
    token_in(&notices.last().expect("a notice").body)
}

fn token_in(notice: &str) -> String {
    let rest = notice.split("/w/").nth(1).expect(notice);
    rest.chars().take_while(char::is_ascii_alphanumeric).collect()
}

/// The newest code.
async fn code(desk: &Desk, number: &str) -> String {
    let codes = of_kind(desk, number, "id_code").await;
    let body = codes.last().expect("a code").body.clone();
    let found = body.split(|c: char| !c.is_ascii_digit()).find(|run| run.len() == 6);
    found.expect(&body).to_owned()
}

const BORN: [(&str, &str); 3] = [("month", "5"), ("day", "17"), ("year", "1980")];

/// Gives the date of birth.
async fn born(desk: &Desk, token: &str, jar: &mut Jar) -> Answer {
    desk.post(&format!("/w/{token}"), &BORN, jar).await
}

/// Comes in by a link.
pub(crate) async fn come_in(desk: &Desk, number: &str) -> Jar {
    let mut jar = Jar::default();
    let token = token(desk, number).await;
    born(desk, &token, &mut jar).await.goes_to(&format!("/w/{token}/code"));
    let code = code(desk, number).await;
    let answer = desk.post(&format!("/w/{token}/code"), &[("code", &code)], &mut jar).await;
    answer.goes_to("/window");
    jar
}

async fn count(desk: &Desk, table: &'static str) -> i64 {
    desk.clinic
        .write(move |tx, office| {
            let query = match table {
                "audit_entry" => sql!("SELECT COUNT(*) FROM audit_entry WHERE practice_id = $1"),
                "inbound_message" => {
                    sql!("SELECT COUNT(*) FROM inbound_message WHERE practice_id = $1")
                }
                _ => sql!("SELECT COUNT(*) FROM message WHERE practice_id = $1"),
            };
            tx.query_one(query, params![office.practice()], |row| row.get(0)).unwrap()
        })
        .await
}
