//! The story in plain words, told from the data and from nothing else.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::{Data, Held};
use crate::audit::event::Entry;
use crate::db::registry::{
    ATTEMPT, ATTEMPT_PART, CONSENT_EVENT, MESSAGE, PRACTICE, RECEIPT, TEMPLATE_VERSION,
};

/// Tells it, or nothing where the content does not open.
pub(super) fn tell(data: &Data) -> Option<String> {
    let content = data.content();
    let ended = data.certificate();
    if content.is_none() && ended.is_none() {
        return None;
    }
    let message = data.rows_of(MESSAGE).next()?;
    let mut out = String::new();
    let practice = data.rows_of(PRACTICE).next().and_then(|row| row.text("display_name"));
    line(&mut out, &format!("Practice: {}", plain(practice.unwrap_or(&data.practice))));
    line(&mut out, &format!("Message:  {}", data.message));
    line(&mut out, &format!("Made:     {}", time(Some(data.made_at))));
    heading(&mut out, "What was said");
    let to = content.as_ref().map(|content| format!(", to {}", plain(&content.address)));
    line(&mut out, &format!("By {}{}", word(message, "channel"), to.unwrap_or_default()));
    let (kind, purpose) = (word(message, "kind"), word(message, "purpose"));
    line(&mut out, &format!("Kind: {kind}; purpose: {purpose}; in {}", word(message, "language")));
    for template in data.rows_of(TEMPLATE_VERSION) {
        let version = template.int("version").unwrap_or_default();
        line(&mut out, &format!("From template {} version {version}", word(template, "name")));
    }
    if let Some(content) = &content {
        if let Some(subject) = &content.subject {
            line(&mut out, &format!("Subject: {}", plain(subject)));
        }
        for said in content.body.split('\n') {
            line(&mut out, &format!("| {}", plain(said)));
        }
    }
    if let Some(row) = ended {
        let (at, month) = (time(row.int("ended_at")), word(row, "month"));
        line(&mut out, "The words and the address are gone: the time of keeping them ended.");
        line(&mut out, &format!("Their key was destroyed at {at}: certificate {month}"));
    }
    decision(&mut out, data, message);
    consents(&mut out, data);
    delivery(&mut out, data, message);
    heading(&mut out, "What the audit log holds");
    for proved in &data.entries {
        let Ok(entry) = Entry::from_bytes(proved.entry.as_bytes()) else { continue };
        let codes = entry.codes.iter().map(|code| plain(code)).collect::<Vec<_>>().join(" ");
        line(
            &mut out,
            &format!(
                "{}  entry {}: {} {} by {} {codes}",
                time(Some(entry.recorded_at)),
                proved.leaf,
                entry.kind,
                entry.outcome,
                plain(&entry.actor.to_string()),
            ),
        );
    }
    heading(&mut out, "How to check this");
    line(
        &mut out,
        "Run `sotto audit check FILE --key KEY`, with the practice's verifier key as it",
    );
    line(&mut out, "publishes it. No database and no other key is needed. The key in this file is");
    line(&mut out, &plain(&data.key));
    Some(out)
}

fn decision(out: &mut String, data: &Data, message: &Held) {
    heading(out, "Why it was let through, or not");
    match message.text("basis").and_then(crate::db::message::basis_from_json) {
        None => line(out, &format!("Refused: {}", word(message, "refusals"))),
        Some(basis) => {
            let level: u8 = basis.level.into();
            let at = time(Some(basis.cleared_at.as_microsecond()));
            let policy = plain(basis.policy.as_str());
            line(out, &format!("Cleared at {at} under policy {policy}; content of level {level}"));
            if let Some(later) = basis.not_before {
                line(out, &format!("Not before {}", time(Some(later.as_microsecond()))));
            }
            if !basis.rules.is_empty() {
                let rules: Vec<_> = basis.rules.iter().map(|rule| plain(rule)).collect();
                line(out, &format!("Found in it by rule: {}", rules.join(", ")));
            }
            if data.rows_of(CONSENT_EVENT).next().is_none() {
                line(out, "It needed no consent of its own beyond the relation with the practice");
            }
            if message.text("refusals").is_some() {
                line(out, &format!("Refused later: {}", word(message, "refusals")));
            }
        }
    }
}

fn consents(out: &mut String, data: &Data) {
    let mut rows = data.rows_of(CONSENT_EVENT).peekable();
    if rows.peek().is_none() {
        return;
    }
    heading(out, "Consent relied upon");
    for row in rows {
        line(
            out,
            &format!(
                "{}  {} {} for {}, by {}, taken by {}; text {}",
                time(row.int("captured_at")),
                word(row, "class"),
                word(row, "event"),
                word(row, "channel"),
                word(row, "method"),
                word(row, "captured_by"),
                word(row, "text_version"),
            ),
        );
    }
}

fn delivery(out: &mut String, data: &Data, message: &Held) {
    heading(out, "What became of it");
    for row in data.rows_of(ATTEMPT) {
        let number = row.int("number").unwrap_or_default();
        let (adapter, outcome) = (word(row, "adapter"), word(row, "outcome"));
        let started = time(row.int("started_at"));
        let failure = row.text("failure").map(|why| format!(" ({})", plain(why)));
        let failure = failure.unwrap_or_default();
        line(out, &format!("{started}  attempt {number} by {adapter}: {outcome}{failure}"));
        if row.text("transport").is_some() {
            line(out, &format!("    carried by {}", word(row, "transport")));
        }
        for part in data.rows_of(ATTEMPT_PART).filter(|p| p.text("attempt_id") == Some(&row.row)) {
            let number = part.int("part").unwrap_or_default();
            let (carrier, state) = (word(part, "carrier_id"), word(part, "state"));
            line(out, &format!("    part {number}, the carrier's {carrier}: {state}"));
        }
        for receipt in data.rows_of(RECEIPT).filter(|r| r.text("attempt_id") == Some(&row.row)) {
            let at = time(receipt.int("received_at"));
            line(out, &format!("    {at}  the carrier reports: {}", word(receipt, "status")));
        }
    }
    line(out, &format!("{}  state: {}", time(message.int("state_at")), word(message, "state")));
}

fn heading(out: &mut String, title: &str) {
    line(out, "");
    line(out, title);
}

fn line(out: &mut String, text: &str) {
    // Writing to a String does not fail.
    let _ = writeln!(out, "{}", text.trim_end());
}

fn word(row: &Held, column: &str) -> String {
    row.text(column).map_or_else(|| "none".into(), plain)
}

fn time(microseconds: Option<i64>) -> String {
    microseconds
        .and_then(|at| Timestamp::from_microsecond(at).ok())
        .map_or_else(|| "unknown".into(), |at| at.to_string())
}

/// One line of it, with what could deceive a reader (control and direction characters) spelt out.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let turns = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if c.is_control() || turns {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn nothing_deceives_the_reader() {
        assert_eq!(plain("Tuesday 3 PM, é 🙂"), "Tuesday 3 PM, é 🙂");
        assert_eq!(plain("a\nb\t\u{202e}c\u{7}"), "a\\u{a}b\\u{9}\\u{202e}c\\u{7}");
    }
}
