//! The way in: who writes, why we ask, the date of birth, the code. `GET` never acts: scanners and
//! previews follow every link.

use std::net::{IpAddr, SocketAddr};

use askama::Template;
use axum::extract::{ConnectInfo, FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use gate::{AddressKind, Channel};
use jiff::civil::Date;
use serde::Deserialize;

use super::inside::Inside;
use super::page::{Filled, Frame, Spoken, Tongue, failed, html, message, see_other};
use super::visitor::{TABLET_OVER, WAY_IN};
use crate::db::{Tx, contact_point};
use crate::http::Doors;
use crate::http::console::cookies::{self, Name};
use crate::http::params::Path;
use crate::people::addresses;
use crate::portal::link::{self, Standing};
use crate::portal::proof::{self, Refused, Typed};
use crate::portal::{PortalError, aims, letters, session};

/// The address a request came from, where the server knows it.
pub struct From(pub(super) Option<IpAddr>);

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

/// The months by name, in the order of their numbers.
pub(super) const MONTHS: [(&str, &str); 12] = [
    ("January", "enero"),
    ("February", "febrero"),
    ("March", "marzo"),
    ("April", "abril"),
    ("May", "mayo"),
    ("June", "junio"),
    ("July", "julio"),
    ("August", "agosto"),
    ("September", "septiembre"),
    ("October", "octubre"),
    ("November", "noviembre"),
    ("December", "diciembre"),
];

#[derive(Template)]
#[template(path = "window/landing.html")]
struct Landing {
    frame: Frame,
    token: String,
    months: Vec<(String, &'static str)>,
    /// Where phones can be remembered: at this origin.
    phones: Option<String>,
    /// What was typed, where it was not right: nobody types it twice.
    typed: Born,
    error: Option<String>,
    /// It is the date that is wrong.
    wrong_date: bool,
}

#[derive(Template)]
#[template(path = "window/code.html")]
struct CodePage {
    frame: Frame,
    token: String,
    by_email: bool,
    error: Option<String>,
}

#[derive(Template)]
#[template(path = "window/over.html")]
struct Over {
    frame: Frame,
    token: String,
}

#[derive(Template)]
#[template(path = "window/in.html")]
struct In {
    frame: Frame,
    sent: bool,
    /// Where phones can be remembered: at this origin.
    phones: Option<String>,
    /// What was wrong with one.
    error: Option<String>,
}

/// The date of birth, in three fields.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Born {
    month: String,
    day: String,
    year: String,
}

impl Born {
    fn date(&self) -> Option<Date> {
        let year = self.year.trim().parse().ok().filter(|year| (1850..=2200).contains(year))?;
        let (month, day) = (self.month.trim().parse().ok()?, self.day.trim().parse().ok()?);
        Date::new(year, month, day).ok()
    }
}

/// The code, as typed or pasted.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct CodeForm {
    code: String,
}

/// Where to send a link.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct AddressForm {
    address: String,
}

/// `GET /w/{token}`: who writes, why we ask, and the one question. The same for every link that is
/// good, and the same for every one that is not.
pub async fn landing(
    State(doors): State<Doors>,
    Path(token): Path<String>,
    spoken: Spoken,
) -> Response {
    match good(&doors, &token).await {
        Ok(true) => landing_page(&doors, spoken, token, (Born::default(), None)),
        Ok(false) => over(&doors, spoken, token),
        Err(error) => failed(&doors, spoken, &error),
    }
}

async fn good(doors: &Doors, token: &str) -> Result<bool, PortalError> {
    let (office, token) = (doors.office().clone(), token.to_owned());
    let read = move |tx: &mut Tx<'_>| link::find(tx, &office, &token);
    Ok(matches!(doors.db().read(read).await?, Standing::Good(_)))
}

pub(super) fn landing_page(
    doors: &Doors,
    spoken: Spoken,
    token: String,
    (typed, refused): (Born, Option<Refused>),
) -> Response {
    let l = spoken.tongue(None);
    let status = refused.map_or(StatusCode::OK, status_of);
    let wrong_date = matches!(refused, Some(Refused::BirthDate { .. }));
    let error = refused.map(|refused| words_of(l, refused));
    let months =
        MONTHS.iter().zip(1..).map(|((en, es), nth)| (format!("{nth}"), l.say(en, es))).collect();
    let frame = Frame::of(doors, l, format!("/w/{token}"));
    let phones = doors.phones().map(|phones| phones.origin());
    html(doors, spoken, status, &Landing { frame, token, months, phones, typed, error, wrong_date })
}

