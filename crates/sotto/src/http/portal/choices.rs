//! `/window/choices`: what the patient agrees to, likes, and lets others hear. One question a page;
//! taking back is as easy as giving.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use gate::facts::Scope;
use gate::{Address, Category, Channel, ConsentId, ContactPointId, Kind, Language};
use serde::Deserialize;
use uuid::Uuid;

use super::home::day;
use super::page::{Filled, Frame, Spoken, Tongue, failed, html, nothing, see_other};
use crate::audit::{Event, Kind as Logged};
use crate::compose::kinds;
use crate::db::consent_event::{ConsentEventKind, ConsentKind};
use crate::db::registry::WINDOW_SESSION;
use crate::db::{Tx, Word, consent_event};
use crate::http::Doors;
use crate::http::params::{Path, Query};
use crate::http::views::seen;
use crate::ids::CaregiverId;
use crate::office::Office;
use crate::people::consent_texts::{RiskText, risk_text};
use crate::people::preferences::Preferences;
use crate::portal::choices::{
    self, Agreement, ChoiceError, Choices, Chooser, Place, SUBJECTS, Way,
};
use crate::portal::{PortalError, Visitor};

/// Where a choice leads back to.
const HERE: &str = "/window/choices";

/// A line of a list, with where it leads.
struct Line {
    to: String,
    words: String,
    note: String,
}

#[derive(Template)]
#[template(path = "window/choices.html")]
struct Overview {
    frame: Frame,
    done: Option<&'static str>,
    places: Vec<Line>,
    wishes: String,
    elsewhere: Vec<Line>,
    people: Vec<Line>,
}

#[derive(Template)]
#[template(path = "window/place.html")]
struct PlacePage {
    frame: Frame,
    wrong: Option<&'static str>,
    to: String,
    title: String,
    stopped: bool,
    automated: Option<String>,
    detail: Option<(String, String)>,
    risk: Option<RiskText>,
    subjects: Vec<Tick>,
    signed: String,
}

#[derive(Template)]
#[template(path = "window/receipt.html")]
struct ReceiptPage {
    frame: Frame,
    what: String,
    given: String,
    withdrawn: Option<String>,
    words: Option<&'static str>,
    version: Option<String>,
    digest: String,
}

#[derive(Template)]
#[template(path = "window/wishes.html")]
struct WishesPage {
    frame: Frame,
    wrong: Option<&'static str>,
    languages: Vec<Tick>,
    channels: Vec<Tick>,
    from: Vec<Tick>,
    until: Vec<Tick>,
    kinds: Vec<Tick>,
}

#[derive(Template)]
#[template(path = "window/elsewhere.html")]
struct ElsewherePage {
    frame: Frame,
    ways: Vec<Tick>,
    standing: Vec<Line>,
}

#[derive(Template)]
#[template(path = "window/person.html")]
struct PersonPage {
    frame: Frame,
    to: String,
    name: String,
    by_law: bool,
    hears: Vec<Tick>,
}

/// Something to tick or to choose.
struct Tick {
    value: String,
    words: String,
    on: bool,
}

impl Tick {
    fn new(value: impl Into<String>, words: impl Into<String>, on: bool) -> Self {
        Self { value: value.into(), words: words.into(), on }
    }
}

/// The last four digits, or the mailbox with its first letter: enough to know it by.
fn known_by(address: &Address) -> String {
    let text = address.reveal();
    match text.split_once('@') {
        Some((name, host)) => {
            format!("{}…@{host}", name.chars().next().unwrap_or_default())
        }
        None => {
            let digits: Vec<char> = text.chars().filter(char::is_ascii_digit).collect();
            format!("…{}", digits.iter().rev().take(4).rev().collect::<String>())
        }
    }
}

/// "Texts to …0171".
fn way_words(l: Tongue, channel: Channel, address: &Address) -> String {
    let at = known_by(address);
    match channel {
        Channel::Sms => format!("{} {at}", l.say("Texts to", "Mensajes de texto a")),
        Channel::Email => format!("{} {at}", l.say("Email to", "Correo a")),
        _ => format!("{} {at}", l.say("Voicemail at", "Mensajes de voz en")),
    }
}

