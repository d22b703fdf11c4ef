//! `/me`: where somebody is signed in, with which browsers and passkeys, and how to end each.

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use uuid::Uuid;

use super::invite::show_codes;
use super::page::{self, Filled, Frame, error_page, html, see_other, words_of};
use super::sign_in::{PasskeyForm, no_passkeys};
use super::signed_in::{May, MayRecently, OwnAccount};
use super::words::When;
use crate::access::passkeys::{self, Question};
use crate::access::sessions::{self, SignedIn};
use crate::access::{AccessError, devices, pins, recovery_codes, sign_in};
use crate::db::{Tx, credential, session as rows};
use crate::http::Doors;
use crate::http::params::Path;
use crate::ids::{DeviceId, PasskeyId, SessionId};
use crate::office::Office;

#[derive(Template)]
#[template(path = "console/me.html")]
struct Page {
    frame: Frame,
    roles: String,
    passkeys_here: bool,
    /// A second factor was given lately: what asks for one is there.
    fresh: bool,
    /// What is wrong with the PIN that was typed.
    pin_error: Option<String>,
    account: Account,
}

/// What the page shows, read in one snapshot.
#[derive(Debug)]
struct Account {
    sessions: Vec<Line>,
    devices: Vec<Line>,
    passkeys: Vec<Line>,
    codes_left: usize,
    password: bool,
    pin: bool,
}

#[derive(Debug)]
struct Line {
    id: String,
    name: String,
    at: When,
    this: bool,
}

fn read(tx: &mut Tx<'_>, office: &Office, who: &SignedIn) -> Result<Account, AccessError> {
    let (practice, id) = (office.practice(), who.staff.id);
    let now = office.clock().now_in_life();
    let zone = office.profile().timezone.clone();
    let when = |at| When::new(at, now, &zone);
    let open = rows::open_ones(tx, practice, id)?;
    let live = open.into_iter().filter(|row| now < row.expires_at);
    let sessions = live
        .map(|row| Line {
            id: row.id.to_string(),
            name: row.device_name,
            at: when(row.seen_at),
            this: row.id == who.session.id,
        })
        .collect();
    let devices = rows::devices_of(tx, practice, id)?.into_iter();
    let devices = devices
        .map(|row| Line {
            id: row.id.to_string(),
            name: if row.shared { format!("{} (shared)", row.name) } else { row.name },
            at: when(row.created_at),
            this: row.id == who.session.device_id,
        })
        .collect();
    let keys = credential::passkeys(tx, practice, id)?.into_iter();
    let passkeys = keys
        .map(|row| Line {
            id: row.id.to_string(),
            name: row.name,
            at: when(row.used_at.unwrap_or(row.created_at)),
            this: false,
        })
        .collect();
    let secret = credential::secret(tx, practice, id)?;
    Ok(Account {
        sessions,
        devices,
        passkeys,
        codes_left: credential::recovery_codes(tx, practice, id)?.len(),
        password: secret.is_some_and(|row| row.password_sealed.is_some()),
        pin: pins::has(tx, office, id)?,
    })
}

/// `GET /me`.
pub async fn page(State(doors): State<Doors>, may: May<OwnAccount>) -> Result<Response, Response> {
    shown(&doors, &may.signed_in, (StatusCode::OK, None)).await
}

async fn shown(
    doors: &Doors,
    signed_in: &SignedIn,
    (status, pin_error): (StatusCode, Option<String>),
) -> Result<Response, Response> {
    let (office, who) = (doors.office().clone(), signed_in.clone());
    let account = doors.db().read(move |tx| read(tx, &office, &who)).await;
    let page = Page {
        frame: Frame::of(doors, signed_in),
        roles: signed_in.staff.roles.words(),
        passkeys_here: doors.passkeys().is_some(),
        fresh: signed_in.recently(doors.office().clock().now_in_life()).is_some(),
        pin_error,
        account: account.map_err(|error| error_page(&error))?,
    };
    Ok(html(status, &page))
}

fn done(answer: Result<bool, AccessError>) -> Response {
    match answer {
        Ok(true) => see_other("/me"),
        Ok(false) => page::message(
            StatusCode::NOT_FOUND,
            ("That is gone already", "Nothing was changed."),
            ("/me", "To your page"),
        ),
        Err(error) => error_page(&error),
    }
}