/// The link is not good: unknown, too old or cut off, all in the same words.
pub(super) fn over(doors: &Doors, spoken: Spoken, token: String) -> Response {
    let l = spoken.tongue(None);
    let frame = Frame::of(doors, l, WAY_IN);
    html(doors, spoken, StatusCode::GONE, &Over { frame, token })
}

/// `POST /w/{token}`: the date of birth. Where it is right, a code is on its way.
pub async fn ask(
    State(doors): State<Doors>,
    Path(token): Path<String>,
    (From(from), spoken): (From, Spoken),
    Filled(born): Filled<Born>,
) -> Response {
    let (office, sought, date) = (doors.office().clone(), token.clone(), born.date());
    let asked: Result<_, PortalError> =
        doors.db().write(move |tx| proof::ask(tx, &office, &sought, (date, from))).await;
    match asked {
        Err(error) => failed(&doors, spoken, &error),
        Ok(Ok(asked)) => {
            let mut response = see_other(&format!("/w/{token}/code"));
            cookies::hand_over(&doors, response.headers_mut(), &Name::Proof, &asked.browser);
            response
        }
        Ok(Err(Refused::Link)) => over(&doors, spoken, token),
        Ok(Err(refused)) => landing_page(&doors, spoken, token, (born, Some(refused))),
    }
}

/// `GET /w/{token}/code`: where the code is typed.
pub async fn code_page(
    State(doors): State<Doors>,
    Path(token): Path<String>,
    spoken: Spoken,
) -> Response {
    show_code(&doors, spoken, (StatusCode::OK, token, None)).await
}

async fn show_code(
    doors: &Doors,
    spoken: Spoken,
    (status, token, error): (StatusCode, String, Option<String>),
) -> Response {
    let (office, sought) = (doors.office().clone(), token.clone());
    let read = move |tx: &mut Tx<'_>| -> Result<Option<bool>, PortalError> {
        let Some(link) = link::find(tx, &office, &sought)?.good() else { return Ok(None) };
        let point = contact_point::get(tx, office.practice(), link.contact_point_id)?;
        Ok(point.map(|point| point.kind == AddressKind::Email))
    };
    match doors.db().read(read).await {
        Err(error) => failed(doors, spoken, &error),
        Ok(None) => over(doors, spoken, token),
        Ok(Some(by_email)) => {
            let frame = Frame::of(doors, spoken.tongue(None), format!("/w/{token}/code"));
            html(doors, spoken, status, &CodePage { frame, token, by_email, error })
        }
    }
}

/// `POST /w/{token}/code`: the code. Where it is right, somebody is in.
pub async fn enter(
    State(doors): State<Doors>,
    Path(token): Path<String>,
    (headers, spoken): (HeaderMap, Spoken),
    Filled(form): Filled<CodeForm>,
) -> Response {
    let typed = Typed {
        code: form.code,
        browser: cookies::digest(&doors, &headers, &Name::Proof),
        earlier: cookies::digest(&doors, &headers, &Name::Stay),
    };
    let (office, sought) = (doors.office().clone(), token.clone());
    let enter = move |tx: &mut Tx<'_>| -> Result<_, PortalError> {
        Ok(match proof::enter(tx, &office, &sought, &typed)? {
            Ok((begun, link)) => Ok((begun, aims::page_of(tx, &office, &link)?)),
            Err(refused) => Err(refused),
        })
    };
    let entered: Result<_, PortalError> = doors.db().write(enter).await;
    match entered {
        Err(error) => failed(&doors, spoken, &error),
        Ok(Ok((begun, to))) => {
            let mut response = see_other(&to);
            cookies::hand_over(&doors, response.headers_mut(), &Name::Stay, &begun.token);
            cookies::take_back(&doors, response.headers_mut(), &Name::Proof);
            response
        }
        Ok(Err(Refused::Link)) => over(&doors, spoken, token),
        Ok(Err(refused)) => {
            let words = words_of(spoken.tongue(None), refused);
            show_code(&doors, spoken, (status_of(refused), token, Some(words))).await
        }
    }
}

