//! What is counted and measured, in Prometheus' text form.
//!
//! A label's value is a `&'static str`: a word that stands in this program. A name, a number or a
//! patient's words cannot become one. Only the route of a request is a `String`: the pattern the
//! router matched, never the path.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

/// Upper edges for answers to callers and carriers, in microseconds.
const FAST: &[u64] =
    &[1_000, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 5_000_000];

/// Upper edges for what may take a while, in microseconds.
const SLOW: &[u64] = &[
    10_000,
    50_000,
    100_000,
    500_000,
    1_000_000,
    5_000_000,
    15_000_000,
    60_000_000,
    300_000_000,
    3_600_000_000,
];

/// Everything the program counts by itself. What the database knows is asked of it at a scrape.
pub struct Metrics {
    /// When the process began.
    pub started_at: Timestamp,
    /// Requests by route, method and status, in microseconds.
    pub requests: Histograms<3, String>,
    /// Attempts by adapter and outcome.
    pub attempts: Counters<2>,
    /// Failed attempts by adapter and word of the closed list.
    pub failures: Counters<2>,
    /// Refusals by code and by when: `request` or `release`.
    pub refusals: Counters<2>,
    /// Receipts by adapter and status, each once.
    pub receipts: Counters<2>,
    /// Replies by intent; a reply may have several.
    pub intents: Counters<1>,
    /// Replies by what they did.
    pub effects: Counters<1>,
    /// Pages to staff about emergencies, by outcome.
    pub pages: Counters<1>,
    /// From the moment a message may go to its handing over, by adapter; first attempts only.
    pub accept_to_submit: Histograms<1>,
    /// From handing over to the carrier's answer, by adapter.
    pub carrier_answer: Histograms<1>,
    /// Settings read again, by outcome.
    pub reloads: Counters<1>,
    links: Mutex<HashMap<&'static str, Link>>,
}

impl Metrics {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(started_at: Timestamp) -> Self {
        Self {
            started_at,
            requests: Histograms::new(FAST),
            attempts: Counters::default(),
            failures: Counters::default(),
            refusals: Counters::default(),
            receipts: Counters::default(),
            intents: Counters::default(),
            effects: Counters::default(),
            pages: Counters::default(),
            accept_to_submit: Histograms::new(SLOW),
            carrier_answer: Histograms::new(FAST),
            reloads: Counters::default(),
            links: Mutex::default(),
        }
    }

    /// From now on this is the connection of that adapter.
    pub fn watch(&self, adapter: &'static str, link: Link) {
        locked(&self.links).insert(adapter, link);
    }

