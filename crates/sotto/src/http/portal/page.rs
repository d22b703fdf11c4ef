//! How a page of the window is answered: in the visitor's language, within one frame that always
//! has the office's number.

use askama::Template;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gate::Language;
use serde::de::DeserializeOwned;

use crate::compose::dates;
use crate::http::Doors;
use crate::http::console::cookies;
use crate::http::errors::Problem;
use crate::portal::Visitor;

/// The language of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tongue(pub Language);

impl Tongue {
    /// Of the two, the one in this language.
    pub fn say<'a>(&self, english: &'a str, spanish: &'a str) -> &'a str {
        match self.0 {
            Language::English => english,
            Language::Spanish => spanish,
        }
    }

    /// For `lang`.
    pub const fn code(self) -> &'static str {
        match self.0 {
            Language::English => "en",
            Language::Spanish => "es",
        }
    }

    /// The one with this code.
    fn of(code: &str) -> Option<Self> {
        match code {
            "en" => Some(Self(Language::English)),
            "es" => Some(Self(Language::Spanish)),
            _ => None,
        }
    }
}

/// In which language somebody wants the window: what they chose on this page, or before; else
/// nothing is known but what the browser prefers.
#[derive(Debug, Clone, Copy)]
pub struct Spoken {
    /// Chosen on this page.
    now: Option<Tongue>,
    /// Chosen before.
    before: Option<Tongue>,
    /// The browser's.
    browser: Tongue,
}

impl Spoken {
    /// The language, where `on_file` is what the record says.
    pub(super) fn tongue(self, on_file: Option<Language>) -> Tongue {
        self.now.or(self.before).or(on_file.map(Tongue)).unwrap_or(self.browser)
    }
}

impl FromRequestParts<Doors> for Spoken {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        doors: &Doors,
    ) -> Result<Self, std::convert::Infallible> {
        let query = parts.uri.query().unwrap_or_default();
        let asked = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "lang");
        let accepts = parts.headers.get(header::ACCEPT_LANGUAGE);
        let accepts = accepts.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let spanish = accepts.trim_start().to_ascii_lowercase().starts_with("es");
        Ok(Self {
            now: asked.and_then(|(_, code)| Tongue::of(&code)),
            before: cookies::language(doors, &parts.headers).and_then(Tongue::of),
            browser: Tongue(if spanish { Language::Spanish } else { Language::English }),
        })
    }
}

/// What stands around every page.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    /// The name patients see.
    pub practice: String,
    /// The office's number, as printed.
    pub phone: String,
    /// The language.
    pub l: Tongue,
    /// The page itself, to see it in the other language.
    pub here: String,
    /// Somebody is in: the way out is on every page.
    pub stay: Option<Stay>,
}

/// How long a page behind the proof stays open.
#[derive(Debug, Clone)]
pub(super) struct Stay {
    /// On a tablet of the practice's, which forgets by itself.
    pub tablet: bool,
    /// Seconds without a touch after which it is over.
    pub idle: i64,
    /// Seconds until it is over however often it is touched.
    pub left: i64,
    /// When that is, as a time of the day.
    pub until: String,
}

impl Frame {
    /// Of the page at this path.
    pub(super) fn of(doors: &Doors, l: Tongue, here: impl Into<String>) -> Self {
        let profile = doors.office().profile();
        Self {
            practice: profile.display_name.clone(),
            phone: profile.phone.clone(),
            l,
            here: here.into(),
            stay: None,
        }
    }

    /// For somebody who has proved who they are, or has a tablet of the practice's.
    pub(super) fn inside(self, doors: &Doors, visitor: &Visitor) -> Self {
        let (office, ends) = (doors.office(), visitor.ends());
        let stay = Stay {
            tablet: visitor.kiosk().is_some(),
            idle: visitor.idle().as_secs(),
            left: ends.duration_since(office.clock().now_in_life()).as_secs().max(0),
            until: dates::time(&ends.to_zoned(visitor.timezone(office)), self.l.0, false),
        };
        Self { stay: Some(stay), ..self }
    }

    /// The number for `tel:`.
    pub(super) fn tel(&self) -> String {
        self.phone.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect()
    }
}

/// A page as HTML. A language that was chosen on it is remembered.
pub(super) fn html(
    doors: &Doors,
    spoken: Spoken,
    status: StatusCode,
    page: &impl Template,
) -> Response {
    let Ok(html) = page.render() else { return Problem::internal().into_response() };
    let mut response = (status, html).into_response();
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    if let Some(tongue) = spoken.now {
        cookies::remember(doors, response.headers_mut(), tongue.code());
    }
    response
}

/// Go there next, with GET.
pub(super) fn see_other(to: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let to = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/window"));
    response.headers_mut().insert(header::LOCATION, to);
    response
}

/// One thing to say, and the way on: a dead end that is none.
#[derive(Template)]
#[template(path = "window/message.html")]
struct Message<'a> {
    frame: Frame,
    title: &'a str,
    text: &'a str,
    to: Option<(&'a str, &'a str)>,
}

/// A page that says one thing, with the office's number and, where there is one, the way on.
pub(super) fn message(
    (doors, spoken): (&Doors, Spoken),
    frame: Frame,
    status: StatusCode,
    (title, text): (&str, &str),
    to: Option<(&str, &str)>,
) -> Response {
    html(doors, spoken, status, &Message { frame, title, text, to })
}

/// The page for what is ours to mend.
pub(super) fn failed(doors: &Doors, spoken: Spoken, error: &impl std::fmt::Display) -> Response {
    tracing::error!(%error, "window.failed");
    let l = spoken.tongue(None);
    message(
        (doors, spoken),
        Frame::of(doors, l, "/window"),
        StatusCode::SERVICE_UNAVAILABLE,
        (
            l.say("That didn’t work", "Eso no funcionó"),
            l.say(
                "It isn’t your doing. Try again in a minute, or call us.",
                "No es culpa suya. Inténtelo de nuevo en un minuto o llámenos.",
            ),
        ),
        None,
    )
}

/// There is no such thing, or it is somebody else's: the same page for both.
pub(super) fn nothing((doors, spoken): (&Doors, Spoken), frame: Frame) -> Response {
    let l = frame.l;
    message(
        (doors, spoken),
        frame,
        StatusCode::NOT_FOUND,
        (
            l.say("It isn’t here", "No está aquí"),
            l.say(
                "It may have been moved or cancelled. Call us if you expected it.",
                "Puede que se haya cambiado o cancelado. Llámenos si lo esperaba.",
            ),
        ),
        Some(("/window", l.say("Back to the start", "Volver al inicio"))),
    )
}

/// A form, filled in. What does not arrive whole is as if nothing had been filled in.
#[derive(Debug)]
pub struct Filled<T>(pub T);

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for Filled<T> {
    type Rejection = std::convert::Infallible;

    async fn from_request(request: Request, state: &S) -> Result<Self, std::convert::Infallible> {
        let read = axum::Form::<T>::from_request(request, state).await;
        Ok(Self(read.map(|axum::Form(form)| form).unwrap_or_default()))
    }
}