/// `POST /w/{token}/again`: a new link, to where this one went. The answer is the same whatever
/// this one is worth, and comes before that is known.
pub async fn again(
    State(doors): State<Doors>,
    Path(token): Path<String>,
    spoken: Spoken,
) -> Response {
    if !link::looks_like_one(&token) {
        return over(&doors, spoken, token);
    }
    let (db, office) = (doors.db().clone(), doors.office().clone());
    tokio::spawn(async move {
        let sent: Result<(), PortalError> =
            db.write(move |tx| proof::new_link(tx, &office, &token)).await;
        if let Err(error) = sent {
            tracing::error!(%error, "window.new_link");
        }
    });
    in_page(&doors, spoken, (StatusCode::OK, true, None))
}

/// `GET /window/in`: nobody is in. Where the link is, and how to get a new one.
pub async fn way_in(State(doors): State<Doors>, spoken: Spoken) -> Response {
    in_page(&doors, spoken, (StatusCode::OK, false, None))
}

pub(super) fn in_page(
    doors: &Doors,
    spoken: Spoken,
    (status, sent, error): (StatusCode, bool, Option<String>),
) -> Response {
    let frame = Frame::of(doors, spoken.tongue(None), WAY_IN);
    let phones = doors.phones().map(|phones| phones.origin());
    html(doors, spoken, status, &In { frame, sent, phones, error })
}

/// `POST /window/in`: a new link to a number or mailbox that is on file. The answer is the same for
/// every other, and comes before that is known.
pub async fn send_link(
    State(doors): State<Doors>,
    (From(from), spoken): (From, Spoken),
    Filled(form): Filled<AddressForm>,
) -> Response {
    let typed = form.address.trim();
    let address = addresses::parse_for(Channel::Sms, typed)
        .or_else(|_| addresses::parse_for(Channel::Email, typed));
    if let Ok(address) = address {
        let (db, office) = (doors.db().clone(), doors.office().clone());
        tokio::spawn(async move {
            let sent: Result<(), PortalError> =
                db.write(move |tx| letters::send_link_to(tx, &office, (&address, from))).await;
            if let Err(error) = sent {
                tracing::error!(%error, "window.new_link");
            }
        });
    }
    in_page(&doors, spoken, (StatusCode::OK, true, None))
}

/// `POST /window/leave`: it is not their device, or they are done.
pub async fn leave(at: Inside) -> Result<Response, Response> {
    at.write(session::leave).await?;
    if at.visitor.kiosk().is_some() {
        return Ok(see_other(TABLET_OVER));
    }
    let words = (
        at.l.say("You are out", "Ha salido"),
        at.l.say(
            "Nothing of your messages stays on this device.",
            "Nada de sus mensajes queda en este dispositivo.",
        ),
    );
    Ok(gone(&at, words))
}

#[derive(Template)]
#[template(path = "window/lost.html")]
struct Lost {
    frame: Frame,
}

/// `GET /window/lost`: what happens when a phone is lost, and the button.
pub async fn lost(at: Inside) -> Result<Response, Response> {
    if at.visitor.kiosk().is_some() {
        return Err(at.nothing());
    }
    Ok(at.page(&Lost { frame: at.frame("/window/lost") }))
}

/// `POST /window/lost`: every stay and every link about this patient ends, this one too.
pub async fn cut_off(at: Inside) -> Result<Response, Response> {
    if at.visitor.kiosk().is_some() {
        return Err(at.nothing());
    }
    at.write(|tx, office, who| session::cut_off(tx, office, who.patient(), &who.actor())).await?;
    let words = (
        at.l.say("Every device is cut off", "Todos los dispositivos están desconectados"),
        at.l.say(
            "No link we sent until now opens anything, and no phone is remembered. Call us if the \
             number changed.",
            "Ningún enlace enviado hasta ahora abre nada y ningún teléfono queda recordado. \
             Llámenos si cambió de número.",
        ),
    );
    Ok(gone(&at, words))
}

/// Out: the cookie goes, and what pages left in the browser with it (ASVS 14.3.1).
fn gone(at: &Inside, words: (&str, &str)) -> Response {
    let frame = Frame::of(&at.doors, at.l, WAY_IN);
    let again = (WAY_IN, at.l.say("Ask for a new link", "Pedir un enlace nuevo"));
    let mut response = message((&at.doors, at.spoken), frame, StatusCode::OK, words, Some(again));
    cookies::take_back(&at.doors, response.headers_mut(), &Name::Stay);
    let cache = axum::http::HeaderValue::from_static("\"cache\"");
    response.headers_mut().insert("clear-site-data", cache);
    response
}

