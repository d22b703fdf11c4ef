//! Harmless messages that add up: what the whole row of them tells somebody who sees each one.
//!
//! One text may say "see you Tuesday" and reveal nothing. Thirteen of them, each two days after the
//! last, say dialysis. This module reads the recent messages to one patient on one channel and says
//! what the row gives away. It is pure: times are given, nothing is stored.

use serde::Serialize;

use crate::assessment::Assessment;
use crate::context::Context;
use crate::guard::Guard;
use crate::level::{Category, Level};
use crate::normalise::fold;

/// One message that this patient got, or is about to get, on this channel.
#[derive(Clone, Copy)]
pub struct Recent<'a> {
    /// When it went or will go: microseconds since the Unix epoch, UTC.
    pub at: i64,
    /// Its text, as the recipient sees it.
    pub text: &'a str,
}

impl std::fmt::Debug for Recent<'_> {
    /// Without the text.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recent").field("at", &self.at).finish_non_exhaustive()
    }
}

/// What a row of messages gives away, though each of them may go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Accumulated {
    /// What it points to; `None` when it is only a pattern.
    pub category: Option<Category>,
    /// How much the row reveals (RULEBOOK §11.2), read as one statement.
    pub level: Level,
    /// Stable id of the rule, e.g. `cumulative.thrice_weekly`.
    pub rule: &'static str,
    /// Why, in plain words for staff.
    pub reason: &'static str,
    /// What to do instead, in plain words.
    pub suggestion: &'static str,
    /// How many messages make the pattern.
    pub messages: usize,
}

/// A rhythm of visits and what it tells.
struct Rhythm {
    /// The usual gap between visits, in hours, both ends in.
    gap: std::ops::RangeInclusive<i64>,
    /// How many visits it takes.
    visits: usize,
    category: Option<Category>,
    level: Level,
    rule: &'static str,
    reason: &'static str,
}

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;
const VARY: &str = "Send one message for the whole series, or move the reminders to the portal.";

/// From the closest rhythm to the widest; the first that fits is told.
const RHYTHMS: &[Rhythm] = &[
    Rhythm {
        gap: 18..=30,
        visits: 5,
        category: Some(Category::Sud),
        level: Level::Sensitive,
        rule: "cumulative.daily",
        reason: "A visit each day is what a dosing clinic or radiation therapy asks for.",
    },
    Rhythm {
        gap: 31..=84,
        visits: 5,
        category: Some(Category::Procedure),
        level: Level::Sensitive,
        rule: "cumulative.thrice_weekly",
        reason: "Visits every two or three days are what dialysis or rehabilitation asks for.",
    },
    Rhythm {
        gap: 85..=192,
        visits: 4,
        category: None,
        level: Level::Detail,
        rule: "cumulative.weekly",
        reason: "Weekly visits are what therapy, infusions or a programme ask for.",
    },
    Rhythm {
        gap: 193..=720,
        visits: 5,
        category: None,
        level: Level::Detail,
        rule: "cumulative.cycle",
        reason: "Visits in an even cycle of weeks are what infusions or a pregnancy ask for.",
    },
];

/// How long mentions of one thing add up.
const MENTIONS_WITHIN: i64 = 30 * DAY;
/// How many mentions of one category, or of different ones, make a statement.
const MENTIONS: usize = 3;

