//! Which time zone a telephone number is in, by its prefix (RULEBOOK §5.5).

use std::sync::LazyLock;

use gate::PhoneNumber;
use jiff::tz::TimeZone;

const TABLE: &str = include_str!("../../../../lexicon/area-codes.txt");

/// Prefix without the country code, and the zone; sorted by prefix.
static PREFIXES: LazyLock<Vec<(&str, &str)>> = LazyLock::new(|| {
    let mut all: Vec<(&str, &str)> = TABLE
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(' '))
        .flat_map(|(zone, prefixes)| prefixes.split(' ').map(move |prefix| (prefix, zone)))
        .collect();
    all.sort_unstable();
    all
});

/// The zone of a North American number; none where its prefix is unknown or spans several zones.
#[must_use]
pub fn zone_of(number: &PhoneNumber) -> Option<TimeZone> {
    let national = number.reveal().strip_prefix("+1")?;
    let zone = (3..=national.len().min(7)).rev().find_map(|length| {
        let prefix = national.get(..length)?;
        let found = PREFIXES.binary_search_by_key(&prefix, |(prefix, _)| prefix).ok()?;
        PREFIXES.get(found).map(|(_, zone)| *zone)
    })?;
    if zone == "?" { None } else { TimeZone::get(zone).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_decides() {
        for (number, zone) in [
            ("+12125550123", Some("America/New_York")),
            ("+18505550123", Some("America/New_York")),
            ("+18502000123", Some("America/Chicago")),
            ("+12085550123", None),
            ("+12082010123", Some("America/Denver")),
            ("+16025550123", Some("America/Phoenix")),
            ("+18085550123", Some("Pacific/Honolulu")),
            ("+442079460123", None),
        ] {
            let number = PhoneNumber::from_e164(number).unwrap();
            let found = zone_of(&number);
            assert_eq!(
                found.as_ref().and_then(TimeZone::iana_name),
                zone,
                "{}",
                number.last_four()
            );
        }
    }

    #[test]
    fn every_zone_of_the_table_exists() {
        for (prefix, zone) in PREFIXES.iter() {
            assert!(*zone == "?" || TimeZone::get(zone).is_ok(), "{prefix} {zone}");
            assert!(prefix.bytes().all(|b| b.is_ascii_digit()), "{prefix}");
        }
        assert!(PREFIXES.len() > 400);
    }
}
