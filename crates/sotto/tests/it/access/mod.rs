//! People coming in, through the real router, on both engines.

mod answers;
mod break_glass;
mod part2;
mod pins;
mod routes;
mod sessions;
mod sign_in;
mod staff;

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use gate::PatientId;
use sotto::access::roles::{Role, Roles};
use sotto::access::sessions::Browser;
use sotto::access::staff::{self as people, NewStaff};
use sotto::access::{sign_in as door, totp};
use sotto::attachments::scan::Scanner;
use sotto::audit::Actor;
use sotto::db::Tx;
use sotto::db::site::{self as sites, SiteRow};
use sotto::http::router::router;
use sotto::http::{Doors, Pages};
use sotto::ids::{Id as _, SiteId, StaffId};
use sotto::office::Office;
use sotto::sealed::PublicKey;
use tower::ServiceExt as _;

use crate::clinic::Clinic;
use crate::engines::TestDb;

pub(crate) const ORIGIN: &str = "https://sotto.harborview.example";
pub(crate) const PASSWORD: &str = "otter lamp mesa violin";

/// A practice with its pages open.
pub(crate) struct Desk {
    pub(crate) clinic: Clinic,
    /// Somebody whose page can be opened.
    pub(crate) patient: Option<PatientId>,
    router: Router,
}

/// A browser: it keeps its cookies.
#[derive(Debug, Default, Clone)]
pub(crate) struct Jar(BTreeMap<String, String>);

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    /// As they came: `text` shows other letters where they are none.
    pub(crate) bytes: axum::body::Bytes,
}

impl Answer {
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{:?}\n{}", self.headers, self.text);
        self
    }

    /// Sent on to a path.
    #[track_caller]
    pub(crate) fn goes_to(self, path: &str) -> Self {
        let answer = self.is(303);
        assert_eq!(answer.to(), path);
        answer
    }

    pub(crate) fn to(&self) -> &str {
        self.headers.get(header::LOCATION).map_or("", |to| to.to_str().unwrap())
    }
}

/// Somebody with a password and a generator app.
pub(crate) struct Person {
    pub(crate) id: StaffId,
    pub(crate) email: String,
    secret: totp::Shared,
    pub(crate) codes: Vec<String>,
}

impl Desk {
    pub(crate) async fn open(db: TestDb) -> Self {
        Self::of(Clinic::open(db).await)
    }

    /// With the pages of a practice that there is.
    pub(crate) fn of(clinic: Clinic) -> Self {
        let router = node(&clinic);
        Self { clinic, patient: None, router }
    }

    /// Another node before the same database.
    pub(crate) fn another_node(&self) -> Router {
        node(&self.clinic)
    }

    pub(crate) async fn invite(&self, email: &str, roles: &[Role]) -> (StaffId, String) {
        let roles = Roles::new(roles.to_vec()).unwrap();
        let new =
            NewStaff { name: "Rosa Delgado".into(), email: email.into(), roles, sites: vec![] };
        let (id, secret) = self
            .clinic
            .write(move |tx, office| people::invite(tx, office, &new, Actor::operator()).unwrap())
            .await;
        (id, secret.reveal().to_owned())
    }

    /// What the generator app was given.
    pub(crate) async fn shared(&self, link: &str) -> totp::Shared {
        let digest = sotto::access::tokens::digest_of(link);
        self.clinic
            .write(move |tx, office| people::invited(tx, office, &digest).unwrap().unwrap().totp)
            .await
    }

    /// Invites somebody, who sets up a password and an app; their browser is the jar.
    pub(crate) async fn hire(&self, email: &str, roles: &[Role], jar: &mut Jar) -> Person {
        let (id, link) = self.invite(email, roles).await;
        let secret = self.shared(&link).await;
        let code = self.code(&secret);
        let form = [("password", PASSWORD), ("code", &code)];
        let answer = self.post(&format!("/invite/{link}"), &form, jar).await.is(200);
        let codes: Vec<String> = answer
            .text
            .split("<li><code>")
            .skip(1)
            .map(|rest| rest.split('<').next().unwrap().to_owned())
            .collect();
        assert_eq!(codes.len(), 10);
        self.next_code();
        Person { id, email: email.to_owned(), secret, codes }
    }

    /// A session by no proof at all, as only the demo gives it: for what is not about sign-in.
    pub(crate) async fn let_in(&self, id: StaffId) -> Jar {
        let (db, office) = (&self.clinic.db, &self.clinic.office);
        let begun = door::by_demo_link(db, office, id, Browser::default()).await.unwrap();
        let mut jar = Jar::default();
        jar.0.insert("__Host-sotto".to_owned(), begun.token.reveal().to_owned());
        jar
    }

    pub(crate) fn code(&self, secret: &totp::Shared) -> String {
        let now = self.clinic.db.clock.now().as_second();
        let totp = totp_rs::Builder::new().with_secret(**secret).build_noncompliant();
        totp.generate(u64::try_from(now).unwrap()).to_string()
    }

    pub(crate) fn code_of(&self, person: &Person) -> String {
        self.code(&person.secret)
    }