/// What goes this way now, in one line.
fn way_note(l: Tongue, way: &Way) -> String {
    let note = match (way.stopped, way.automated.is_some(), way.detail.is_some()) {
        (true, ..) => l.say("Nothing goes here", "No se envía nada aquí"),
        (_, _, true) => l.say("Visits, and words about health", "Citas, y temas de salud"),
        (_, true, _) => l.say("Visits and care, no health detail", "Citas, sin temas de salud"),
        _ => l.say("Only answers to you", "Solo respuestas a usted"),
    };
    note.to_owned()
}

fn subject_words(l: Tongue, subject: Category) -> &'static str {
    match subject {
        Category::Medication => l.say("medicines", "medicinas"),
        Category::LabResult => l.say("test results", "resultados de pruebas"),
        Category::Diagnosis => l.say("diagnoses", "diagnósticos"),
        Category::Procedure => l.say("procedures", "procedimientos"),
        Category::Specialty => l.say("which specialist", "qué especialista"),
        Category::Billing => l.say("bills", "facturas"),
        Category::MentalHealth => l.say("mental health", "salud mental"),
        Category::Sud => l.say("alcohol and drugs", "alcohol y drogas"),
        Category::Reproductive => l.say("pregnancy and sexual health", "embarazo y salud sexual"),
        Category::Hiv => l.say("HIV", "VIH"),
        _ => "",
    }
}

fn subjects_words(l: Tongue, about: &[Category]) -> String {
    let words: Vec<&str> = about.iter().map(|subject| subject_words(l, *subject)).collect();
    words.join(", ")
}

fn scope_words(l: Tongue, scope: Scope) -> &'static str {
    match scope {
        Scope::CallBack => l.say("that you called", "que ustedes llamaron"),
        Scope::Appointments => l.say("my visits", "mis citas"),
        Scope::Billing => l.say("my bills", "mis facturas"),
        Scope::Clinical => l.say("my health", "mi salud"),
    }
}

const SCOPES: [Scope; 4] = [Scope::CallBack, Scope::Appointments, Scope::Billing, Scope::Clinical];

/// What was just done, as a word of ours, in a sentence.
fn done_words(l: Tongue, word: &str) -> Option<&'static str> {
    Some(match word {
        "agreed" => l.say("We wrote down that you agree.", "Anotamos que usted está de acuerdo."),
        "withdrawn" => l.say(
            "You took it back. From now on it is as if you had never agreed.",
            "Lo retiró. Desde ahora es como si nunca lo hubiera aceptado.",
        ),
        "stopped" => l.say("Nothing more goes there.", "Ya no se envía nada ahí."),
        "started" => l.say("Messages go there again.", "Los mensajes van ahí de nuevo."),
        "wishes" => l.say("We wrote down what you like.", "Anotamos lo que prefiere."),
        "elsewhere" => l.say("From now on we keep to it.", "Desde ahora lo respetamos."),
        "people" => l.say("We wrote down what they may hear.", "Anotamos lo que pueden saber."),
        _ => return None,
    })
}

/// Who is there, the language, and the page's frame.
struct At {
    me: Chooser,
    l: Tongue,
    frame: Frame,
}

fn at(doors: &Doors, visitor: &Visitor, spoken: Spoken, path: &str) -> Result<At, Response> {
    let l = spoken.tongue(visitor.language());
    let me = visitor.chooser().ok_or_else(|| nothing(doors, spoken, l))?;
    let frame = Frame::of(doors, l, path).inside();
    Ok(At { me, l, frame })
}

/// Reads everything chosen, and notes that it was shown.
async fn chosen(doors: &Doors, visitor: &Visitor, me: &Chooser) -> Result<Choices, ChoiceError> {
    let event = Event::new(Logged::PatientViewed, visitor.actor())
        .about(WINDOW_SESSION, visitor.session())
        .patient(visitor.patient())
        .code("choices");
    let me = me.clone();
    seen(doors, move |tx: &mut Tx<'_>, office: &Office| {
        Ok((choices::read(tx, office, &me)?, vec![event]))
    })
    .await
}

/// The page for what went wrong beside the form.
fn broken(doors: &Doors, spoken: Spoken, l: Tongue, error: ChoiceError) -> Response {
    match error {
        ChoiceError::NotHere => nothing(doors, spoken, l),
        ChoiceError::Portal(error) => failed(doors, spoken, &error),
        error => {
            tracing::error!(%error, "window.choice_failed");
            failed(doors, spoken, &PortalError::Randomness)
        }
    }
}

