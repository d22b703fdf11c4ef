//! A record opened in an emergency: the reason that is asked for, its end, and the page on which it is
//! reviewed (45 CFR 164.312(a)(2)(ii); `access/break_glass.rs`).

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::page::{
    Filled, Frame, PageError, error_page, failed, html, message, see_other, words_of,
};
use super::reader::conversation;
use super::signed_in::{
    BreakGlass, May, MayOfRecently, MayRecently, OwnAccount, ReadAudit, ReviewBreakGlass, allows,
};
use super::words::When;
use crate::access::break_glass::{self, Finding, Reason, Why};
use crate::access::policies::{About, Action, Resource};
use crate::access::sessions::ByPasskey;
use crate::access::staff::{self, Staff};
use crate::access::{AccessError, records};
use crate::audit::{Event, Kind};
use crate::db::break_glass::{self as rows, BreakGlassRow, EndedHow};
use crate::db::{Tx, Word as _, credential};
use crate::http::Doors;
use crate::http::params::Path;
use crate::http::views::seen;
use crate::ids::{BreakGlassId, PatientId, StaffId};
use crate::office::Office;
use crate::retention::gone;

/// The reasons, as they are asked.
const REASONS: [(Reason, &str); 3] = [
    (Reason::MedicalEmergency, "Their life or health is in danger now"),
    (Reason::StandingIn, "I treat them now, and whoever usually does is away"),
    (Reason::DangerToOthers, "Somebody else is in danger because of what the record may say"),
];

/// What a review can find.
const FINDINGS: [(Finding, &str); 3] = [
    (Finding::Needed, "needed"),
    (Finding::Talked, "not quite; we spoke about it, and nothing more is needed"),
    (Finding::Breach, "not right: it is handled as a breach"),
];

/// How many reviewed ones the page shows.
const REVIEWED: u32 = 50;

#[derive(Template)]
#[template(path = "console/emergency.html")]
struct Page {
    frame: Frame,
    patient: String,
    error: Option<String>,
    /// The reason for which it stands open to them already.
    stands: Option<&'static str>,
    reasons: Vec<Choice>,
    words: String,
}

struct Choice {
    word: &'static str,
    words: &'static str,
    chosen: bool,
}

fn ask(
    doors: &Doors,
    may: &MayOfRecently<BreakGlass>,
    (status, error): (StatusCode, Option<String>),
    form: Form,
) -> Response {
    let choice = |(reason, words): (Reason, &'static str)| Choice {
        word: reason.word(),
        words,
        chosen: form.reason == reason.word(),
    };
    let opened = &may.may.signed_in.opened;
    let stands = opened.iter().find(|one| one.patient == may.may.patient);
    let page = Page {
        frame: Frame::of(doors, &may.may.signed_in).at("/people"),
        patient: may.may.patient.to_string(),
        error,
        stands: stands.and_then(|one| {
            REASONS.iter().find(|(reason, _)| *reason == one.reason).map(|(_, words)| *words)
        }),
        reasons: REASONS.into_iter().map(choice).collect(),
        words: form.words,
    };
    html(status, &page)
}

/// Whether they may open it without an emergency: who it is, and what was said.
fn open_anyway(may: &MayOfRecently<BreakGlass>) -> bool {
    let record = Resource::Patient(may.may.whose.clone());
    let said = conversation(About::Clinical, &may.may.whose);
    allows(&may.may.signed_in, Action::SeePatient, &record)
        && allows(&may.may.signed_in, Action::ReadConversation, &said)
}

/// The witness that opening takes, or the page that says how to get it.
async fn by_passkey(doors: &Doors, may: &MayOfRecently<BreakGlass>) -> Result<ByPasskey, Response> {
    let (office, recently) = (doors.office().clone(), may.recently.clone());
    let read = move |tx: &mut Tx<'_>| {
        let mine = credential::passkeys(tx, office.practice(), recently.signed_in().staff.id)?;
        Ok::<_, AccessError>((ByPasskey::of(tx, &office, &recently)?, !mine.is_empty()))
    };
    let (witness, has) = doors.db().read(read).await.map_err(|error| failed(&error))?;
    let lock = format!("/lock?to=/people/{}/emergency", may.may.patient);
    witness.ok_or_else(|| {
        let (title, text, to) = if has {
            (
                "This takes your passkey",
                "A code isn’t enough to open a record in an emergency: codes are talked out of \
                 people. Nothing was opened.",
                (lock.as_str(), "Use your passkey"),
            )
        } else {
            (
                "You have no passkey yet",
                "A record is opened in an emergency with a passkey alone. Making one on your page \
                 takes a minute; until then a colleague who has one can open it. Nothing was opened.",
                ("/me", "Make a passkey"),
            )
        };
        message(StatusCode::FORBIDDEN, (title, text), to)
    })
}

