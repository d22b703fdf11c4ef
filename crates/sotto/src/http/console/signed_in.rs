//! Leave as an argument: who is signed in, and that the policies let them. A page that takes
//! `May<SeeOverview>` is not reached by anybody else; what it records can name the policies.

use std::marker::PhantomData;

use askama::Template;
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gate::PatientId;

use super::cookies;
use super::page::{failed, html, message, see_other};
use crate::access::AccessError;
use crate::access::policies::{self, Action, Denied, Permit, Principal, Resource};
use crate::access::records::{self, Whose};
use crate::access::sessions::{self, Recently, SignedIn, Standing};
use crate::audit::{self, Actor, Event, Kind, Outcome};
use crate::db::{DbError, Tx, patient, site};
use crate::http::Doors;

/// An action, as a type.
pub trait Deed {
    /// The action.
    const ACTION: Action;
}

macro_rules! deeds {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name;

        impl Deed for $name {
            const ACTION: Action = Action::$name;
        }
    )+};
}

deeds! {
    /// To see what goes out and comes in.
    SeeOverview;
    /// To invite, disable, give roles.
    ManageStaff;
    /// To see who may do what.
    SeeAccess;
    /// To see and end one's own sessions, devices and keys.
    OwnAccount;
    /// To look for a patient.
    FindPatients;
    /// To see who a patient is and how to reach them.
    SeePatient;
    /// To change how to reach them.
    ChangeContacts;
    /// To record and revoke consents, opt-outs and permissions.
    RecordConsent;
    /// To put a tablet of the practice's into a patient's hands.
    HandOver;
    /// To record restrictions and confidential contacts.
    ManageRestrictions;
    /// To account for disclosures and release records.
    ReleaseRecords;
    /// To begin and write in a sealed conversation.
    WriteSealed;
    /// To look through the log.
    ReadAudit;
    /// To read the words in force, and what is proposed.
    SeeTemplates;
    /// To write words for the practice.
    EditTemplates;
    /// To approve what another wrote.
    ApproveTemplates;
    /// To change how the practice is set up.
    ChangeSettings;
    /// To write down vendors, and sign and end agreements with them.
    ManageVendors;
    /// To see how long records are kept, what is held, and what ended.
    SeeRetention;
    /// To hold the whole practice's records, and lift that.
    HoldPractice;
    /// To hold a record beyond its time, and lift that.
    HoldRecord;
    /// To see what must be done.
    SeeTasks;
    /// To hand in what a caller said.
    TakeIntake;
    /// To open a record in an emergency that is closed otherwise.
    BreakGlass;
    /// To review what was opened in an emergency.
    ReviewBreakGlass;
}

/// Somebody with leave for a deed on the practice as a whole.
#[derive(Debug)]
pub struct May<D> {
    /// Who.
    pub signed_in: SignedIn,
    /// By which policies.
    pub permit: Permit,
    deed: PhantomData<D>,
}

/// The same, with a second factor given in the last five minutes.
#[derive(Debug)]
pub struct MayRecently<D> {
    /// Leave.
    pub may: May<D>,
    /// The witness.
    pub recently: Recently,
}

/// Somebody with leave for a deed on the patient whose id stands in the path as `{patient}`.
#[derive(Debug)]
pub struct MayOf<D> {
    /// Who.
    pub signed_in: SignedIn,
    /// By which policies.
    pub permit: Permit,
    /// The patient.
    pub patient: PatientId,
    /// Where the patient is seen and what of theirs is closed, for what else is asked.
    pub whose: Whose,
    deed: PhantomData<D>,
}

/// The same, with a second factor given in the last five minutes.
#[derive(Debug)]
pub struct MayOfRecently<D> {
    /// Leave.
    pub may: MayOf<D>,
    /// The witness.
    pub recently: Recently,
}

/// Somebody who is signed in, locked or not: for leaving, and for opening the lock.
#[derive(Debug)]
pub struct Session(pub SignedIn);

impl<D> May<D> {
    /// Who did it, as the audit log names them.
    #[must_use]
    pub fn actor(&self) -> Actor {
        self.signed_in.actor()
    }
}

/// Whether somebody may do something else to something else: for what a page offers. Doing it asks
/// again, with [`leave`].
pub(super) fn allows(signed_in: &SignedIn, action: Action, what: &Resource) -> bool {
    policies::may(&Principal::from(&signed_in.staff), action, what).is_ok()
}

/// Leave for a deed on the practice, or on something where no emergency counts. Without it: the page
/// that says so, and a line in the log.
pub(super) async fn leave(
    doors: &Doors,
    signed_in: &SignedIn,
    action: Action,
    what: &Resource,
) -> Result<Permit, Response> {
    leave_with(doors, (signed_in, None), action, what).await
}

