//! Each bench, a little of it, with the program itself: it ends, what it compares agrees, and it
//! says the figures that targets are set for. How fast is for `sotto bench` to say, not for a test.

use std::process::Command;

use serde_json::Value;

use crate::engines::{Engine, TestDb, run};
use crate::on_both_engines;

/// The last line a bench prints, read.
fn bench(db: &TestDb, words: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sotto"));
    command.arg("bench").args(words).arg("--json").env_remove("SOTTO_ROOT_KEY");
    if db.url.starts_with("postgres") {
        command.args(["--database", &db.url]);
    }
    let done = command.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let said = String::from_utf8(done.stdout).unwrap();
    serde_json::from_str(said.lines().last().unwrap()).unwrap()
}

#[track_caller]
fn are_positive(figures: &Value, names: &[&str]) {
    for name in names {
        assert!(figures[name].as_f64().is_some_and(|figure| figure > 0.0), "{name}: {figures}");
    }
}

on_both_engines! {
    async fn pipeline(db: TestDb) {
        let words = ["pipeline", "--messages=20", "--seconds=1", "--rate=5", "--patients=20"];
        let figures = bench(&db, &words);
        are_positive(&figures, &[
            "messages_per_second", "cpu_seconds_per_1000", "peak_rss_mb", "start_ms",
            "fdatasync_per_second",
        ]);
        assert_eq!((&figures["messages"], &figures["engine"]), (&20.into(), &db.engine().into()));
        for name in ["accept_to_submit_p50_ms", "accept_to_submit_p99_ms"] {
            assert!(figures[name].is_f64(), "{figures}");
        }
    }

    async fn ledger(db: TestDb) {
        let figures = bench(&db, &["ledger", "--events=200", "--writers=8"]);
        are_positive(&figures, &[
            "durable_events_per_second", "placed_events_per_second", "verified_events_per_second",
            "leaves_per_second", "fdatasync_per_second",
        ]);
        assert_eq!(figures["engine"], db.engine());
    }

    async fn http(db: TestDb) {
        let figures = bench(&db, &["http", "--requests=20", "--connections=4", "--patients=5"]);
        let kinds =
            ["alive", "check", "patient", "portal_message", "refused_message", "messages_page"];
        for kind in kinds {
            are_positive(&figures[kind], &["requests_per_second", "p50_ms", "p99_ms"]);
        }
        are_positive(&figures, &["fdatasync_per_second"]);
    }

    async fn window(db: TestDb) {
        let figures = bench(&db, &["window", "--pairs=8"]);
        for kind in ["link", "number", "account"] {
            are_positive(&figures[kind], &["there_p50_ms", "nothing_p50_ms"]);
            let share = figures[kind]["slower_share"].as_f64().unwrap();
            assert!((0.0..=1.0).contains(&share), "{figures}");
        }
        assert_eq!(figures["engine"], db.engine());
    }

    async fn search(db: TestDb) {
        let figures = bench(&db, &["search", "--patients=300", "--searches=5"]);
        let kinds = [
            "two_letters", "three_letters", "family_name", "whole_name", "both_begun",
            "birth_date", "name_and_year", "number", "last_four", "record_number",
        ];
        for kind in kinds {
            are_positive(&figures[kind], &["p50_ms", "p95_ms", "p99_ms", "found"]);
        }
        are_positive(&figures, &["tokens", "index_bytes", "indexed_per_second", "worst_p95_ms"]);
        assert_eq!(figures["engine"], db.engine());
    }
}

#[test]
fn nodes() {
    async fn body(db: TestDb) {
        let words = [
            "nodes",
            "--nodes=2",
            "--binds=1",
            "--kills=3",
            "--seed=100",
            "--patients=60",
            "--rate=10",
        ];
        let figures = bench(&db, &words);
        // By this seed one is cut off, one lost with its machine, and one killed.
        are_positive(&figures, &["accepted", "texts", "receipts", "replies"]);
        are_positive(&figures, &["kills", "cuts", "machines_lost", "given_up_max_ms"]);
    }
    // More than one node needs a server.
    run(Engine::Postgres, body);
}
