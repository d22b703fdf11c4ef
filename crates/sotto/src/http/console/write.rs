//! Writing to a patient. What the gate would say of the words stands beside them while they are
//! typed: nothing is stored for that, and the words are in no URL and in no log.
//!
//! One form, six things to do with it: look, take the safe wording, move it to the portal, send, keep
//! it as a draft, discard that. Without scripts each is a button; with them looking and keeping happen
//! at every pause.

pub mod drafts;
mod verdict;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use gate::{AppointmentId, Channel, Kind, MessageId, Origin, PatientId, Purpose};
use guard::Rewrite;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::page::{Filled, Frame, failed, html, message, see_other};
use super::reader::conversation;
use super::signed_in::{MayOf, SeePatient, allows, leave, nobody};
use super::words::{self, When};
use crate::access::policies::{About, Action, Permit};
use crate::access::sessions::SignedIn;
use crate::attachments::store;
use crate::audit::{self, Event, Kind as Deed};
use crate::compose::{Values, Variable, kinds};
use crate::db::appointment::{self, AppointmentStatus};
use crate::db::attachment::Holder;
use crate::db::{Tx, draft, inbound_message, message as messages};
use crate::facts::{self, Subject};
use crate::http::Doors;
use crate::http::files;
use crate::http::params::Path;
use crate::http::upload::{NotWhole, Upload};
use crate::ids::Id as _;
use crate::intake::{self, Answer, IntakeError, Request, Wanted, Words};
use crate::journeys::reminders::profile_values;
use crate::office::Office;
use crate::people::contact_points;
use crate::portal::{PortalError, letters};

use verdict::Verdict;

/// The channels a person writes by, in the order in which they are tried.
const CHANNELS: [Channel; 3] = [Channel::Sms, Channel::Email, Channel::Portal];

/// The kinds of message that staff start by hand and the record can fill in, the commonest first.
const KINDS: [(Kind, About); 9] = [
    (Kind::VisitCallback, About::Schedule),
    (Kind::AppointmentReminder, About::Schedule),
    (Kind::Recall, About::Schedule),
    (Kind::SecureMessageNotice, About::Schedule),
    (Kind::ResultsReady, About::Clinical),
    (Kind::RxReady, About::Clinical),
    (Kind::RefillReminder, About::Clinical),
    (Kind::AccountCallback, About::Account),
    (Kind::StatementReady, About::Account),
];

/// What the record fills in by itself.
const FILLED: [Variable; 5] = [
    Variable::FirstName,
    Variable::Practice,
    Variable::Phone,
    Variable::PortalUrl,
    Variable::Hours,
];

/// What an appointment fills in besides.
const OF_A_VISIT: [Variable; 3] = [Variable::Weekday, Variable::Date, Variable::Time];

/// How long an answer belongs to what the patient wrote (the gate judges it by the same).
const ANSWERS_WITHIN: SignedDuration = SignedDuration::from_hours(96);

/// The form as it comes.
#[derive(Serialize, Deserialize, Default, Clone)]
#[serde(default)]
pub struct Form {
    /// Not kept with a draft: what is written anew later is another message.
    #[serde(skip_serializing)]
    message: String,
    channel: String,
    about: String,
    template: String,
    appointment: String,
    subject: String,
    body: String,
    /// A wording to put in place of the words: the button's value.
    #[serde(skip_serializing)]
    take: Option<String>,
    /// `send`, `portal`, `keep`, `discard`; nothing or anything else: look.
    #[serde(skip_serializing)]
    act: String,
}

/// The form, read: what is wrong in it is told at its field.
#[derive(Clone)]
struct Wish {
    message: MessageId,
    channel: Wanted,
    about: About,
    kind: Kind,
    appointment: Option<AppointmentId>,
    subject: Option<String>,
    body: String,
}

