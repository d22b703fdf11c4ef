//! What every answer tells a browser, whoever asks for whatever; and what may stand in a URL.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, header};
use sotto::access::roles::Role;
use sotto::access::tokens::Scope;
use sotto::audit::Kind;
use sotto::http::router;
use sotto::http::routes::{Needs, Route};
use sotto::http::{Doors, Pages};

use super::routes::{as_person, as_program, token};
use super::{Desk, Jar, ORIGIN, request, send};
use crate::on_both_engines;
use crate::people::pages::entries;

fn of<'a>(headers: &'a HeaderMap, name: &str, at: &str) -> &'a str {
    headers.get(name).unwrap_or_else(|| panic!("{at}: no {name}")).to_str().unwrap()
}

/// ASVS 3.4.1, 3.4.3 to 3.4.6, 14.2.3, 14.3.2.
fn closed(headers: &HeaderMap, at: &str, static_file: bool) {
    let policy = of(headers, "content-security-policy", at);
    for rule in ["default-src", "object-src", "base-uri", "frame-ancestors"] {
        assert!(policy.contains(&format!("{rule} 'none'")), "{at}: {policy}");
    }
    for word in ["unsafe", "*", "http:", "https:", "data:", "blob:"] {
        assert!(!policy.contains(word), "{at}: {policy}");
    }
    for (directive, source) in policy.split("; ").filter_map(|rule| rule.split_once(' ')) {
        assert!(matches!(source, "'none'" | "'self'"), "{at}: {directive} {source}");
    }
    let transport = of(headers, "strict-transport-security", at);
    let (age, rest) = transport.split_once("; ").unwrap();
    let seconds: u64 = age.strip_prefix("max-age=").unwrap().parse().unwrap();
    assert!(seconds >= 365 * 24 * 3600 && rest == "includeSubDomains", "{at}: {transport}");
    assert_eq!(of(headers, "x-content-type-options", at), "nosniff", "{at}");
    assert_eq!(of(headers, "referrer-policy", at), "no-referrer", "{at}");
    let kept = if static_file { "no-cache" } else { "no-store" };
    assert_eq!(of(headers, "cache-control", at), kept, "{at}");
    assert_eq!(headers.get_all(header::CACHE_CONTROL).iter().count(), 1, "{at}");
    assert!(!headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN), "{at}");
}

fn named(route: &Route, who: &str, status: u16) -> String {
    format!("{who}: {} {} {status}", route.method, route.path)
}