/// What to do about a field, in a sentence; none where it is no field's.
fn remedy(l: Tongue, error: &ChoiceError) -> Option<&'static str> {
    Some(match error {
        ChoiceError::NotRead => l.say(
            "Tick that you read the warning, or leave it as it is.",
            "Marque que leyó la advertencia, o déjelo como está.",
        ),
        ChoiceError::Nothing => {
            l.say("Tick what we may write about.", "Marque de qué podemos escribirle.")
        }
        ChoiceError::NotSigned => l.say("Sign with your name.", "Firme con su nombre."),
        ChoiceError::Hours => l.say("Choose two different times.", "Elija dos horas distintas."),
        ChoiceError::SomebodyElses => l.say(
            "Somebody told us that this number is not yours. Call us to put it right.",
            "Alguien nos dijo que este número no es suyo. Llámenos para corregirlo.",
        ),
        _ => return None,
    })
}

/// What stands behind `?`.
#[derive(Deserialize, Default)]
pub struct Asked {
    done: Option<String>,
    /// The language, which [`Spoken`] reads.
    #[serde(rename = "lang")]
    _lang: Option<String>,
}

/// `GET /window/choices`.
pub async fn page(
    State(doors): State<Doors>,
    visitor: Visitor,
    spoken: Spoken,
    Query(asked): Query<Asked>,
) -> Response {
    let At { me, l, frame } = match at(&doors, &visitor, spoken, HERE) {
        Ok(at) => at,
        Err(response) => return response,
    };
    let chosen = match chosen(&doors, &visitor, &me).await {
        Ok(chosen) => chosen,
        Err(error) => return broken(&doors, spoken, l, error),
    };
    let places = chosen.places.iter().flat_map(|place| {
        place.ways.iter().map(move |way| Line {
            to: format!("{HERE}/places/{}/{}", place.id, way.channel.as_str()),
            words: way_words(l, way.channel, &place.address),
            note: way_note(l, way),
        })
    });
    let people = chosen.people.iter().map(|person| {
        let hears: Vec<&str> = person.hears.iter().map(|scope| scope_words(l, *scope)).collect();
        let note =
            if hears.is_empty() { l.say("nothing", "nada").to_owned() } else { hears.join(", ") };
        let words = person.name.clone();
        Line { to: format!("{HERE}/people/{}", person.id), words, note }
    });
    let overview = Overview {
        frame,
        done: asked.done.as_deref().and_then(|word| done_words(l, word)),
        places: places.collect(),
        wishes: wishes_words(l, &chosen),
        elsewhere: chosen.elsewhere.iter().map(|wish| elsewhere_line(l, wish)).collect(),
        people: people.collect(),
    };
    html(&doors, spoken, StatusCode::OK, &overview)
}

fn elsewhere_line(l: Tongue, wish: &choices::Elsewhere) -> Line {
    let by = match wish.channel {
        Some(Channel::Sms) => l.say("Texts", "Mensajes de texto"),
        Some(Channel::Email) => l.say("Email", "Correo"),
        Some(_) => l.say("Calls", "Llamadas"),
        None => l.say("Everything", "Todo"),
    };
    let note = match &wish.address {
        Some(address) => format!("{} {}", l.say("only to", "solo a"), known_by(address)),
        None => l.say("not at all", "nunca").to_owned(),
    };
    Line { to: wish.id.to_string(), words: by.to_owned(), note }
}

fn wishes_words(l: Tongue, chosen: &Choices) -> String {
    let mut all = Vec::new();
    match chosen.language {
        Some(Language::Spanish) => all.push(l.say("in Spanish", "en español").to_owned()),
        Some(Language::English) => all.push(l.say("in English", "en inglés").to_owned()),
        None => {}
    }
    if let Some((from, until)) = chosen.wishes.hours {
        let (from, until) = (clock(from), clock(until));
        all.push(match l.0 {
            Language::English => format!("between {from} and {until}"),
            Language::Spanish => format!("entre {from} y {until}"),
        });
    }
    if !chosen.wishes.kinds_off.is_empty() {
        all.push(l.say("without some kinds", "sin algunos tipos").to_owned());
    }
    if all.is_empty() {
        l.say("You told us nothing special.", "No nos ha dicho nada especial.").to_owned()
    } else {
        all.join(", ")
    }
}

/// "9:00": a minute of the day, by the 24-hour clock.
fn clock(minute: u16) -> String {
    format!("{}:{:02}", minute / 60, minute % 60)
}

