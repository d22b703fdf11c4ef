//! `/inbox/{id}`: everything said with one patient, on every channel and in both directions, what it
//! did, what colleagues noted, and what is to be done. What a role may not read stands there without
//! its words.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use gate::Channel;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::inbox::failed;
use super::page::{Frame, html, see_other};
use super::reader::{DeskError, Reader, conversation, language_words};
use super::shelf::{self, Ask, Asked, OUTCOMES, Shelf, outcome_words, patient_of};
use super::signed_in::{May, SeeTasks, leave, leave_with};
use super::strip::{self, Strip};
use super::words::{self, When};
use crate::access::policies::{self, About, Action, Permit, Principal, Resource, Tag};
use crate::access::records::{self, Whose};
use crate::access::sessions::SignedIn;
use crate::audit::{Event, Kind};
use crate::conversations::about;
use crate::conversations::inbox::{InboxError, TEAMS};
use crate::db::appointment::{self, AppointmentStatus};
use crate::db::attachment::{self, AttachmentRow, Holder};
use crate::db::note::{self, NoteRow};
use crate::db::registry::THREAD;
use crate::db::task::TaskState;
use crate::db::thread::{self, Side, ThreadRow, ThreadState, With};
use crate::db::timeline::{self, Heard, Said};
use crate::db::{Tx, Word as _, patient, site};
use crate::http::Doors;
use crate::http::params::{Path, Query};
use crate::http::views::seen;
use crate::ids::ThreadId;
use crate::office::Office;
use crate::portal::letters;

/// How much of each kind one page shows.
const ITEMS: u32 = 40;

#[derive(Template)]
#[template(path = "console/thread.html")]
struct Page {
    frame: Frame,
    strip: Strip,
    live: String,
    shelf: Shelf,
    open: Open,
    who: Who,
    items: Vec<Item>,
    /// Where what was said before stands.
    older: Option<String>,
    /// Where the newest stands, on a page of older ones.
    newer: Option<String>,
    outcomes: &'static [(&'static str, &'static str)],
}

/// The conversation itself.
#[derive(Debug)]
struct Open {
    id: String,
    here: String,
    state: &'static str,
    until: Option<When>,
    closed: Option<When>,
    outcome: Option<&'static str>,
    owner: Option<String>,
    owner_id: String,
    mine: bool,
    team: &'static str,
    about: &'static str,
    urgent: bool,
    taken: bool,
    on_them: bool,
    due: Option<When>,
    may_answer: bool,
    colleagues: Vec<(String, String)>,
    everybody: Vec<(String, String)>,
    teams: Vec<(&'static str, &'static str)>,
    tomorrow: String,
}

/// Who this is.
struct Who {
    patient: Option<String>,
    /// Where a call about what is due begins.
    call: Option<String>,
    /// The name, where it may be seen; initials or a number's end otherwise.
    name: String,
    initials: String,
    age: Option<u16>,
    language: &'static str,
    next: Option<String>,
    note: &'static str,
    /// Their record is of a programme for substance use disorders: who reads here, may know.
    part2: bool,
}

/// One thing in the conversation.
struct Item {
    id: String,
    /// Set at the first thing of a day.
    day: Option<String>,
    side: &'static str,
    at: Timestamp,
    time: String,
    when: When,
    head: String,
    body: Option<String>,
    lang: String,
    foot: String,
    tone: &'static str,
    files: Vec<File>,
}

/// A file that came or went with words.
struct File {
    to: String,
    words: String,
}

impl std::fmt::Debug for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Item").field("id", &self.id).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Who(…)")
    }
}

/// A thread's row and where its patient is seen, for whoever has leave for this with it.
pub(super) async fn found(
    (doors, signed_in): (&Doors, &SignedIn),
    action: Action,
    id: &str,
) -> Result<(ThreadRow, Whose, Permit), Response> {
    let id = id.parse().unwrap_or(ThreadId(uuid::Uuid::nil()));
    let Some((row, whose)) = look(doors, id).await? else {
        may_ever(doors, signed_in, action).await?;
        return Err(failed(&DeskError::Inbox(InboxError::NoThread(id))));
    };
    let who = (signed_in, patient_of(row.with));
    let permit = leave_with(doors, who, action, &conversation(row.about, &whose)).await?;
    Ok((row, whose, permit))
}