/// `GET /people/{patient}/emergency`: the form, with nothing of the record on it.
pub async fn page(may: MayOfRecently<BreakGlass>, State(doors): State<Doors>) -> Response {
    if open_anyway(&may) {
        let to = format!("/people/{}", may.may.patient);
        let text = "Nothing of it is closed to you: no emergency is needed.";
        return message(StatusCode::OK, ("This record is yours to open", text), (&to, "Open it"));
    }
    match by_passkey(&doors, &may).await {
        Ok(_) => ask(&doors, &may, (StatusCode::OK, None), Form::default()),
        Err(response) => response,
    }
}

/// Why somebody opens it.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Form {
    reason: String,
    words: String,
}

/// `POST /people/{patient}/emergency`.
pub async fn open(
    may: MayOfRecently<BreakGlass>,
    State(doors): State<Doors>,
    Filled(form): Filled<Form>,
) -> Response {
    let patient = may.may.patient;
    if open_anyway(&may) {
        return see_other(&format!("/people/{patient}"));
    }
    let by_passkey = match by_passkey(&doors, &may).await {
        Ok(by_passkey) => by_passkey,
        Err(response) => return response,
    };
    let Some(reason) = Reason::from_word(&form.reason) else {
        let why = Some("Choose what it is. Nothing was opened.".to_owned());
        return ask(&doors, &may, (StatusCode::UNPROCESSABLE_ENTITY, why), form);
    };
    let (office, permit) = (doors.office().clone(), may.may.permit.clone());
    let why = Why { reason, words: form.words.clone() };
    let opened = doors
        .db()
        .write(move |tx| {
            break_glass::open(tx, &office, (&by_passkey, &permit), (patient, &why)).map(drop)
        })
        .await;
    match opened {
        Ok(()) => see_other(&format!("/people/{patient}")),
        Err(error) => {
            let (status, words) = words_of(&error);
            ask(&doors, &may, (status, Some(words)), form)
        }
    }
}

/// `POST /people/{patient}/emergency/end`: the record is needed no longer.
pub async fn end(
    State(doors): State<Doors>,
    may: May<OwnAccount>,
    Path(patient): Path<String>,
) -> Result<Response, Response> {
    if let Ok(patient) = patient.parse::<PatientId>() {
        let (office, who) = (doors.office().clone(), may.signed_in.clone());
        let ended: Result<(), AccessError> =
            doors.db().write(move |tx| break_glass::end(tx, &office, &who, patient)).await;
        ended.map_err(|error| error_page(&error))?;
    }
    Ok(see_other(Frame::of(&doors, &may.signed_in).home()))
}

#[derive(Template)]
#[template(path = "console/emergencies.html")]
struct List {
    frame: Frame,
    waiting: Vec<Line>,
    reviewed: Vec<Line>,
    findings: &'static [(Finding, &'static str)],
    /// They review; others only see that it is done.
    reviews: bool,
}

struct Line {
    id: String,
    who: String,
    patient: String,
    /// They may open the patient's page.
    may_open: bool,
    reason: &'static str,
    /// What was written; for whoever reviews.
    words: Option<String>,
    at: When,
    ended: String,
    open: bool,
    own: bool,
    looks: String,
    review: String,
}

/// `GET /log/emergencies`: who opened what, why, until when, and what the review found.
pub async fn list(State(doors): State<Doors>, may: May<ReadAudit>) -> Result<Response, Response> {
    let who = may.signed_in.clone();
    let event = may.permit.of(Event::new(Kind::ContentViewed, may.actor()).code("emergencies"));
    let look = move |tx: &mut Tx<'_>, office: &Office| {
        let practice = office.practice();
        let reviews = allows(&who, Action::ReviewBreakGlass, &Resource::Practice);
        let staff = staff::list(tx, office)?;
        let waiting = rows::unreviewed(tx, practice)?;
        let reviewed = rows::reviewed(tx, practice, REVIEWED)?;
        let all = waiting.iter().chain(&reviewed);
        let patients = all.clone().map(|row| row.patient_id);
        let theirs = records::whose_of_each(tx, office, patients)?;
        // The words are about a patient: that they are shown is on the log of each.
        let event = match reviews {
            true => all.fold(event, |event, row| event.patient(row.patient_id)),
            false => event,
        };
        let line = |row: BreakGlassRow| {
            let record = Resource::Patient(theirs.of(Some(row.patient_id)).clone());
            Line {
                may_open: allows(&who, Action::SeePatient, &record),
                words: reviews.then(|| {
                    let words = break_glass::words(office, &row);
                    words.unwrap_or_else(|_| gone(office, &row.record_wrap))
                }),
                ..Line::of(office, &staff, &row, who.staff.id)
            }
        };
        let waiting: Vec<Line> = waiting.into_iter().map(line).collect();
        let reviewed: Vec<Line> = reviewed.into_iter().map(line).collect();
        Ok::<_, PageError>(((waiting, reviewed, reviews), vec![event]))
    };
    let (waiting, reviewed, reviews) = seen(&doors, look).await.map_err(|error| failed(&error))?;
    let frame = Frame::of(&doors, &may.signed_in).at("/log");
    let page = List { frame, waiting, reviewed, findings: &FINDINGS, reviews };
    Ok(html(StatusCode::OK, &page))
}

