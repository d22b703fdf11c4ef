//! `/people/{patient}/call` and `/calls/{id}`: a call, a step a page. What it is about is not on
//! the page before the listener was identified, and says then how much may be said (SPEC IN-03).

mod heed;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use gate::{AddressKind, ContactPointId, Language, Level, PatientId};
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;

use self::heed::Number;
use super::inbox::failed;
use super::page::{Filled, Frame, html, see_other};
use super::reader::{DeskError, Reader, conversation};
use super::signed_in::{FindPatients, May, MayOf, SeePatient, allows, leave, nobody};
use super::thread::may_ever;
use super::words::{self, When};
use crate::access::policies::{About, Action, Resource};
use crate::access::records::{self, Whose};
use crate::access::sessions::SignedIn;
use crate::audit::{Event, Kind};
use crate::conversations::about;
use crate::conversations::call_codes::{self, Standing, TRIES};
use crate::conversations::calls::{
    self, Answered, CallError, CallOutcome, Greeting, Method, NewCall,
};
use crate::db::call::{self, CallRow};
use crate::db::task::{self, TaskRow};
use crate::db::{Tx, Word, board, caregiver, contact_point};
use crate::facts::{self, Subject};
use crate::http::Doors;
use crate::http::params::Path;
use crate::http::views::seen;
use crate::ids::{CallId, CaregiverId, TaskId};
use crate::inbound::content;
use crate::office::Office;
use crate::people::caregivers::open_caregiver;
use crate::people::contact_points::open_address;

#[derive(Template)]
#[template(path = "console/call_begin.html")]
struct Begin {
    frame: Frame,
    id: String,
    name: String,
    who: String,
    task: String,
    numbers: Vec<Number>,
    warnings: Vec<&'static str>,
    before: Vec<Before>,
}

struct Before {
    at: When,
    who: String,
    words: &'static str,
}

struct Choice {
    word: String,
    words: String,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "console/call.html")]
struct Page {
    frame: Frame,
    id: String,
    patient: String,
    number: String,
    name: String,
    first_name: String,
    who: String,
    caller: String,
    practice: String,
    phone: String,
    spanish: bool,
    warnings: Vec<&'static str>,
    answered: Option<Answered>,
    caregivers: Vec<Choice>,
    greeting: Option<Greeting>,
    facts: Vec<(&'static str, String)>,
    /// The number that was called is the listener's alone.
    called_them: bool,
    /// They were signed in at the window just now.
    at_the_window: bool,
    addresses: Vec<Choice>,
    code: Standing,
    identified: Option<bool>,
    may_say: &'static str,
    matter: Option<Matter>,
    ended: Option<&'static str>,
}

struct Matter {
    task: String,
    words: Option<String>,
    /// More than this listener may hear.
    too_much: bool,
}

impl Page {
    fn listens(&self) -> bool {
        matches!(self.answered, Some(Answered::Patient | Answered::Caregiver))
    }

    fn is(&self, word: &str) -> bool {
        self.answered.is_some_and(|answered| answered.word() == word)
    }

    fn greeted(&self, word: &str) -> bool {
        self.greeting.is_some_and(|greeting| greeting.word() == word)
    }
}

const fn sayable(level: Level) -> &'static str {
    match level {
        Level::Administrative => "only that they should call back: nothing about care or bills",
        Level::Mention => "that there is an appointment, a bill or a message; not what about",
        Level::Detail => "health details, but nothing sensitive",
        Level::Sensitive | Level::Never => "everything that this call is about",
    }
}

const fn outcome_words(outcome: CallOutcome) -> &'static str {
    match outcome {
        CallOutcome::Spoke => "spoke",
        CallOutcome::LeftMessage => "left a message to call back",
        CallOutcome::NotReached => "not reached",
        CallOutcome::WrongNumber => "wrong number",
    }
}

/// Who is called.
struct Called {
    subject: Subject,
    whose: Whose,
}

