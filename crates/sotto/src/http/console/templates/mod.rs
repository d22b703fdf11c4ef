//! `/templates`: the words that are sent, which of them are the practice's own, and what waits for a
//! second person.

pub mod one;
pub mod propose;

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use gate::{Channel, Kind, Language};
use serde::Deserialize;

use super::page::{Frame, PageError, failed, html, message, sentence};
use super::reading::{Piece, Stranger, Tell, level_tone, level_words, pieces, size, tells};
use super::signed_in::{May, SeeTemplates, allows};
use super::words::{channel_words, kind_words};
use crate::access::policies::{Action, Resource};
use crate::compose::changes::{self, Change};
use crate::compose::lint::Broken;
use crate::compose::prices::Price;
use crate::compose::proposals::{Judged, ProposalError};
use crate::compose::template::{BUILT_IN, Piece as Part};
use crate::compose::{Key, Template, Variable, Variant, kinds};
use crate::db::{Tx, template_proposal};
use crate::http::Doors;
use crate::office::Office;

/// The channels that carry written words.
const CHANNELS: [Channel; 3] = [Channel::Sms, Channel::Email, Channel::Portal];

/// One wording in the list.
struct Entry {
    name: String,
    language: &'static str,
    state: String,
    tone: &'static str,
    waits: bool,
    missing: bool,
}

/// What one kind says on each channel.
struct Row {
    kind: String,
    variant: &'static str,
    cells: Vec<Cell>,
}

struct Cell {
    channel: &'static str,
    entries: Vec<Entry>,
}

/// One way to look at the list.
struct View {
    word: &'static str,
    words: &'static str,
    count: usize,
    chosen: bool,
}

#[derive(askama::Template)]
#[template(path = "console/templates.html")]
struct Page {
    frame: Frame,
    views: Vec<View>,
    rows: Vec<Row>,
    channels: Vec<&'static str>,
    empty: &'static str,
    may_write: bool,
}

/// Which of them are asked for.
#[derive(Deserialize)]
pub struct Wanted {
    #[serde(default)]
    show: String,
}

/// `GET /templates`.
pub async fn page(
    State(doors): State<Doors>,
    may: May<SeeTemplates>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    let office = doors.office().clone();
    let read = move |tx: &mut Tx<'_>| -> Result<BTreeSet<String>, PageError> {
        let waiting = template_proposal::waiting(tx, office.practice())?;
        Ok(waiting.into_iter().map(|proposal| proposal.name).collect())
    };
    let waiting = doors.db().read(read).await.map_err(|error| failed(&error))?;
    let all = entries(doors.office(), &waiting);
    let shown = ["all", "ours", "waiting", "missing"];
    let show = shown.into_iter().find(|word| *word == wanted.show).unwrap_or("all");
    let fits = |entry: &Entry, view: &str| match view {
        "ours" => entry.tone == "ok",
        "waiting" => entry.waits,
        "missing" => entry.missing,
        _ => !entry.missing,
    };
    let views = shown
        .into_iter()
        .map(|word| View {
            word,
            words: match word {
                "ours" => "Your own",
                "waiting" => "Waiting for approval",
                "missing" => "Not written",
                _ => "All",
            },
            count: all.values().filter(|entry| fits(entry, word)).count(),
            chosen: word == show,
        })
        .collect();
    let mut rows: Vec<((Kind, Variant), Row)> = Vec::new();
    for (key, entry) in all.into_iter().filter(|(_, entry)| fits(entry, show)) {
        let group = (key.kind, key.variant);
        if rows.last().is_none_or(|(last, _)| *last != group) {
            rows.push((group, row_of(key)));
        }
        let cell = CHANNELS.iter().position(|channel| *channel == key.channel);
        let row = rows.last_mut().map(|(_, row)| row);
        if let Some(cell) = cell.zip(row).and_then(|(at, row)| row.cells.get_mut(at)) {
            cell.entries.push(entry);
        }
    }
    let page = Page {
        may_write: allows(&may.signed_in, Action::EditTemplates, &Resource::Practice),
        frame: Frame::of(&doors, &may.signed_in).at("/templates"),
        views,
        rows: rows.into_iter().map(|(_, row)| row).collect(),
        channels: CHANNELS.iter().map(|channel| channel_words(channel.as_str())).collect(),
        empty: match show {
            "ours" => {
                "Every word is the one that came with the program. Open a template to propose \
                 your own."
            }
            "waiting" => "Nothing waits. What somebody proposes appears here until it is judged.",
            _ => "Everything that can be said is written, in each language.",
        },
    };
    Ok(html(StatusCode::OK, &page))
}