/// `GET /window/choices/places/{contact}/{channel}`.
pub async fn place(
    State(doors): State<Doors>,
    Path((contact, channel)): Path<(String, String)>,
    visitor: Visitor,
    spoken: Spoken,
) -> Response {
    show_place(&doors, &visitor, spoken, (&contact, &channel), None).await
}

async fn show_place(
    doors: &Doors,
    visitor: &Visitor,
    spoken: Spoken,
    (contact, channel): (&str, &str),
    again: Option<(&'static str, &Fields)>,
) -> Response {
    let to = format!("{HERE}/places/{contact}/{channel}");
    let At { me, l, frame } = match at(doors, visitor, spoken, &to) {
        Ok(at) => at,
        Err(response) => return response,
    };
    let chosen = match chosen(doors, visitor, &me).await {
        Ok(chosen) => chosen,
        Err(error) => return broken(doors, spoken, l, error),
    };
    let Some((place, way)) = found(&chosen, contact, channel) else {
        return nothing(doors, spoken, l);
    };
    let typed = again.as_ref().map(|(_, fields)| *fields);
    let subjects = SUBJECTS.iter().map(|(subject, _)| {
        let word = subject.word();
        let on = typed.is_some_and(|fields| fields.ticked(&format!("about-{word}")));
        Tick::new(format!("about-{word}"), subject_words(l, *subject), on)
    });
    let page = PlacePage {
        wrong: again.as_ref().map(|(wrong, _)| *wrong),
        to,
        title: way_words(l, way.channel, &place.address),
        stopped: way.stopped,
        automated: way.automated.map(|id| id.to_string()),
        detail: way.detail.as_ref().map(|(id, about)| (id.to_string(), subjects_words(l, about))),
        risk: risk_text(way.channel, l.0),
        subjects: subjects.collect(),
        signed: typed.map_or_else(String::new, |fields| fields.text("signed").to_owned()),
        frame,
    };
    let status = if again.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    html(doors, spoken, status, &page)
}

fn found<'a>(chosen: &'a Choices, contact: &str, channel: &str) -> Option<(&'a Place, &'a Way)> {
    let place = chosen.places.iter().find(|place| place.id.to_string() == contact)?;
    let way = place.ways.iter().find(|way| way.channel.as_str() == channel)?;
    Some((place, way))
}

/// A form's fields, by name.
#[derive(Deserialize, Default, Clone)]
#[serde(transparent)]
pub struct Fields(BTreeMap<String, String>);

impl std::fmt::Debug for Fields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fields({})", self.0.len())
    }
}

impl Fields {
    fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |text| text.trim())
    }

    fn ticked(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn minute(&self, name: &str) -> Option<u16> {
        self.text(name).parse().ok()
    }
}

/// `POST /window/choices/places/{contact}/{channel}`: agree, take back, stop, start.
pub async fn choose(
    State(doors): State<Doors>,
    Path((contact, channel)): Path<(String, String)>,
    visitor: Visitor,
    spoken: Spoken,
    Filled(fields): Filled<Fields>,
) -> Response {
    let At { me, l, .. } = match at(&doors, &visitor, spoken, HERE) {
        Ok(at) => at,
        Err(response) => return response,
    };
    let (Ok(id), Some(way)) = (contact.parse::<ContactPointId>(), Channel::from_word(&channel))
    else {
        return nothing(&doors, spoken, l);
    };
    let (office, form) = (doors.office().clone(), fields.clone());
    let done = doors
        .db()
        .write(move |tx| {
            Ok::<_, ChoiceError>(match form.text("act") {
                "agree" => {
                    let about = form.ticked("detail").then(|| {
                        SUBJECTS
                            .iter()
                            .map(|(subject, _)| *subject)
                            .filter(|one| form.ticked(&format!("about-{}", one.word())))
                            .collect()
                    });
                    let agreement = Agreement {
                        at: id,
                        channel: way,
                        about,
                        read: form.ticked("read"),
                        signed: form.text("signed").to_owned(),
                        language: l.0,
                    };
                    let receipt = choices::agree(tx, &office, &me, &agreement)?;
                    format!("{HERE}/receipts/{}", receipt.id)
                }
                "withdraw" => {
                    let consent = form.text("consent").parse().map_err(|_| ChoiceError::NotHere)?;
                    choices::withdraw(tx, &office, &me, consent)?;
                    format!("{HERE}?done=withdrawn")
                }
                "stop" => {
                    choices::stop(tx, &office, &me, (id, way), true)?;
                    format!("{HERE}?done=stopped")
                }
                "start" => {
                    choices::stop(tx, &office, &me, (id, way), false)?;
                    format!("{HERE}?done=started")
                }
                _ => return Err(ChoiceError::NotHere),
            })
        })
        .await;
    match done {
        Ok(to) => see_other(&to),
        Err(error) => match remedy(l, &error) {
            Some(wrong) => {
                let again = Some((wrong, &fields));
                show_place(&doors, &visitor, spoken, (&contact, &channel), again).await
            }
            None => broken(&doors, spoken, l, error),
        },
    }
}

