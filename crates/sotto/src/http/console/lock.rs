//! `/lock`: the second factor again, after idle time and before what is far-reaching; after idle
//! time a PIN does too. The password is not asked for; what was typed elsewhere stays where it was.

use askama::Template;
use axum::Json;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;

use super::cookies;
use super::page::{self, Filled, Frame, html, message, own_path, see_other, words_of};
use super::sign_in::{PasskeyForm, no_passkeys};
use super::signed_in::Session;
use crate::access::passkeys::Question;
use crate::access::pins::{self, Answer};
use crate::access::sessions::SignedIn;
use crate::access::{AccessError, sessions, sign_in};
use crate::db::credential;
use crate::db::session::Method;
use crate::http::Doors;

#[derive(Template)]
#[template(path = "console/lock.html")]
struct Page<'a> {
    practice: String,
    who: String,
    to: &'a str,
    error: Option<String>,
    passkeys: bool,
    /// The lock opens by their PIN too.
    pin: bool,
    demo: bool,
}

async fn show(
    doors: &Doors,
    (who, to): (&SignedIn, &str),
    (status, error): (StatusCode, Option<String>),
) -> Response {
    let (practice, id) = (doors.office().practice(), who.staff.id);
    let office = doors.office().clone();
    let has: Result<(bool, bool), AccessError> = doors
        .db()
        .read(move |tx| {
            let passkeys = !credential::passkeys(tx, practice, id)?.is_empty();
            Ok((passkeys, pins::has(tx, &office, id)?))
        })
        .await;
    let (passkeys, pin) = has.unwrap_or_default();
    let locked = sessions::is_locked(&who.session, doors.office().clock().now_in_life());
    let page = Page {
        practice: doors.office().profile().display_name.clone(),
        who: who.staff.named.name.clone(),
        to,
        error,
        passkeys: doors.passkeys().is_some() && passkeys,
        pin: pin && locked,
        demo: who.session.method == Method::Demo,
    };
    html(status, &page)
}

/// `GET /lock`.
pub async fn page(
    State(doors): State<Doors>,
    query: Query<ToQuery>,
    Session(who): Session,
) -> Response {
    let to = own_path(query.to.as_deref()).unwrap_or_default();
    show(&doors, (&who, to), (StatusCode::OK, None)).await
}

/// Where to go afterwards.
#[derive(Debug, Deserialize)]
pub struct ToQuery {
    to: Option<String>,
}

/// What the form holds.
#[derive(Deserialize)]
pub struct Form {
    code: String,
    to: Option<String>,
}

/// `POST /lock`: a code of the generator, or a recovery code.
pub async fn by_code(
    State(doors): State<Doors>,
    Session(who): Session,
    Filled(form): Filled<Form>,
) -> Response {
    let to = own_path(form.to.as_deref());
    match sign_in::by_code(doors.db(), doors.office(), &who, &form.code).await {
        Ok(()) => see_other(to.unwrap_or(Frame::of(&doors, &who).home())),
        Err(error) => {
            let (status, words) = words_of(&error);
            show(&doors, (&who, to.unwrap_or_default()), (status, Some(words))).await
        }
    }
}

/// What the form for the PIN holds.
#[derive(Deserialize)]
pub struct PinForm {
    pin: String,
    to: Option<String>,
}

/// `POST /lock/pin`: opens the lock of this browser, and proves nothing.
pub async fn by_pin(
    State(doors): State<Doors>,
    Session(who): Session,
    headers: HeaderMap,
    Filled(form): Filled<PinForm>,
) -> Response {
    let to = own_path(form.to.as_deref());
    let (_, device) = cookies::digests(&doors, &headers);
    let (status, words) =
        match pins::open(doors.db(), doors.office(), (&who, device), &form.pin).await {
            Ok(Answer::Open) => return see_other(to.unwrap_or(Frame::of(&doors, &who).home())),
            Ok(Answer::Ended) => return ended(&doors),
            Ok(Answer::Wrong { left }) => (
                StatusCode::UNPROCESSABLE_ENTITY,
                match left {
                    1 => "That PIN didn't match. One more try, then this session ends.".to_owned(),
                    left => format!("That PIN didn't match. {left} more tries."),
                },
            ),
            Err(error) => words_of(&error),
        };
    show(&doors, (&who, to.unwrap_or_default()), (status, Some(words))).await
}

/// Too many wrong ones.
fn ended(doors: &Doors) -> Response {
    let mut response = message(
        StatusCode::UNAUTHORIZED,
        (
            "You are signed out",
            "The PIN was wrong too often, so this session has ended. Drafts are kept: sign in to \
             go on.",
        ),
        ("/sign-in", "Sign in"),
    );
    cookies::ended(doors, response.headers_mut());
    response
}

/// `POST /lock/passkey/ask`.
pub async fn ask_passkey(
    State(doors): State<Doors>,
    Session(_): Session,
) -> Result<Json<Question>, Response> {
    let office = doors.office().clone();
    let passkeys = doors.passkeys().ok_or_else(no_passkeys)?;
    let asked: Result<Question, AccessError> =
        doors.db().write(move |tx| passkeys.ask_to_use(tx, &office)).await;
    asked.map(Json).map_err(|error| page::error_page(&error))
}

/// `POST /lock/passkey`.
pub async fn by_passkey(
    State(doors): State<Doors>,
    Session(who): Session,
    Filled(form): Filled<PasskeyForm>,
) -> Result<Response, Response> {
    let passkeys = doors.passkeys().ok_or_else(no_passkeys)?;
    let (office, its, answer) = (doors.office().clone(), who.clone(), form.answer());
    let proved: Result<bool, AccessError> =
        doors.db().write(move |tx| passkeys.prove(tx, &office, (&its, &answer))).await;
    match proved {
        Ok(true) => Ok(see_other(form.to().unwrap_or(Frame::of(&doors, &who).home()))),
        Ok(false) => {
            let words = "That passkey isn't yours. Try another, or type a code.".to_owned();
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(show(&doors, (&who, form.to().unwrap_or_default()), (status, Some(words))).await)
        }
        Err(error) => Err(page::error_page(&error)),
    }
}

/// `POST /lock/now`: somebody leaves the desk.
pub async fn now(State(doors): State<Doors>, Session(who): Session) -> Response {
    let (office, its) = (doors.office().clone(), who.clone());
    let locked: Result<(), AccessError> =
        doors.db().write(move |tx| sessions::lock(tx, &office, &its)).await;
    match locked {
        Ok(()) => see_other("/lock"),
        Err(error) => page::error_page(&error),
    }
}
