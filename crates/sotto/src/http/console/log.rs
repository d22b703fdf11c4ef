//! `/log`: who did and saw what, about whom; what of it is worth a look; and the signature of
//! whoever went through it (RULEBOOK §10).

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::page::{Filled, Frame, PageError, error_page, failed, html, see_other};
use super::signed_in::{May, MayRecently, ReadAudit, allows};
use super::words::{When, plain};
use crate::access::policies::{Action, Resource};
use crate::access::{AccessError, staff};
use crate::audit::event::ActorKind;
use crate::audit::oddities::{Known, Odd, Oddity, oddities};
use crate::audit::search::{self, Found, Search, Sort};
use crate::audit::{self, AuditError, Entry, Event, Kind, Outcome};
use crate::db::Tx;
use crate::db::registry::STAFF;
use crate::http::Doors;
use crate::http::views::seen;
use crate::ids::StaffId;
use crate::office::Office;
use crate::schedule::places;

/// Over how long a time oddities are looked for.
const LATELY: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What is looked for, as it stands in the URL: ids, days and words of closed lists.
#[derive(Deserialize, Default, Clone)]
#[serde(default)]
pub struct Asked {
    sort: String,
    who: String,
    patient: String,
    from: String,
    until: String,
    not_done: String,
    before: String,
}

struct Choice {
    word: String,
    words: String,
    chosen: bool,
}

struct Line {
    at: When,
    who: String,
    role: String,
    what: String,
    codes: String,
    patients: Vec<String>,
    object: String,
    outcome: &'static str,
    tone: &'static str,
    leaf: Option<u64>,
}

struct OddLine {
    who: String,
    words: String,
    at: When,
    link: String,
    /// What the form sends back.
    actor: String,
    what: &'static str,
    day: String,
    count: usize,
    /// What they did themselves is for somebody else to judge.
    own: bool,
}

/// What came of looking at one.
const FINDINGS: [(&str, &str); 4] = [
    ("work", "part of their work"),
    ("asked", "the patient asked for it"),
    ("talked", "we spoke about it; nothing more is needed"),
    ("breach", "not right: it is handled as a breach"),
];

#[derive(Template)]
#[template(path = "console/log.html")]
struct Page {
    frame: Frame,
    asked: Asked,
    error: Option<&'static str>,
    sorts: Vec<Choice>,
    people: Vec<Choice>,
    lines: Vec<Line>,
    read: usize,
    older: Option<String>,
    odd: Vec<OddLine>,
    /// How many were looked at and are not shown any more.
    settled: usize,
    findings: &'static [(&'static str, &'static str)],
    reviews: Vec<Line>,
    /// They may open patients' pages.
    may_open: bool,
}

impl Asked {
    fn read(&self, office: &Office) -> Result<Search, &'static str> {
        let day = |text: &str, plus: i64| -> Result<Option<Timestamp>, &'static str> {
            if text.is_empty() {
                return Ok(None);
            }
            let day: Date = text.parse().map_err(|_| "Write days like 2026-11-22.")?;
            let day = day.checked_add(SignedDuration::from_hours(24 * plus)).unwrap_or(Date::MAX);
            let zoned = day.to_zoned(office.profile().timezone.clone());
            Ok(Some(zoned.map_err(|_| "That day isn't in the calendar.")?.timestamp()))
        };
        let id = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let patient = match id(&self.patient) {
            Some(text) => Some(text.parse().map_err(
                |_| "Paste the patient's id, as it stands in the address of their page.",
            )?),
            None => None,
        };
        let before = match id(&self.before) {
            Some(text) => Some(text.parse().map_err(|_| "Start the search again.")?),
            None => None,
        };
        Ok(Search {
            sort: Sort::from_word(&self.sort),
            actor: id(&self.who),
            patient,
            not_done: !self.not_done.is_empty(),
            from: day(&self.from, 0)?,
            until: day(&self.until, 1)?,
            before,
        })
    }

    /// The same search, further back.
    fn older(&self, before: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new("/log?".to_owned());
        let fields = [
            ("sort", &self.sort),
            ("who", &self.who),
            ("patient", &self.patient),
            ("from", &self.from),
            ("until", &self.until),
            ("not_done", &self.not_done),
        ];
        for (name, value) in fields {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        query.append_pair("before", before).finish()
    }
}

struct Read {
    found: Found,
    reviews: Found,
    odd: Vec<Oddity>,
    settled: usize,
    people: Vec<(String, String)>,
}

