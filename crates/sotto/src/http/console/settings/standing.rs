//! How an agreement stands, in words: on the pages of vendors and of carriers, and on the overview.

use gate::facts::Agreement;
use jiff::Timestamp;

use crate::agreements::standing::Agreed;

/// How an agreement stands, in a few words, with its mark (BAA-02: warned of 90, 60, 30 and 7 days
/// ahead).
pub(in crate::http::console) fn standing(
    agreed: &Agreed,
    now: Timestamp,
) -> (String, &'static str) {
    let until = match agreed.agreement() {
        Agreement::Sandbox => return ("Simulated carrier of the demo".to_owned(), "ok"),
        Agreement::Ended => return ("Ended: nothing goes".to_owned(), "stop"),
        Agreement::Missing => return ("No agreement: nothing goes".to_owned(), "stop"),
        Agreement::Active { from, .. } if now < from => {
            return ("Not in force yet: nothing goes".to_owned(), "stop");
        }
        Agreement::Active { until, .. } | Agreement::Exception { until } => until,
    };
    let Some(until) = until else { return ("In force".to_owned(), "ok") };
    let days = until.duration_since(now).as_hours() / 24;
    match days {
        _ if now > until => ("Expired: nothing goes".to_owned(), "stop"),
        0..=7 => (format!("Ends in {}: renew it now", days_words(days)), "urgent"),
        8..=30 => (format!("Ends in {}: renew it", days_words(days)), "stop"),
        31..=90 => (format!("Ends in {}", days_words(days)), "wait"),
        _ => ("In force".to_owned(), "ok"),
    }
}

/// What is left, in whole days.
pub(super) fn days_words(days: i64) -> String {
    match days {
        0 => "less than a day".to_owned(),
        1 => "a day".to_owned(),
        days => format!("{days} days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agreement_is_warned_of_before_it_ends() {
        let now: Timestamp = "2027-03-01T12:00:00Z".parse().unwrap();
        let agreed = |status: &str, days: Option<i64>| Agreed {
            adapter: "sms_smpp".into(),
            legal_name: "Carrier".into(),
            max_level: 2,
            status: if status == "dateless" { "active" } else { status }.into(),
            effective_at: (status != "dateless")
                .then(|| now - jiff::SignedDuration::from_hours(24)),
            expires_at: days.map(|days| now + jiff::SignedDuration::from_hours(24 * days)),
        };
        for (status, days, words, tone) in [
            ("active", None, "In force", "ok"),
            ("active", Some(91), "In force", "ok"),
            ("active", Some(90), "Ends in 90 days", "wait"),
            ("active", Some(31), "Ends in 31 days", "wait"),
            ("active", Some(30), "Ends in 30 days: renew it", "stop"),
            ("exception", Some(7), "Ends in 7 days: renew it now", "urgent"),
            ("active", Some(0), "Ends in less than a day: renew it now", "urgent"),
            ("active", Some(-1), "Expired: nothing goes", "stop"),
            ("exception", Some(-1), "Expired: nothing goes", "stop"),
            ("dateless", None, "No agreement: nothing goes", "stop"),
            ("missing", Some(99), "No agreement: nothing goes", "stop"),
            ("ended", Some(-1), "Ended: nothing goes", "stop"),
            ("terminated", None, "Ended: nothing goes", "stop"),
        ] {
            let agreed = agreed(status, days);
            let (said, how) = standing(&agreed, now);
            assert_eq!((said.as_str(), how), (words, tone), "{status} {days:?}");
            let stops = agreed.agreement().stops(now).is_some();
            assert_eq!(said.ends_with("nothing goes"), stops, "the gate: {status} {days:?}");
        }
    }
}
