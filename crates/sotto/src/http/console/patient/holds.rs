//! `/people/{patient}/holds`: what keeps a patient's record beyond its time, for the privacy officer with
//! a fresh second factor. Each look and each change is on the log.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use gate::PatientId;
use uuid::Uuid;

use super::super::page::{Filled, Frame, failed, html, see_other};
use super::super::signed_in::{HoldRecord, MayOfRecently};
use super::say::day;
use super::typed::{Refused, Typed};
use crate::access::AccessError;
use crate::access::staff::{self, Staff};
use crate::audit::{Event, Kind};
use crate::db::Tx;
use crate::facts::{self, FactsError};
use crate::http::Doors;
use crate::http::errors::Problem;
use crate::http::form::Fields;
use crate::http::params::Path;
use crate::http::views::seen;
use crate::ids::LegalHoldId;
use crate::office::Office;
use crate::retention::RetentionError;
use crate::retention::holds::{self, Hold, Touches, Why};

#[derive(Template)]
#[template(path = "console/holds.html")]
struct Page {
    frame: Frame,
    id: String,
    name: String,
    standing: Vec<Line>,
    lifted: Vec<Line>,
    touches: Vec<Touches>,
    years: u16,
    typed: Typed,
}

/// A hold as a page shows it.
pub(in crate::http::console) struct Line {
    pub id: String,
    /// Whose record's page it is lifted from; none for the whole practice.
    pub patient: Option<String>,
    pub matter: String,
    pub reason: String,
    pub since: String,
    /// Who lifted it, when and why.
    pub lifted: Option<String>,
}

impl Line {
    pub(in crate::http::console) fn of(office: &Office, people: &[Staff], hold: Hold) -> Self {
        let zone = &office.profile().timezone;
        let by = |by: &str| {
            let id = by.strip_prefix("staff:").and_then(|id| id.parse().ok());
            let found = id.and_then(|id| people.iter().find(|one| one.id == id));
            found.map_or_else(|| "somebody who left".to_owned(), |one| one.named.name.clone())
        };
        Self {
            id: hold.id.to_string(),
            patient: hold.patient.map(|id| id.to_string()),
            since: format!("since {}, by {}", day(hold.placed_at, zone), by(&hold.placed_by)),
            lifted: hold
                .lifted
                .map(|(who, at, why)| format!("lifted {}, by {}: {why}", day(at, zone), by(&who))),
            matter: hold.why.matter,
            reason: hold.why.reason,
        }
    }
}

/// The page cannot be made.
#[derive(Debug, thiserror::Error)]
enum HoldsError {
    #[error(transparent)]
    Retention(#[from] RetentionError),
    #[error(transparent)]
    Facts(#[from] FactsError),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Db(#[from] crate::db::DbError),
    #[error(transparent)]
    Audit(#[from] crate::audit::AuditError),
    #[error("the patient is not there")]
    NoPatient,
}

impl From<RetentionError> for Refused {
    fn from(error: RetentionError) -> Self {
        match error {
            RetentionError::Field { field, remedy } => Self::field(field, remedy),
            RetentionError::NoHold => Self {
                status: axum::http::StatusCode::CONFLICT,
                field: None,
                words: "This hold was lifted before. Load the page again.".to_owned(),
            },
            RetentionError::Db(error) => error.into(),
            RetentionError::Audit(error) => error.into(),
            error => {
                tracing::error!(%error, "retention.hold");
                Self::broken(&Problem::internal())
            }
        }
    }
}

/// The words of a form.
pub(in crate::http::console) fn why(fields: &Fields) -> Why {
    Why { matter: fields.text("matter").to_owned(), reason: fields.text("reason").to_owned() }
}

/// `GET /people/{patient}/holds`.
pub async fn page(
    may: MayOfRecently<HoldRecord>,
    State(doors): State<Doors>,
) -> Result<Response, Response> {
    show(&doors, &may, Typed::default()).await
}

/// `POST /people/{patient}/holds`: places one.
pub async fn place(
    may: MayOfRecently<HoldRecord>,
    State(doors): State<Doors>,
    Filled(fields): Filled<Fields>,
) -> Result<Response, Response> {
    let (office, patient, why) = (doors.office().clone(), may.may.patient, why(&fields));
    let (recently, permit) = (may.recently.clone(), may.may.permit.clone());
    let place = move |tx: &mut Tx<'_>| {
        holds::place(tx, &office, (&recently, &permit), (Some(patient), &why))
    };
    match doors.db().write(place).await {
        Ok(_) => Ok(see_other(&format!("/people/{patient}/holds"))),
        Err(error) => {
            let typed = Typed::again("hold".to_owned(), fields, error.into());
            show(&doors, &may, typed).await
        }
    }
}

/// `POST /people/{patient}/holds/{hold}/lift`.
pub async fn lift(
    may: MayOfRecently<HoldRecord>,
    State(doors): State<Doors>,
    Path((_, hold)): Path<(Uuid, Uuid)>,
    Filled(fields): Filled<Fields>,
) -> Result<Response, Response> {
    let (office, patient) = (doors.office().clone(), may.may.patient);
    let (recently, permit) = (may.recently.clone(), may.may.permit.clone());
    let (id, reason) = (LegalHoldId(hold), fields.text("lifted").to_owned());
    let lift = move |tx: &mut Tx<'_>| {
        holds::lift(tx, &office, (&recently, &permit), (Some(patient), id, &reason))
    };
    match doors.db().write(lift).await {
        Ok(()) => Ok(see_other(&format!("/people/{patient}/holds"))),
        Err(error) => {
            let typed = Typed::again(format!("lift-{id}"), fields, error.into());
            show(&doors, &may, typed).await
        }
    }
}

async fn show(
    doors: &Doors,
    may: &MayOfRecently<HoldRecord>,
    typed: Typed,
) -> Result<Response, Response> {
    let frame = Frame::of(doors, &may.may.signed_in).at("/people");
    let patient = may.may.patient;
    let event = Event::new(Kind::PatientViewed, may.may.actor()).patient(patient).code("holds");
    let event = may.may.permit.of(event);
    let look = move |tx: &mut Tx<'_>, office: &Office| {
        let page = filled(tx, office, frame, (patient, typed))?;
        Ok::<_, HoldsError>((page, vec![event]))
    };
    let page = seen(doors, look).await.map_err(|error| failed(&error))?;
    Ok(html(page.typed.status(), &page))
}

fn filled(
    tx: &mut Tx<'_>,
    office: &Office,
    frame: Frame,
    (patient, typed): (PatientId, Typed),
) -> Result<Page, HoldsError> {
    let subject = facts::subject(tx, office, patient)?.ok_or(HoldsError::NoPatient)?;
    let people = staff::list(tx, office)?;
    let all = holds::of_patient(tx, office, patient)?;
    let lines = all.into_iter().map(|hold| Line::of(office, &people, hold));
    let (lifted, standing) = lines.partition(|line: &Line| line.lifted.is_some());
    Ok(Page {
        frame,
        id: patient.to_string(),
        name: subject.person.full_name(),
        standing,
        lifted,
        touches: holds::touched(tx, office, patient)?,
        years: office.retention().years(),
        typed,
    })
}