impl Wish {
    fn read(form: &Form, office: &Office, allowed: &[About]) -> Self {
        let channel = match form.channel.as_str() {
            "sms" => Wanted::Channel(Channel::Sms),
            "email" => Wanted::Channel(Channel::Email),
            "portal" => Wanted::Channel(Channel::Portal),
            _ => Wanted::Auto,
        };
        let kind = KINDS
            .iter()
            .find(|(kind, about)| kind.as_str() == form.template && allowed.contains(about));
        let about = match kind {
            Some((_, about)) => Some(*about),
            None => About::from_word(&form.about).filter(|about| allowed.contains(about)),
        };
        Self {
            message: form.message.parse().unwrap_or_else(|_| MessageId::new(office.clock())),
            channel,
            about: about.or_else(|| allowed.first().copied()).unwrap_or(About::Schedule),
            kind: kind.map_or(Kind::FreeText, |(kind, _)| *kind),
            appointment: form.appointment.parse().ok(),
            subject: Some(form.subject.trim().to_owned()).filter(|subject| !subject.is_empty()),
            body: form.body.replace("\r\n", "\n").trim_end().to_owned(),
        }
    }

    /// Nothing was written and nothing chosen.
    fn is_empty(&self) -> bool {
        self.kind == Kind::FreeText && self.body.trim().is_empty()
    }

    const fn purpose(&self) -> Purpose {
        match self.about {
            About::Clinical => Purpose::Treatment,
            About::Schedule => Purpose::Operations,
            About::Account => Purpose::Payment,
        }
    }

    /// The request by one channel, an answer where the patient wrote there lately.
    fn request(
        &self,
        tx: &mut Tx<'_>,
        office: &Office,
        writer: &Writer,
        channel: Channel,
    ) -> Result<Request, IntakeError> {
        let now = office.clock().now();
        let words = if self.kind == Kind::FreeText {
            let subject = self.subject.clone().filter(|_| channel == Channel::Email);
            Words::Typed { subject, body: self.body.clone() }
        } else {
            Words::Template { values: profile_values(office, Values::new())? }
        };
        let answered = answered(tx, office, (writer.subject.id, channel), now)?;
        let request = Request {
            message: self.message,
            patient: None,
            channel: Wanted::Channel(channel),
            to: answered.as_ref().map(|(to, _, _)| to.clone()),
            kind: self.kind,
            purpose: self.purpose(),
            origin: match &answered {
                Some((_, _, at)) if self.kind.can_be_an_answer() => {
                    Origin::Reply { to_message_at: *at }
                }
                _ => Origin::Staff,
            },
            words,
            language: None,
            appointment: self.appointment,
            inbound: answered.map(|(_, inbound, _)| inbound),
            useless_after: None,
            actor: writer.signed_in.actor(),
        };
        intake::about(tx, office, writer.subject.id, request)
    }
}

/// What the patient wrote on this channel lately, if it came from an address of theirs that is
/// still good: the answer goes there.
fn answered(
    tx: &mut Tx<'_>,
    office: &Office,
    (patient, channel): (PatientId, Channel),
    now: Timestamp,
) -> Result<Option<(gate::Address, crate::ids::InboundId, Timestamp)>, IntakeError> {
    let kind = match channel {
        Channel::Sms => gate::AddressKind::Phone,
        Channel::Email => gate::AddressKind::Email,
        _ => return Ok(None),
    };
    let since = now.checked_sub(ANSWERS_WITHIN).unwrap_or(Timestamp::MIN);
    let practice = office.practice();
    let wrote = inbound_message::last_of_patient(tx, practice, (patient, channel), since)?;
    let Some(wrote) = wrote else { return Ok(None) };
    let points = contact_points::usable(tx, office.keys(), practice, (patient, kind), now)?;
    let theirs = points
        .into_iter()
        .find(|point| office.address_index(&point.address).as_slice() == wrote.from_index);
    Ok(theirs.map(|point| (point.address, wrote.id, wrote.received_at)))
}

