//! What no practice can loosen.

use guard::{Category, Level, Verdict, default_verdict};
use jiff::civil::Time;

use super::{Caps, Cell, File, PolicyError, QuietHours};

/// The strictest hours of 47 CFR 64.1200(c)(1).
const EARLIEST: Time = Time::constant(8, 0, 0, 0);
const LATEST: Time = Time::constant(21, 0, 0, 0);
/// Texas: marketing on a Sunday (RULEBOOK §5.5).
const SUNDAY: Time = Time::constant(12, 0, 0, 0);

pub(super) fn check(file: &File) -> Result<(), PolicyError> {
    name(&file.name)?;
    for (index, cell) in file.rules.content.iter().enumerate() {
        content(index, cell)?;
    }
    caps(file.rules.caps)?;
    quiet_hours(file.rules.quiet_hours)
}

fn floor(
    key: impl Into<String>,
    because: &'static str,
    remedy: &'static str,
) -> Result<(), PolicyError> {
    Err(PolicyError::Floor { key: key.into(), because, remedy })
}

fn name(name: &str) -> Result<(), PolicyError> {
    let fits = (1..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !fits {
        return floor(
            "name",
            "every clearance and the audit log carry it",
            "write 1 to 64 small letters, digits and hyphens, such as elm-street-2026",
        );
    }
    if name.starts_with("rulebook") {
        return floor("name", "that name is the rulebook's own", "choose a name of the practice's");
    }
    Ok(())
}

fn content(index: usize, cell: &Cell) -> Result<(), PolicyError> {
    let category = cell.category.unwrap_or(Category::Diagnosis);
    if cell.verdict >= default_verdict(cell.channel, cell.level, category, false) {
        return Ok(());
    }
    let because = match cell.level {
        Level::Never => "level 4 is never sent on any channel",
        Level::Sensitive => "no policy opens level 3 on a channel that others can read or hear",
        _ => "a practice's cells can be stricter than the rulebook's, not looser",
    };
    let remedy = match default_verdict(cell.channel, cell.level, category, false) {
        Verdict::NeedsConsent => "write needs_consent or block, or leave the cell out",
        _ => "write block, or leave the cell out",
    };
    floor(format!("rules.content[{index}].verdict"), because, remedy)
}

fn caps(caps: Caps) -> Result<(), PolicyError> {
    let ranges = [
        ("per_day", caps.per_day, 1..=3, "write 1 to 3"),
        ("per_week", caps.per_week, 1..=21, "write 1 to 21"),
        ("sms_segments", caps.sms_segments, 1..=10, "write 1 to 10"),
        ("email_characters", caps.email_characters, 200..=20_000, "write 200 to 20000"),
        ("voice_seconds", caps.voice_seconds, 1..=60, "write 1 to 60"),
    ];
    for (key, value, range, remedy) in ranges {
        if !range.contains(&value) {
            return floor(format!("rules.caps.{key}"), "the value is out of range", remedy);
        }
    }
    if caps.per_week < caps.per_day {
        return floor(
            "rules.caps.per_week",
            "a week cannot hold less than one of its days",
            "write a number no smaller than per_day",
        );
    }
    Ok(())
}

fn quiet_hours(hours: QuietHours) -> Result<(), PolicyError> {
    if hours.from < EARLIEST {
        return floor(
            "rules.quiet_hours.from",
            "nothing automated goes before 8:00 local time",
            "write 08:00 or later",
        );
    }
    if hours.until > LATEST {
        return floor(
            "rules.quiet_hours.until",
            "nothing automated goes after 21:00 local time",
            "write 21:00 or earlier",
        );
    }
    if hours.from >= hours.until {
        return floor(
            "rules.quiet_hours.until",
            "no hour of the day would be left",
            "write a time after from",
        );
    }
    if hours.sunday_marketing_from < SUNDAY {
        return floor(
            "rules.quiet_hours.sunday_marketing_from",
            "marketing on a Sunday does not go before noon",
            "write 12:00 or later",
        );
    }
    Ok(())
}