/// `GET /log`.
pub async fn page(
    State(doors): State<Doors>,
    may: May<ReadAudit>,
    Query(asked): Query<Asked>,
) -> Result<Response, Response> {
    let (wanted, error) = match asked.read(doors.office()) {
        Ok(wanted) => (wanted, None),
        Err(why) => (Search::default(), Some(why)),
    };
    let event = may.permit.of(Event::new(Kind::ContentViewed, may.actor()).code("log"));
    let event = event.patient(wanted.patient);
    let look = move |tx: &mut Tx<'_>, office: &Office| {
        Ok::<_, PageError>((everything(tx, office, &wanted)?, vec![event]))
    };
    let read = seen(&doors, look).await.map_err(|error| failed(&error))?;
    let frame = Frame::of(&doors, &may.signed_in).at("/log");
    let may_open = allows(&may.signed_in, Action::FindPatients, &Resource::Practice);
    let me = may.signed_in.staff.id.to_string();
    let page = Page { may_open, ..shown(&doors, frame, (asked, error), read, &me) };
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(html(status, &page))
}

/// The entries of a sort since then, as far back as one look reads, so that the page stays quick in
/// a busy house.
fn since(
    tx: &mut Tx<'_>,
    office: &Office,
    sort: Sort,
    from: Timestamp,
) -> Result<Vec<Entry>, AuditError> {
    let wanted = Search { sort: Some(sort), from: Some(from), ..Search::default() };
    let (mut all, mut at, mut read) = (Vec::new(), wanted.clone(), 0);
    while read < search::MOST_READ {
        let found = search::search(tx, office, &at)?;
        read += found.read;
        all.extend(found.entries.into_iter().map(|(entry, _)| entry));
        match found.next {
            Some(next) => at = Search { before: Some(next), ..wanted.clone() },
            None => break,
        }
    }
    Ok(all)
}

fn everything(tx: &mut Tx<'_>, office: &Office, wanted: &Search) -> Result<Read, PageError> {
    let lately = office.clock().now().checked_sub(LATELY).unwrap_or(Timestamp::MIN);
    let looked = since(tx, office, Sort::Views, lately)?;
    let judged = since(tx, office, Sort::Reviews, lately)?;
    let staff = staff::list(tx, office)?;
    let known = Known::of(tx, office, &looked, &staff)?;
    let place = places::practice(tx, office)?;
    let calendar = |at: Timestamp| (at.to_zoned(place.zone.clone()).date(), place.is_open(at));
    let mut odd = oddities(&looked, &known, calendar);
    let all = odd.len();
    odd.retain(|one| {
        let codes = codes(one.what, &one.day.to_string(), one.patients.len());
        !judged.iter().any(|entry| {
            entry.object.as_ref().is_some_and(|object| object.id == one.actor)
                && codes.iter().all(|code| entry.codes.iter().any(|known| known == code))
        })
    });
    let reviews = Search { sort: Some(Sort::Reviews), ..Search::default() };
    Ok(Read {
        found: search::search(tx, office, wanted)?,
        reviews: search::search(tx, office, &reviews)?,
        settled: all - odd.len(),
        odd,
        people: staff.into_iter().map(|one| (one.id.to_string(), one.named.name)).collect(),
    })
}

/// How the log names one: with how many patients it was, so that one more is another.
fn codes(what: Odd, day: &str, count: usize) -> [String; 3] {
    [format!("odd={}", what.as_str()), format!("day={day}"), format!("patients={count}")]
}

fn shown(
    doors: &Doors,
    frame: Frame,
    (asked, error): (Asked, Option<&'static str>),
    read: Read,
    me: &str,
) -> Page {
    let now = doors.office().clock().now();
    let zone = doors.office().profile().timezone.clone();
    let name =
        |id: &str| read.people.iter().find(|(one, _)| one == id).map(|(_, name)| name.clone());
    let when = |micros: i64| {
        When::new(Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MIN), now, &zone)
    };
    let line = |(entry, leaf): &(Entry, Option<u64>)| Line {
        at: when(entry.recorded_at),
        who: match entry.actor.kind {
            ActorKind::Staff => {
                name(&entry.actor.id).unwrap_or_else(|| "Somebody who left".to_owned())
            }
            ActorKind::Operator => "Command line".to_owned(),
            ActorKind::Token => "A program".to_owned(),
            ActorKind::Service => format!("Sotto: {}", entry.actor.id),
            ActorKind::Patient => "The patient".to_owned(),
            ActorKind::Caregiver => "Somebody who acts for the patient".to_owned(),
            ActorKind::Carrier => format!("Carrier: {}", entry.actor.id),
        },
        role: entry.actor.role.as_deref().map(plain).unwrap_or_default(),
        what: plain(&entry.kind.as_str().replace('.', " ")),
        codes: entry.codes.join(", "),
        patients: entry.patients.iter().map(ToString::to_string).collect(),
        object: entry.object.as_ref().map(|object| plain(&object.kind)).unwrap_or_default(),
        outcome: entry.outcome.as_str(),
        tone: match entry.outcome {
            Outcome::Done => "ok",
            Outcome::Refused | Outcome::Failed => "stop",
            Outcome::Uncertain => "urgent",
        },
        leaf: *leaf,
    };
    let odd = read.odd.iter().take(20).map(|one| OddLine {
        who: name(&one.actor).unwrap_or_else(|| "Somebody who left".to_owned()),
        words: odd_words(one.what, one.patients.len()),
        at: When::new(one.at, now, &zone),
        link: match one.patients.iter().next() {
            Some(only) if one.patients.len() == 1 => {
                format!("/log?sort=views&who={}&patient={only}", one.actor)
            }
            _ => format!("/log?sort=views&who={}&from={day}&until={day}", one.actor, day = one.day),
        },
        actor: one.actor.to_string(),
        what: one.what.as_str(),
        day: one.day.to_string(),
        count: one.patients.len(),
        own: one.actor == me,
    });
    let choice = |word: &str, words: String, chosen: &str| Choice {
        word: word.to_owned(),
        words,
        chosen: word == chosen,
    };
    Page {
        frame,
        error,
        sorts: Sort::ALL
            .iter()
            .map(|sort| choice(sort.as_str(), sort.in_words().to_owned(), &asked.sort))
            .collect(),
        people: read.people.iter().map(|(id, name)| choice(id, name.clone(), &asked.who)).collect(),
        lines: read.found.entries.iter().map(line).collect(),
        read: read.found.read,
        older: read.found.next.map(|next| asked.older(&next.to_string())),
        odd: odd.collect(),
        settled: read.settled,
        findings: &FINDINGS,
        reviews: read
            .reviews
            .entries
            .iter()
            .filter(|(entry, _)| entry.kind == Kind::AuditReviewed)
            .take(8)
            .map(line)
            .collect(),
        may_open: false,
        asked,
    }
}