/// Every wording there is, could be, or waits.
fn entries(office: &Office, waiting: &BTreeSet<String>) -> BTreeMap<Key, Entry> {
    let templates = office.templates();
    let mut all: BTreeMap<Key, Entry> = BTreeMap::new();
    let wordings: BTreeSet<(Kind, Variant)> =
        templates.iter().map(|template| (template.key.kind, template.key.variant)).collect();
    for (kind, variant) in wordings {
        for channel in CHANNELS {
            for language in Language::ALL {
                let key = Key { kind, variant, channel, language: *language };
                all.insert(key, entry(key, templates.find(key), waiting));
            }
        }
    }
    all
}

fn entry(key: Key, template: Option<&Template>, waiting: &BTreeSet<String>) -> Entry {
    let name = key.name();
    let (state, tone) = template.map_or_else(|| ("not written".to_owned(), "plain"), standing);
    Entry {
        waits: waiting.contains(&name),
        missing: template.is_none(),
        language: language_words(key.language),
        name,
        state,
        tone,
    }
}

fn row_of(key: Key) -> Row {
    let cell =
        |channel: &Channel| Cell { channel: channel_words(channel.as_str()), entries: Vec::new() };
    Row {
        kind: kind_words(key.kind.as_str()),
        variant: variant_words(key.variant),
        cells: CHANNELS.iter().map(cell).collect(),
    }
}

/// Whose words they are.
fn standing(template: &Template) -> (String, &'static str) {
    match template.approval.author.as_str() {
        BUILT_IN => ("built in".to_owned(), "plain"),
        author if author.starts_with("staff:") => {
            (format!("your own, version {}", template.version), "ok")
        }
        _ => (format!("from the folder, version {}", template.version), "ok"),
    }
}

const fn language_words(language: Language) -> &'static str {
    match language {
        Language::English => "English",
        Language::Spanish => "Spanish",
    }
}

const fn variant_words(variant: Variant) -> &'static str {
    match variant {
        Variant::Plain => "",
        Variant::WithSite => "with the place",
        Variant::Confirmed => "they will come",
        Variant::Declined => "they cannot come",
        Variant::Reschedule => "they want another time",
        Variant::Staff => "a person will answer",
        Variant::VisitUnchanged => "the visit stays",
    }
}

/// "Appointment reminder, with the place: text, English".
fn title(key: Key) -> String {
    let kind = kind_words(key.kind.as_str());
    let variant = match variant_words(key.variant) {
        "" => String::new(),
        words => format!(", {words}"),
    };
    let channel = channel_words(key.channel.as_str()).to_lowercase();
    format!("{kind}{variant}: {channel}, {}", language_words(key.language))
}

/// Where the value for a place comes from.
const fn source_words(variable: Variable) -> &'static str {
    match variable {
        Variable::FirstName => "the patient’s first name, from their record",
        Variable::Practice => "the practice’s neutral name, from the settings",
        Variable::Phone => "the number patients call, from the settings",
        Variable::AltPhone => "who answers while the office is closed",
        Variable::Weekday => "the day of the week, from the appointment or the day",
        Variable::Date => "day and month, from the appointment or the day",
        Variable::Time => "the time of day, from the appointment",
        Variable::Site => "the place’s name, from the appointment",
        Variable::ClinicianSurname => "the clinician’s family name, from the appointment",
        Variable::PortalUrl => "where patients sign in, from the settings",
        Variable::Link => "a link for this one purpose, to our own host",
        Variable::Hours => "when the office answers, from the office hours",
        Variable::Code => "a one-time code",
        Variable::Minutes => "for how many minutes the code is good",
    }
}

/// A place, and what fills it.
struct Place {
    word: &'static str,
    source: &'static str,
    required: bool,
    used: bool,
}

/// Which places may stand in words of this key.
fn places(key: Key, template: Option<&Template>) -> Vec<Place> {
    let used: BTreeSet<Variable> = template.into_iter().flat_map(Template::places).collect();
    let rules = kinds::rules(key.kind);
    rules
        .map_or(&[][..], |rules| rules.allowed)
        .iter()
        .map(|variable| Place {
            word: variable.as_str(),
            source: source_words(*variable),
            required: rules.is_some_and(|rules| rules.required.contains(variable)),
            used: used.contains(variable),
        })
        .collect()
}

/// A stretch of a template: words, or a place.
struct Stretch {
    text: String,
    place: bool,
}

fn stretches(parts: &[Part]) -> Vec<Stretch> {
    parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => Stretch { text: text.clone(), place: false },
            Part::Place(variable) => Stretch { text: variable.as_str().to_owned(), place: true },
        })
        .collect()
}

/// A stretch of what changed.
struct Difference {
    text: String,
    /// "stays", "goes", "comes".
    how: &'static str,
}