/// Whether this person may answer what the call is about; anything, where it is about nothing yet.
async fn called(
    doors: &Doors,
    signed_in: &SignedIn,
    (id, whose): (PatientId, Whose),
    about: Option<About>,
) -> Result<Called, Response> {
    let office = doors.office().clone();
    let read = move |tx: &mut Tx<'_>| facts::subject(tx, &office, id);
    let subject = doors.db().read(read).await.map_err(|error| failed(&error.into()))?;
    let subject = subject.ok_or_else(nobody)?;
    let all = [About::Schedule, About::Clinical, About::Account];
    let abouts = about.map_or_else(|| all.to_vec(), |about| vec![about]);
    let thread = |about| conversation(about, &whose);
    if !abouts.iter().any(|about| allows(signed_in, Action::Reply, &thread(*about))) {
        let about = about.unwrap_or(About::Schedule);
        leave(doors, signed_in, Action::Reply, &thread(about)).await?;
    }
    Ok(Called { subject, whose })
}

/// For which task.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct For {
    task: String,
}

/// `GET /people/{patient}/call`: which number, and the promise to be alone.
pub async fn begin_page(
    State(doors): State<Doors>,
    may: MayOf<SeePatient>,
    Query(asked): Query<For>,
) -> Result<Response, Response> {
    let id = may.patient;
    let called = called(&doors, &may.signed_in, (id, may.whose.clone()), None).await?;
    let who = may.signed_in.clone();
    let look = move |tx: &mut Tx<'_>, office: &Office| {
        let now = office.clock().now();
        let numbers = heed::numbers(tx, office, id, now)?;
        let warnings = heed::warnings(tx, office, id, now)?;
        let mut reader = Reader::new(office, &who);
        reader.meet(tx)?;
        let before = call::of_patient(tx, office.practice(), id, 5)?
            .into_iter()
            .filter_map(|row| {
                Some(Before {
                    at: reader.when(row.began_at),
                    who: reader.name(row.caller),
                    words: outcome_words(row.outcome?),
                })
            })
            .collect();
        let event = Event::new(Kind::ContentViewed, who.actor()).patient(Some(id)).code("call");
        Ok::<_, DeskError>(((numbers, warnings, before), vec![event]))
    };
    let (numbers, warnings, before) = seen(&doors, look).await.map_err(|error| failed(&error))?;
    let page = Begin {
        frame: Frame::of(&doors, &may.signed_in).at("/people"),
        id: id.to_string(),
        name: called.subject.person.first_name().to_owned(),
        who: who_words(doors.office(), &called.subject),
        task: asked.task,
        numbers,
        warnings,
        before,
    };
    Ok(html(StatusCode::OK, &page))
}

fn who_words(office: &Office, subject: &Subject) -> String {
    let zone = office.profile().timezone.clone();
    let today = office.clock().now().to_zoned(zone).date();
    let age = subject.person.age_on(today).map(|age| format!(", {age}")).unwrap_or_default();
    let language = match subject.language {
        Some(Language::Spanish) => "Spanish",
        Some(Language::English) => "English",
        None => "language not known",
    };
    format!("{}{age} · {language}", subject.person.full_name())
}

/// The form that begins a call.
#[derive(Deserialize)]
pub struct BeginForm {
    #[serde(default)]
    number: String,
    #[serde(default)]
    task: String,
    #[serde(default)]
    private_place: String,
}

/// `POST /people/{patient}/call`.
pub async fn begin(
    State(doors): State<Doors>,
    may: MayOf<SeePatient>,
    Filled(form): Filled<BeginForm>,
) -> Result<Response, Response> {
    let id = may.patient;
    called(&doors, &may.signed_in, (id, may.whose.clone()), None).await?;
    let number: ContactPointId = form.number.parse().map_err(|_| {
        let because = "must be chosen";
        failed(&CallError::Field { field: "number", because }.into())
    })?;
    let new = NewCall {
        patient: id,
        number,
        task: form.task.parse::<TaskId>().ok(),
        caller: may.signed_in.staff.id,
        private_place: !form.private_place.is_empty(),
    };
    let (office, actor) = (doors.office().clone(), may.actor());
    let now = office.clock().now();
    let begun = doors
        .db()
        .write(move |tx| -> Result<CallId, DeskError> {
            let offered = heed::numbers(tx, &office, id, now)?;
            if !offered.iter().any(|one| one.id == new.number.to_string()) {
                let because = "is not one the patient may be called at";
                return Err(CallError::Field { field: "number", because }.into());
            }
            Ok(calls::begin(tx, &office, &new, &actor)?)
        })
        .await;
    let call = begun.map_err(|error| failed(&error))?;
    Ok(see_other(&format!("/calls/{call}")))
}