/// Who writes, and to whom.
struct Writer {
    signed_in: SignedIn,
    subject: Subject,
    /// What they may write about.
    allowed: Vec<About>,
    permit: Permit,
}

/// Reads who it is to, and asks whether this person may write to them.
async fn writer(doors: &Doors, may: MayOf<SeePatient>) -> Result<Writer, Response> {
    let (office, id) = (doors.office().clone(), may.patient);
    let read = move |tx: &mut Tx<'_>| facts::subject(tx, &office, id);
    let subject = doors.db().read(read).await.map_err(|error| failed(&error))?;
    let subject = subject.ok_or_else(nobody)?;
    let thread = |about| conversation(about, &may.whose);
    let allowed: Vec<About> = [About::Schedule, About::Clinical, About::Account]
        .into_iter()
        .filter(|about| allows(&may.signed_in, Action::Reply, &thread(*about)))
        .collect();
    if allowed.is_empty() {
        leave(doors, &may.signed_in, Action::Reply, &thread(About::Schedule)).await?;
    }
    Ok(Writer { signed_in: may.signed_in, subject, allowed, permit: may.permit })
}

/// A choice in a list.
struct Choice {
    word: String,
    words: String,
    chosen: bool,
}

/// The form with its answer.
#[derive(Template)]
#[template(path = "console/write_form.html")]
struct Panel {
    id: String,
    message: String,
    name: String,
    who: String,
    clock: String,
    language: &'static str,
    templates: Vec<Choice>,
    abouts: Vec<Choice>,
    visits: Vec<Choice>,
    typed: bool,
    subject: String,
    body: String,
    /// When the draft was kept.
    kept: Option<String>,
    verdict: Verdict,
}

#[derive(Template)]
#[template(path = "console/write.html")]
struct Page {
    frame: Frame,
    panel: Panel,
    /// The id of a message with files, sent twice one message.
    fresh: String,
}

#[derive(Template)]
#[template(path = "console/write_verdict.html")]
struct Answered<'a> {
    verdict: &'a Verdict,
}

#[derive(Template)]
#[template(path = "console/written.html")]
struct Done {
    frame: Frame,
    patient: String,
    name: String,
    words: String,
    tone: &'static str,
    state: &'static str,
    at: When,
    goes: Option<When>,
    channel: &'static str,
    message: String,
}

/// Where the form is wanted.
#[derive(Deserialize)]
pub struct Bare {
    bare: Option<String>,
    #[serde(default)]
    channel: String,
}

/// `GET /people/{patient}/write`: the form, as it was left or empty; `?bare` for the form alone.
pub async fn page(
    State(doors): State<Doors>,
    may: MayOf<SeePatient>,
    Query(how): Query<Bare>,
) -> Response {
    let writer = match writer(&doors, may).await {
        Ok(writer) => writer,
        Err(response) => return response,
    };
    let left = match drafts::left(&doors, &writer).await {
        Ok(left) => left,
        Err(error) => return failed(&error),
    };
    let (office, patient) = (doors.office().clone(), writer.subject.id);
    let event = Event::new(Deed::ContentViewed, writer.signed_in.actor()).patient(Some(patient));
    let event = writer.permit.of(event.code(if left.is_some() { "draft" } else { "write" }));
    let recorded = doors.db().write(move |tx| audit::append(tx, &office, event).map(drop)).await;
    if let Err(error) = recorded {
        return failed(&error);
    }
    let mut form = left.unwrap_or_default();
    if !how.channel.is_empty() {
        form.channel = how.channel;
    }
    shown(&doors, writer, &form, how.bare.is_some()).await
}

/// `POST /people/{patient}/write/look`: what the gate would say, and nothing else.
pub async fn look(
    State(doors): State<Doors>,
    may: MayOf<SeePatient>,
    Filled(form): Filled<Form>,
) -> Response {
    let writer = match writer(&doors, may).await {
        Ok(writer) => writer,
        Err(response) => return response,
    };
    match panel(&doors, writer, &form).await {
        Ok((_, panel)) => html(StatusCode::OK, &Answered { verdict: &panel.verdict }),
        Err(response) => response,
    }
}

