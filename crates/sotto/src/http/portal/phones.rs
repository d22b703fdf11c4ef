//! `/window/phones`: the phones that are remembered, one more, one less.

use askama::Template;
use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::inside::Inside;
use super::page::{Filled, Frame, Tongue, message, see_other};
use super::way_in_by_phone::PhoneForm;
use crate::access::ceremonies::Ceremonies;
use crate::compose::dates::{self, Style};
use crate::db::Tx;
use crate::http::Doors;
use crate::http::console::page::kind_and_system;
use crate::http::params::{Path, Query};
use crate::ids::PhoneId;
use crate::office::Office;
use crate::portal::phones::{self, Named, NotNow};
use crate::portal::{PortalError, Visitor};

const HERE: &str = "/window/phones";

/// Somebody who is in, at a browser of their own, where phones can be remembered.
pub struct Own {
    at: Inside,
    ceremonies: Ceremonies,
}

impl FromRequestParts<Doors> for Own {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, doors: &Doors) -> Result<Self, Response> {
        let at = Inside::from_request_parts(parts, doors).await?;
        match doors.phones().filter(|_| at.visitor.kiosk().is_none()) {
            Some(ceremonies) => Ok(Self { at, ceremonies }),
            None => Err(at.nothing()),
        }
    }
}

#[derive(Template)]
#[template(path = "window/phones.html")]
struct Page {
    frame: Frame,
    done: Option<&'static str>,
    phones: Vec<Line>,
    not_now: Option<&'static str>,
    /// This one is remembered already.
    here: bool,
    origin: String,
}

struct Line {
    id: String,
    name: String,
    letters: String,
    added: String,
    used: Option<String>,
    this: bool,
}

/// What stands behind `?`.
#[derive(Deserialize, Default)]
pub struct Asked {
    done: Option<String>,
    /// The language, which [`Spoken`](super::page::Spoken) reads.
    #[serde(rename = "lang")]
    _lang: Option<String>,
}

/// `GET /window/phones`. That it was looked at is on the log.
pub async fn page(
    Own { at, ceremonies }: Own,
    Query(asked): Query<Asked>,
) -> Result<Response, Response> {
    let event = at.looked_around("window").code("phones");
    let look = move |tx: &mut Tx<'_>, office: &Office, who: &Visitor| {
        Ok::<_, PortalError>((phones::list(tx, office, who)?.unwrap_or_default(), vec![event]))
    };
    let all = at.seen(look).await?;
    let (l, office) = (at.l, at.doors.office());
    let zone = at.visitor.timezone(office);
    let not_now = phones::not_now(office, &at.visitor, all.len()).map(|why| not_now_words(l, why));
    let line = |phone: phones::Phone| Line {
        id: phone.id.to_string(),
        name: name(l, &phone.named),
        letters: phone.named.letters,
        added: date(l, &phone.added_at.to_zoned(zone.clone())),
        used: phone.used_at.map(|at| date(l, &at.to_zoned(zone.clone()))),
        this: phone.this,
    };
    let done = asked.done.as_deref();
    let page = Page {
        frame: at.frame(HERE),
        here: done == Some("added") || all.iter().any(|phone| phone.this),
        done: done.and_then(|word| done_words(l, word)),
        phones: all.into_iter().map(line).collect(),
        not_now,
        origin: ceremonies.origin(),
    };
    Ok(at.page(&page))
}

/// `POST /window/phones/ask`: what the browser is to do.
pub async fn ask(Own { at, ceremonies }: Own) -> Result<Response, Response> {
    let words = at.l.say("messages", "mensajes");
    let ask = move |tx: &mut Tx<'_>, office: &Office, who: &Visitor| {
        phones::ask_to_remember(tx, office, &ceremonies, (who, words))
    };
    match at.write(ask).await? {
        Some(question) => Ok(Json(question).into_response()),
        None => Err(not_remembered(&at)),
    }
}

/// `POST /window/phones`: it is remembered.
pub async fn add(
    Own { at, ceremonies }: Own,
    headers: HeaderMap,
    Filled(form): Filled<PhoneForm>,
) -> Result<Response, Response> {
    let browser = kind_and_system(&headers);
    let answer = form.answer();
    let add = move |tx: &mut Tx<'_>, office: &Office, who: &Visitor| {
        phones::remember(tx, office, &ceremonies, (who, &answer, browser))
    };
    if at.write(add).await? {
        Ok(see_other(&format!("{HERE}?done=added")))
    } else {
        Err(not_remembered(&at))
    }
}

/// `POST /window/phones/{phone}/forget`.
pub async fn forget(Path(id): Path<String>, Own { at, .. }: Own) -> Result<Response, Response> {
    let id: PhoneId = id.parse().map_err(|_| at.nothing())?;
    let forget =
        move |tx: &mut Tx<'_>, office: &Office, who: &Visitor| phones::forget(tx, office, who, id);
    if at.write(forget).await? {
        Ok(see_other(&format!("{HERE}?done=removed")))
    } else {
        Err(at.nothing())
    }
}

fn not_remembered(at: &Inside) -> Response {
    let l = at.l;
    message(
        (&at.doors, at.spoken),
        at.frame(HERE),
        StatusCode::UNPROCESSABLE_ENTITY,
        (
            l.say("This phone isn’t remembered", "Este teléfono no queda recordado"),
            l.say(
                "It took too long, or the phone answered something else. Nothing has changed.",
                "Tardó demasiado o el teléfono respondió otra cosa. Nada ha cambiado.",
            ),
        ),
        Some((HERE, l.say("Try again", "Intentar de nuevo"))),
    )
}

fn done_words(l: Tongue, word: &str) -> Option<&'static str> {
    match word {
        "added" => Some(l.say("This phone is remembered.", "Este teléfono queda recordado.")),
        "removed" => Some(l.say("That phone is forgotten.", "Ese teléfono queda olvidado.")),
        _ => None,
    }
}

fn not_now_words(l: Tongue, why: NotNow) -> &'static str {
    match why {
        NotNow::Late => l.say(
            "A phone can be added in the first 15 minutes of a visit here. Open our link once more.",
            "Un teléfono se agrega en los primeros 15 minutos de una visita aquí. Abra otra vez \
             nuestro enlace.",
        ),
        NotNow::Many => l.say(
            "Ten are remembered. Remove one to add another.",
            "Hay diez recordados. Quite uno para agregar otro.",
        ),
    }
}

/// "November 22, 2026": it may be years ago.
fn date(l: Tongue, at: &jiff::Zoned) -> String {
    let day = dates::date(at.date(), l.0, Style::Long);
    format!("{day}{}{}", l.say(", ", " de "), at.year())
}

/// "Safari on an iPhone".
fn name(l: Tongue, named: &Named) -> String {
    let spanish = match named.system.as_str() {
        "an iPhone" => "un iPhone",
        "an iPad" => "un iPad",
        "a Mac" => "una Mac",
        "an unknown system" => "un sistema desconocido",
        other => other,
    };
    let browser = match named.browser.as_str() {
        "A browser" => l.say("A browser", "Un navegador"),
        other => other,
    };
    format!("{browser} {} {}", l.say("on", "en"), l.say(&named.system, spanish))
}