impl Line {
    fn of(office: &Office, staff: &[Staff], row: &BreakGlassRow, me: StaffId) -> Self {
        let now = office.clock().now_in_life();
        let zone = &office.profile().timezone;
        let name = |id: StaffId| {
            let found = staff.iter().find(|one| one.id == id);
            found.map_or_else(|| "Somebody who left".to_owned(), |one| one.named.name.clone())
        };
        let ended = |at| When::new(at, now, zone).absolute;
        let open = row.ended_at.is_none() && now < row.until_at;
        let words = REASONS.iter().find(|(reason, _)| *reason == row.reason);
        let day = |at: jiff::Timestamp| at.to_zoned(zone.clone()).date();
        Self {
            id: row.id.to_string(),
            who: name(row.staff_id),
            patient: row.patient_id.to_string(),
            may_open: false,
            reason: words.map_or("", |(_, words)| *words),
            words: None,
            at: When::new(row.opened_at, now, zone),
            ended: match (row.ended_at, row.ended_how) {
                (Some(at), Some(EndedHow::ByHand)) => format!("ended by them {}", ended(at)),
                (Some(at), Some(EndedHow::ByOfficer)) => format!("ended from here {}", ended(at)),
                (Some(at), _) => format!("over since {}", ended(at)),
                (None, _) if open => format!("open until {}", ended(row.until_at)),
                (None, _) => format!("over since {}", ended(row.until_at)),
            },
            open,
            own: row.staff_id == me,
            looks: format!(
                "/log?sort=views&who={}&patient={}&from={day}&until={day}",
                row.staff_id,
                row.patient_id,
                day = day(row.opened_at)
            ),
            review: match (row.finding, row.reviewed_by, row.reviewed_at) {
                (Some(finding), Some(by), Some(at)) => {
                    let found = FINDINGS.iter().find(|(one, _)| *one == finding);
                    let found = found.map_or("", |(_, words)| *words);
                    format!("{}, {}: {found}", name(by), When::new(at, now, zone).absolute)
                }
                _ => String::new(),
            },
        }
    }
}

/// `POST /log/emergencies/{id}/end`.
pub async fn end_by_officer(
    State(doors): State<Doors>,
    may: May<ReviewBreakGlass>,
    Path(id): Path<BreakGlassId>,
) -> Result<Response, Response> {
    let (office, actor) = (doors.office().clone(), may.actor());
    let ended: Result<bool, AccessError> =
        doors.db().write(move |tx| break_glass::end_by_officer(tx, &office, id, actor)).await;
    ended.map_err(|error| error_page(&error))?;
    Ok(see_other("/log/emergencies"))
}

/// What the review found.
#[derive(Deserialize)]
pub struct Reviewed {
    #[serde(default)]
    found: String,
}

/// `POST /log/emergencies/{id}/review`.
pub async fn review(
    State(doors): State<Doors>,
    may: MayRecently<ReviewBreakGlass>,
    Path(id): Path<BreakGlassId>,
    Filled(form): Filled<Reviewed>,
) -> Result<Response, Response> {
    let finding = Finding::from_word(&form.found).ok_or_else(|| {
        error_page(&AccessError::NotNow("say what it was: choose one of the three"))
    })?;
    let (office, recently, permit) =
        (doors.office().clone(), may.recently.clone(), may.may.permit.clone());
    let reviewed: Result<(), AccessError> = doors
        .db()
        .write(move |tx| break_glass::review(tx, &office, (&recently, &permit), (id, finding)))
        .await;
    reviewed.map_err(|error| error_page(&error))?;
    Ok(see_other("/log/emergencies"))
}