/// `POST /people/{patient}/write`: sends, or shows the form again with what was asked for.
pub async fn act(
    State(doors): State<Doors>,
    may: MayOf<SeePatient>,
    Filled(mut form): Filled<Form>,
) -> Response {
    let writer = match writer(&doors, may).await {
        Ok(writer) => writer,
        Err(response) => return response,
    };
    if let Some(words) = form.take.take() {
        form.body = words;
        return shown(&doors, writer, &form, false).await;
    }
    match form.act.as_str() {
        "send" => return send(&doors, writer, form).await,
        "keep" => return drafts::by_button(&doors, &writer, &form).await,
        "discard" => return drafts::discard(&doors, &writer).await,
        "portal" => form.channel = "portal".to_owned(),
        _ => {}
    }
    shown(&doors, writer, &form, false).await
}

async fn send(doors: &Doors, writer: Writer, form: Form) -> Response {
    let (signed_in, subject) = (writer.signed_in.clone(), writer.subject.clone());
    let (allowed, permit) = (writer.allowed.clone(), writer.permit.clone());
    let (office, asked) = (doors.office().clone(), form.clone());
    let stored = doors.db().write(move |tx| -> Result<Option<MessageId>, IntakeError> {
        let wish = Wish::read(&asked, &office, &writer.allowed);
        if wish.is_empty() {
            return Ok(None);
        }
        // The form sent twice is one message.
        if let Some(known) = messages::find(tx, office.practice(), wish.message)? {
            return Ok((known.patient == Some(writer.subject.id)).then_some(wish.message));
        }
        let channel = match wish.channel {
            Wanted::Channel(channel) => channel,
            Wanted::Auto => verdict::best(tx, &office, &writer, &wish)?,
        };
        let request = wish.request(tx, &office, &writer, channel)?;
        let sent = match intake::accept(tx, &office, request)? {
            Answer::Accepted { message, .. } => message,
            Answer::Redirected { portal, .. } => portal,
            Answer::Refused { .. } => return Ok(None),
        };
        let whose = (writer.signed_in.staff.id, writer.subject.id);
        draft::remove(tx, office.practice(), whose)?;
        Ok(Some(sent))
    });
    let stored = stored.await;
    let writer = Writer { signed_in, subject, allowed, permit };
    match stored {
        Ok(Some(message)) => see_other(&format!("/people/{}/written/{message}", writer.subject.id)),
        // What changed since the page was shown stands on it now.
        Ok(None) => {
            let form = Form { message: String::new(), ..form };
            shown(doors, writer, &form, false).await
        }
        Err(error) => failed(&error),
    }
}