/// What `after` changes of `before`, subject and body; nothing where nothing was there.
fn differences(before: Option<&Template>, after: &Template) -> Vec<Difference> {
    let Some(before) = before else { return Vec::new() };
    let whole = |template: &Template| match &template.subject_source {
        Some(subject) => format!("{subject}\n\n{}", template.body_source),
        None => template.body_source.clone(),
    };
    let changes = changes::between(&whole(before), &whole(after));
    if changes.iter().all(|change| matches!(change, Change::Stays(_))) {
        return Vec::new();
    }
    changes
        .into_iter()
        .map(|change| match change {
            Change::Stays(text) => Difference { text, how: "stays" },
            Change::Goes(text) => Difference { text, how: "goes" },
            Change::Comes(text) => Difference { text, how: "comes" },
        })
        .collect()
}

/// A broken rule for somebody who writes, without its clause: the rule's name stands beside it.
fn rule_words(broken: &Broken, judged: &Judged) -> String {
    if let ("level", Some(sample)) = (broken.rule, &judged.sample) {
        let (is, most) = (level_words(sample.seen.level), level_words(judged.template.max_level));
        return format!("They tell too much: “{is}”, and “{most}” is the most. Reword them.");
    }
    let plain = broken.because.replace('`', "");
    match plain.split_once(" (") {
        Some((words, clause)) if clause.ends_with(')') => sentence(words),
        _ => sentence(&plain),
    }
}

/// How words read with values in place, and what stands in their way.
struct Reading {
    /// The rules they break: what is wrong, and the rule's name.
    broken: Vec<(String, &'static str)>,
    subject: Option<String>,
    pieces: Vec<Piece>,
    tells: Vec<Tell>,
    level: &'static str,
    level_tone: &'static str,
    most: &'static str,
    size: Option<String>,
    stranger: Stranger,
    differences: Vec<Difference>,
    /// They are the words in force.
    same: bool,
}

impl Reading {
    fn of(
        office: &Office,
        judged: &Judged,
        present: Option<&Template>,
        price: Option<Price>,
    ) -> Self {
        let channel = judged.template.key.channel;
        let mut broken: Vec<_> =
            judged.broken.iter().map(|one| (rule_words(one, judged), one.rule)).collect();
        broken.dedup();
        let mut reading = Self {
            broken,
            most: level_words(judged.template.max_level),
            same: present.is_some_and(|present| present.wording() == judged.template.wording()),
            differences: differences(present, &judged.template),
            ..Self::nothing()
        };
        if let Some(sample) = &judged.sample {
            let (subject, body) = (sample.content.subject.as_deref(), &sample.content.body);
            let preview = guard::Guard::standard().preview(channel, body);
            reading.pieces = pieces(body, &sample.seen);
            reading.tells = tells(body, &sample.seen);
            reading.level = level_words(sample.seen.level);
            reading.level_tone = level_tone(sample.seen.level);
            reading.size = (channel == Channel::Sms).then(|| size(body, price));
            reading.stranger = Stranger::of(office, preview, subject);
            reading.subject = sample.content.subject.clone();
        }
        reading
    }

    /// Of words that cannot even be read.
    fn unreadable(because: &str) -> Self {
        Self { broken: vec![(sentence(because), "places")], ..Self::nothing() }
    }

    const fn nothing() -> Self {
        Self {
            broken: Vec::new(),
            subject: None,
            pieces: Vec::new(),
            tells: Vec::new(),
            level: "",
            level_tone: "plain",
            most: "",
            size: None,
            stranger: Stranger::none(),
            differences: Vec::new(),
            same: false,
        }
    }
}

/// What a person can do about an error; nothing where it is ours to mend.
fn words_of(error: &ProposalError) -> Option<(StatusCode, String)> {
    match error {
        ProposalError::Field { .. } | ProposalError::Compose(_) => {
            Some((StatusCode::UNPROCESSABLE_ENTITY, sentence(&error.to_string())))
        }
        ProposalError::Broken(broken) => {
            let words = format!("Nothing was kept: {} rule(s) are broken.", broken.len());
            Some((StatusCode::UNPROCESSABLE_ENTITY, words))
        }
        ProposalError::NotNow(why) => Some((StatusCode::CONFLICT, sentence(why))),
        ProposalError::Hours(_) | ProposalError::Db(_) | ProposalError::Audit(_) => None,
    }
}

/// The key that stands in the path, of a kind and wording that something can be said in.
fn key_of(doors: &Doors, name: &str) -> Option<Key> {
    let templates = doors.office().templates();
    let said = |key: &Key| {
        templates.iter().any(|one| (one.key.kind, one.key.variant) == (key.kind, key.variant))
    };
    name.parse().ok().filter(said)
}

/// The page where there is no such key.
fn lost() -> Response {
    message(
        StatusCode::NOT_FOUND,
        ("There is no such template", "The link may be old. The list shows all there are."),
        ("/templates", "To the templates"),
    )
}
