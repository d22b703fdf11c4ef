//! `sotto bench pages`: how fast the desk's pages are answered, and how heavy they are, in a practice
//! with many patients, messages and open conversations.
//!
//! Patients are sealed and found as every other. What was said is written straight into the tables,
//! sealed as every other, and no gate was asked about it; the audit log knows the conversations and
//! visits, and not each message. Then `sotto serve` is asked as a browser asks it, by one nurse, one
//! page after the other: what is measured is from the request to the last byte, with the policies
//! asked, the words opened and the look written into the log.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use gate::{AppointmentId, Channel, MessageId, PatientId};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use uuid::Uuid;

use super::fdatasync;
use super::load;
use super::pipeline::{Folder, bar};
use super::practice::{self, Place};
use super::residents::{Resident, catch_up, move_in, people};
use super::search::thousandths;
use super::server::Server;
use super::world::Spread;
use crate::access::AccessError;
use crate::access::policies::About;
use crate::access::roles::{Role, Roles};
use crate::access::sessions::{self, Browser};
use crate::access::staff::{self, NewStaff};
use crate::audit::{self, Actor, AuditError, Event, Kind};
use crate::cli::open::{self, Opened};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::appointment::{self, AppointmentRow, AppointmentStatus};
use crate::db::session::Method;
use crate::db::task::{self, TaskKind, TaskRow, TaskState};
use crate::db::thread::{self, Side, ThreadRow, ThreadState, With};
use crate::db::{DbError, Tx};
use crate::demo::population::Chance;
use crate::ids::{Id as _, InboundId, TaskId, ThreadId};
use crate::office::Office;
use crate::{params, sql};

/// How many patients' histories one transaction takes.
const BATCH: usize = 250;
/// One of so many messages came from the patient.
const THEIRS: usize = 5;
/// How long ago the first one was said, in days.
const DAYS: i64 = 365;
/// How many are expected today.
const TODAY: usize = 200;

/// Measure the desk's pages.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  sotto bench pages --json\n\n\
    docs/performance.md says how to read the figures.")]
pub(super) struct Args {
    /// How many patients there are.
    #[arg(long, default_value_t = 100_000)]
    patients: usize,
    /// How many messages were said, a fifth of them by patients.
    #[arg(long, default_value_t = 1_000_000)]
    messages: usize,
    /// How many conversations are open.
    #[arg(long, default_value_t = 5_000)]
    open: usize,
    /// How often each page is asked for.
    #[arg(long, default_value_t = 300)]
    requests: usize,
    /// Which names are drawn, and who is looked at.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    place: practice::Ground,
}

/// A page, by whom it shows.
type Address = fn(&Shown) -> String;

/// The pages that are open all day.
const PAGES: [(&str, Address); 8] = [
    ("inbox", |_| "/inbox".to_owned()),
    ("inbox_everybody", |_| "/inbox?view=all".to_owned()),
    ("thread", |who| format!("/inbox/{}", who.thread)),
    ("patient", |who| format!("/people/{}", who.patient)),
    ("said", |who| format!("/people/{}/said", who.patient)),
    ("write", |who| format!("/people/{}/write", who.patient)),
    ("tasks", |_| "/tasks".to_owned()),
    ("today", |_| "/today".to_owned()),
];

/// Whose page is asked for.
#[derive(Clone, Copy)]
struct Shown {
    patient: PatientId,
    thread: ThreadId,
}

/// A page, measured.
struct Measured {
    page: &'static str,
    /// In milliseconds.
    answered: Spread,
    /// Its bytes as they came, the last one.
    bytes: usize,
    /// The same and all that a browser loads with it the first time, by gzip.
    first_load: usize,
}

/// Runs the verb.
pub(super) fn run(args: &Args) -> Result<ExitCode> {
    ensure!(args.patients > 0 && args.requests > 0, "--patients, --requests: at least 1");
    ensure!(args.open <= args.patients, "--open: at most --patients");
    let clock = Clock::system();
    let folder = Folder::make(args.place.folder.as_deref(), &clock)?;
    let place = Place { folder: folder.path(), database: args.place.database.as_deref(), smsc: 1 };
    let settings = place.prepare(&clock)?;
    let opened = open::open(&Config::load(&settings)?, &clock)?;
    let people = people(&clock, args.patients, args.seed)?;
    move_in(&opened, &people)?;
    catch_up(&opened)?;
    let shown = histories(&opened, &people, args)?;
    let cookie = nurse(&opened)?;
    let syncs = fdatasync::per_second(folder.path(), &clock)?;
    let engine = opened.db.engine();
    drop(opened);
    let server = Server::start(&settings)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the machine gives no threads")?;
    let cpu = server.cpu_seconds()?;
    let measured = runtime.block_on(ask(args, &clock, (server.address, &cookie), &shown))?;
    let cpu = (server.cpu_seconds()? - cpu) / (measured.len() * args.requests) as f64 * 1e3;
    let peak = server.peak_rss_mb()?;
    server.stop()?;
    tell(args, &measured, (engine, syncs, cpu, peak));
    Ok(ExitCode::SUCCESS)
}