/// Whoever could not do it with anything does not learn that there is nothing.
pub(super) async fn may_ever(
    doors: &Doors,
    signed_in: &SignedIn,
    action: Action,
) -> Result<(), Response> {
    let who = Principal::from(&signed_in.staff);
    let all = [About::Clinical, About::Account, About::Schedule];
    let may = |about| {
        policies::may(
            &who,
            action,
            &conversation(about, &Whose::seen_at(signed_in.staff.sites.clone())),
        )
        .is_ok()
    };
    if all.into_iter().any(may) {
        return Ok(());
    }
    leave(
        doors,
        signed_in,
        action,
        &conversation(About::Schedule, &Whose::seen_at(signed_in.staff.sites.clone())),
    )
    .await
    .map(drop)
}

pub(super) async fn look(
    doors: &Doors,
    id: ThreadId,
) -> Result<Option<(ThreadRow, Whose)>, Response> {
    let office = doors.office().clone();
    let read = doors
        .db()
        .read(move |tx| {
            let practice = office.practice();
            let Some(row) = thread::get(tx, practice, id)? else { return Ok(None) };
            let whose = records::whose(tx, &office, patient_of(row.with))?;
            Ok::<_, DeskError>(Some((row, whose)))
        })
        .await;
    read.map_err(|error| failed(&error))
}

/// `GET /inbox/{id}`. That it was read is on the log, with the policies that allowed it.
pub async fn page(
    State(doors): State<Doors>,
    may: May<SeeTasks>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Response> {
    let reading = Action::ReadConversation;
    let (row, whose, permit) = found((&doors, &may.signed_in), reading, &id).await?;
    if let Some(into) = row.merged_into {
        return Ok(see_other(&format!("/inbox/{into}")));
    }
    let who = may.signed_in.clone();
    let frame = Frame::of(&doors, &may.signed_in).at("/inbox");
    let look = move |tx: &mut Tx<'_>, office: &Office| {
        let event = Event::new(Kind::ContentViewed, who.actor())
            .about(THREAD, row.id)
            .patient(patient_of(row.with))
            .code("thread");
        let what = conversation(row.about, &whose);
        let asking = Asking { row, whose, what, asked };
        let (page, event) = read(tx, office, &who, (frame, &asking, permit.of(event)))?;
        Ok::<_, DeskError>((page, vec![event]))
    };
    let page = seen(&doors, look).await.map_err(|error| failed(&error))?;
    Ok(html(StatusCode::OK, &page))
}

struct Asking {
    row: ThreadRow,
    whose: Whose,
    what: Resource,
    asked: Asked,
}

fn read(
    tx: &mut Tx<'_>,
    office: &Office,
    signed_in: &SignedIn,
    (frame, asking, event): (Frame, &Asking, Event),
) -> Result<(Page, Event), DeskError> {
    let Asking { row, whose, what, asked } = asking;
    // What stands beside it is of other patients: no emergency opens that.
    let mut beside = Reader::new(office, signed_in);
    beside.meet(tx)?;
    let ask = Ask::of(asked, &signed_in.staff.roles);
    let since = strip::mark(tx, office)?;
    let shelf = shelf::read(tx, &mut beside, (&ask, signed_in), Some(row.id))?;
    let strip = strip::read(tx, &mut beside, (Some(row.id), since))?;
    let mut reader = Reader::of(office, signed_in, patient_of(row.with));
    reader.meet(tx)?;
    let before = asked.before.as_deref().and_then(|text| text.parse().ok());
    let before = before.and_then(|micros| Timestamp::from_microsecond(micros).ok());
    let (items, oldest) = items(tx, &mut reader, (row, whose), before)?;
    let here = format!("/inbox/{}?{}", row.id, shelf.query);
    let page = Page {
        frame,
        strip,
        live: strip::address(Some(row.id), since),
        who: who(tx, &mut reader, row, whose)?,
        open: opened(&mut reader, row, whose, (what, here.clone())),
        items,
        older: oldest.map(|at| format!("{here}&before={}", at.as_microsecond())),
        newer: before.map(|_| here),
        shelf,
        outcomes: &OUTCOMES,
    };
    Ok((page, reader.joined(beside).recorded(event)))
}