on_both_engines! {
    async fn every_answer_is_closed_to_others_and_kept_by_no_cache(db: TestDb) {
        let mut desk = Desk::open(db).await;
        desk.patient = Some(desk.clinic.patient("Ana", "en", "+12125550171").await);
        let program = token(&desk, Scope::ALL.to_vec()).await;
        let roles: Vec<Role> = Role::ALL.iter().copied().filter(|role| role.is_a_persons()).collect();
        let (rosa, _) = desk.invite("rosa@harborview.example", &roles).await;
        let mut shown = 0;
        for route in router::list() {
            // One of them signs out.
            let jar = desk.let_in(rosa).await;
            // A file that is there, and otherwise an id of nothing.
            let file = route.path == "/static/{name}";
            let nobody = as_person(&desk, &route, &Jar::default()).await;
            closed(&nobody.headers, &named(&route, "nobody", nobody.status.as_u16()), false);
            let somebody = as_person(&desk, &route, &jar).await;
            closed(&somebody.headers, &named(&route, "somebody", somebody.status.as_u16()), false);
            shown += usize::from(somebody.status.as_u16() == 200);
            if let Needs::Token(_) = route.needs {
                let told = as_program(&desk, &route, Some(&program)).await;
                closed(&told.headers, &named(&route, "a program", told.status.as_u16()), false);
                shown += usize::from(told.status.as_u16() == 200);
            }
            if file {
                let ask = request(Method::GET, "/static/desk.css", &jar, "");
                let told = send(desk.another_node(), ask, &mut jar.clone()).await.is(200);
                closed(&told.headers, "a file", true);
            }
        }
        assert!(shown > 30, "{shown}");
        let mut jar = Jar::default();
        let nowhere = request(Method::GET, "/nowhere", &jar, "");
        let nowhere = send(desk.another_node(), nowhere, &mut jar).await.is(404);
        closed(&nowhere.headers, "nowhere", false);
    }

    async fn over_plain_http_nothing_is_said_of_https(db: TestDb) {
        let desk = Desk::open(db).await;
        let (db, office) = (desk.clinic.db.db.clone(), desk.clinic.office.clone());
        for (origin, said) in [(ORIGIN, true), ("http://localhost:8080", false)] {
            let pages = Pages { origin: Some(origin.parse().unwrap()), ..Pages::default() };
            let doors = Doors::with_pages(db.clone(), office.clone(), None, pages);
            let ask = Request::builder().uri("/readyz").body(Body::empty()).unwrap();
            let told = send(router::router(doors), ask, &mut Jar::default()).await;
            let found = told.headers.contains_key(header::STRICT_TRANSPORT_SECURITY);
            assert_eq!(found, said, "{origin}");
        }
    }

    async fn no_url_takes_the_number_that_a_patient_is_known_by(db: TestDb) {
        let desk = Desk::open(db).await;
        let program = token(&desk, Scope::ALL.to_vec()).await;
        let ask = |method: Method, path: &str, body: &str| {
            Request::builder()
                .method(method)
                .uri(path)
                .header(header::AUTHORIZATION, format!("Bearer {program}"))
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(body.to_owned()))
                .unwrap()
        };
        let asked = [
            (ask(Method::GET, "/api/v1/patients?system=urn:x&value=77", ""), 404),
            (ask(Method::GET, "/api/v1/patients/find?system=urn:x&value=77", ""), 405),
            (ask(Method::POST, "/api/v1/patients/find?system=urn:x&value=77", "{}"), 422),
            (ask(Method::POST, "/api/v1/patients/find", r#"{"system":"urn:x","value":"77"}"#), 404),
        ];
        for (ask, status) in asked {
            send(desk.another_node(), ask, &mut Jar::default()).await.is(status);
        }
        // Looking is recorded also where nobody was found.
        assert_eq!(entries(&desk, Kind::PatientsSearched).await.len(), 1);
    }
}

/// The parameters that queries may have: ids of ours, words of closed lists, days and places in a
/// list. A new one is looked at before it stands here: URLs are in histories and in proxies' logs.
const PARAMETERS: [&str; 25] = [
    "after",   // a place in a list: an instant and an id of ours
    "bare",    // a part of the page alone
    "before",  // a place in a list
    "channel", // a word
    "closed",  // an id of ours
    "cursor",  // a place in a list
    "day",     // of the schedule
    "done",    // a word: what was just done
    "from",    // a day
    "lang",    // `en` or `es`
    "limit",   // how many rows
    "not_done", "patient", // an id of ours
    "place",   // an id of ours
    "show",    // a word
    "since",   // an instant
    "sort",    // a word
    "state",   // a word
    "task",    // an id of ours
    "team",    // a word
    "thread",  // an id of ours
    "to",      // a path of ours
    "until",   // a day
    "view",    // a word
    "who",     // an id of ours
];

/// The holes of paths: ids of ours, the name of a file or a template, an appointment's number in the
/// system that books it, and links' tokens, which alone open nothing or are good once.
const HOLES: [&str; 23] = [
    "alternative",
    "answers",
    "caregiver",
    "channel",
    "consent",
    "contact",
    "device",
    "external_id",
    "file",
    "form",
    "hold",
    "id",
    "letter",
    "message",
    "name",
    "patient",
    "person",
    "phone",
    "restriction",
    "thread",
    "token",
    "vendor",
    "visit",
];

/// The fields of a struct in a source, as a query names them.
fn fields(source: &str, name: &str) -> Option<Vec<String>> {
    let (_, rest) = source.split_once(&format!("struct {name} {{\n"))?;
    let (body, _) = rest.split_once("\n}")?;
    let lines = body.lines().map(str::trim).filter(|line| !line.starts_with("//"));
    let named = lines.filter_map(|line| line.strip_suffix(',')?.split_once(": "));
    let bare = named.map(|(name, _)| name.rsplit(' ').next().unwrap());
    Some(bare.map(|name| name.trim_start_matches('_').to_owned()).collect())
}

#[test]
fn no_query_and_no_path_takes_what_tells_of_a_person() {
    let mut folders =
        vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src/http"))];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs")
                && !path.ends_with("params.rs")
            {
                sources.push(std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut found = BTreeSet::new();
    let mut queries = 0;
    for source in &sources {
        let asked: BTreeSet<&str> =
            source.split("Query<").skip(1).filter_map(|rest| rest.split('>').next()).collect();
        for name in asked {
            // Of its own file, or of another one: then of each that has one of that name.
            let here: Vec<String> = fields(source, name).into_iter().flatten().collect();
            let named = if here.is_empty() {
                sources.iter().filter_map(|source| fields(source, name)).flatten().collect()
            } else {
                here
            };
            assert!(!named.is_empty(), "no struct {name}");
            found.extend(named);
            queries += 1;
        }
    }
    assert!(queries > 12, "{queries}");
    let known: BTreeSet<String> = PARAMETERS.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(found, known);
    let holes: BTreeSet<&str> = router::list()
        .iter()
        .flat_map(|route| route.path.split('/'))
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .collect();
    assert_eq!(holes, BTreeSet::from(HOLES));
}
