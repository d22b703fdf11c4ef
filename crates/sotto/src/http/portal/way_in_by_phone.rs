//! In by a phone that is remembered: from a link, or alone. What is asked of the browser is the same
//! for every link, and says nothing of who has such a phone.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::page::{Filled, Frame, Spoken, failed, nothing, see_other};
use super::visitor::WAY_IN;
use super::way_in::{self, Born, From, in_page, landing_page, over};
use crate::access::ceremonies::Answer;
use crate::db::Tx;
use crate::http::Doors;
use crate::http::console::cookies::{self, Name};
use crate::http::params::Path;
use crate::portal::proof::Refused;
use crate::portal::session::Begun;
use crate::portal::{PortalError, aims, phones};

/// What the script put into the form.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct PhoneForm {
    ceremony: String,
    credential: String,
}

impl PhoneForm {
    pub(super) fn answer(&self) -> Answer {
        Answer {
            ceremony: self.ceremony.clone(),
            credential: serde_json::from_str(&self.credential).unwrap_or_default(),
        }
    }
}

/// At an address that passkeys cannot belong to there is no such page.
fn none_here(doors: &Doors, spoken: Spoken) -> Response {
    nothing((doors, spoken), Frame::of(doors, spoken.tongue(None), WAY_IN))
}

/// `POST /w/{token}/passkey/ask`: what the browser is to do.
pub async fn ask_by_link(
    State(doors): State<Doors>,
    Path(token): Path<String>,
    spoken: Spoken,
) -> Result<Response, Response> {
    ask(&doors, spoken, Some(token)).await
}

/// `POST /window/in/passkey/ask`: the same.
pub async fn ask_alone(State(doors): State<Doors>, spoken: Spoken) -> Result<Response, Response> {
    ask(&doors, spoken, None).await
}

async fn ask(doors: &Doors, spoken: Spoken, token: Option<String>) -> Result<Response, Response> {
    let ceremonies = doors.phones().ok_or_else(|| none_here(doors, spoken))?;
    let (office, sought) = (doors.office().clone(), token.clone());
    let ask =
        move |tx: &mut Tx<'_>| phones::ask_to_come_in(tx, &office, &ceremonies, sought.as_deref());
    let asked: Result<_, PortalError> = doors.db().write(ask).await;
    match asked.map_err(|error| failed(doors, spoken, &error))? {
        Ok((question, browser)) => {
            let mut response = Json(question).into_response();
            cookies::hand_over(doors, response.headers_mut(), &Name::Phone, &browser);
            Ok(response)
        }
        Err(_) => Err(over(doors, spoken, token.unwrap_or_default())),
    }
}

fn given(doors: &Doors, headers: &HeaderMap, (form, from): (&PhoneForm, From)) -> phones::Given {
    phones::Given {
        answer: form.answer(),
        browser: cookies::digest(doors, headers, &Name::Phone),
        earlier: cookies::digest(doors, headers, &Name::Stay),
        from: from.0,
    }
}

/// In, with a new token.
fn welcome(doors: &Doors, begun: &Begun, to: &str) -> Response {
    let mut response = see_other(to);
    cookies::hand_over(doors, response.headers_mut(), &Name::Stay, &begun.token);
    cookies::take_back(doors, response.headers_mut(), &Name::Phone);
    response
}

/// `POST /w/{token}/passkey`: in, where it is the passkey of whoever the link is for.
pub async fn by_link(
    State(doors): State<Doors>,
    Path(token): Path<String>,
    (from, headers, spoken): (From, HeaderMap, Spoken),
    Filled(form): Filled<PhoneForm>,
) -> Result<Response, Response> {
    let ceremonies = doors.phones().ok_or_else(|| none_here(&doors, spoken))?;
    let given = given(&doors, &headers, (&form, from));
    let (office, sought) = (doors.office().clone(), token.clone());
    let enter = move |tx: &mut Tx<'_>| -> Result<_, PortalError> {
        Ok(match phones::by_link(tx, &office, &ceremonies, (&sought, &given))? {
            Ok((begun, link)) => Ok((begun, aims::page_of(tx, &office, &link)?)),
            Err(refused) => Err(refused),
        })
    };
    let entered: Result<_, PortalError> = doors.db().write(enter).await;
    match entered.map_err(|error| failed(&doors, spoken, &error))? {
        Ok((begun, to)) => Ok(welcome(&doors, &begun, &to)),
        Err(Refused::Link) => Err(over(&doors, spoken, token)),
        Err(refused) => Err(landing_page(&doors, spoken, token, (Born::default(), Some(refused)))),
    }
}

/// `POST /window/in/passkey`: in, as whoever the passkey is of.
pub async fn alone(
    State(doors): State<Doors>,
    (from, headers, spoken): (From, HeaderMap, Spoken),
    Filled(form): Filled<PhoneForm>,
) -> Result<Response, Response> {
    let ceremonies = doors.phones().ok_or_else(|| none_here(&doors, spoken))?;
    let given = given(&doors, &headers, (&form, from));
    let office = doors.office().clone();
    let enter = move |tx: &mut Tx<'_>| phones::by_phone_alone(tx, &office, &ceremonies, &given);
    let entered: Result<_, PortalError> = doors.db().write(enter).await;
    match entered.map_err(|error| failed(&doors, spoken, &error))? {
        Ok(begun) => Ok(welcome(&doors, &begun, "/window")),
        Err(refused) => {
            let words = way_in::words_of(spoken.tongue(None), refused);
            let status = way_in::status_of(refused);
            Err(in_page(&doors, spoken, (status, false, Some(words))))
        }
    }
}
