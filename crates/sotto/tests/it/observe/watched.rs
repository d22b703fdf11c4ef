//! The dashboard, the alerts and the page about them name the metrics there are.

use std::collections::BTreeSet;

use crate::http::Site;
use crate::on_both_engines;

const DASHBOARD: &str = include_str!("../../../../../docs/operate/dashboard.json");
const ALERTS: &str = include_str!("../../../../../docs/operate/alerts.yml");
const DOCUMENT: &str = include_str!("../../../../../docs/operate/observe.md");

/// Words that begin as our metrics do.
fn names(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| word.starts_with("sotto_") || word.starts_with("process_"))
        .map(str::to_owned)
        .collect()
}

on_both_engines! {
    async fn every_metric_that_is_named_is_there_and_every_one_there_is_named(db: TestDb) {
        let site = Site::open(db).await;
        let page = site.get("/metrics").await.is(200).text;
        let mut there = BTreeSet::new();
        for line in page.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
            let (name, kind) = line.split_once(' ').unwrap();
            assert!(there.insert(name.to_owned()), "{name} is announced twice");
            assert_eq!(name.ends_with("_total"), kind == "counter", "{name} is a {kind}");
        }
        let histograms: BTreeSet<String> = page
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" histogram"))
            .flat_map(|name| ["_bucket", "_sum", "_count"].map(|end| format!("{name}{end}")))
            .collect();
        for (file, text) in [("dashboard.json", DASHBOARD), ("alerts.yml", ALERTS)] {
            let named = names(text);
            assert!(named.len() > 8, "{file} names {named:?}");
            let unknown: Vec<_> =
                named.iter().filter(|n| !there.contains(*n) && !histograms.contains(*n)).collect();
            assert!(unknown.is_empty(), "{file} names {unknown:?}");
        }
        let explained = names(DOCUMENT);
        let unexplained: Vec<_> = there.difference(&explained).collect();
        assert!(unexplained.is_empty(), "observe.md leaves out {unexplained:?}");
        let undrawn: Vec<_> = there
            .iter()
            .filter(|name| !names(DASHBOARD).iter().any(|drawn| drawn.starts_with(name.as_str())))
            .collect();
        assert!(undrawn.is_empty(), "the dashboard leaves out {undrawn:?}");
        serde_json::from_str::<serde_json::Value>(DASHBOARD).unwrap();
    }
}