    /// A code is good once: the app shows another half a minute later.
    pub(crate) fn next_code(&self) {
        self.pass(30);
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.clinic.db.clock.advance(jiff::SignedDuration::from_secs(seconds));
    }

    pub(crate) async fn sign_in(&self, person: &Person, jar: &mut Jar) -> Answer {
        let code = self.code_of(person);
        let form = [("email", person.email.as_str()), ("password", PASSWORD), ("code", &code)];
        let answer = self.post("/sign-in", &form, jar).await;
        self.next_code();
        answer
    }

    pub(crate) async fn get(&self, path: &str, jar: &mut Jar) -> Answer {
        send(self.router.clone(), request(Method::GET, path, jar, ""), jar).await
    }

    /// Before this scanner from now on.
    pub(crate) fn behind(&mut self, scanner: Scanner) {
        self.router = scanned_node(&self.clinic, scanner);
    }

    /// With this recovery key from now on: the sealed mode is on.
    pub(crate) fn with_recovery(&mut self, key: PublicKey) {
        let origin = Some(ORIGIN.parse().unwrap());
        let pages = Pages { origin, recovery: Some(key), ..Pages::default() };
        let clinic = &self.clinic;
        self.router =
            router(Doors::with_pages(clinic.db.db.clone(), clinic.office.clone(), None, pages));
    }

    /// What a page's script hands in: no form.
    pub(crate) async fn hand_in(&self, path: &str, body: &str, jar: &mut Jar) -> Answer {
        send(self.router.clone(), request(Method::POST, path, jar, body), jar).await
    }

    /// A form with files: under which field, their names and bytes.
    pub(crate) async fn upload(
        &self,
        path: &str,
        form: &[(&str, &str)],
        files: &[(&str, &str, &[u8])],
        jar: &mut Jar,
    ) -> Answer {
        let mut body = Vec::new();
        let begin = "--line\r\nContent-Disposition: form-data; name=";
        for (name, value) in form {
            body.extend(format!("{begin}\"{name}\"\r\n\r\n{value}\r\n").bytes());
        }
        for (name, file, bytes) in files {
            let head = format!("{begin}\"{name}\"; filename=\"{file}\"\r\n\r\n");
            body.extend(head.bytes().chain(bytes.iter().copied()).chain(*b"\r\n"));
        }
        body.extend(b"--line--\r\n");
        let mut ask = request(Method::POST, path, jar, "");
        let kind = "multipart/form-data; boundary=line".parse().unwrap();
        ask.headers_mut().insert(header::CONTENT_TYPE, kind);
        *ask.body_mut() = Body::from(body);
        send(self.router.clone(), ask, jar).await
    }

    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)], jar: &mut Jar) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        send(self.router.clone(), request(Method::POST, path, jar, &body), jar).await
    }
}

/// A site of this name.
pub(crate) async fn site(desk: &Desk, name: &'static str) -> SiteId {
    let put = move |tx: &mut Tx<'_>, office: &Office| {
        let id = SiteId::new(office.clock());
        let row = SiteRow {
            id,
            external_id: Some(name.to_owned()),
            name: name.to_owned(),
            street: None,
            city: None,
            region: None,
            postal_code: None,
            phone: None,
            timezone: None,
            updated_at: office.clock().now(),
        };
        sites::put(tx, office.practice(), &row).unwrap();
        id
    };
    desk.clinic.write(put).await
}

fn node(clinic: &Clinic) -> Router {
    scanned_node(clinic, Scanner::None)
}

fn scanned_node(clinic: &Clinic, scanner: Scanner) -> Router {
    let origin = Some(ORIGIN.parse().unwrap());
    let pages = Pages { origin, scanner, ..Pages::default() };
    router(Doors::with_pages(clinic.db.db.clone(), clinic.office.clone(), None, pages))
}

pub(crate) fn request(method: Method, path: &str, jar: &Jar, body: &str) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in &jar.0 {
        request = request.header(header::COOKIE, format!("{name}={value}"));
    }
    request
        .header(header::HOST, "sotto.harborview.example")
        .header(header::ORIGIN, ORIGIN)
        .header("sec-fetch-site", "same-origin")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(body.to_owned()))
        .unwrap()
}

pub(crate) async fn send(router: Router, request: Request<Body>, jar: &mut Jar) -> Answer {
    let response = router.oneshot(request).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    for set in headers.get_all(header::SET_COOKIE) {
        let (name, rest) = set.to_str().unwrap().split_once('=').unwrap();
        let (value, rules) = rest.split_once(';').unwrap();
        for rule in ["Path=/", "HttpOnly", "SameSite=Lax", "Secure"] {
            assert!(rules.contains(rule), "{rules}");
        }
        assert!(name.starts_with("__Host-") && !rules.contains("Domain"), "{name}{rules}");
        if rules.contains("Max-Age=0") {
            jar.0.remove(name);
        } else {
            jar.0.insert(name.to_owned(), value.to_owned());
        }
    }
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 25).await.unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Answer { status, headers, text, bytes }
}