/// `POST /people/{patient}/write/files`: files with a line to them, by portal: the only way that files
/// go (SPEC CH-16). A notice of it goes by text or email, as of every message there.
pub async fn send_files(
    State(doors): State<Doors>,
    may: MayOf<SeePatient>,
    upload: Result<Upload, NotWhole>,
) -> Response {
    let patient = may.patient;
    let back = format!("/people/{patient}/write");
    let again = |status, words: &str| {
        let title = "The files didn’t go";
        message(status, (title, words), (&back, "Back to writing"))
    };
    let writer = match writer(&doors, may).await {
        Ok(writer) => writer,
        Err(response) => return response,
    };
    let Upload { mut fields, files } = match upload {
        Ok(upload) => upload,
        Err(not) => return again(not.status(), &not.to_string()),
    };
    let mut field = |name| fields.remove(name).unwrap_or_default();
    let form = Form {
        channel: "portal".to_owned(),
        about: field("about"),
        body: field("body"),
        message: field("message"),
        ..Form::default()
    };
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    if files.is_empty() || form.body.trim().is_empty() {
        return again(unprocessable, "Choose a file, and write a line about it.");
    }
    let until = letters::last_day(doors.office().clock().now());
    let whose = (writer.signed_in.actor(), patient);
    let sealed = match files::take(&doors, whose, (files, Some(until))).await {
        Ok(Ok(sealed)) => sealed,
        Ok(Err(not)) => return again(unprocessable, &format!("One was not taken: {not}.")),
        Err(error) => return failed(&error),
    };
    let office = doors.office().clone();
    let stored = doors.db().write(move |tx| -> Result<Option<MessageId>, PortalError> {
        let wish = Wish::read(&form, &office, &writer.allowed);
        // The form sent twice is one message.
        if let Some(known) = messages::find(tx, office.practice(), wish.message)? {
            return Ok((known.patient == Some(patient)).then_some(wish.message));
        }
        let request = wish.request(tx, &office, &writer, Channel::Portal)?;
        let Answer::Accepted { message, .. } = intake::accept(tx, &office, request)? else {
            return Ok(None);
        };
        for file in sealed {
            let held = (Holder::Message(message), &writer.signed_in.actor());
            store::keep(tx, &office, held, file)?;
        }
        Ok(Some(message))
    });
    match stored.await {
        Ok(Some(message)) => see_other(&format!("/people/{patient}/written/{message}")),
        Ok(None) => again(
            unprocessable,
            "The words can’t go to the portal as they stand. Write them there first: what is in the \
             way stands beside them.",
        ),
        Err(error) => failed(&error),
    }
}

/// `GET /people/{patient}/written/{message}`: what became of it.
pub async fn written(
    State(doors): State<Doors>,
    may: MayOf<SeePatient>,
    Path((_, sent)): Path<(String, String)>,
) -> Response {
    let frame = Frame::of(&doors, &may.signed_in).at("/people");
    let writer = match writer(&doors, may).await {
        Ok(writer) => writer,
        Err(response) => return response,
    };
    let (office, patient) = (doors.office().clone(), writer.subject.id);
    let Ok(sent) = sent.parse::<MessageId>() else { return lost() };
    let found = doors.db().read(move |tx| messages::find(tx, office.practice(), sent)).await;
    let stored = match found {
        Ok(Some(stored)) if stored.patient == Some(patient) => stored,
        Ok(_) => return lost(),
        Err(error) => return failed(&error),
    };
    let (now, zone) = (doors.office().clock().now(), doors.office().profile().timezone.clone());
    let state = stored.state.as_str();
    let goes = (state == "queued" && stored.send_at > now)
        .then(|| When::new(stored.send_at, now, &writer.zone(&doors)));
    let done = Done {
        frame,
        patient: patient.to_string(),
        name: writer.subject.person.full_name(),
        words: words::kind_words(stored.kind.as_str()),
        tone: words::state_tone(state),
        state: words::state_words(state),
        at: When::new(stored.state_at, now, &zone),
        goes,
        channel: words::channel_words(stored.channel.as_str()),
        message: sent.to_string(),
    };
    html(StatusCode::OK, &done)
}

impl Writer {
    /// The clock by which it is night for the patient, or the practice's where nobody knows.
    fn zone(&self, doors: &Doors) -> jiff::tz::TimeZone {
        self.subject.timezone.clone().unwrap_or_else(|| doors.office().profile().timezone.clone())
    }
}

async fn shown(doors: &Doors, writer: Writer, form: &Form, bare: bool) -> Response {
    let frame = Frame::of(doors, &writer.signed_in).at("/people");
    match panel(doors, writer, form).await {
        Ok((_, panel)) if bare => html(StatusCode::OK, &panel),
        Ok((_, panel)) => {
            let fresh = MessageId::new(doors.office().clock()).to_string();
            html(StatusCode::OK, &Page { frame, panel, fresh })
        }
        Err(response) => response,
    }
}