/// Leave for a deed on the record of this patient, or on what was said with them: also where they
/// opened it in an emergency. Who might, and did not yet, is told how.
pub(super) async fn leave_with(
    doors: &Doors,
    (signed_in, patient): (&SignedIn, Option<PatientId>),
    action: Action,
    what: &Resource,
) -> Result<Permit, Response> {
    match policies::may(&signed_in.before(patient), action, what) {
        Ok(permit) => Ok(permit),
        Err(denied) => Err(denied_page(doors, (signed_in, patient), (denied, what)).await),
    }
}

impl<D> MayOf<D> {
    /// Who did it, as the audit log names them.
    #[must_use]
    pub fn actor(&self) -> Actor {
        self.signed_in.actor()
    }
}

impl<D: Deed> FromRequestParts<Doors> for May<D> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, doors: &Doors) -> Result<Self, Response> {
        let signed_in = present(parts, doors).await?;
        let permit = leave(doors, &signed_in, D::ACTION, &Resource::Practice).await?;
        seen(doors, &signed_in).await?;
        Ok(Self { signed_in, permit, deed: PhantomData })
    }
}

impl<D: Deed> FromRequestParts<Doors> for MayOf<D> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, doors: &Doors) -> Result<Self, Response> {
        let signed_in = present(parts, doors).await?;
        let patient = named(parts).await;
        let office = doors.office().clone();
        let look = move |tx: &mut Tx<'_>| {
            // Nobody is as somebody without appointments: only who may look learns of it.
            let Some(id) = patient else {
                return Ok((false, Whose::seen_at(site::ids(tx, office.practice())?)));
            };
            let known = patient::get(tx, office.practice(), id)?.is_some();
            Ok::<_, DbError>((known, records::whose(tx, &office, patient)?))
        };
        let asked = doors.db().read(look).await;
        let (known, whose) = asked.map_err(|error| failed(&AccessError::Db(error)))?;
        let record = Resource::Patient(whose.clone());
        let permit = leave_with(doors, (&signed_in, patient), D::ACTION, &record).await?;
        seen(doors, &signed_in).await?;
        // Who may not look does not learn that there is nobody.
        let Some(patient) = patient.filter(|_| known) else { return Err(nobody()) };
        Ok(Self { signed_in, permit, patient, whose, deed: PhantomData })
    }
}

/// The patient the path names.
async fn named(parts: &mut Parts) -> Option<PatientId> {
    let path = RawPathParams::from_request_parts(parts, &()).await.ok()?;
    let (_, id) = path.iter().find(|(name, _)| *name == "patient")?;
    id.parse().ok()
}

/// Who is signed in and not locked out; or the way in.
async fn present(parts: &Parts, doors: &Doors) -> Result<SignedIn, Response> {
    match standing(parts, doors).await? {
        Standing::Good(signed_in) => Ok(*signed_in),
        Standing::Locked(_) => Err(to_page(parts, "/lock")),
        Standing::Wiped => Err(wiped()),
        Standing::Nobody => Err(to_page(parts, "/sign-in")),
    }
}

/// Puts off the lock.
async fn seen(doors: &Doors, signed_in: &SignedIn) -> Result<(), Response> {
    let now = doors.office().clock().now_in_life();
    if sessions::wants_to_be_seen(&signed_in.session, now) {
        let (office, id) = (doors.office().clone(), signed_in.session.id);
        let seen = doors.db().write(move |tx| sessions::see(tx, &office, id)).await;
        seen.map_err(|error| failed(&error))?;
    }
    Ok(())
}

impl<D: Deed> FromRequestParts<Doors> for MayRecently<D> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, doors: &Doors) -> Result<Self, Response> {
        let may = May::<D>::from_request_parts(parts, doors).await?;
        let now = doors.office().clock().now_in_life();
        let Some(recently) = may.signed_in.recently(now) else {
            return Err(to_page(parts, "/lock"));
        };
        Ok(Self { may, recently })
    }
}

impl<D: Deed> FromRequestParts<Doors> for MayOfRecently<D> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, doors: &Doors) -> Result<Self, Response> {
        let may = MayOf::<D>::from_request_parts(parts, doors).await?;
        let now = doors.office().clock().now_in_life();
        let Some(recently) = may.signed_in.recently(now) else {
            return Err(to_page(parts, "/lock"));
        };
        Ok(Self { may, recently })
    }
}

impl FromRequestParts<Doors> for Session {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, doors: &Doors) -> Result<Self, Response> {
        match standing(parts, doors).await? {
            Standing::Good(signed_in) | Standing::Locked(signed_in) => Ok(Self(*signed_in)),
            Standing::Wiped => Err(wiped()),
            Standing::Nobody => Err(see_other("/sign-in")),
        }
    }
}

/// What the cookies are worth, asked of the database each time.
pub(super) async fn standing(parts: &Parts, doors: &Doors) -> Result<Standing, Response> {
    let office = doors.office().clone();
    let (session, device) = cookies::digests(doors, &parts.headers);
    let read =
        move |tx: &mut Tx<'_>| sessions::standing(tx, &office, (session.as_ref(), device.as_ref()));
    doors.db().read(read).await.map_err(|error| failed(&error))
}

