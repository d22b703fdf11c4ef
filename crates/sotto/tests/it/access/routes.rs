//! Every URL, for somebody who may and for everybody who may not. A URL that is not in the list of
//! `http/router.rs` cannot be in the router: the only `.route(` is the one that writes the list.

use axum::body::{Body, Bytes};
use axum::http::{Method, Request, header};
use gate::PatientId;
use sotto::access::policies::{self, About, Action, On, Principal, Resource};
use sotto::access::records::Whose;
use sotto::access::roles::{Role, Roles};
use sotto::access::tokens::{self, NewToken, Scope};
use sotto::audit::Actor;
use sotto::http::router;
use sotto::http::routes::{Needs, Route};
use sotto::ids::StaffId;

use super::{Answer, Desk, Jar, request, send};
use crate::on_both_engines;

/// The path with an id in each of its holes: of somebody who is there for a patient, of nothing
/// for the rest.
fn filled(path: &str, patient: Option<PatientId>) -> String {
    let nothing = "01890000-0000-7000-8000-000000000001".to_owned();
    let somebody = patient.map_or(nothing.clone(), |id| id.to_string());
    path.split('/')
        .map(|part| match part {
            "{patient}" => somebody.as_str(),
            hole if hole.starts_with('{') => nothing.as_str(),
            word => word,
        })
        .collect::<Vec<_>>()
        .join("/")
}

/// Whether a role has leave for an action on some thing that it is done to.
fn ever(principal: &Principal, action: Action) -> bool {
    let about = [About::Schedule, About::Clinical, About::Account];
    let things = match action.on() {
        On::Practice => vec![Resource::Practice],
        On::Patient => vec![Resource::Patient(Whose::default())],
        On::Conversation => {
            about.map(|about| Resource::Conversation { whose: Whose::default(), about }).to_vec()
        }
    };
    things.iter().any(|thing| policies::may(principal, action, thing).is_ok())
}

fn refused(answer: &Answer) -> bool {
    let away = answer.to().starts_with("/sign-in") || answer.to().starts_with("/lock");
    matches!(answer.status.as_u16(), 401 | 403) || (answer.status.as_u16() == 303 && away)
}

pub(super) async fn as_program(desk: &Desk, route: &Route, token: Option<&str>) -> Answer {
    let mut ask = Request::builder()
        .method(route.method.clone())
        .uri(filled(route.path, None))
        .header(header::CONTENT_TYPE, "application/json");
    if let Some(token) = token {
        ask = ask.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let ask = ask.body(Body::from("{}")).unwrap();
    send(desk.another_node(), ask, &mut Jar::default()).await
}

pub(super) async fn as_person(desk: &Desk, route: &Route, jar: &Jar) -> Answer {
    let path = filled(route.path, desk.patient);
    let ask = request(route.method.clone(), &path, jar, "");
    // What stays open is not read to its end.
    if route.path.ends_with("/live") {
        use tower::ServiceExt as _;
        let response = desk.another_node().oneshot(ask).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        return Answer { status, headers, text: String::new(), bytes: Bytes::new() };
    }
    send(desk.another_node(), ask, &mut jar.clone()).await
}

pub(super) async fn token(desk: &Desk, scopes: Vec<Scope>) -> String {
    let new = NewToken { name: "a program".into(), scopes, days: 1 };
    desk.clinic
        .write(move |tx, office| {
            tokens::create(tx, office, &new, Actor::operator()).unwrap().1.reveal().to_owned()
        })
        .await
}

#[test]
fn no_url_comes_in_beside_the_list() {
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let count = [".route(", ".nest(", ".route_service(", ".nest_service("]
                    .iter()
                    .map(|call| text.matches(call).count())
                    .sum::<usize>();
                if count > 0 {
                    let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                    found.push((name, count));
                }
            }
        }
    }
    found.sort();
    // `routes.rs` writes the list; three of `router.rs` are for machines that watch, at an address
    // of their own.
    assert_eq!(found, [("router.rs".to_owned(), 3), ("routes.rs".to_owned(), 1)]);
}

#[test]
fn what_asks_nothing_says_why() {
    let open: Vec<&str> = router::list()
        .iter()
        .filter_map(|route| match route.needs {
            Needs::Nothing(why) => {
                assert!(why.len() > 8, "{}", route.path);
                Some(route.path)
            }
            _ => None,
        })
        .collect();
    assert_eq!(
        open,
        [
            "/api/v1/openapi.json",
            "/healthz",
            "/readyz",
            "/static/{name}",
            "/metrics",
            "/sign-in",
            "/sign-in",
            "/sign-in/passkey/ask",
            "/sign-in/passkey",
            "/window/in",
            "/window/in",
            "/window/in/passkey/ask",
            "/window/in/passkey",
            "/window/tablet",
            "/window/tablet",
            "/window/tablet/over",
        ]
    );
}