/// The form, filled in, with the gate's answer to it.
async fn panel(doors: &Doors, writer: Writer, form: &Form) -> Result<(MessageId, Panel), Response> {
    let office = doors.office().clone();
    let zone = writer.zone(doors);
    let wish = Wish::read(form, &office, &writer.allowed);
    let read = move |tx: &mut Tx<'_>| -> Result<(MessageId, Panel), IntakeError> {
        let now = office.clock().now();
        let visits = visits(tx, &office, &writer.subject, now)?;
        let verdict = verdict::of(tx, &office, &writer, &wish)?;
        let kept = drafts::line(tx, &office, &writer)?;
        let age = writer
            .subject
            .person
            .age_on(now.to_zoned(zone.clone()).date())
            .map_or_else(|| "age not known".to_owned(), |age| age.to_string());
        let clock = now.to_zoned(zone.clone()).strftime("%-I:%M %P").to_string();
        let panel = Panel {
            id: writer.subject.id.to_string(),
            message: wish.message.to_string(),
            name: writer.subject.person.first_name().to_owned(),
            who: format!("{}, {age}", writer.subject.person.full_name()),
            clock,
            language: match writer.subject.language {
                Some(gate::Language::Spanish) => "Spanish",
                Some(gate::Language::English) => "English",
                None => "language not known",
            },
            templates: templates(&writer, &wish, !visits.is_empty()),
            abouts: abouts(&writer, &wish),
            visits: visits
                .into_iter()
                .map(|(id, at)| Choice {
                    word: id.to_string(),
                    words: words::words_of(at, &zone),
                    chosen: wish.appointment == Some(id),
                })
                .collect(),
            typed: wish.kind == Kind::FreeText,
            subject: wish.subject.clone().unwrap_or_default(),
            body: wish.body.clone(),
            kept,
            verdict,
        };
        Ok((wish.message, panel))
    };
    doors.db().read(read).await.map_err(|error| failed(&error))
}

fn visits(
    tx: &mut Tx<'_>,
    office: &Office,
    subject: &Subject,
    now: Timestamp,
) -> Result<Vec<(AppointmentId, Timestamp)>, IntakeError> {
    let all = appointment::of_patient(tx, office.practice(), subject.id, (now, Timestamp::MAX))?;
    let booked = all.into_iter().filter(|row| row.status == AppointmentStatus::Booked);
    Ok(booked.take(8).map(|row| (row.id, row.starts_at)).collect())
}

/// The templates this person may send and the record can fill in.
fn templates(writer: &Writer, wish: &Wish, booked: bool) -> Vec<Choice> {
    let can = |kind: Kind| {
        kinds::rules(kind).is_some_and(|rules| {
            rules.required.iter().all(|variable| {
                FILLED.contains(variable) || (booked && OF_A_VISIT.contains(variable))
            })
        })
    };
    KINDS
        .iter()
        .filter(|(kind, about)| writer.allowed.contains(about) && can(*kind))
        .map(|(kind, _)| Choice {
            word: kind.as_str().to_owned(),
            words: words::kind_words(kind.as_str()),
            chosen: wish.kind == *kind,
        })
        .collect()
}

fn abouts(writer: &Writer, wish: &Wish) -> Vec<Choice> {
    let words = |about| match about {
        About::Schedule => "Appointments",
        About::Clinical => "Their health",
        About::Account => "Their bill",
    };
    writer
        .allowed
        .iter()
        .map(|about| Choice {
            word: about.as_str().to_owned(),
            words: words(*about).to_owned(),
            chosen: wish.about == *about,
        })
        .collect()
}

fn lost() -> Response {
    message(
        StatusCode::NOT_FOUND,
        ("There is no such message", "It may belong to another patient."),
        ("/people", "Find a patient"),
    )
}

/// The wording a rewrite offers, for the button that takes it.
fn wording(rewrite: Rewrite) -> Option<String> {
    match rewrite {
        Rewrite::Text(text) => Some(text),
        Rewrite::ToPortal { .. } => None,
    }
}