fn tell(args: &Args, measured: &[Measured], (engine, syncs, cpu, peak): (&str, f64, f64, f64)) {
    let round = |number: f64| (number * 10.0).round() / 10.0;
    if !args.place.json {
        println!(
            "{} patients, {} messages, {} open conversations on {engine}",
            args.patients, args.messages, args.open
        );
        for page in measured {
            println!(
                "{:<16} p50 {:>8} ms  p95 {:>8} ms  p99 {:>8} ms  {:>7} bytes, first load {:>6} by gzip",
                page.page,
                thousandths(page.answered.p50),
                thousandths(page.answered.p95),
                thousandths(page.answered.p99),
                page.bytes,
                page.first_load
            );
        }
        println!("{} CPU ms a page, {} MiB at most", round(cpu), round(peak));
        return;
    }
    let mut line = Map::new();
    let worst = measured.iter().map(|page| page.answered.p95).fold(0.0, f64::max);
    let heaviest = measured.iter().map(|page| page.first_load).max();
    for (name, value) in [
        ("patients", json!(args.patients)),
        ("messages", json!(args.messages)),
        ("open", json!(args.open)),
        ("worst_p95_ms", json!(thousandths(worst))),
        ("heaviest_first_load_bytes", json!(heaviest)),
        ("cpu_ms_a_page", json!(round(cpu))),
        ("peak_rss_mb", json!(round(peak))),
    ] {
        line.insert(name.to_owned(), value);
    }
    for page in measured {
        let figures = json!({
            "p50_ms": thousandths(page.answered.p50), "p95_ms": thousandths(page.answered.p95),
            "p99_ms": thousandths(page.answered.p99),
            "bytes": page.bytes, "first_load_bytes": page.first_load,
        });
        line.insert(page.page.to_owned(), figures);
    }
    line.insert("fdatasync_per_second".to_owned(), json!(syncs.round()));
    line.insert("engine".to_owned(), json!(engine));
    println!("{}", Value::Object(line));
}

async fn ask(
    args: &Args,
    clock: &Clock,
    (server, cookie): (SocketAddr, &str),
    shown: &[Shown],
) -> Result<Vec<Measured>> {
    let mut chance = Chance::new(args.seed ^ 0x9a6e5);
    let mut connection = TcpStream::connect(server).await?;
    connection.set_nodelay(true)?;
    let mut input = Vec::new();
    let mut measured = Vec::new();
    for (page, address) in PAGES {
        let mut all = Vec::with_capacity(args.requests);
        let mut last = Vec::new();
        for _ in 0..args.requests {
            let whose = shown.get(chance.below(shown.len())).context("nobody is here")?;
            let path = address(whose);
            let request = get(&path, cookie);
            let began = clock.instant();
            connection.write_all(request.as_bytes()).await?;
            let (status, body) = load::answer(&mut connection, &mut input).await?;
            all.push(clock.instant().duration_since(began).as_secs_f64() * 1e3);
            ensure!(status == 200, "{page}: the server answered {status}");
            last.clear();
            last.extend_from_slice(body);
        }
        let mut first_load = by_gzip(&last)?;
        for path in assets(&String::from_utf8_lossy(&last)) {
            connection.write_all(get(&path, cookie).as_bytes()).await?;
            let (status, body) = load::answer(&mut connection, &mut input).await?;
            ensure!(status == 200, "{path}: the server answered {status}");
            first_load += by_gzip(body)?;
        }
        measured.push(Measured { page, answered: Spread::of(all), bytes: last.len(), first_load });
    }
    Ok(measured)
}

fn get(path: &str, cookie: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: sotto={cookie}\r\n\r\n")
}

/// What a page loads with it.
fn assets(html: &str) -> BTreeSet<String> {
    let rest = html.split("\"/static/").skip(1);
    rest.filter_map(|rest| rest.split('"').next()).map(|name| format!("/static/{name}")).collect()
}

fn by_gzip(bytes: &[u8]) -> Result<usize> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len())
}

