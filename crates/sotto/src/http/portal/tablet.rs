//! `/window/tablet`: a tablet of the practice's, in nobody's hands or in a patient's. A code that
//! somebody who works here gives binds it to one patient; then it forgets.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use serde::Deserialize;

use super::inside::Inside;
use super::page::{Filled, Frame, Spoken, Tongue, failed, html, see_other};
use super::way_in::From;
use crate::http::Doors;
use crate::http::console::cookies::{self, Name};
use crate::portal::PortalError;
use crate::portal::kiosk::{self, Refused};

const HERE: &str = "/window/tablet";

/// The neutral screen: nobody's.
#[derive(Template)]
#[template(path = "window/tablet.html")]
struct Screen {
    frame: Frame,
    over: bool,
    error: Option<&'static str>,
}

/// The code, as typed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct CodeForm {
    code: String,
}

/// `GET /window/tablet`: where the code is typed.
pub async fn page(State(doors): State<Doors>, spoken: Spoken) -> Response {
    screen(&doors, spoken, (StatusCode::OK, None))
}

fn screen(
    doors: &Doors,
    spoken: Spoken,
    (status, error): (StatusCode, Option<&'static str>),
) -> Response {
    let frame = Frame::of(doors, spoken.tongue(None), HERE);
    html(doors, spoken, status, &Screen { frame, over: false, error })
}

/// `POST /window/tablet`: the code. A browser in which somebody who works here is signed in is not
/// handed to a patient.
pub async fn begin(
    State(doors): State<Doors>,
    (From(from), headers, spoken): (From, HeaderMap, Spoken),
    Filled(form): Filled<CodeForm>,
) -> Response {
    let l = spoken.tongue(None);
    if cookies::digest(&doors, &headers, &Name::Session).is_some() {
        let error = l.say(
            "Somebody who works here is signed in on this device. Sign out first, then type the \
             code.",
            "En este dispositivo hay una sesión del personal. Ciérrela primero y escriba el código.",
        );
        return screen(&doors, spoken, (StatusCode::CONFLICT, Some(error)));
    }
    let earlier = cookies::digest(&doors, &headers, &Name::Stay);
    let office = doors.office().clone();
    let begun: Result<_, PortalError> =
        doors.db().write(move |tx| kiosk::begin(tx, &office, &form.code, (from, earlier))).await;
    match begun {
        Err(error) => failed(&doors, spoken, &error),
        Ok(Ok(begun)) => {
            let mut response = see_other("/window");
            cookies::hand_over(&doors, response.headers_mut(), &Name::Stay, &begun.token);
            response
        }
        Ok(Err(refused)) => {
            let (status, words) = words_of(l, refused);
            screen(&doors, spoken, (status, Some(words)))
        }
    }
}

fn words_of(l: Tongue, refused: Refused) -> (StatusCode, &'static str) {
    match refused {
        Refused::Code => (
            StatusCode::UNPROCESSABLE_ENTITY,
            l.say(
                "That code isn’t good. It works once, for five minutes. Ask for another.",
                "Ese código no sirve. Vale una vez, durante cinco minutos. Pida otro.",
            ),
        ),
        Refused::Address => (
            StatusCode::TOO_MANY_REQUESTS,
            l.say(
                "Too many wrong codes came from here. Use paper today, or another network.",
                "Llegaron demasiados códigos incorrectos desde aquí. Hoy use papel u otra red.",
            ),
        ),
    }
}

/// `POST /window/here`: whoever is in touches their screen. That they are there is written down when
/// [`Inside`] is made.
pub async fn here(_: Inside) -> StatusCode {
    StatusCode::NO_CONTENT
}

/// `GET /window/tablet/over`: the tablet forgets: the stay ends, and nothing of it stays in the browser
/// (ASVS 14.3.1). In any other browser it does nothing.
pub async fn over(State(doors): State<Doors>, headers: HeaderMap, spoken: Spoken) -> Response {
    let Some(digest) = cookies::digest(&doors, &headers, &Name::Stay) else {
        return see_other(HERE);
    };
    let office = doors.office().clone();
    let forgot: Result<bool, PortalError> =
        doors.db().write(move |tx| kiosk::forget(tx, &office, &digest)).await;
    match forgot {
        Err(error) => failed(&doors, spoken, &error),
        Ok(false) => see_other(HERE),
        Ok(true) => {
            let frame = Frame::of(&doors, spoken.tongue(None), HERE);
            let page = Screen { frame, over: true, error: None };
            let mut response = html(&doors, spoken, StatusCode::OK, &page);
            let headers = response.headers_mut();
            for name in [Name::Stay, Name::Proof, Name::Language] {
                cookies::take_back(&doors, headers, &name);
            }
            let all = HeaderValue::from_static("\"cache\", \"cookies\", \"storage\"");
            headers.insert("clear-site-data", all);
            response
        }
    }
}