/// One's own call, and whom it is to; a colleague's is not there.
async fn own(
    doors: &Doors,
    may: &May<FindPatients>,
    id: &str,
) -> Result<(CallRow, Option<TaskRow>, Called), Response> {
    let id = id.parse().unwrap_or(CallId(uuid::Uuid::nil()));
    let (office, me) = (doors.office().clone(), may.signed_in.staff.id);
    let read = move |tx: &mut Tx<'_>| -> Result<_, DeskError> {
        let practice = office.practice();
        let row = call::get(tx, practice, id)?.filter(|row| row.caller == me);
        let row = row.ok_or(CallError::NoCall(id))?;
        let task = match row.task_id {
            Some(task) => task::get(tx, practice, task)?,
            None => None,
        };
        let whose = records::whose(tx, &office, Some(row.patient_id))?;
        Ok((row, task, whose))
    };
    let (row, task, whose) = match doors.db().read(read).await {
        Ok(found) => found,
        Err(error) => {
            may_ever(doors, &may.signed_in, Action::Reply).await?;
            return Err(failed(&error));
        }
    };
    let about = task.as_ref().map(|task| about::task(task.kind));
    let record = Resource::Patient(whose.clone());
    leave(doors, &may.signed_in, Action::SeePatient, &record).await?;
    let called = called(doors, &may.signed_in, (row.patient_id, whose), about).await?;
    Ok((row, task, called))
}

/// `GET /calls/{id}`.
pub async fn page(
    State(doors): State<Doors>,
    may: May<FindPatients>,
    Path(id): Path<String>,
) -> Result<Response, Response> {
    let (row, task, called) = own(&doors, &may, &id).await?;
    let who = may.signed_in.clone();
    let frame = Frame::of(&doors, &may.signed_in).at("/people");
    let look = move |tx: &mut Tx<'_>, office: &Office| {
        let event = Event::new(Kind::ContentViewed, who.actor())
            .patient(Some(row.patient_id))
            .code(if row.said_at.is_some() { "call_matter" } else { "call" });
        let page = view(tx, office, (&who, frame), (row, task, called))?;
        Ok::<_, DeskError>((page, vec![event]))
    };
    Ok(html(StatusCode::OK, &seen(&doors, look).await.map_err(|error| failed(&error))?))
}

fn view(
    tx: &mut Tx<'_>,
    office: &Office,
    (who, frame): (&SignedIn, Frame),
    (row, task, called): (CallRow, Option<TaskRow>, Called),
) -> Result<Page, DeskError> {
    let (practice, now) = (office.practice(), office.clock().now());
    let points = contact_point::of_patient(tx, practice, row.patient_id)?;
    let point = points.into_iter().find(|point| point.id == row.contact_point_id);
    let number = match point {
        Some(point) => {
            let sealed = point.address_sealed;
            words::address(&open_address(office.keys(), practice, point.id, point.kind, sealed)?)
        }
        None => String::new(),
    };
    let mut caregivers = Vec::new();
    for one in caregiver::of_patient(tx, practice, row.patient_id)? {
        let (id, relation) = (one.id, one.relation.clone());
        let person = open_caregiver(office.keys(), practice, id, one.person_sealed)?;
        caregivers.push(Choice {
            word: id.to_string(),
            words: format!("{}, {relation}", person.full_name()),
            chosen: row.caregiver_id == Some(id),
        });
    }
    let may_say = calls::may_say(tx, office, &row, now)?;
    let subject = &called.subject;
    let matter = match (row.said_at, &task) {
        (Some(_), Some(task)) => Some(matter(tx, office, who, (task, &called), may_say)?),
        _ => None,
    };
    Ok(Page {
        frame,
        id: row.id.to_string(),
        patient: row.patient_id.to_string(),
        number,
        name: subject.person.full_name(),
        first_name: subject.person.first_name().to_owned(),
        who: who_words(office, subject),
        caller: who.staff.named.name.split_whitespace().next().unwrap_or_default().to_owned(),
        practice: office.profile().display_name.clone(),
        phone: office.profile().phone.clone(),
        spanish: subject.language == Some(Language::Spanish),
        warnings: heed::warnings(tx, office, row.patient_id, now)?,
        answered: row.answered,
        caregivers,
        greeting: row.greeting,
        facts: facts_of(subject),
        called_them: call_codes::called_them(tx, office, &row)?,
        at_the_window: call_codes::at_the_window(tx, office, &row)?,
        addresses: addresses(tx, office, (&row, now))?,
        code: call_codes::standing(tx, office, &row)?,
        identified: row.identified,
        may_say: sayable(may_say),
        matter,
        ended: row.outcome.map(outcome_words),
    })
}

