//! `/sign-in`: by passkey, or by password and code. Without scripts but for the passkey itself.

use askama::Template;
use axum::Json;
use axum::extract::{ConnectInfo, FromRequestParts, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::net::{IpAddr, SocketAddr};

use super::page::{self, Filled, Frame, html, message, own_path, see_other, words_of};
use super::signed_in::Session;
use super::{cookies, signed_in};
use crate::access::AccessError;
use crate::access::passkeys::{Answer, Question};
use crate::access::passwords::Password;
use crate::access::sessions::{self, Begun, Standing};
use crate::access::sign_in::{self, Typed};
use crate::http::Doors;
use crate::http::params::Path;

#[derive(Template)]
#[template(path = "console/sign_in.html")]
struct Page<'a> {
    practice: String,
    to: &'a str,
    error: Option<String>,
    email: &'a str,
    shared: bool,
    passkeys: bool,
    demo: Vec<(String, &'static str)>,
}

fn show(
    doors: &Doors,
    (status, error): (StatusCode, Option<String>),
    (to, email, shared): (&str, &str, bool),
) -> Response {
    let demo = doors.pages().demo_links.iter();
    let page = Page {
        practice: doors.office().profile().display_name.clone(),
        to,
        error,
        email,
        shared,
        passkeys: doors.passkeys().is_some(),
        demo: demo.map(|(secret, _, words)| (format!("/demo/{secret}"), *words)).collect(),
    };
    html(status, &page)
}

/// Where to go afterwards.
#[derive(Debug, Deserialize)]
pub struct To {
    to: Option<String>,
}

/// The address a request came from, where the server knows it.
pub struct From(Option<IpAddr>);

impl FromRequestParts<Doors> for From {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &Doors,
    ) -> Result<Self, std::convert::Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        // A proxy on this machine stands for everybody.
        Ok(Self(peer.map(|ConnectInfo(peer)| peer.ip()).filter(|ip| !ip.is_loopback())))
    }
}

/// `GET /sign-in`.
pub async fn page(
    State(doors): State<Doors>,
    query: Query<To>,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let mut request = axum::http::Request::new(());
    *request.headers_mut() = headers;
    let (parts, ()) = request.into_parts();
    let to = own_path(query.to.as_deref()).unwrap_or_default();
    match signed_in::standing(&parts, &doors).await? {
        // In the demo one person is many: the links stay in reach.
        Standing::Good(who) if to.is_empty() && doors.pages().demo_links.is_empty() => {
            Ok(see_other(Frame::of(&doors, &who).home()))
        }
        Standing::Wiped => Err(signed_in::wiped()),
        _ => Ok(show(&doors, (StatusCode::OK, None), (to, "", false))),
    }
}

/// What the form holds.
#[derive(Deserialize)]
pub struct Form {
    email: String,
    password: String,
    code: String,
    shared: Option<String>,
    to: Option<String>,
}

/// `POST /sign-in`: the same answer whatever did not match.
pub async fn by_password(
    State(doors): State<Doors>,
    From(from): From,
    headers: HeaderMap,
    Filled(form): Filled<Form>,
) -> Response {
    let to = own_path(form.to.as_deref());
    let shared = form.shared.is_some();
    let typed = Typed {
        email: form.email.clone(),
        password: Password::typed(&form.password),
        code: form.code,
        browser: page::browser(&doors, &headers, shared),
        from,
    };
    match sign_in::by_password(doors.db(), doors.office(), typed).await {
        Ok(begun) => welcome(&doors, &begun, to).await,
        Err(error) => {
            let (status, words) = words_of(&error);
            show(&doors, (status, Some(words)), (to.unwrap_or_default(), &form.email, shared))
        }
    }
}

/// In: with cookies, to where they wanted to go or to the first page that is theirs.
async fn welcome(doors: &Doors, begun: &Begun, to: Option<&str>) -> Response {
    let (office, digest) = (doors.office().clone(), begun.token.digest());
    let standing: Result<Standing, AccessError> =
        doors.db().read(move |tx| sessions::standing(tx, &office, (Some(&digest), None))).await;
    let home = match &standing {
        Ok(Standing::Good(who)) => Frame::of(doors, who).home(),
        _ => "/me",
    };
    let mut response = see_other(to.unwrap_or(home));
    cookies::begun(doors, response.headers_mut(), begun);
    response
}