/// `GET /window/choices/receipts/{consent}`: what was agreed to, in the words that were shown.
pub async fn receipt(
    State(doors): State<Doors>,
    Path(consent): Path<String>,
    visitor: Visitor,
    spoken: Spoken,
) -> Response {
    let path = format!("{HERE}/receipts/{consent}");
    let At { l, frame, .. } = match at(&doors, &visitor, spoken, &path) {
        Ok(at) => at,
        Err(response) => return response,
    };
    let Ok(id) = consent.parse::<ConsentId>() else { return nothing(&doors, spoken, l) };
    let who = visitor.clone();
    let event = Event::new(Logged::PatientViewed, visitor.actor())
        .about(WINDOW_SESSION, visitor.session())
        .patient(visitor.patient())
        .code("receipt");
    let read = seen(&doors, move |tx: &mut Tx<'_>, office: &Office| {
        let rows = consent_event::of_patient(tx, office.practice(), who.patient())?;
        Ok::<_, PortalError>((rows, vec![event]))
    });
    let rows = match read.await {
        Ok(rows) => rows,
        Err(error) => return failed(&doors, spoken, &error),
    };
    let of_it = |event| rows.iter().find(|row| row.consent_id == id && row.event == event);
    let Some(given) = of_it(ConsentEventKind::Given) else { return nothing(&doors, spoken, l) };
    let zone = visitor.timezone(doors.office());
    let on = |at: jiff::Timestamp| day(l, &at.to_zoned(zone.clone()));
    let about: Vec<Category> =
        given.categories.split_whitespace().filter_map(Category::from_word).collect();
    let by = match given.channel {
        Channel::Sms => l.say("By text", "Por mensaje de texto"),
        Channel::Email => l.say("By email", "Por correo"),
        Channel::Portal => l.say("Here", "Aquí"),
        _ => l.say("By voicemail", "Por mensaje de voz"),
    };
    let what = match given.class {
        ConsentKind::Content => subjects_words(l, &about),
        ConsentKind::Pec => l
            .say(
                "automated messages about visits and care",
                "mensajes automáticos sobre citas y atención",
            )
            .to_owned(),
        _ => l.say("as you signed it", "como lo firmó").to_owned(),
    };
    // The words that were shown then, where they are still those of today.
    let spoken_then = if given.language == "es" { Language::Spanish } else { Language::English };
    let words = risk_text(given.channel, spoken_then)
        .filter(|text| Some(text.version) == given.text_version.as_deref());
    let page = ReceiptPage {
        what: format!("{by}: {what}"),
        given: on(given.captured_at),
        withdrawn: of_it(ConsentEventKind::Revoked).map(|row| on(row.captured_at)),
        words: words.map(|text| text.words),
        version: given.text_version.clone(),
        digest: given.evidence_digest.as_deref().map(hex::encode).unwrap_or_default(),
        frame,
    };
    html(&doors, spoken, StatusCode::OK, &page)
}

/// `GET /window/choices/wishes`.
pub async fn wishes(State(doors): State<Doors>, visitor: Visitor, spoken: Spoken) -> Response {
    show_wishes(&doors, &visitor, spoken, None).await
}