/// Where a code may go.
fn addresses(
    tx: &mut Tx<'_>,
    office: &Office,
    (row, now): (&CallRow, Timestamp),
) -> Result<Vec<Choice>, DeskError> {
    let mut choices = Vec::new();
    for point in call_codes::addresses(tx, office, row, now)? {
        let (id, sealed) = (point.id, point.address_sealed);
        let address = open_address(office.keys(), office.practice(), id, point.kind, sealed)?;
        let how = if point.kind == AddressKind::Email { "email to" } else { "text to" };
        let words = format!("{how} {}", words::address(&address));
        choices.push(Choice { word: id.to_string(), words, chosen: false });
    }
    Ok(choices)
}

/// What the caller may ask for, with the answer on file: never read out.
fn facts_of(subject: &Subject) -> Vec<(&'static str, String)> {
    let person = &subject.person;
    let mut facts = vec![("Name", subject.person.full_name())];
    if let Some(day) = person.birth_date {
        facts.push(("Date of birth", day.strftime("%B %-d, %Y").to_string()));
    }
    if let Some(home) = &person.home {
        facts.push(("Street", home.street.clone()));
    }
    facts
}

fn matter(
    tx: &mut Tx<'_>,
    office: &Office,
    who: &SignedIn,
    (task, called): (&TaskRow, &Called),
    may_say: Level,
) -> Result<Matter, DeskError> {
    let mut reader = Reader::new(office, who);
    let readable = reader.may_read(about::task(task.kind), &called.whose);
    let words = match task.inbound_id {
        Some(id) if readable => board::reply_sealed(tx, office.practice(), id)?
            .and_then(|(content, wrap)| content::open(office, id, (&content, &wrap)).ok())
            .map(content::Content::shown),
        _ => None,
    };
    let level = words.as_deref().map_or(Level::Mention, |words| about::reveals(office, words));
    Ok(Matter { task: words::task_words(task.kind.word()), words, too_much: level > may_say })
}

/// Who answered.
#[derive(Deserialize)]
pub struct AnsweredForm {
    #[serde(default)]
    who: String,
    #[serde(default)]
    caregiver: String,
    #[serde(default)]
    greeting: String,
}

/// `POST /calls/{id}/answered`.
pub async fn answered(
    State(doors): State<Doors>,
    may: May<FindPatients>,
    Path(id): Path<String>,
    Filled(form): Filled<AnsweredForm>,
) -> Result<Response, Response> {
    let who = Answered::from_word(&form.who);
    let caregiver = form.caregiver.parse::<CaregiverId>().ok();
    let greeting = Greeting::from_word(&form.greeting);
    step(&doors, &may, &id, move |tx, office, id, actor| {
        let who = who.ok_or(CallError::Field { field: "answer", because: "must be said" })?;
        calls::answered(tx, office, id, (who, caregiver, greeting), actor)
    })
    .await
}