impl Guard {
    /// Says what the recent messages to one patient on one channel reveal together, worst first.
    /// Empty when they add up to nothing. Order and duplicates do not matter.
    ///
    /// ```
    /// use guard::{Context, Guard, Recent};
    /// let two_days = 2 * 24 * 3_600_000_000_i64;
    /// let texts = ["Monday", "Wednesday", "Friday", "Sunday", "Tuesday", "Thursday"]
    ///     .map(|day| format!("See you {day} at 6 am."));
    /// let recent: Vec<Recent> = (0..)
    ///     .zip(&texts)
    ///     .map(|(n, text)| Recent { at: n * two_days, text })
    ///     .collect();
    /// let told = Guard::standard().cumulative(&recent, &Context::default());
    /// assert_eq!(told[0].rule, "cumulative.thrice_weekly");
    /// ```
    #[must_use]
    pub fn cumulative(&self, recent: &[Recent<'_>], context: &Context) -> Vec<Accumulated> {
        let mut row: Vec<(Recent<'_>, Assessment)> =
            recent.iter().map(|r| (*r, self.check(r.text, context))).collect();
        row.sort_by_key(|(message, _)| message.at);
        let mut told = Vec::new();
        told.extend(rhythm(&row, context));
        told.extend(repeated(&row));
        told.extend(mixed(&row));
        told.sort_by_key(|t| std::cmp::Reverse(t.level));
        told
    }
}

/// Visits that come round evenly.
fn rhythm(row: &[(Recent<'_>, Assessment)], context: &Context) -> Option<Accumulated> {
    let visits = visits(row);
    let gaps: Vec<i64> = visits
        .iter()
        .zip(visits.iter().skip(1))
        .map(|(a, b)| b.at.saturating_sub(a.at).saturating_div(HOUR))
        .collect();
    let mut sorted = gaps.clone();
    sorted.sort_unstable();
    let usual = *sorted.get(sorted.len() / 2)?;
    let rhythm = RHYTHMS.iter().find(|r| r.gap.contains(&usual) && visits.len() >= r.visits)?;
    // Most gaps are near the usual one: a row without a rhythm tells little.
    let near = |gap: &&i64| (usual / 2..=usual.saturating_mul(2)).contains(*gap);
    let even = gaps.iter().filter(near).count().saturating_mul(5) >= gaps.len().saturating_mul(4);
    if !even {
        return None;
    }
    let one_site = context.places.iter().filter(|p| p.trim().len() > 2).any(|place| {
        let place = fold(place);
        visits.iter().all(|v| fold(v.text).contains(&place))
    });
    Some(Accumulated {
        category: rhythm.category,
        level: if one_site { Level::Sensitive } else { rhythm.level },
        rule: rhythm.rule,
        reason: rhythm.reason,
        suggestion: VARY,
        messages: visits.len(),
    })
}

/// The messages that speak of a visit, several of one visit taken together.
fn visits<'a>(row: &[(Recent<'a>, Assessment)]) -> Vec<Recent<'a>> {
    let mut visits: Vec<(Recent<'a>, String)> = Vec::new();
    for (message, _) in row {
        let lower = fold(message.text);
        if !speaks_of_a_visit(&lower) {
            continue;
        }
        let day = named_day(&lower);
        let again = visits.iter().rev().take(3).any(|(other, other_day)| {
            let apart = message.at.saturating_sub(other.at);
            apart < 12 * HOUR || apart < 6 * DAY && !day.is_empty() && day == *other_day
        });
        if !again {
            visits.push((*message, day));
        }
    }
    visits.into_iter().map(|(message, _)| message).collect()
}

fn speaks_of_a_visit(lower: &str) -> bool {
    const WORDS: &[&str] = &[
        "visit",
        "appt",
        "appointment",
        "see you",
        "expect you",
        "you down for",
        "scheduled",
        "arrive",
        "your time",
        "your session",
        "check in",
        "come in",
        "reminder",
        "cita",
        "consulta",
        "lo esperamos",
        "la esperamos",
        "nos vemos",
        "recordamos",
    ];
    WORDS.iter().any(|word| lower.contains(word))
}

/// The weekday or date a reminder names, as far as one word or number tells it.
fn named_day(lower: &str) -> String {
    const DAYS: &[&str] = &[
        "mon",
        "tue",
        "wed",
        "thu",
        "fri",
        "sat",
        "sun",
        "lunes",
        "martes",
        "miercoles",
        "jueves",
        "viernes",
        "sabado",
        "domingo",
    ];
    lower
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '/')
        .find(|word| {
            DAYS.iter()
                .any(|day| word.starts_with(day) && word.len() <= day.len().saturating_add(6))
                || word.contains('/') && word.bytes().any(|b| b.is_ascii_digit())
        })
        .unwrap_or("")
        .chars()
        .take(6)
        .collect()
}