async fn show_wishes(
    doors: &Doors,
    visitor: &Visitor,
    spoken: Spoken,
    wrong: Option<&'static str>,
) -> Response {
    let At { me, l, frame } = match at(doors, visitor, spoken, "/window/choices/wishes") {
        Ok(at) => at,
        Err(response) => return response,
    };
    let chosen = match chosen(doors, visitor, &me).await {
        Ok(chosen) => chosen,
        Err(error) => return broken(doors, spoken, l, error),
    };
    let wishes = &chosen.wishes;
    let hour = |set: Option<u16>| -> Vec<Tick> {
        let hours = (0..24).map(|hour: u16| {
            let minute = hour * 60;
            Tick::new(minute.to_string(), clock(minute), set == Some(minute))
        });
        let any = Tick::new("", l.say("any time", "a cualquier hora"), set.is_none());
        std::iter::once(any).chain(hours).collect()
    };
    let channel = |channel: Option<Channel>, words: &str| {
        Tick::new(channel.map_or("", Channel::as_str), words, wishes.channel == channel)
    };
    let programme = Kind::ALL.iter().copied();
    let programme = programme.filter(|kind| kinds::rules(*kind).is_some_and(|r| r.programme));
    let page = WishesPage {
        wrong,
        languages: vec![
            Tick::new("en", "English", chosen.language == Some(Language::English)),
            Tick::new("es", "Español", chosen.language == Some(Language::Spanish)),
        ],
        channels: vec![
            channel(None, l.say("no matter", "no importa")),
            channel(Some(Channel::Sms), l.say("text", "mensaje de texto")),
            channel(Some(Channel::Email), l.say("email", "correo")),
            channel(Some(Channel::Portal), l.say("here", "aquí")),
        ],
        from: hour(wishes.hours.map(|(from, _)| from)),
        until: hour(wishes.hours.map(|(_, until)| until)),
        kinds: programme
            .filter_map(|kind| Some((kind, kind_words(l, kind)?)))
            .map(|(kind, words)| {
                let on = !wishes.kinds_off.contains(&kind);
                Tick::new(format!("kind-{}", kind.as_str()), words, on)
            })
            .collect(),
        frame,
    };
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    html(doors, spoken, status, &page)
}

/// What a patient may leave out, in their words; none for what has no plain name.
fn kind_words(l: Tongue, kind: Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::AppointmentReminder => l.say("reminders of visits", "recordatorios de citas"),
        Kind::Recall => l.say("when a check-up is due", "cuando toca un chequeo"),
        Kind::Survey => l.say("how it was: short questions", "cómo le fue: preguntas cortas"),
        Kind::RxReady => l.say("a prescription is ready", "una receta está lista"),
        _ => return None,
    })
}

/// `POST /window/choices/wishes`. What this page does not show stays as it is.
pub async fn wish(
    State(doors): State<Doors>,
    visitor: Visitor,
    spoken: Spoken,
    Filled(fields): Filled<Fields>,
) -> Response {
    let At { me, l, .. } = match at(&doors, &visitor, spoken, HERE) {
        Ok(at) => at,
        Err(response) => return response,
    };
    let office = doors.office().clone();
    let done: Result<(), ChoiceError> = doors
        .db()
        .write(move |tx| {
            let before = choices::read(tx, &office, &me)?.wishes;
            let language = match fields.text("language") {
                "en" => Some(Language::English),
                "es" => Some(Language::Spanish),
                _ => None,
            };
            let hours = match (fields.minute("from"), fields.minute("until")) {
                (Some(from), Some(until)) => Some((from, until)),
                (None, None) => None,
                _ => return Err(ChoiceError::Hours),
            };
            let shown = |kind: &Kind| kind_words(l, *kind).is_some();
            let off = Kind::ALL.iter().copied().filter(|kind| {
                if shown(kind) {
                    kinds::rules(*kind).is_some_and(|rules| rules.programme)
                        && !fields.ticked(&format!("kind-{}", kind.as_str()))
                } else {
                    before.kinds_off.contains(kind)
                }
            });
            let kinds_off = off.collect();
            let channel = Channel::from_word(fields.text("channel"));
            let wishes = Preferences { channel, hours, kinds_off };
            choices::wish(tx, &office, &me, (&wishes, language))
        })
        .await;
    match done {
        Ok(()) => see_other(&format!("{HERE}?done=wishes")),
        Err(error) => match remedy(l, &error) {
            Some(wrong) => show_wishes(&doors, &visitor, spoken, Some(wrong)).await,
            None => broken(&doors, spoken, l, error),
        },
    }
}