/// `POST /sign-in/passkey/ask`: what the browser is to do.
pub async fn ask_passkey(State(doors): State<Doors>) -> Result<Json<Question>, Response> {
    let office = doors.office().clone();
    let passkeys = doors.passkeys().ok_or_else(no_passkeys)?;
    let asked: Result<Question, AccessError> =
        doors.db().write(move |tx| passkeys.ask_to_use(tx, &office)).await;
    asked.map(Json).map_err(|error| page::error_page(&error))
}

pub(super) fn no_passkeys() -> Response {
    message(
        StatusCode::NOT_FOUND,
        (
            "There are no passkeys at this address",
            "They belong to a name, over HTTPS. The one who runs this server can set \
             http.public_base.",
        ),
        ("/sign-in", "Sign in another way"),
    )
}

/// What the script put into the form.
#[derive(Deserialize)]
pub struct PasskeyForm {
    ceremony: String,
    credential: String,
    shared: Option<String>,
    to: Option<String>,
}

impl PasskeyForm {
    pub(super) fn answer(&self) -> Answer {
        Answer {
            ceremony: self.ceremony.clone(),
            credential: serde_json::from_str(&self.credential).unwrap_or_default(),
        }
    }

    pub(super) fn to(&self) -> Option<&str> {
        own_path(self.to.as_deref())
    }
}

/// `POST /sign-in/passkey`.
pub async fn by_passkey(
    State(doors): State<Doors>,
    headers: HeaderMap,
    Filled(form): Filled<PasskeyForm>,
) -> Result<Response, Response> {
    let passkeys = doors.passkeys().ok_or_else(no_passkeys)?;
    let shared = form.shared.is_some();
    let (office, answer) = (doors.office().clone(), form.answer());
    let browser = page::browser(&doors, &headers, shared);
    let begun: Result<Option<Begun>, AccessError> =
        doors.db().write(move |tx| passkeys.sign_in(tx, &office, (&answer, &browser))).await;
    match begun.transpose().unwrap_or(Err(AccessError::Wrong)) {
        Ok(begun) => Ok(welcome(&doors, &begun, form.to()).await),
        Err(error) => {
            let (status, words) = match error {
                AccessError::Wrong => (
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "That passkey isn't one of ours. Try another, or ask for a new invitation."
                        .to_owned(),
                ),
                error => words_of(&error),
            };
            Ok(show(&doors, (status, Some(words)), (form.to().unwrap_or_default(), "", shared)))
        }
    }
}

/// `GET /demo/{token}`: in as the demo's front desk, nurse, … The demo alone has such links.
pub async fn by_demo_link(
    State(doors): State<Doors>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    let link = doors.pages().demo_links.iter().find(|(secret, _, _)| *secret == token);
    let Some((_, staff, _)) = link else {
        return message(
            StatusCode::NOT_FOUND,
            ("There is no such link", "The demo makes new ones each time it starts."),
            ("/sign-in", "To those there are"),
        );
    };
    let browser = page::browser(&doors, &headers, false);
    match sign_in::by_demo_link(doors.db(), doors.office(), *staff, browser).await {
        Ok(begun) => welcome(&doors, &begun, None).await,
        Err(error) => page::error_page(&error),
    }
}

/// `POST /sign-out`.
pub async fn sign_out(State(doors): State<Doors>, Session(who): Session) -> Response {
    let (office, actor) = (doors.office().clone(), who.actor());
    let which = (who.staff.id, who.session.id);
    let ended: Result<bool, AccessError> =
        doors.db().write(move |tx| sessions::end(tx, &office, which, ("signed_out", actor))).await;
    if let Err(error) = ended {
        return page::error_page(&error);
    }
    let mut response = see_other("/sign-in");
    cookies::ended(&doors, response.headers_mut());
    // What pages left in the browser's cache goes too (ASVS 14.3.1).
    let cache = axum::http::HeaderValue::from_static("\"cache\"");
    response.headers_mut().insert("clear-site-data", cache);
    response.into_response()
}