fn opened(
    reader: &mut Reader<'_>,
    row: &ThreadRow,
    whose: &Whose,
    (what, here): (&Resource, String),
) -> Open {
    let may_answer = reader.may(Action::Reply, row.about, whose);
    let today = reader.now.to_zoned(reader.zone.clone()).date();
    let everybody = reader
        .staff
        .iter()
        .filter(|staff| staff.disabled_at.is_none() && staff.id != reader.me)
        .map(|staff| (staff.id.to_string(), staff.named.name.clone()))
        .collect();
    Open {
        id: row.id.to_string(),
        here,
        state: row.state.word(),
        until: row.snoozed_until.map(|at| reader.when(at)),
        closed: row.closed_at.map(|at| reader.when(at)),
        outcome: row.outcome.map(|outcome| outcome_words(outcome.word())),
        owner: row.owner.map(|id| reader.name(id)),
        owner_id: row.owner.map(|id| id.to_string()).unwrap_or_default(),
        mine: row.owner == Some(reader.me),
        team: row.team.words(),
        about: match row.about {
            About::Clinical => "clinical",
            About::Account => "account",
            About::Schedule => "schedule",
        },
        urgent: row.urgent,
        taken: row.taken_at.is_some(),
        on_them: row.waiting_on == Side::Them && row.state == ThreadState::Open,
        due: row.due_at.filter(|_| row.state == ThreadState::Open).map(|at| reader.due_by(at)),
        may_answer,
        colleagues: shelf::may_answer(reader, what),
        everybody,
        teams: TEAMS.iter().map(|team| (team.as_str(), team.words())).collect(),
        tomorrow: today.tomorrow().unwrap_or(today).to_string(),
    }
}

/// Who this is, as far as this person may see.
fn who(
    tx: &mut Tx<'_>,
    reader: &mut Reader<'_>,
    row: &ThreadRow,
    whose: &Whose,
) -> Result<Who, DeskError> {
    let practice = reader.office.practice();
    let nobody = |name: String, note| Who {
        patient: None,
        call: None,
        initials: name.clone(),
        name,
        age: None,
        language: "Language not on file",
        next: None,
        note,
        part2: whose.tags.contains(&Tag::Part2),
    };
    let With::Patient(id) = row.with else {
        let last = timeline::heard_from(tx, practice, row.with, (Timestamp::MAX, 1))?;
        let end = last.first().and_then(|last| heard(reader, last, whose)).map(|(_, end)| end);
        return Ok(nobody(
            end.unwrap_or_else(|| "An unknown number".to_owned()),
            "No one patient has it on file. Once it is on somebody's page, this conversation moves \
             there.",
        ));
    };
    let Some(kept) = patient::get(tx, practice, id)? else {
        return Ok(nobody("Not on file".to_owned(), "The record is gone."));
    };
    let Some(person) = reader.person(id, Some(kept.person_sealed)) else {
        return Ok(nobody("Name gone".to_owned(), "The keys of this record were destroyed."));
    };
    if !reader.may_see(whose) {
        return Ok(nobody(person.initials(), "Who this is, is not for your role."));
    }
    let until = reader.now + SignedDuration::from_hours(24 * 366);
    let visits = appointment::of_patient(tx, practice, id, (reader.now, until))?;
    let next = visits.into_iter().find(|visit| visit.status == AppointmentStatus::Booked);
    let next = match next {
        None => None,
        Some(visit) => {
            let place = match visit.site_id {
                Some(site) => site::get(tx, practice, site)?.map(|site| site.name),
                None => None,
            };
            let at = words::words_of(visit.starts_at, &reader.zone);
            Some(place.map_or(at.clone(), |place| format!("{at}, {place}")))
        }
    };
    let today: Date = reader.now.to_zoned(reader.zone.clone()).date();
    Ok(Who {
        call: Some(match timeline::open_tasks(tx, practice, row.with)?.first() {
            Some(task) => format!("/people/{id}/call?task={}", task.id),
            None => format!("/people/{id}/call"),
        }),
        patient: Some(id.to_string()),
        name: format!("{} {}", person.first_name(), person.family),
        initials: person.initials(),
        age: person.age_on(today),
        language: language_words(kept.language.as_deref()),
        next,
        note: if kept.active { "" } else { "This record is out of use." },
        part2: whose.tags.contains(&Tag::Part2),
    })
}