on_both_engines! {
    async fn a_program_gets_what_its_scope_names_and_nothing_else(db: TestDb) {
        let desk = Desk::open(db).await;
        let all = router::list();
        let wanted = all.iter().filter_map(|route| match route.needs {
            Needs::Token(scope) => Some((route, scope)),
            _ => None,
        });
        let mut count = 0;
        for (route, scope) in wanted {
            let others = Scope::ALL.iter().copied().filter(|other| *other != scope).collect();
            let (right, wrong) = (token(&desk, vec![scope]).await, token(&desk, others).await);
            as_program(&desk, route, None).await.is(401);
            as_program(&desk, route, Some("sotto_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")).await.is(401);
            as_program(&desk, route, Some(&wrong)).await.is(403);
            let answer = as_program(&desk, route, Some(&right)).await;
            assert!(!refused(&answer), "{} {}: {}", route.method, route.path, answer.text);
            count += 1;
        }
        assert!(count > 30, "{count}");
    }

    async fn a_page_opens_to_the_roles_that_may_and_to_nobody_else(db: TestDb) {
        let mut desk = Desk::open(db).await;
        desk.patient = Some(desk.clinic.patient("Ana", "en", "+12125550171").await);
        let mut people = Vec::new();
        for role in Role::ALL.iter().copied().filter(|role| role.is_a_persons()) {
            let (id, _) = desk.invite(&format!("{role}@harborview.example"), &[role]).await;
            people.push((role, id));
        }
        let all = router::list();
        let mut opened = 0;
        for route in &all {
            let (actions, recently) = match route.needs {
                Needs::May(action) => (vec![action], false),
                Needs::MayRecently(action) => (vec![action], true),
                Needs::MayEach(actions) => (actions.to_vec(), false),
                Needs::MayEachRecently(actions) => (actions.to_vec(), true),
                _ => continue,
            };
            let nobody = as_person(&desk, route, &Jar::default()).await;
            assert!(nobody.to().starts_with("/sign-in"), "{} {}", route.method, route.path);
            let a_program = token(&desk, Scope::ALL.to_vec()).await;
            assert!(refused(&as_program(&desk, route, Some(&a_program)).await), "{}", route.path);
            for (role, id) in &people {
                let jar = desk.let_in(*id).await;
                let answer = as_person(&desk, route, &jar).await;
                let principal = Principal::new(*id, Roles::new(vec![*role]).unwrap(), vec![]);
                let may = actions.iter().all(|action| ever(&principal, *action));
                let at = format!("{role}: {} {} {}", route.method, route.path, answer.status);
                assert_eq!(!refused(&answer), may, "{at}");
                opened += usize::from(may);
                if route.method == Method::GET {
                    let hole = route.path.replace("{patient}", "").contains('{');
                    // What to try is there in the demo alone.
                    let there = !hole && route.path != "/guide";
                    let shown = if there { 200 } else { 404 };
                    assert_eq!(answer.status.as_u16(), if may { shown } else { 403 }, "{at}");
                }
            }
            if recently {
                let may = |id: &StaffId, role: Role| {
                    let one = Principal::new(*id, Roles::new(vec![role]).unwrap(), vec![]);
                    actions.iter().all(|action| ever(&one, *action))
                };
                let (_, id) = people.iter().find(|(role, id)| may(id, *role)).unwrap();
                let jar = desk.let_in(*id).await;
                desk.pass(5 * 60);
                assert!(as_person(&desk, route, &jar).await.to().starts_with("/lock"), "{}", route.path);
            }
        }
        assert!(opened > 60, "{opened}");
        desk.clinic.is_proved().await;
    }

    async fn a_session_a_link_or_a_signature_is_asked_for_where_the_list_says_so(db: TestDb) {
        let desk = Desk::open(db).await;
        for route in router::list() {
            let answer = as_person(&desk, &route, &Jar::default()).await;
            let at = format!("{} {} {}", route.method, route.path, answer.status);
            match route.needs {
                Needs::Session => assert_eq!(answer.to(), "/sign-in", "{at}"),
                Needs::Visitor => assert_eq!(answer.to(), "/window/in", "{at}"),
                Needs::Link | Needs::Signature => {
                    assert!(matches!(answer.status.as_u16(), 400 | 401 | 403 | 404 | 410), "{at}");
                }
                Needs::Nothing(_) => assert!(!refused(&answer), "{at}"),
                Needs::Token(_)
                | Needs::May(_)
                | Needs::MayRecently(_)
                | Needs::MayEach(_)
                | Needs::MayEachRecently(_) => {}
            }
        }
    }
}