/// Whether this session is still good, for a page that stays open.
pub(super) async fn still_good(doors: &Doors, cookies: ([u8; 32], Option<[u8; 32]>)) -> bool {
    let office = doors.office().clone();
    let (session, device) = cookies;
    let read =
        move |tx: &mut Tx<'_>| sessions::standing(tx, &office, (Some(&session), device.as_ref()));
    let standing: Result<Standing, AccessError> = doors.db().read(read).await;
    let Ok(Standing::Good(signed_in)) = standing else { return false };
    let principal = Principal::from(&signed_in.staff);
    policies::may(&principal, Action::SeeOverview, &Resource::Practice).is_ok()
}

#[derive(Template)]
#[template(path = "console/away.html")]
struct Away<'a> {
    to: &'a str,
}

/// To the way in, and back here afterwards where going back is harmless. A script that asked gets
/// a status it understands instead of a page.
fn to_page(parts: &Parts, to: &str) -> Response {
    let accepts = parts.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    if accepts.is_some_and(|kinds| kinds.contains("text/event-stream") || kinds.contains("json")) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    // A piece of a page that stays open, where somebody may have been writing: their words stay.
    if parts.headers.contains_key("hx-request") {
        return html(StatusCode::UNAUTHORIZED, &Away { to });
    }
    // After a form, the page that has it: what was typed is still in the browser, one step back.
    let path = parts.uri.path();
    let back = match (&parts.method, path) {
        (&Method::GET, "/") => return see_other(to),
        (&Method::GET, path) => path,
        // Their page is closed to them: the form that opens it.
        (_, path) if path.starts_with("/people") && path.ends_with("/emergency") => path,
        // The patient's own page: what stands before the third slash.
        (_, path) if path.starts_with("/people") => {
            path.match_indices('/').nth(2).and_then(|(at, _)| path.get(..at)).unwrap_or(path)
        }
        (_, path) => [
            "/staff",
            "/settings/vendors",
            "/settings/retention",
            "/settings",
            "/log",
            "/inbox",
            "/tasks",
            "/templates",
        ]
        .into_iter()
        .find(|page| path.starts_with(page))
        .unwrap_or("/me"),
    };
    see_other(&format!("{to}?to={back}"))
}

/// The browser must forget everything it has of ours (SPEC LC-02).
pub(super) fn wiped() -> Response {
    let mut response = message(
        StatusCode::UNAUTHORIZED,
        (
            "This browser was signed out from afar",
            "Everything of ours in it was removed. If it is yours again, sign in anew.",
        ),
        ("/sign-in", "Sign in"),
    );
    let all = HeaderValue::from_static("\"cache\", \"cookies\", \"storage\"");
    response.headers_mut().insert("clear-site-data", all);
    response
}

async fn denied_page(
    doors: &Doors,
    (signed_in, patient): (&SignedIn, Option<PatientId>),
    (denied, what): (Denied, &Resource),
) -> Response {
    let (office, actor) = (doors.office().clone(), signed_in.actor());
    let may_open = patient.filter(|_| opens_in_emergency(signed_in, denied.action, what));
    let recorded = doors
        .db()
        .write(move |tx| {
            let event = Event::new(Kind::AccessRefused, actor)
                .outcome(Outcome::Refused)
                .patient(patient)
                .code(denied.action.as_str());
            let event = denied.policies.into_iter().fold(event, Event::code);
            audit::append(tx, &office, event).map(drop)
        })
        .await;
    if let Err(error) = recorded {
        tracing::error!(%error, "access.refusal_not_recorded");
    }
    if let Some(patient) = may_open {
        return message(
            StatusCode::FORBIDDEN,
            (
                "This record isn't yours to open",
                "It belongs to another site, or is closed to your role. If somebody's health \
                 depends on it now, you can open it for an hour, to read. The privacy officer is \
                 told at once.",
            ),
            (&format!("/people/{patient}/emergency"), "It is an emergency: open it"),
        );
    }
    message(
        StatusCode::FORBIDDEN,
        (
            "This page isn't yours to open",
            "None of your roles may do this. An administrator can change roles.",
        ),
        ("/me", "To your page"),
    )
}

/// Whether somebody who may not read this could open it in an emergency.
fn opens_in_emergency(signed_in: &SignedIn, action: Action, what: &Resource) -> bool {
    let reads = matches!(action, Action::SeePatient | Action::ReadConversation);
    let whose = match what {
        Resource::Practice => return false,
        Resource::Patient(whose) | Resource::Conversation { whose, .. } => whose.clone(),
    };
    reads && allows(signed_in, Action::BreakGlass, &Resource::Patient(whose))
}

pub(super) fn nobody() -> Response {
    message(
        StatusCode::NOT_FOUND,
        (
            "There is no such patient",
            "The link may be old, or the record was never here. Look for the name instead.",
        ),
        ("/people", "Find a patient"),
    )
}