fn odd_words(what: Odd, count: usize) -> String {
    let patients = patients(count);
    match what {
        Odd::Own => format!("opened {patients} with their own name"),
        Odd::Kin => format!("opened {patients} with their family name"),
        Odd::Neighbour => format!("opened {patients} in the street they live in"),
        Odd::Watched => format!("opened {patients} whose record is watched"),
        Odd::Many => format!("opened {patients} within an hour"),
        Odd::Closed => format!("opened {patients} while the office was closed"),
    }
}

fn patients(count: usize) -> String {
    if count == 1 { "one patient".to_owned() } else { format!("{count} patients") }
}

/// What somebody signs off.
#[derive(Deserialize)]
pub struct Review {
    from: String,
    until: String,
    #[serde(default)]
    found: String,
}

/// `POST /log/reviews`: somebody went through these days. What they say of it is a word of a closed
/// list: the log holds no free text.
pub async fn review(
    State(doors): State<Doors>,
    may: MayRecently<ReadAudit>,
    Filled(form): Filled<Review>,
) -> Result<Response, Response> {
    let bad = |why| error_page(&AccessError::NotNow(why));
    let from: Date =
        form.from.parse().map_err(|_| bad("the first day is missing: write it like 2026-11-22"))?;
    let until: Date =
        form.until.parse().map_err(|_| bad("the last day is missing: write it like 2026-11-22"))?;
    if until < from {
        return Err(bad("the last day is before the first"));
    }
    let found = match form.found.as_str() {
        "followed_up" => "something_followed_up",
        _ => "nothing_found",
    };
    let office = doors.office().clone();
    let event = may.may.permit.of(Event::new(Kind::AuditReviewed, may.may.actor())
        .code(format!("{from}..{until}"))
        .code(found));
    let kept: Result<(), AuditError> =
        doors.db().write(move |tx| audit::append(tx, &office, event).map(drop)).await;
    kept.map_err(|error| failed(&error))?;
    Ok(see_other("/log#reviews"))
}

/// What was looked at, and what came of it.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub struct Judged {
    actor: String,
    what: String,
    day: String,
    count: usize,
    found: String,
}

/// `POST /log/oddities`: somebody looked at one, and says in a word of a closed list what it was.
/// Nobody judges what they did themselves.
pub async fn judge(
    State(doors): State<Doors>,
    may: MayRecently<ReadAudit>,
    Filled(form): Filled<Judged>,
) -> Result<Response, Response> {
    let bad = |why| error_page(&AccessError::NotNow(why));
    let actor: StaffId = form.actor.parse().map_err(|_| bad("load the page again"))?;
    let what = Odd::from_word(&form.what).ok_or_else(|| bad("load the page again"))?;
    let day: Date = form.day.parse().map_err(|_| bad("load the page again"))?;
    let found = FINDINGS.iter().find(|(word, _)| *word == form.found);
    let (found, _) = found.ok_or_else(|| bad("say what it was: choose one of the four"))?;
    if actor == may.may.signed_in.staff.id {
        return Err(bad("somebody else must look at what you did yourself"));
    }
    let event = Event::new(Kind::AuditReviewed, may.may.actor()).about(STAFF, actor).code(*found);
    let event = codes(what, &day.to_string(), form.count).into_iter().fold(event, Event::code);
    let (office, event) = (doors.office().clone(), may.may.permit.of(event));
    let kept: Result<(), AuditError> =
        doors.db().write(move |tx| audit::append(tx, &office, event).map(drop)).await;
    kept.map_err(|error| failed(&error))?;
    Ok(see_other("/log#odd-title"))
}