/// What was said before an instant, oldest first, and from when on there is more.
fn items(
    tx: &mut Tx<'_>,
    reader: &mut Reader<'_>,
    (row, whose): (&ThreadRow, &Whose),
    before: Option<Timestamp>,
) -> Result<(Vec<Item>, Option<Timestamp>), DeskError> {
    let practice = reader.office.practice();
    let span = (before.unwrap_or(Timestamp::MAX), ITEMS);
    let mut all = Vec::new();
    let mut full = Vec::new();
    // Of a kind that fills its page there may be more: no other is shown from further back.
    let mut reached = |count: usize, last: Option<Timestamp>| {
        if count >= ITEMS as usize {
            full.extend(last);
        }
    };
    let said = timeline::said_by_us(tx, practice, row.with, span)?;
    reached(said.len(), said.last().map(|one| one.at));
    for one in said {
        let receipt = match one.channel {
            Channel::Portal => letters::receipt(tx, reader.office, one.id)?,
            _ => None,
        };
        let files = match one.channel {
            Channel::Portal => files(tx, reader, (row, whose), Holder::Message(one.id))?,
            _ => Vec::new(),
        };
        all.push(Item { files, ..of_ours(reader, (one, receipt), whose) });
    }
    let heard = timeline::heard_from(tx, practice, row.with, span)?;
    reached(heard.len(), heard.last().map(|one| one.at));
    for one in heard {
        let files = match one.channel {
            Channel::Portal => files(tx, reader, (row, whose), Holder::Inbound(one.id))?,
            _ => Vec::new(),
        };
        all.push(Item { files, ..of_theirs(reader, &one, whose) });
    }
    let notes = note::of_thread(tx, practice, row.id, span)?;
    reached(notes.len(), notes.last().map(|one| one.created_at));
    all.extend(notes.into_iter().map(|one| of_colleagues(reader, &one, whose)));
    let tasks = timeline::tasks_of(tx, practice, row.with, span)?;
    reached(tasks.len(), tasks.last().map(|one| one.at));
    all.extend(tasks.into_iter().map(|one| of_work(reader, &one, whose)));
    all.sort_by(|a, b| (a.at, a.rank(), &a.id).cmp(&(b.at, b.rank(), &b.id)));
    let from = full.into_iter().max();
    if let Some(from) = from {
        all.retain(|item| item.at >= from);
    }
    let mut day = None;
    for item in &mut all {
        let date = item.at.to_zoned(reader.zone.clone()).date();
        if day != Some(date) {
            item.day = Some(date.strftime("%A, %B %-d").to_string());
            day = Some(date);
        }
    }
    Ok((all, from))
}

/// The files that came with something. What a file shows nobody read before it was kept: it is for
/// those who may read of health.
fn files(
    tx: &mut Tx<'_>,
    reader: &mut Reader<'_>,
    (row, whose): (&ThreadRow, &Whose),
    holder: Holder,
) -> Result<Vec<File>, DeskError> {
    if !reader.may_read(About::Clinical, whose) {
        return Ok(Vec::new());
    }
    let held = attachment::held_by(tx, reader.office.practice(), holder)?;
    let file = |file: AttachmentRow| File {
        to: format!("/inbox/{}/files/{}", row.id, file.id),
        words: words::file_words(&file),
    };
    Ok(held.into_iter().map(file).collect())
}

impl Item {
    /// Of what is of one instant: what came in, what it opened, what was answered.
    const fn rank(&self) -> u8 {
        match self.side.as_bytes() {
            b"them" => 0,
            b"task" => 1,
            b"us" => 2,
            _ => 3,
        }
    }

