//! The texts that ship with Sotto stay at the level their kind declares (RULEBOOK §12): a false
//! alarm here would keep the product from starting.

use std::fs;
use std::path::{Path, PathBuf};

use guard::{Context, Level, check};

/// The kinds that may say that something exists; all others are administrative.
const MENTIONS: &[&str] =
    &["results_ready", "rx_ready", "refill_reminder", "account_callback", "statement_ready"];

/// Values as a practice has them.
const VALUES: &[(&str, &str)] = &[
    ("{first_name}", "Maria"),
    ("{practice}", "Riverbend Family Clinic"),
    ("{site}", "12 Oak Lane"),
    ("{phone}", "555-0142"),
    ("{alt_phone}", "555-0143"),
    ("{link}", "https://visit.example.test/a"),
    ("{portal_url}", "https://portal.example.test"),
    ("{date}", "June 12"),
    ("{weekday}", "Thursday"),
    ("{time}", "2:30 pm"),
    ("{minutes}", "10"),
    ("{hours}", "8 am to 5 pm"),
    ("{code}", "482913"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../sotto/src/compose/templates")
}

/// The strings behind `subject =` and `body =`, in one or several lines.
fn texts(file: &str) -> Vec<String> {
    let mut found = Vec::new();
    for key in ["subject = ", "body = "] {
        for part in file.split(&format!("\n{key}")).skip(1) {
            let (open, close) =
                if part.starts_with("\"\"\"") { ("\"\"\"", "\"\"\"") } else { ("\"", "\"\n") };
            let text = part.strip_prefix(open).and_then(|p| p.split(close).next());
            found.extend(text.map(str::to_owned));
        }
    }
    found
}

#[test]
fn each_template_stays_at_its_level() {
    let mut read = 0;
    for entry in fs::read_dir(folder()).expect("the templates are in the workspace") {
        let path = entry.expect("a readable folder").path();
        let kind = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default().to_owned();
        let most =
            if MENTIONS.contains(&kind.as_str()) { Level::Mention } else { Level::Administrative };
        for text in texts(&fs::read_to_string(&path).expect("a text file")) {
            let filled = VALUES.iter().fold(text, |text, (name, value)| text.replace(name, value));
            assert!(!filled.contains('{'), "{kind}: a field has no value here: {filled}");
            let assessment = check(&filled, &Context::default());
            assert!(assessment.level <= most, "{kind}: {filled}\n{:?}", assessment.findings);
            read += 1;
        }
    }
    assert!(read >= 90, "only {read} texts were read");
}