/// `POST /me/sessions/{id}/end`.
pub async fn end_session(
    State(doors): State<Doors>,
    may: May<OwnAccount>,
    Path(id): Path<Uuid>,
) -> Response {
    let (office, actor) = (doors.office().clone(), may.actor());
    let which = (may.signed_in.staff.id, SessionId(id));
    let end = move |tx: &mut Tx<'_>| sessions::end(tx, &office, which, ("revoked", actor));
    done(doors.db().write(end).await)
}

/// `POST /me/devices/{id}/wipe`.
pub async fn wipe_device(
    State(doors): State<Doors>,
    may: May<OwnAccount>,
    Path(id): Path<Uuid>,
) -> Response {
    let which = (may.signed_in.staff.id, DeviceId(id));
    done(devices::wipe(doors.db(), doors.office(), which, may.actor()).await)
}

/// `POST /me/recovery-codes`.
pub async fn new_codes(State(doors): State<Doors>, may: MayRecently<OwnAccount>) -> Response {
    let office = doors.office().clone();
    let codes = move |tx: &mut Tx<'_>| sessions::new_recovery_codes(tx, &office, &may.recently);
    match doors.db().write(codes).await {
        Ok(codes) => show_codes(&doors, &codes, false),
        Err(error) => error_page(&error),
    }
}

/// The PIN, typed twice.
#[derive(Deserialize)]
pub struct PinForm {
    pin: String,
    again: String,
}

/// `POST /me/pin`: chooses a PIN for the lock, or another.
pub async fn set_pin(
    State(doors): State<Doors>,
    may: MayRecently<OwnAccount>,
    Filled(form): Filled<PinForm>,
) -> Result<Response, Response> {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let chosen = if form.pin == form.again {
        pins::chosen(&form.pin, &[digits(&doors.office().profile().phone)])
    } else {
        Err(AccessError::NotNow("the two are not the same: type one PIN, twice"))
    };
    let hash = match chosen {
        Ok(pin) => sign_in::hash(pin).await,
        Err(error) => Err(error),
    };
    let hash = match hash {
        Ok(hash) => hash,
        Err(error) => {
            let (status, words) = words_of(&error);
            return shown(&doors, &may.may.signed_in, (status, Some(words))).await;
        }
    };
    let office = doors.office().clone();
    let set = move |tx: &mut Tx<'_>| pins::set(tx, &office, (&may.recently, &hash));
    Ok(done(doors.db().write(set).await.map(|()| true)))
}

/// `POST /me/pin/remove`.
pub async fn remove_pin(State(doors): State<Doors>, may: MayRecently<OwnAccount>) -> Response {
    let office = doors.office().clone();
    done(doors.db().write(move |tx| pins::remove(tx, &office, &may.recently)).await)
}

/// `POST /me/passkeys/ask`.
pub async fn ask_passkey(
    State(doors): State<Doors>,
    may: MayRecently<OwnAccount>,
) -> Result<Json<Question>, Response> {
    let passkeys = doors.passkeys().ok_or_else(no_passkeys)?;
    let (office, staff) = (doors.office().clone(), may.may.signed_in.staff);
    let asked: Result<Question, AccessError> =
        doors.db().write(move |tx| passkeys.ask_to_make(tx, &office, &staff)).await;
    asked.map(Json).map_err(|error| error_page(&error))
}

/// `POST /me/passkeys`.
pub async fn add_passkey(
    State(doors): State<Doors>,
    may: MayRecently<OwnAccount>,
    headers: HeaderMap,
    Filled(form): Filled<PasskeyForm>,
) -> Result<Response, Response> {
    let maker = doors.passkeys().ok_or_else(no_passkeys)?;
    let (office, answer) = (doors.office().clone(), form.answer());
    let browser = page::browser(&doors, &headers, false);
    let added = doors
        .db()
        .write(move |tx| {
            let staff = may.may.signed_in.staff.id;
            let made = maker.made(tx, &office, staff, (&answer, &browser))?;
            passkeys::add(tx, &office, (&may.recently, &made)).map(|_| true)
        })
        .await;
    Ok(done(added))
}

/// `POST /me/passkeys/{id}/remove`.
pub async fn remove_passkey(
    State(doors): State<Doors>,
    may: MayRecently<OwnAccount>,
    Path(id): Path<Uuid>,
) -> Response {
    let office = doors.office().clone();
    let which = PasskeyId(id);
    done(doors.db().write(move |tx| passkeys::remove(tx, &office, (&may.recently, which))).await)
}

impl Account {
    fn codes_words(&self) -> String {
        format!("{} of {} are unused", self.codes_left, recovery_codes::COUNT)
    }
}