    fn new(reader: &Reader<'_>, id: String, side: &'static str, at: Timestamp) -> Self {
        let time = at.to_zoned(reader.zone.clone()).strftime("%-I:%M %P").to_string();
        Self {
            id,
            day: None,
            side,
            at,
            time,
            when: reader.when(at),
            head: String::new(),
            body: None,
            lang: String::new(),
            foot: String::new(),
            tone: "plain",
            files: Vec::new(),
        }
    }
}

fn of_ours(
    reader: &mut Reader<'_>,
    (said, receipt): (Said, Option<&'static str>),
    whose: &Whose,
) -> Item {
    let body = reader.said(
        (said.id, said.kind, said.basis.as_deref()),
        (&said.content_sealed, &said.record_wrap),
        whose,
    );
    let channel = words::channel_words(said.channel.as_str());
    let head = if said.origin == "staff" {
        format!("{} · {channel}", reader.actor(&said.created_by))
    } else {
        format!("{} · {channel}", words::kind_words(said.kind.as_str()))
    };
    Item {
        head: if body.is_some() { head } else { format!("The practice · {channel}") },
        body,
        lang: said.language.clone(),
        foot: match receipt.filter(|_| said.state == "delivered") {
            Some("read") => "Read by the patient".to_owned(),
            Some("opened") => "Opened, not read yet".to_owned(),
            _ => words::state_words(&said.state).to_owned(),
        },
        tone: words::state_tone(&said.state),
        ..Item::new(reader, format!("m-{}", said.id), "us", said.at)
    }
}

fn heard(reader: &mut Reader<'_>, row: &Heard, whose: &Whose) -> Option<(String, String)> {
    reader.heard((row.id, &row.intents), (&row.content_sealed, &row.record_wrap), whose)
}

fn of_theirs(reader: &mut Reader<'_>, heard: &Heard, whose: &Whose) -> Item {
    let first = heard.intents.split_whitespace().next().unwrap_or_default();
    let channel = words::channel_words(heard.channel.as_str());
    let item = Item::new(reader, format!("i-{}", heard.id), "them", heard.at);
    let Some((body, _)) = self::heard(reader, heard, whose) else {
        return Item { head: channel.to_owned(), ..item };
    };
    Item {
        head: format!("{channel} · {}", words::intent_words(first)),
        body: Some(body),
        foot: words::effect_words(&heard.effect),
        tone: words::effect_tone(&heard.effect),
        ..item
    }
}

fn of_colleagues(reader: &mut Reader<'_>, note: &NoteRow, whose: &Whose) -> Item {
    let readable = reader.may_read(note.about, whose);
    let to = note.mentioned.map(|id| format!(" to {}", reader.name(id))).unwrap_or_default();
    Item {
        head: format!("Note by {}{to}", reader.name(note.author)),
        body: readable.then(|| reader.note(note)),
        ..Item::new(reader, format!("n-{}", note.id), "note", note.created_at)
    }
}

fn of_work(reader: &mut Reader<'_>, task: &timeline::Asked, whose: &Whose) -> Item {
    let item = Item::new(reader, format!("t-{}", task.id), "task", task.at);
    let head = if reader.may_read(about::task(task.kind), whose) {
        words::task_words(task.kind.word())
    } else {
        "A task for another desk".to_owned()
    };
    let (foot, tone) = match (task.state, task.outcome) {
        (TaskState::Open, _) => {
            let due = reader.due(task.due_at);
            (format!("To do, {}", due.relative), if task.urgent { "urgent" } else { "wait" })
        }
        (TaskState::Done, outcome) => {
            let outcome = outcome.map_or("Done", |outcome| outcome_words(outcome.word()));
            let by = task.done_by.as_deref().map(|by| reader.actor(by)).unwrap_or_default();
            (format!("{outcome} · {by}"), "ok")
        }
    };
    // A task has no words of its own: it is shown whole or not at all.
    Item { head, foot, tone, body: Some(String::new()), ..item }
}
