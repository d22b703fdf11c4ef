//! Somebody is in: what every page behind the proof does, once. A handler takes [`Inside`], and with
//! it who is there, the language, and the way its answers look; [`Choosing`] where the patient
//! chooses, which turns away everybody else.

use std::fmt::Display;

use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;

use super::page::{self, Frame, Spoken, Tongue, failed};
use crate::audit::{AuditError, Event, Kind};
use crate::db::{DbError, Tx};
use crate::http::Doors;
use crate::http::views::seen;
use crate::office::Office;
use crate::portal::choices::{ChoiceError, Chooser};
use crate::portal::{PortalError, Visitor};

/// Why something cannot be done at the window.
pub(super) trait Trouble: Display {
    /// They have no such thing: not ours to mend.
    fn not_here(&self) -> bool {
        false
    }
}

impl Trouble for PortalError {}

impl Trouble for ChoiceError {
    fn not_here(&self) -> bool {
        matches!(self, Self::NotHere)
    }
}

/// Somebody who is in, and the house they are in.
pub struct Inside {
    pub(super) doors: Doors,
    pub(super) visitor: Visitor,
    /// The language of the page.
    pub(super) l: Tongue,
    pub(super) spoken: Spoken,
}

impl FromRequestParts<Doors> for Inside {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, doors: &Doors) -> Result<Self, Response> {
        let visitor = Visitor::from_request_parts(parts, doors).await?;
        let Ok(spoken) = Spoken::from_request_parts(parts, doors).await;
        let l = spoken.tongue(visitor.language());
        Ok(Self { doors: doors.clone(), visitor, l, spoken })
    }
}

impl Inside {
    /// What stands around the page at this path.
    pub(super) fn frame(&self, here: impl Into<String>) -> Frame {
        Frame::of(&self.doors, self.l, here).inside(&self.doors, &self.visitor)
    }

    /// A page.
    pub(super) fn page(&self, page: &impl Template) -> Response {
        self.html(StatusCode::OK, page)
    }

    /// A page with a status of its own.
    pub(super) fn html(&self, status: StatusCode, page: &impl Template) -> Response {
        page::html(&self.doors, self.spoken, status, page)
    }

    /// A page that says one thing, and the way on.
    pub(super) fn says(&self, words: (&str, &str), to: (&str, &str)) -> Response {
        let frame = self.frame("/window");
        page::message((&self.doors, self.spoken), frame, StatusCode::OK, words, Some(to))
    }

    /// There is no such thing, or it is somebody else's: the same page for both.
    pub(super) fn nothing(&self) -> Response {
        page::nothing((&self.doors, self.spoken), self.frame("/window"))
    }

    /// The page for what went wrong.
    pub(super) fn trouble(&self, error: &impl Trouble) -> Response {
        if error.not_here() { self.nothing() } else { failed(&self.doors, self.spoken, error) }
    }

    /// That they looked at something, for the log.
    pub(super) fn looked(&self, kind: Kind, at: &'static str) -> Event {
        Event::new(kind, self.visitor.actor()).patient(self.visitor.patient()).code(at)
    }

    /// That they looked at what is no one thing: it is about the stay.
    pub(super) fn looked_around(&self, at: &'static str) -> Event {
        self.looked(Kind::PatientViewed, at).about(self.visitor.table(), self.visitor.session())
    }

    /// Reads something that the log then says they were shown.
    pub(super) async fn seen<T, E>(
        &self,
        look: impl FnOnce(&mut Tx<'_>, &Office, &Visitor) -> Result<(T, Vec<Event>), E> + Send + 'static,
    ) -> Result<T, Response>
    where
        T: Send + 'static,
        E: Trouble + From<DbError> + From<AuditError> + Send + 'static,
    {
        let who = self.visitor.clone();
        let shown = seen(&self.doors, move |tx, office| look(tx, office, &who)).await;
        shown.map_err(|error| self.trouble(&error))
    }

    /// Does something in one transaction. What it refuses is the page's to say.
    pub(super) async fn try_to<T, E>(
        &self,
        deed: impl FnOnce(&mut Tx<'_>, &Office, &Visitor) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let (office, who) = (self.doors.office().clone(), self.visitor.clone());
        self.doors.db().write(move |tx| deed(tx, &office, &who)).await
    }

    /// The same where nothing is refused.
    pub(super) async fn write<T, E>(
        &self,
        deed: impl FnOnce(&mut Tx<'_>, &Office, &Visitor) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Response>
    where
        T: Send + 'static,
        E: Trouble + From<DbError> + Send + 'static,
    {
        self.try_to(deed).await.map_err(|error| self.trouble(&error))
    }
}

/// The patient themselves, who is in and chooses.
pub struct Choosing {
    pub(super) at: Inside,
    pub(super) me: Chooser,
}

impl FromRequestParts<Doors> for Choosing {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, doors: &Doors) -> Result<Self, Response> {
        let at = Inside::from_request_parts(parts, doors).await?;
        let Some(me) = at.visitor.chooser() else { return Err(at.nothing()) };
        Ok(Self { at, me })
    }
}