/// `GET /window/choices/elsewhere`.
pub async fn elsewhere(State(doors): State<Doors>, visitor: Visitor, spoken: Spoken) -> Response {
    let At { me, l, frame } = match at(&doors, &visitor, spoken, "/window/choices/elsewhere") {
        Ok(at) => at,
        Err(response) => return response,
    };
    let chosen = match chosen(&doors, &visitor, &me).await {
        Ok(chosen) => chosen,
        Err(error) => return broken(&doors, spoken, l, error),
    };
    let mut ways = Vec::new();
    for place in &chosen.places {
        for way in &place.ways {
            let value = format!("{} {}", way.channel.as_str(), place.id);
            let words = way_words(l, way.channel, &place.address);
            let only = format!("{} {}", words, l.say("and to no other", "y a ningún otro"));
            ways.push(Tick::new(value, only, false));
        }
    }
    for (channel, words) in [
        (Channel::Sms, l.say("No texts at all", "Ningún mensaje de texto")),
        (Channel::Email, l.say("No email at all", "Ningún correo")),
        (Channel::Voicemail, l.say("No voicemail at all", "Ningún mensaje de voz")),
    ] {
        ways.push(Tick::new(channel.as_str(), words, false));
    }
    let standing = chosen.elsewhere.iter().map(|wish| elsewhere_line(l, wish)).collect();
    html(&doors, spoken, StatusCode::OK, &ElsewherePage { frame, ways, standing })
}

/// `POST /window/choices/elsewhere`.
pub async fn go_elsewhere(
    State(doors): State<Doors>,
    visitor: Visitor,
    spoken: Spoken,
    Filled(fields): Filled<Fields>,
) -> Response {
    let At { me, l, .. } = match at(&doors, &visitor, spoken, HERE) {
        Ok(at) => at,
        Err(response) => return response,
    };
    let office = doors.office().clone();
    let done = doors
        .db()
        .write(move |tx| {
            if let Ok(wish) = fields.text("end").parse::<Uuid>() {
                return choices::come_back(tx, &office, &me, wish);
            }
            let way = fields.text("way");
            let (channel, to) = way.split_once(' ').map_or((way, None), |(c, to)| (c, Some(to)));
            let channel = Channel::from_word(channel).ok_or(ChoiceError::NotHere)?;
            let to = to.map(str::parse).transpose().map_err(|_| ChoiceError::NotHere)?;
            choices::go_elsewhere(tx, &office, &me, (channel, to))
        })
        .await;
    match done {
        Ok(()) => see_other(&format!("{HERE}?done=elsewhere")),
        Err(error) => broken(&doors, spoken, l, error),
    }
}

/// `GET /window/choices/people/{person}`.
pub async fn person(
    State(doors): State<Doors>,
    Path(person): Path<String>,
    visitor: Visitor,
    spoken: Spoken,
) -> Response {
    let to = format!("{HERE}/people/{person}");
    let At { me, l, frame } = match at(&doors, &visitor, spoken, &to) {
        Ok(at) => at,
        Err(response) => return response,
    };
    let chosen = match chosen(&doors, &visitor, &me).await {
        Ok(chosen) => chosen,
        Err(error) => return broken(&doors, spoken, l, error),
    };
    let Some(one) = chosen.people.into_iter().find(|one| one.id.to_string() == person) else {
        return nothing(&doors, spoken, l);
    };
    let hears = SCOPES.iter().map(|scope| {
        let value = format!("hears-{}", scope.word());
        Tick::new(value, scope_words(l, *scope), one.hears.contains(scope))
    });
    let hears = hears.collect();
    let page = PersonPage { frame, to, name: one.name, by_law: one.by_law, hears };
    html(&doors, spoken, StatusCode::OK, &page)
}

/// `POST /window/choices/people/{person}`.
pub async fn may_hear(
    State(doors): State<Doors>,
    Path(person): Path<String>,
    visitor: Visitor,
    spoken: Spoken,
    Filled(fields): Filled<Fields>,
) -> Response {
    let At { me, l, .. } = match at(&doors, &visitor, spoken, HERE) {
        Ok(at) => at,
        Err(response) => return response,
    };
    let Ok(id) = person.parse::<CaregiverId>() else { return nothing(&doors, spoken, l) };
    let scope = SCOPES.iter().copied();
    let scope = scope.filter(|scope| fields.ticked(&format!("hears-{}", scope.word()))).collect();
    let office = doors.office().clone();
    let done = doors.db().write(move |tx| choices::may_hear(tx, &office, &me, (id, scope))).await;
    match done {
        Ok(()) => see_other(&format!("{HERE}?done=people")),
        Err(error) => broken(&doors, spoken, l, error),
    }
}