pub(super) const fn status_of(refused: Refused) -> StatusCode {
    match refused {
        Refused::Link => StatusCode::GONE,
        Refused::WornOut | Refused::Patient | Refused::Address | Refused::Codes => {
            StatusCode::TOO_MANY_REQUESTS
        }
        Refused::BirthDate { .. }
        | Refused::Unknown
        | Refused::NoCode
        | Refused::Code { .. }
        | Refused::CodeOver
        | Refused::Phone { .. }
        | Refused::NoPhone => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

/// What was not right, and what to do now. The office's number stands below on every page.
pub(super) fn words_of(l: Tongue, refused: Refused) -> String {
    let left = |left: i64| match l.0 {
        gate::Language::English if left == 1 => "You can try once more.".to_owned(),
        gate::Language::English => format!("You can try {left} more times."),
        gate::Language::Spanish if left == 1 => "Puede intentarlo una vez más.".to_owned(),
        gate::Language::Spanish => format!("Puede intentarlo {left} veces más."),
    };
    let words = match refused {
        Refused::BirthDate { left: more } => {
            let words = l.say(
                "That isn’t the date of birth we have. Check month, day and year.",
                "Esa no es la fecha de nacimiento que tenemos. Revise el mes, el día y el año.",
            );
            return format!("{words} {}", left(more));
        }
        Refused::Code { left: more } => {
            let words = l.say("That isn’t the code we sent.", "Ese no es el código que enviamos.");
            return format!("{words} {}", left(more));
        }
        Refused::Phone { left: more } => {
            let words = l.say(
                "That doesn’t open this link. Give the date of birth instead.",
                "Eso no abre este enlace. Indique la fecha de nacimiento.",
            );
            return format!("{words} {}", left(more));
        }
        Refused::NoPhone => l.say(
            "We don’t remember this phone, or not any more. Open our link, or ask for a new one.",
            "No recordamos este teléfono, o ya no. Abra nuestro enlace o pida uno nuevo.",
        ),
        Refused::Link => l.say("This link is not good any more.", "Este enlace ya no sirve."),
        Refused::WornOut => l.say(
            "That was the last try with this link. Ask for a new link, or call us.",
            "Ese fue el último intento con este enlace. Pida un enlace nuevo o llámenos.",
        ),
        Refused::Patient => l.say(
            "There were too many tries today. Try again tomorrow, or call us now.",
            "Hubo demasiados intentos hoy. Inténtelo mañana o llámenos ahora.",
        ),
        Refused::Address => l.say(
            "There were too many tries from where you are. Try again tomorrow, or call us now.",
            "Hubo demasiados intentos desde su conexión. Inténtelo mañana o llámenos ahora.",
        ),
        Refused::Unknown => l.say(
            "We can’t check this online. Call us and we will help you.",
            "No podemos comprobarlo en línea. Llámenos y le ayudaremos.",
        ),
        Refused::NoCode => l.say(
            "We can’t send a code to the address we have. Call us and we will help you.",
            "No podemos enviar un código a la dirección que tenemos. Llámenos y le ayudaremos.",
        ),
        Refused::Codes => l.say(
            "We sent many codes today. Use the last one, try again tomorrow, or call us.",
            "Enviamos muchos códigos hoy. Use el último, inténtelo mañana o llámenos.",
        ),
        Refused::CodeOver => l.say(
            "This code is no longer good. Ask for another one below.",
            "Este código ya no sirve. Pida otro abajo.",
        ),
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_of_birth_is_three_numbers_that_make_a_day() {
        let born = |month: &str, day: &str, year: &str| {
            Born { month: month.into(), day: day.into(), year: year.into() }.date()
        };
        assert_eq!(born("5", " 17 ", "1980"), Some(jiff::civil::date(1980, 5, 17)));
        for (month, day, year) in
            [("", "17", "1980"), ("5", "31", "80"), ("2", "30", "1980"), ("13", "1", "1980")]
        {
            assert_eq!(born(month, day, year), None, "{month}/{day}/{year}");
        }
    }
}