/// Somebody who may read of health, signed in: the cookie of their session.
fn nurse(opened: &Opened) -> Result<String> {
    let office = opened.office.clone();
    let begun = opened.db.write_blocking(move |tx| {
        let new = NewStaff {
            name: "Ada Bench".to_owned(),
            email: "nurse@bench.example".to_owned(),
            roles: Roles::from_row(Role::Nurse.as_str()),
            sites: Vec::new(),
        };
        let (id, _) = staff::invite(tx, &office, &new, Actor::operator())?;
        let nurse = staff::get(tx, &office, id)?;
        let nurse = nurse.ok_or(AccessError::NotNow("the nurse is gone"))?;
        sessions::begin(tx, &office, &nurse, (&Browser::default(), Method::Demo))
    })?;
    Ok(begun.token.reveal().to_owned())
}

/// A history cannot be made.
#[derive(Debug, thiserror::Error)]
enum MakeError {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Seal(#[from] seal::SealError),
    #[error(transparent)]
    Audit(#[from] AuditError),
    #[error(transparent)]
    Month(#[from] seal::MonthError),
}

/// What was said with each, their conversation, and today's visits. The first ones have something
/// open.
fn histories(opened: &Opened, people: &[Resident], args: &Args) -> Result<Vec<Shown>> {
    let shown = bar(args.messages as u64, "messages written");
    let each = args.messages / people.len().max(1);
    let now = opened.office.clock().now();
    let mut all = Vec::with_capacity(people.len());
    for (at, batch) in people.chunks(BATCH).enumerate() {
        let whose: Vec<(usize, PatientId, ThreadId)> = batch
            .iter()
            .enumerate()
            .map(|(n, who)| (at * BATCH + n, who.id, ThreadId::new(opened.office.clock())))
            .collect();
        all.extend(
            whose.iter().map(|(_, patient, thread)| Shown { patient: *patient, thread: *thread }),
        );
        let (office, open) = (opened.office.clone(), args.open);
        opened.db.write_blocking(move |tx| {
            for (n, patient, thread) in whose {
                history(tx, &office, (now, each), (patient, thread, n < open))?;
                if n < TODAY {
                    visit(tx, &office, (now, n), patient)?;
                }
            }
            let event = Event::new(Kind::ConversationChanged, Actor::service("bench"));
            audit::append(tx, &office, event).map_err(MakeError::from).map(drop)
        })?;
        shown.inc((batch.len() * each) as u64);
    }
    shown.finish_and_clear();
    Ok(all)
}

fn history(
    tx: &mut Tx<'_>,
    office: &Office,
    (now, each): (Timestamp, usize),
    (patient, thread, open): (PatientId, ThreadId, bool),
) -> Result<(), MakeError> {
    let practice = office.practice();
    let mut last_inbound = None;
    let mut last_at = now;
    for n in 0..each {
        let share = i64::try_from(each - n).unwrap_or(1) * DAYS * 24 * 60;
        let back = share / i64::try_from(each.max(1)).unwrap_or(1);
        last_at = now.checked_sub(SignedDuration::from_mins(back)).unwrap_or(now);
        if n % THEIRS == THEIRS - 1 {
            last_inbound = Some(heard(tx, office, (patient, last_at))?);
        } else {
            said(tx, office, (patient, last_at))?;
        }
    }
    let due = now.checked_add(SignedDuration::from_hours(4)).unwrap_or(now);
    let row = ThreadRow {
        id: thread,
        with: With::Patient(patient),
        merged_into: None,
        channel: Some(Channel::Sms),
        state: if open { ThreadState::Open } else { ThreadState::Closed },
        snoozed_until: None,
        owner: None,
        team: Role::Nurse,
        about: About::Clinical,
        urgent: false,
        taken_at: None,
        waiting_on: if open { Side::Us } else { Side::Them },
        due_at: open.then_some(due),
        last_at,
        last_from: Side::Them,
        last_inbound,
        opened_at: last_at,
        closed_at: (!open).then_some(now),
        outcome: None,
        changed_at: now,
    };
    thread::put(tx, practice, &row)?;
    if open {
        let row = TaskRow {
            id: TaskId::new(office.clock()),
            kind: TaskKind::ClinicalQuestion,
            urgent: false,
            patient_id: Some(patient),
            conversation_id: None,
            message_id: None,
            inbound_id: last_inbound,
            appointment_id: None,
            due_at: due,
            state: TaskState::Open,
            outcome: None,
            done_by: None,
            done_at: None,
            created_at: last_at,
        };
        task::put(tx, practice, &row)?;
    }
    Ok(())
}

/// An id as it would have been made then: what is a year old is no work for the nightly comparison.
fn id_of(office: &Office, at: Timestamp) -> Uuid {
    let fresh = office.clock().new_id();
    let (_, tail) = fresh.as_bytes().split_at(6);
    let mut random = [0; 10];
    random.iter_mut().zip(tail).for_each(|(to, from)| *to = *from);
    let millis = u64::try_from(at.as_millisecond()).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

const OURS: &str = "Bench Family Medicine: your visit is on Thursday, March 4 at 2:30 pm. Reply C to \
    confirm or call (303) 555-0199. STOP ends texts.";

/// A message that arrived.
fn said(
    tx: &mut Tx<'_>,
    office: &Office,
    (patient, at): (PatientId, Timestamp),
) -> Result<(), MakeError> {
    let id = MessageId(id_of(office, at));
    let (practice, row) = (office.practice().to_string(), id.to_string());
    let place = seal::Place { practice: &practice, table: "message", row: &row, column: "content" };
    let content = json!({
        "address_kind": "phone", "address": "+13035550142", "subject": null, "body": OURS,
        "fields": [],
    });
    let sealed =
        office.keys().seal_message(office.buckets(at)?, &place, content.to_string().as_bytes())?;
    tx.execute(
        sql!(
            "INSERT INTO message (practice_id, id, patient_id, address_index, channel, kind, purpose,
                 origin, language, content_sealed, record_wrap, basis, clearance_entry, state,
                 state_at, send_at, created_by, created_at)
             VALUES ($1, $2, $3, $4, 'sms', 'appt_reminder', 'treatment', 'automated', 'en', $5, $6,
                 $7, $2, 'delivered', $8, $8, 'service:reminders', $8)"
        ),
        params![
            office.practice(),
            id,
            patient,
            [0_u8; 32].as_slice(),
            sealed.body.into_bytes(),
            sealed.record_wrap.into_bytes(),
            BASIS,
            at
        ],
    )?;
    Ok(())
}

/// What the clearance of one rests on.
const BASIS: &str = r#"{"cleared_at":0,"not_before":null,"policy":"rulebook","level":0,"categories":[],"rules":[],"cells":[],"consents":[]}"#;

const THEIR_WORDS: &str = "Hi, I still have that cough and the new pills make me dizzy in the \
    morning. Should I keep taking them until my visit?";

/// A message that came.
fn heard(
    tx: &mut Tx<'_>,
    office: &Office,
    (patient, at): (PatientId, Timestamp),
) -> Result<InboundId, MakeError> {
    let id = InboundId(id_of(office, at));
    let (practice, row) = (office.practice().to_string(), id.to_string());
    let place =
        seal::Place { practice: &practice, table: "inbound_message", row: &row, column: "content" };
    let content = json!({
        "from": { "kind": "phone", "value": "+13035550142" }, "to": "38838",
        "body": THEIR_WORDS, "incomplete": false,
    });
    let sealed =
        office.keys().seal_message(office.buckets(at)?, &place, content.to_string().as_bytes())?;
    tx.execute(
        sql!(
            "INSERT INTO inbound_message (practice_id, id, adapter, carrier_id, channel, from_index,
                 patient_id, content_sealed, record_wrap, intents, effect, received_at)
             VALUES ($1, $2, 'sms_smpp', $3, 'sms', $4, $5, $6, $7, '', 'none', $8)"
        ),
        params![
            office.practice(),
            id,
            row.as_str(),
            [0_u8; 32].as_slice(),
            patient,
            sealed.body.into_bytes(),
            sealed.record_wrap.into_bytes(),
            at
        ],
    )?;
    Ok(id)
}

/// A visit of today, one after the other from eight o'clock on.
fn visit(
    tx: &mut Tx<'_>,
    office: &Office,
    (now, n): (Timestamp, usize),
    patient: PatientId,
) -> Result<(), MakeError> {
    let zone = office.profile().timezone.clone();
    let morning = now.to_zoned(zone).start_of_day().map_or(now, |day| day.timestamp());
    let minutes = 8 * 60 + i64::try_from(n).unwrap_or_default() * 3;
    let starts_at = morning.checked_add(SignedDuration::from_mins(minutes)).unwrap_or(now);
    let row = AppointmentRow {
        id: AppointmentId::new(office.clock()),
        external_id: format!("bench-{n}"),
        patient_id: patient,
        clinician_id: None,
        site_id: None,
        starts_at,
        ends_at: None,
        status: AppointmentStatus::Booked,
        version: 1,
        reply: None,
        reply_at: None,
        updated_at: now,
    };
    Ok(appointment::put(tx, office.practice(), &row)?)
}