    /// Which adapters that keep a connection have it.
    pub fn links(&self) -> Vec<(&'static str, bool)> {
        let mut all: Vec<_> =
            locked(&self.links).iter().map(|(adapter, link)| (*adapter, link.is_up())).collect();
        all.sort_unstable();
        all
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

/// Whether a connection that is kept open is there. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Link(watch::Sender<bool>);

impl Default for Link {
    /// Not yet.
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Link {
    /// It is there, or not any more.
    pub fn set(&self, up: bool) {
        self.0.send_replace(up);
    }

    /// Whether it is there.
    #[must_use]
    pub fn is_up(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when it is there.
    pub async fn up(&self) {
        // The sender lives in self.
        let _ = self.0.subscribe().wait_for(|up| *up).await;
    }
}

/// Counters with `L` labels.
pub struct Counters<const L: usize>(Mutex<BTreeMap<[&'static str; L], u64>>);

impl<const L: usize> Default for Counters<L> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<const L: usize> Counters<L> {
    /// One more.
    pub fn add(&self, labels: [&'static str; L]) {
        *locked(&self.0).entry(labels).or_default() += 1;
    }
}

/// Histograms with `L` labels.
pub struct Histograms<const L: usize, T = &'static str> {
    edges: &'static [u64],
    by_label: Mutex<BTreeMap<[T; L], Counted>>,
}

#[derive(Clone, Default)]
struct Counted {
    count: u64,
    sum: u64,
    /// One for each edge; not cumulative here.
    buckets: Vec<u64>,
}

impl<const L: usize, T: Ord + Clone + AsRef<str>> Histograms<L, T> {
    /// With these upper edges, ascending.
    #[must_use]
    pub const fn new(edges: &'static [u64]) -> Self {
        Self { edges, by_label: Mutex::new(BTreeMap::new()) }
    }

    /// One observation of a duration, in microseconds.
    pub fn took(&self, labels: [T; L], took: Duration) {
        self.observe(labels, u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    /// One observation.
    pub fn observe(&self, labels: [T; L], value: u64) {
        let mut all = locked(&self.by_label);
        let counted = all.entry(labels).or_default();
        counted.buckets.resize(self.edges.len(), 0);
        counted.count += 1;
        counted.sum = counted.sum.saturating_add(value);
        let bucket = self.edges.iter().position(|edge| value <= *edge);
        if let Some(bucket) = bucket.and_then(|at| counted.buckets.get_mut(at)) {
            *bucket += 1;
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The text a Prometheus reads. Each metric is announced even where nothing was counted yet.
#[derive(Default)]
pub struct Page(String);

impl Page {
    /// The whole text.
    #[must_use]
    pub fn into_text(self) -> String {
        self.0
    }

    /// A value that goes up and down, without labels.
    pub fn gauge(&mut self, name: &str, help: &str, value: impl std::fmt::Display) {
        self.announce(name, help, "gauge");
        self.line(name, &[], &[], value);
    }

    /// A value that only grows, without labels.
    pub fn counter(&mut self, name: &str, help: &str, value: impl std::fmt::Display) {
        self.announce(name, help, "counter");
        self.line(name, &[], &[], value);
    }

    /// A gauge for each label value. These come from closed columns of the database and from the
    /// program's own version.
    pub fn gauges<T: AsRef<str>, V: std::fmt::Display>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (T, V)>,
    ) {
        self.announce(name, help, "gauge");
        for (word, value) in values {
            self.line(name, &[label], &[word.as_ref()], value);
        }
    }

    /// Counters.
    pub fn counters<const L: usize>(
        &mut self,
        name: &str,
        help: &str,
        labels: [&str; L],
        counters: &Counters<L>,
    ) {
        self.announce(name, help, "counter");
        let all = locked(&counters.0).clone();
        for (words, value) in &all {
            self.line(name, &labels, words, value);
        }
    }

    /// Histograms of durations, told in seconds.
    pub fn durations<const L: usize, T: Ord + Clone + AsRef<str>>(
        &mut self,
        name: &str,
        help: &str,
        labels: [&str; L],
        histograms: &Histograms<L, T>,
    ) {
        self.histograms(name, help, &labels, histograms, seconds);
    }

    /// Histograms of plain numbers.
    pub fn sizes<const L: usize, T: Ord + Clone + AsRef<str>>(
        &mut self,
        name: &str,
        help: &str,
        labels: [&str; L],
        histograms: &Histograms<L, T>,
    ) {
        self.histograms(name, help, &labels, histograms, |value| value.to_string());
    }

    fn histograms<const L: usize, T: Ord + Clone + AsRef<str>>(
        &mut self,
        name: &str,
        help: &str,
        labels: &[&str; L],
        histograms: &Histograms<L, T>,
        unit: fn(u64) -> String,
    ) {
        self.announce(name, help, "histogram");
        let all = locked(&histograms.by_label).clone();
        let with_edge: Vec<&str> = labels.iter().copied().chain(["le"]).collect();
        for (words, counted) in &all {
            let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
            let mut so_far = 0;
            let edges = histograms.edges.iter().map(|edge| unit(*edge));
            for (edge, bucket) in edges.zip(&counted.buckets) {
                so_far += bucket;
                let words: Vec<&str> = words.iter().copied().chain([edge.as_str()]).collect();
                self.line(&format!("{name}_bucket"), &with_edge, &words, so_far);
            }
            let last: Vec<&str> = words.iter().copied().chain(["+Inf"]).collect();
            self.line(&format!("{name}_bucket"), &with_edge, &last, counted.count);
            self.line(&format!("{name}_sum"), labels, &words, unit(counted.sum));
            self.line(&format!("{name}_count"), labels, &words, counted.count);
        }
    }

    fn announce(&mut self, name: &str, help: &str, kind: &str) {
        // Writing to a String does not fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &[&str], words: &[&str], value: impl std::fmt::Display) {
        let labelled: Vec<String> =
            labels.iter().zip(words).map(|(label, word)| format!("{label}=\"{word}\"")).collect();
        let _ = if labelled.is_empty() {
            writeln!(self.0, "{name} {value}")
        } else {
            writeln!(self.0, "{name}{{{}}} {value}", labelled.join(","))
        };
    }
}

fn seconds(microseconds: u64) -> String {
    format!("{}.{:06}", microseconds / 1_000_000, microseconds % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_is_cumulative_and_ends_with_all() {
        let times: Histograms<1> = Histograms::new(&[10, 100]);
        for value in [5, 10, 50, 1_000_000] {
            times.observe(["sms"], value);
        }
        let mut page = Page::default();
        page.durations("t_seconds", "Time.", ["adapter"], &times);
        let text = page.into_text();
        assert_eq!(
            text,
            "# HELP t_seconds Time.\n# TYPE t_seconds histogram\n\
             t_seconds_bucket{adapter=\"sms\",le=\"0.000010\"} 2\n\
             t_seconds_bucket{adapter=\"sms\",le=\"0.000100\"} 3\n\
             t_seconds_bucket{adapter=\"sms\",le=\"+Inf\"} 4\n\
             t_seconds_sum{adapter=\"sms\"} 1.000065\n\
             t_seconds_count{adapter=\"sms\"} 4\n"
        );
    }

    #[test]
    fn what_was_never_counted_is_announced() {
        let mut page = Page::default();
        page.counters("c_total", "Things.", ["a", "b"], &Counters::default());
        page.gauge("g", "A thing.", 7);
        assert_eq!(
            page.into_text(),
            "# HELP c_total Things.\n# TYPE c_total counter\n# HELP g A thing.\n# TYPE g gauge\ng 7\n"
        );
    }
}
