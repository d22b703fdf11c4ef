//! `GET /metrics`: everything that is counted, for a Prometheus. docs/operate/observe.md says what
//! each metric means and who may scrape.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};

use super::errors::Problem;
use super::{Doors, health};
use crate::db::watched::{self, Watched};
use crate::observe::metrics::{Metrics, Page};
use crate::observe::process::Process;

/// How long what the database said is good for: many scrapers cost it no more than one.
const GOOD_FOR: Duration = Duration::from_secs(5);

/// What the database said last, and when.
#[derive(Default)]
pub(super) struct Asked(Mutex<Option<(Instant, Arc<Watched>)>>);

/// Counts one answered request. `route` is the pattern, not the path.
pub fn count(doors: &Doors, method: &Method, route: &str, status: u16, took: Duration) {
    let status = StatusCode::from_u16(status).unwrap_or_default();
    let labels = [route.to_owned(), method_word(method).to_owned(), status.as_str().to_owned()];
    doors.office().metrics().requests.took(labels, took);
}

/// A stranger may send any method; ours are these.
pub(super) fn method_word(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        _ => "other",
    }
}

/// The page a Prometheus scrapes.
pub async fn page(State(doors): State<Doors>) -> Result<Response, Problem> {
    let now = doors.office().clock().now();
    let ready = health::why_not(&doors).await.is_none();
    // A database that does not answer is what the page is for: it goes without.
    let watched = match watched(&doors).await {
        Ok(watched) => Some(watched),
        Err(error) => {
            tracing::error!(%error, "metrics.database_failed");
            None
        }
    };
    let mut page = Page::default();
    page.gauge("sotto_ready", "Whether /readyz says that messages can be taken.", u8::from(ready));
    counted(&mut page, &doors.office().metrics());
    if let Some(watched) = watched {
        asked(&mut page, &watched, now);
    }
    database(&mut page, &doors);
    process(&mut page, &doors.office().metrics());
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    let mut response = page.into_text().into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

async fn watched(doors: &Doors) -> Result<Arc<Watched>, crate::db::DbError> {
    let (clock, practice) = (doors.office().clock().clone(), doors.office().practice());
    let known = doors.asked().0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some((at, watched)) = known
        && clock.instant().duration_since(at) < GOOD_FOR
    {
        return Ok(watched);
    }
    // A day's: what is scraped every few seconds must not grow with the years.
    let day_ago = clock.now().checked_sub(SignedDuration::from_hours(24)).ok();
    let read = doors.db().read(move |tx| watched::read(tx, practice, day_ago));
    let watched = match tokio::time::timeout(GOOD_FOR, read).await {
        Ok(read) => Arc::new(read?),
        Err(_) => return Err(crate::db::DbError::Closed),
    };
    let fresh = (clock.instant(), Arc::clone(&watched));
    *doors.asked().0.lock().unwrap_or_else(PoisonError::into_inner) = Some(fresh);
    Ok(watched)
}

/// What this process counted.
fn counted(page: &mut Page, metrics: &Metrics) {
    page.durations(
        "sotto_http_request_duration_seconds",
        "Time to answer a request.",
        ["route", "method", "status"],
        &metrics.requests,
    );
    page.durations(
        "sotto_accept_to_submit_seconds",
        "From the moment a message may go to its handing over; first attempts.",
        ["adapter"],
        &metrics.accept_to_submit,
    );
    page.durations(
        "sotto_carrier_answer_seconds",
        "From handing over to the carrier's answer.",
        ["adapter"],
        &metrics.carrier_answer,
    );
    for (name, help, labels, counters) in [
        (
            "sotto_attempts_total",
            "Attempts that ended, by outcome.",
            ["adapter", "outcome"],
            &metrics.attempts,
        ),
        (
            "sotto_attempt_failures_total",
            "Attempts that failed, by failure.",
            ["adapter", "failure"],
            &metrics.failures,
        ),
        (
            "sotto_refusals_total",
            "Reasons why the gate said no, at the request or at release.",
            ["code", "at"],
            &metrics.refusals,
        ),
        (
            "sotto_receipts_total",
            "Delivery receipts stored, by status.",
            ["adapter", "status"],
            &metrics.receipts,
        ),
    ] {
        page.counters(name, help, labels, counters);
    }
    for (name, help, label, counters) in [
        ("sotto_replies_total", "Replies, by intent.", "intent", &metrics.intents),
        ("sotto_reply_effects_total", "Replies, by what they did.", "effect", &metrics.effects),
        ("sotto_pages_total", "Pages to staff about emergencies.", "outcome", &metrics.pages),
        ("sotto_reloads_total", "Settings read again.", "outcome", &metrics.reloads),
    ] {
        page.counters(name, help, [label], counters);
    }
    let links = metrics.links().into_iter().map(|(adapter, up)| (adapter, u8::from(up)));
    page.gauges(
        "sotto_carrier_connected",
        "Whether the line to the carrier is there.",
        "adapter",
        links,
    );
}

/// What the database knows.
fn asked(page: &mut Page, watched: &Watched, now: Timestamp) {
    let age = |since: Option<Timestamp>| {
        since.map_or(0.0, |since| now.duration_since(since).as_secs_f64().max(0.0))
    };
    let Watched { counts, outbox, .. } = watched;
    let states = counts.messages.iter().map(|(state, count)| (state, count));
    page.gauges("sotto_messages", "Messages of the last day by state.", "state", states);
    let by_adapter = |of: fn(&watched::Waiting) -> i64| {
        outbox.iter().map(move |waiting| (&waiting.adapter, of(waiting)))
    };
    page.gauges(
        "sotto_outbox_waiting",
        "Messages in the outbox, whenever they are due.",
        "adapter",
        by_adapter(|waiting| waiting.messages),
    );
    page.gauges(
        "sotto_outbox_on_the_wire",
        "Of them, those handed over and not answered.",
        "adapter",
        by_adapter(|waiting| waiting.on_the_wire),
    );
    page.gauges(
        "sotto_outbox_overdue_seconds",
        "How long the oldest message that may go has waited.",
        "adapter",
        outbox.iter().map(|waiting| (&waiting.adapter, age(waiting.oldest_due))),
    );
    for (name, help, value) in [
        ("sotto_uncertain", "Messages of which nobody knows whether they left.", watched.uncertain),
        ("sotto_tasks_open", "Tasks open for staff.", counts.tasks),
        ("sotto_tasks_urgent", "Open tasks that may be emergencies.", counts.urgent),
        (
            "sotto_reconciliation_findings",
            "Findings of reconciliation that stand.",
            watched.reconciliation_findings,
        ),
        ("sotto_audit_entries", "Entries in the audit log.", counts.audit_entries),
        ("sotto_audit_waiting", "Entries that have no leaf yet.", counts.audit_waiting),
    ] {
        page.gauge(name, help, value);
    }
    if let Some(passed) = watched.self_test_passed {
        let help = "Whether the last self-test passed: 1, or 0.";
        page.gauge("sotto_self_test_passed", help, u8::from(passed));
    }
    page.gauge(
        "sotto_audit_waiting_seconds",
        "How long the oldest entry without a leaf has waited.",
        age(watched.audit_waiting_since),
    );
    page.gauge(
        "sotto_audit_checkpoint_age_seconds",
        "Since when the newest checkpoint is signed.",
        age(watched.checkpoint_at),
    );
}

/// How the database does.
fn database(page: &mut Page, doors: &Doors) {
    let vitals = doors.db().vitals();
    page.durations(
        "sotto_db_write_wait_seconds",
        "From asking for a transaction that may write to its beginning.",
        [],
        &vitals.wait,
    );
    page.durations(
        "sotto_db_write_seconds",
        "From its beginning until it is on disk.",
        [],
        &vitals.commit,
    );
    page.sizes(
        "sotto_db_batch_size",
        "Transactions to one sync of the disk (SQLite).",
        [],
        &vitals.batch,
    );
    page.counter(
        "sotto_db_write_failures_total",
        "How often the engine could not begin, write or commit.",
        vitals.failures(),
    );
    page.gauge("sotto_db_failing", "Whether the last write failed.", u8::from(vitals.is_failing()));
}

/// The process itself, under the names every Prometheus client uses.
fn process(page: &mut Page, metrics: &Metrics) {
    page.gauges(
        "sotto_build_info",
        "Which version runs.",
        "version",
        [(env!("CARGO_PKG_VERSION"), 1)],
    );
    page.gauge(
        "process_start_time_seconds",
        "When the process began, since 1970.",
        metrics.started_at.as_second(),
    );
    let Some(process) = Process::now() else { return };
    page.counter("process_cpu_seconds_total", "CPU time in user and kernel.", process.cpu_seconds);
    page.gauge("process_resident_memory_bytes", "Memory held.", process.resident_bytes);
    page.gauge("process_open_fds", "Open files and sockets.", process.open_files);
}