/// The same category is mentioned again and again.
fn repeated(row: &[(Recent<'_>, Assessment)]) -> Vec<Accumulated> {
    let mut told: Vec<Accumulated> = Vec::new();
    for (_, assessment) in row {
        for category in categories(assessment) {
            if told.iter().any(|t| t.category == Some(category)) {
                continue;
            }
            let times: Vec<i64> = row
                .iter()
                .filter(|(_, a)| categories(a).any(|c| c == category))
                .map(|(message, _)| message.at)
                .collect();
            let close = times
                .windows(MENTIONS)
                .any(|w| matches!((w.first(), w.last()), (Some(a), Some(b)) if b.saturating_sub(*a) <= MENTIONS_WITHIN));
            if close {
                told.push(Accumulated {
                    category: Some(category),
                    level: Level::Detail,
                    rule: "cumulative.repeated_mention",
                    reason: "Said so often in so few weeks, it tells that something is going on.",
                    suggestion: "Bundle these notices, or say only that a message is waiting.",
                    messages: times.len(),
                });
            }
        }
    }
    told
}

/// A referral, a procedure, a result: each harmless, together a story.
fn mixed(row: &[(Recent<'_>, Assessment)]) -> Option<Accumulated> {
    let mut kinds: Vec<Category> = Vec::new();
    let mut messages = 0_usize;
    let latest = row.last().map_or(0, |(message, _)| message.at);
    for (message, assessment) in row {
        if latest.saturating_sub(message.at) > MENTIONS_WITHIN {
            continue;
        }
        let mut any = false;
        for category in categories(assessment) {
            any = true;
            if !kinds.contains(&category) {
                kinds.push(category);
            }
        }
        messages = messages.saturating_add(usize::from(any));
    }
    let clinical = kinds.iter().filter(|c| **c != Category::Billing).count();
    (clinical >= MENTIONS && messages >= MENTIONS).then_some(Accumulated {
        category: None,
        level: Level::Detail,
        rule: "cumulative.mixed_mentions",
        reason: "A referral, a procedure and results in one month tell a story together.",
        suggestion: "Say only that a message is waiting in the portal.",
        messages,
    })
}

/// What a message mentions or tells, once each; identifiers aside.
fn categories(assessment: &Assessment) -> impl Iterator<Item = Category> + '_ {
    assessment.findings.iter().enumerate().filter_map(|(at, finding)| {
        let first = !assessment.findings.iter().take(at).any(|f| f.category == finding.category);
        let clinical = !matches!(
            finding.category,
            Category::IdentifierSsn
                | Category::IdentifierMrn
                | Category::IdentifierDob
                | Category::IdentifierAddress
                | Category::IdentifierOther
        );
        (first && clinical && finding.level >= Level::Mention).then_some(finding.category)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(gap_days: i64, count: i64, text: &str) -> Vec<&'static str> {
        let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        let texts: Vec<String> = (0..count)
            .map(|n| {
                let day = usize::try_from(n * gap_days).unwrap_or(0);
                text.replace("DAY", &format!("{} {}/{}", days[day % 7], 1 + day / 28, 1 + day % 28))
            })
            .collect();
        let recent: Vec<Recent<'_>> = (0..count)
            .zip(&texts)
            .map(|(n, text)| Recent { at: n * gap_days * DAY, text })
            .collect();
        let context = Context::default();
        Guard::standard().cumulative(&recent, &context).iter().map(|t| t.rule).collect()
    }

    #[test]
    fn rhythms_tell() {
        let reminder = "See you DAY at 6 am. Reply C to confirm.";
        for (gap, count, rule) in [
            (1, 6, Some("cumulative.daily")),
            (2, 6, Some("cumulative.thrice_weekly")),
            (7, 5, Some("cumulative.weekly")),
            (21, 6, Some("cumulative.cycle")),
            (7, 2, None),
            (90, 6, None),
        ] {
            assert_eq!(told(gap, count, reminder).first().copied(), rule, "{gap} {count}");
        }
    }

    #[test]
    fn messages_that_are_no_visits_have_no_rhythm() {
        assert_eq!(told(7, 8, "We are closed for the holiday."), Vec::<&str>::new());
    }

    #[test]
    fn two_reminders_of_one_visit_are_one() {
        let texts =
            ["See you Mon 3/4", "See you Mon 3/4 at 9", "See you Mon 4/8", "See you Mon 4/8 at 9"];
        let recent: Vec<Recent<'_>> = [0, 2, 35, 37]
            .iter()
            .zip(&texts)
            .map(|(&day, text)| Recent { at: day * DAY, text })
            .collect();
        assert_eq!(Guard::standard().cumulative(&recent, &Context::default()), []);
    }

    #[test]
    fn mentions_add_up() {
        assert_eq!(told(5, 4, "Your results are ready."), ["cumulative.repeated_mention"]);
        let texts =
            ["Your referral was sent.", "Your surgery is on Monday.", "Your results are ready."];
        let recent: Vec<Recent<'_>> =
            (0..).zip(&texts).map(|(n, text)| Recent { at: n * 7 * DAY, text }).collect();
        let rules: Vec<_> = Guard::standard()
            .cumulative(&recent, &Context::default())
            .iter()
            .map(|t| t.rule)
            .collect();
        assert_eq!(rules, ["cumulative.mixed_mentions"]);
    }
}
