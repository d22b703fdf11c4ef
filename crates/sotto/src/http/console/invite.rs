//! `/invite/{token}`: somebody new chooses how they will come in, and gets their recovery codes.
//! Looking at the page changes nothing; mail scanners follow links.

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::cookies;
use super::page::{self, Filled, html, words_of};
use super::sign_in::{PasskeyForm, no_passkeys};
use crate::access::passkeys::Question;
use crate::access::sessions::{self, Begun, Browser};
use crate::access::staff::{self, Invited, Proof};
use crate::access::{AccessError, sign_in, tokens, totp};
use crate::db::session::Method;
use crate::http::Doors;
use crate::http::params::Path;

#[derive(Template)]
#[template(path = "console/invite.html")]
struct Page {
    practice: String,
    name: String,
    email: String,
    roles: String,
    token: String,
    error: Option<String>,
    passkeys: bool,
    passkey_only: bool,
    secret: String,
    secret_link: String,
    picture: Option<totp::Picture>,
}

#[derive(Template)]
#[template(path = "console/codes.html")]
struct Codes {
    practice: String,
    codes: Vec<String>,
    first: bool,
}

/// The page with recovery codes, shown once.
pub(super) fn show_codes(doors: &Doors, codes: &[Zeroizing<String>], first: bool) -> Response {
    let practice = doors.office().profile().display_name.clone();
    let codes = codes.iter().map(|code| code.to_string()).collect();
    html(StatusCode::OK, &Codes { practice, codes, first })
}

async fn invited(doors: &Doors, token: &str) -> Result<Invited, Response> {
    let office = doors.office().clone();
    let digest = tokens::digest_of(token);
    let found: Result<Option<Invited>, AccessError> =
        doors.db().read(move |tx| staff::invited(tx, &office, &digest)).await;
    found
        .map_err(|error| page::error_page(&error))?
        .ok_or_else(|| page::error_page(&AccessError::Invite))
}

fn show(
    doors: &Doors,
    (invited, token): (&Invited, &str),
    (status, error): (StatusCode, Option<String>),
) -> Response {
    let practice = doors.office().profile().display_name.clone();
    let secret_link = totp::link(&invited.totp, &practice);
    let page = Page {
        picture: totp::picture(&secret_link),
        secret_link,
        name: invited.staff.named.name.clone(),
        email: invited.staff.named.email.clone(),
        roles: invited.staff.roles.words(),
        token: token.to_owned(),
        error,
        passkeys: doors.passkeys().is_some(),
        passkey_only: invited.staff.roles.need_passkey(),
        secret: totp::typed(&invited.totp),
        practice,
    };
    html(status, &page)
}

/// `GET /invite/{token}`.
pub async fn page(
    State(doors): State<Doors>,
    Path(token): Path<String>,
) -> Result<Response, Response> {
    let invited = invited(&doors, &token).await?;
    Ok(show(&doors, (&invited, &token), (StatusCode::OK, None)))
}

/// What the form holds.
#[derive(Deserialize)]
pub struct Form {
    password: String,
    code: String,
}

/// `POST /invite/{token}`: with a password and the first code of a generator app.
pub async fn accept_with_password(
    State(doors): State<Doors>,
    Path(token): Path<String>,
    headers: HeaderMap,
    Filled(form): Filled<Form>,
) -> Result<Response, Response> {
    let invited = invited(&doors, &token).await?;
    match with_password(&doors, &invited, &form).await {
        Ok(proof) => accept(&doors, (invited, proof), page::browser(&doors, &headers, false)).await,
        Err(error) => {
            let (status, words) = words_of(&error);
            Ok(show(&doors, (&invited, &token), (status, Some(words))))
        }
    }
}

async fn with_password(
    doors: &Doors,
    invited: &Invited,
    form: &Form,
) -> Result<Proof, AccessError> {
    let password = staff::choose_password(doors.office(), &invited.staff, &form.password)?;
    let now = doors.office().clock().now_in_life();
    let step = totp::step_of(&invited.totp, &form.code, now).ok_or(AccessError::Field {
        field: "code",
        because: "isn't the one the app shows now; a telephone whose clock is off shows others"
            .to_owned(),
    })?;
    let hash = sign_in::hash(password).await?;
    Ok(Proof::Password { hash, step })
}

/// Accepted: signed in at once, and shown the recovery codes.
async fn accept(
    doors: &Doors,
    (invited, proof): (Invited, Proof),
    browser: Browser,
) -> Result<Response, Response> {
    let office = doors.office().clone();
    let method = match &proof {
        Proof::Password { .. } => Method::Password,
        Proof::Passkey(_) => Method::Passkey,
    };
    let accepted: Result<(Vec<Zeroizing<String>>, Begun), AccessError> = doors
        .db()
        .write(move |tx| {
            let codes = staff::accept(tx, &office, &invited, &proof)?;
            let begun = sessions::begin(tx, &office, &invited.staff, (&browser, method))?;
            Ok((codes, begun))
        })
        .await;
    let (codes, begun) = accepted.map_err(|error| page::error_page(&error))?;
    let mut response = show_codes(doors, &codes, true);
    cookies::begun(doors, response.headers_mut(), &begun);
    Ok(response)
}

/// `POST /invite/{token}/passkey/ask`.
pub async fn ask_passkey(
    State(doors): State<Doors>,
    Path(token): Path<String>,
) -> Result<Json<Question>, Response> {
    let passkeys = doors.passkeys().ok_or_else(no_passkeys)?;
    let invited = invited(&doors, &token).await?;
    let office = doors.office().clone();
    let asked: Result<Question, AccessError> =
        doors.db().write(move |tx| passkeys.ask_to_make(tx, &office, &invited.staff)).await;
    asked.map(Json).map_err(|error| page::error_page(&error))
}

/// `POST /invite/{token}/passkey`.
pub async fn accept_with_passkey(
    State(doors): State<Doors>,
    Path(token): Path<String>,
    headers: HeaderMap,
    Filled(form): Filled<PasskeyForm>,
) -> Result<Response, Response> {
    let passkeys = doors.passkeys().ok_or_else(no_passkeys)?;
    let invited = invited(&doors, &token).await?;
    let (office, id, answer) = (doors.office().clone(), invited.staff.id, form.answer());
    let browser = page::browser(&doors, &headers, false);
    let its = browser.clone();
    let made = doors.db().write(move |tx| passkeys.made(tx, &office, id, (&answer, &its))).await;
    match made {
        Ok(made) => accept(&doors, (invited, Proof::Passkey(Box::new(made))), browser).await,
        Err(error) => {
            let (status, _) = words_of(&error);
            let words = "The passkey didn't arrive whole. Try once more.".to_owned();
            Ok(show(&doors, (&invited, &token), (status, Some(words))))
        }
    }
}