/// How we know who it is: each ticked box sends its own name.
#[derive(Deserialize)]
pub struct IdentifiedForm {
    #[serde(default)]
    matched: String,
    #[serde(flatten)]
    boxes: BTreeMap<String, String>,
}

/// `POST /calls/{id}/identified`.
pub async fn identified(
    State(doors): State<Doors>,
    may: May<FindPatients>,
    Path(id): Path<String>,
    Filled(form): Filled<IdentifiedForm>,
) -> Result<Response, Response> {
    let by: Vec<Method> = form.boxes.keys().filter_map(|word| Method::from_word(word)).collect();
    let matched = form.matched == "yes";
    step(&doors, &may, &id, move |tx, office, id, actor| {
        calls::identified(tx, office, id, (&by, matched), actor)
    })
    .await
}

/// Where a code is to go.
#[derive(Deserialize)]
pub struct CodeForm {
    #[serde(default)]
    to: String,
}

/// `POST /calls/{id}/code`: sends a code that the listener reads back.
pub async fn send_code(
    State(doors): State<Doors>,
    may: May<FindPatients>,
    Path(id): Path<String>,
    Filled(form): Filled<CodeForm>,
) -> Result<Response, Response> {
    let to = form.to.parse::<ContactPointId>().ok();
    step(&doors, &may, &id, move |tx, office, id, actor| {
        let none = CallError::Field { field: "address", because: "must be chosen" };
        call_codes::send(tx, office, (id, to.ok_or(none)?), actor)
    })
    .await
}

/// What the listener read back.
#[derive(Deserialize)]
pub struct ReadBackForm {
    #[serde(default)]
    code: String,
}

/// `POST /calls/{id}/read-back`.
pub async fn read_back(
    State(doors): State<Doors>,
    may: May<FindPatients>,
    Path(id): Path<String>,
    Filled(form): Filled<ReadBackForm>,
) -> Result<Response, Response> {
    step(&doors, &may, &id, move |tx, office, id, actor| {
        // How many tries are left stands on the page.
        call_codes::read_back(tx, office, (id, &form.code), actor).map(drop)
    })
    .await
}

/// `POST /calls/{id}/matter`: shows what the call is about.
pub async fn show(
    State(doors): State<Doors>,
    may: May<FindPatients>,
    Path(id): Path<String>,
) -> Result<Response, Response> {
    let (_, task, called) = own(&doors, &may, &id).await?;
    if let Some(task) = &task {
        let what = conversation(about::task(task.kind), &called.whose);
        leave(&doors, &may.signed_in, Action::ReadConversation, &what).await?;
    }
    step(&doors, &may, &id, calls::shown).await
}

/// What came of it.
#[derive(Deserialize)]
pub struct EndForm {
    #[serde(default)]
    outcome: String,
}

/// `POST /calls/{id}/end`.
pub async fn end(
    State(doors): State<Doors>,
    may: May<FindPatients>,
    Path(id): Path<String>,
    Filled(form): Filled<EndForm>,
) -> Result<Response, Response> {
    let outcome = CallOutcome::from_word(&form.outcome);
    step(&doors, &may, &id, move |tx, office, id, actor| {
        let none = CallError::Field { field: "outcome", because: "must be said" };
        calls::end(tx, office, id, outcome.ok_or(none)?, actor)
    })
    .await
}

/// Takes a step of one's own call, and goes back to its page.
async fn step(
    doors: &Doors,
    may: &May<FindPatients>,
    id: &str,
    take: impl FnOnce(&mut Tx<'_>, &Office, CallId, &crate::audit::Actor) -> Result<(), CallError>
    + Send
    + 'static,
) -> Result<Response, Response> {
    let (row, _, _) = own(doors, may, id).await?;
    let (office, actor, call) = (doors.office().clone(), may.actor(), row.id);
    let taken: Result<(), DeskError> =
        doors.db().write(move |tx| Ok(take(tx, &office, call, &actor)?)).await;
    taken.map_err(|error| failed(&error))?;
    Ok(see_other(&format!("/calls/{call}")))
}
