//! Every URL of the window that names something, for somebody whose it is not. The list is the router's:
//! a new one fails here until it is said what it names and what a form to it holds.

use std::collections::BTreeMap;

use axum::http::Method;
use gate::{Origin, PatientId};
use jiff::SignedDuration;
use sotto::audit::Entry;
use sotto::http::router;
use sotto::http::routes::{Needs, Route};
use sotto::portal::letters;
use sotto::{facts, params, sql};

use super::choices::{add_friend, number};
use super::files::{document, path_in, send};
use super::forms::{definition, keep};
use super::guessing::Ears;
use super::inside::acts_for;
use super::phones::{listed, remember};
use super::sealed::{Pair, text};
use super::tablet::{hand_over, open};
use super::{OTHER, WORDS, come_in, letter};
use crate::access::{Answer, Desk, Jar};
use crate::attachments::{PAPER, links};
use crate::clinic::staff;
use crate::on_both_engines;

const OF_BEN: &str = "+12125550173";
const OF_ANA: &str = "+12125550174";
const NEVER: &str = "01890000-0000-7000-8000-000000000001";

/// What Ana has, by the hole of the path that names it.
type Hers = BTreeMap<&'static str, String>;

/// What is sent to a URL.
enum Sent {
    Nothing,
    Form(Vec<(&'static str, String)>),
    Text(String),
}

/// The path with Ana's things in its holes, or with what never was.
fn filled(route: &Route, hers: Option<&Hers>) -> String {
    let parts = route.path.split('/').map(|part| {
        let Some(hole) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) else {
            return part.to_owned();
        };
        let hole = match hole {
            "file" if route.path.contains("/wrote/") => "file of wrote",
            other => other,
        };
        match (hole, hers) {
            ("channel", _) => "sms".to_owned(),
            (_, None) => NEVER.to_owned(),
            (_, Some(hers)) => hers
                .get(hole)
                .unwrap_or_else(|| panic!("{}: give Ana such a {hole} here", route.path))
                .clone(),
        }
    });
    parts.collect::<Vec<_>>().join("/")
}

/// A form that does something where it is one's own.
fn form(route: &Route, pair: &Pair) -> Sent {
    if route.method == Method::GET {
        return Sent::Nothing;
    }
    let form = |fields: &[(&'static str, &str)]| {
        Sent::Form(fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect())
    };
    match route.path {
        "/window/visits/{visit}" => form(&[("answer", "another_time")]),
        "/window/visits/{visit}/forms/{form}" => form(&[("version", "1"), ("1", "A cough")]),
        "/window/choices/places/{contact}/{channel}" => form(&[
            ("act", "agree"),
            ("detail", "yes"),
            ("read", "yes"),
            ("about-medication", "yes"),
            ("signed", "Ana Example"),
        ]),
        "/window/choices/people/{person}" => form(&[("hears-clinical", "yes")]),
        "/window/sealed/{thread}" => Sent::Text(text(&pair.by_ana("Thank you"))),
        "/window/sealed/{thread}/key" => form(&[("public_key", &pair.ana_key.to_text())]),
        "/window/phones/{phone}/forget" => form(&[]),
        path => panic!("{path}: say here what a form to it holds"),
    }
}

async fn ask(desk: &Desk, route: &Route, path: &str, sent: &Sent, jar: &mut Jar) -> Answer {
    match sent {
        Sent::Nothing => desk.get(path, jar).await,
        Sent::Form(fields) => {
            let fields: Vec<(&str, &str)> =
                fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            desk.post(path, &fields, jar).await
        }
        Sent::Text(text) => {
            assert_eq!(route.method, Method::POST);
            desk.hand_in(path, text, jar).await
        }
    }
}

/// What the log has about somebody.
async fn about(desk: &Desk, patient: PatientId) -> usize {
    let all: Vec<Vec<u8>> = desk
        .clinic
        .write(|tx, office| {
            let query = sql!("SELECT body FROM audit_entry WHERE practice_id = $1");
            tx.query(query, params![office.practice()], |row| row.get(0)).unwrap()
        })
        .await;
    let entries = all.iter().map(|body| Entry::from_bytes(body).unwrap());
    entries.filter(|entry| entry.patients.contains(&patient)).count()
}

/// Somebody who acts for a patient, in.
async fn carer(desk: &Desk, whose: (PatientId, &'static str), scope: &'static str) -> Jar {
    let (_, to) = acts_for(desk, whose, scope, true).await;
    desk.clinic
        .write(move |tx, office| {
            let subject = facts::subject(tx, office, whose.0).unwrap().unwrap();
            let told = letters::tell(tx, office, subject, (to, Origin::Staff, staff())).unwrap();
            assert!(told.is_some());
        })
        .await;
    come_in(desk, whose.1).await
}

/// One of everything, for Ana.
async fn everything(pair: &mut Pair) -> Hers {
    let (desk, ana, jar) = (&pair.desk, pair.ana, &mut pair.ana_jar);
    let at = desk.clinic.office.clock().now() + SignedDuration::from_hours(48);
    let visit = desk.clinic.book(ana, "a-1", at).await;
    keep(desk, "new", &definition()).await.goes_to("/settings/forms");
    let home = desk.get("/window", jar).await.is(200).text;
    let form = path_in(&home, &format!("/window/visits/{visit}/forms/"));
    let letter = document(desk, ana, &mut pair.nurse_jar).await;
    let page = desk.get(&format!("/window/letters/{letter}"), jar).await.is(200).text;
    let file = (*links(&page).first().expect(&page)).to_owned();
    let files: [(&str, &str, &[u8]); 1] = [("files", "plan.pdf", PAPER)];
    send(desk, &files, jar).await.is(200);
    let home = desk.get("/window", jar).await.is(200).text;
    let wrote = path_in(&home, "/window/wrote/");
    let page = desk.get(&wrote, jar).await.is(200).text;
    let of_wrote = (*links(&page).first().expect(&page)).to_owned();
    let person = add_friend(desk, ana).await;
    let contact = number(desk, ana).await;
    let place = format!("/window/choices/places/{contact}/sms");
    let sign = [
        ("act", "agree"),
        ("detail", "yes"),
        ("read", "yes"),
        ("about-medication", "yes"),
        ("signed", "Ana Example"),
    ];
    let receipt = desk.post(&place, &sign, jar).await.is(303).to().to_owned();
    remember(desk, jar).await;
    let phone = listed(desk, jar).await.remove(0);
    let last = |path: &str| path[path.len() - 36..].to_owned();
    BTreeMap::from([
        ("visit", visit.to_string()),
        ("form", last(&form)),
        ("letter", letter.to_string()),
        ("file", last(&file)),
        ("message", last(&wrote)),
        ("file of wrote", last(&of_wrote)),
        ("person", person.to_string()),
        ("contact", contact.to_string()),
        ("consent", last(&receipt)),
        ("thread", pair.thread.to_string()),
        ("phone", phone),
    ])
}

on_both_engines! {
    async fn what_is_anothers_is_as_if_it_never_was(db: TestDb) {
        let (db, ears) = Ears::on(db);
        let mut pair = Pair::open(db).await;
        let hers = everything(&mut pair).await;
        let (desk, ana) = (&pair.desk, pair.ana);
        let ben = desk.clinic.patient("Ben", "en", OTHER).await;
        letter(desk, ben, WORDS).await;
        let his = come_in(desk, OTHER).await;
        let his_mother = carer(desk, (ben, OF_BEN), "clinical").await;
        let her_friend = carer(desk, (ana, OF_ANA), "appointments").await;
        let mut tablet = Jar::default();
        let code = hand_over(desk, ben, &mut pair.nurse_jar.clone()).await;
        open(desk, &code, &mut tablet).await.goes_to("/window");

        let named: Vec<Route> = router::list()
            .into_iter()
            .filter(|route| route.needs == Needs::Visitor && route.path.contains('{'))
            .collect();
        assert!(named.len() >= 15, "{}", named.len());
        let before = about(desk, ana).await;
        for route in &named {
            let (path, never) = (filled(route, Some(&hers)), filled(route, None));
            let sent = form(route, &pair);
            let stranger = ask(desk, route, &path, &sent, &mut Jar::default()).await;
            assert_eq!(stranger.is(303).to(), "/window/in", "{path}");
            for (who, jar) in [
                ("another patient", &his),
                ("another's carer", &his_mother),
                ("a friend of hers who may know of visits", &her_friend),
                ("a tablet in another's hands", &tablet),
            ] {
                let of_visits = route.path.starts_with("/window/visits/{visit}")
                    && !route.path.contains("{form}");
                if who.contains("of visits") && of_visits {
                    continue;
                }
                let mut jar = jar.clone();
                let at = format!("{who}: {} {}", route.method, route.path);
                let nothing = ears.during(ask(desk, route, &never, &sent, &mut jar)).await;
                let theirs = ears.during(ask(desk, route, &path, &sent, &mut jar)).await;
                assert_eq!(theirs.0.status.as_u16(), 404, "{at}: {}", theirs.0.text);
                assert_eq!(nothing.0.text, theirs.0.text, "{at}");
                assert_eq!(nothing.1, theirs.1, "{at}: looked for in the same way");
            }
        }
        assert_eq!(about(desk, ana).await, before, "nothing was shown or changed");
        // It was all there, for her and for whom she let know of visits.
        let visit = format!("/window/visits/{}", hers["visit"]);
        desk.get(&visit, &mut her_friend.clone()).await.is(200);
        let mut jar = pair.ana_jar.clone();
        for route in &named {
            let sent = form(route, &pair);
            let answer = ask(desk, route, &filled(route, Some(&hers)), &sent, &mut jar).await;
            let good = answer.status.is_success() || answer.status.as_u16() == 303;
            assert!(good, "{} {}: {}", route.method, route.path, answer.text);
        }
        desk.clinic.is_proved().await;
    }
}
