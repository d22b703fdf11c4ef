//! What is counted, in Prometheus' text form. Labels are words of closed lists: no ids, no paths.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use jiff::SignedDuration;

use super::Doors;
use super::errors::Problem;
use crate::db::{DbError, board, reconciliation, self_test};

/// Upper edges of the duration buckets, in microseconds.
const EDGES: [u64; 8] = [1_000, 5_000, 10_000, 25_000, 50_000, 100_000, 500_000, 1_000_000];

/// Requests by route, method and status.
#[derive(Default)]
pub struct Metrics(Mutex<BTreeMap<(String, &'static str, u16), Counted>>);

#[derive(Default, Clone)]
struct Counted {
    count: u64,
    sum_us: u64,
    buckets: [u64; EDGES.len()],
}

impl Metrics {
    /// Counts one answered request. `route` is the pattern, not the path.
    pub fn request(&self, method: &Method, route: &str, status: u16, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let mut requests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = requests.entry((route.to_owned(), method_word(method), status)).or_default();
        counted.count += 1;
        counted.sum_us = counted.sum_us.saturating_add(took);
        for (bucket, edge) in counted.buckets.iter_mut().zip(EDGES) {
            *bucket += u64::from(took <= edge);
        }
    }

    fn write(&self, page: &mut String) {
        page.push_str("# HELP sotto_http_request_duration_seconds Time to answer a request.\n");
        page.push_str("# TYPE sotto_http_request_duration_seconds histogram\n");
        let requests = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for ((route, method, status), counted) in &requests {
            let labels = format!("route=\"{route}\",method=\"{method}\",status=\"{status}\"");
            let name = "sotto_http_request_duration_seconds";
            for (bucket, edge) in counted.buckets.iter().zip(EDGES) {
                let _ =
                    writeln!(page, "{name}_bucket{{{labels},le=\"{}\"}} {bucket}", seconds(edge));
            }
            let _ = writeln!(page, "{name}_bucket{{{labels},le=\"+Inf\"}} {}", counted.count);
            let _ = writeln!(page, "{name}_sum{{{labels}}} {}", seconds(counted.sum_us));
            let _ = writeln!(page, "{name}_count{{{labels}}} {}", counted.count);
        }
    }
}

/// A stranger may send any method; ours are these.
fn method_word(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        _ => "other",
    }
}

fn seconds(microseconds: u64) -> String {
    format!("{}.{:06}", microseconds / 1_000_000, microseconds % 1_000_000)
}

/// The page a Prometheus scrapes.
pub async fn page(State(doors): State<Doors>) -> Result<Response, Problem> {
    let practice = doors.office().practice();
    // A day's: what is scraped every few seconds must not grow with the years.
    let day_ago = doors.office().clock().now().checked_sub(SignedDuration::from_hours(24)).ok();
    let (gauges, findings, last_test) = doors
        .db()
        .read(move |tx| {
            let gauges = board::gauges(tx, practice, day_ago)?;
            let findings = reconciliation::count_standing(tx, practice)?;
            let tests = self_test::latest(tx, practice, 5)?;
            let last = tests.into_iter().find_map(|row| row.failures);
            Ok::<_, DbError>((gauges, i64::try_from(findings).unwrap_or(i64::MAX), last))
        })
        .await?;
    let mut page = String::new();
    doors.metrics().write(&mut page);
    page.push_str(
        "# HELP sotto_messages Messages of the last day by state.\n# TYPE sotto_messages gauge\n",
    );
    for (state, count) in &gauges.messages {
        let _ = writeln!(page, "sotto_messages{{state=\"{state}\"}} {count}");
    }
    for (name, help, value) in [
        ("sotto_outbox_waiting", "Messages waiting in the outbox.", gauges.outbox),
        ("sotto_tasks_open", "Tasks open for staff.", gauges.tasks),
        ("sotto_tasks_urgent", "Open tasks that may be emergencies.", gauges.urgent),
        ("sotto_reconciliation_findings", "Findings of reconciliation that stand.", findings),
        ("sotto_audit_entries", "Entries in the audit log.", gauges.audit_entries),
        ("sotto_audit_waiting", "Entries that have no leaf yet.", gauges.audit_waiting),
    ] {
        let _ = writeln!(page, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
    }
    if let Some(failures) = last_test {
        let passed = i64::from(failures.is_empty());
        let name = "sotto_self_test_passed";
        let help = "Whether the last self-test passed: 1, or 0.";
        let _ = writeln!(page, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {passed}");
    }
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    let mut response = page.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}
