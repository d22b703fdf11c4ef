//! A short run of `sotto bench crash`, with the program itself: killed, started, compared.

use std::process::Command;

use serde_json::Value;

use crate::engines::{Engine, wanted};

#[test]
fn killed_at_random_moments_it_loses_nothing_and_doubles_nothing() {
    if !wanted(Engine::Sqlite) {
        return;
    }
    let run = Command::new(env!("CARGO_BIN_EXE_sotto"))
        .args(["bench", "crash", "--kills", "15", "--seed", "7", "--patients", "60", "--json"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}");
    let line: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(line["sound"], true, "{line}");
    assert_eq!(line["kills"], 15, "{line}");
    // It was under load, and the world answered.
    for figure in ["accepted", "texts", "receipts", "replies"] {
        assert!(line[figure].as_u64().unwrap() > 10, "{figure}: {line}");
    }
}
