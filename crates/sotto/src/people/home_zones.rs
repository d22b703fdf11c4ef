//! Which time zone a postal address in the United States is in (RULEBOOK §5.5).
//!
//! States that lie in one zone are told by their name; in the others the ZIP code decides, and
//! where its first three digits do not, the zone is unknown, which makes quiet hours strictest.

use crate::people::person::Home;

const EASTERN: &str = "America/New_York";
const CENTRAL: &str = "America/Chicago";
const MOUNTAIN: &str = "America/Denver";
const PACIFIC: &str = "America/Los_Angeles";

/// Two letters, name, zone of the whole state; `None`: it has several.
const STATES: &[(&str, &str, Option<&str>)] = &[
    ("AL", "alabama", Some(CENTRAL)),
    ("AK", "alaska", None),
    ("AZ", "arizona", None),
    ("AR", "arkansas", Some(CENTRAL)),
    ("CA", "california", Some(PACIFIC)),
    ("CO", "colorado", Some(MOUNTAIN)),
    ("CT", "connecticut", Some(EASTERN)),
    ("DE", "delaware", Some(EASTERN)),
    ("DC", "district of columbia", Some(EASTERN)),
    ("FL", "florida", None),
    ("GA", "georgia", Some(EASTERN)),
    ("HI", "hawaii", Some("Pacific/Honolulu")),
    ("ID", "idaho", None),
    ("IL", "illinois", Some(CENTRAL)),
    ("IN", "indiana", None),
    ("IA", "iowa", Some(CENTRAL)),
    ("KS", "kansas", None),
    ("KY", "kentucky", None),
    ("LA", "louisiana", Some(CENTRAL)),
    ("ME", "maine", Some(EASTERN)),
    ("MD", "maryland", Some(EASTERN)),
    ("MA", "massachusetts", Some(EASTERN)),
    ("MI", "michigan", None),
    ("MN", "minnesota", Some(CENTRAL)),
    ("MS", "mississippi", Some(CENTRAL)),
    ("MO", "missouri", Some(CENTRAL)),
    ("MT", "montana", Some(MOUNTAIN)),
    ("NE", "nebraska", None),
    ("NV", "nevada", None),
    ("NH", "new hampshire", Some(EASTERN)),
    ("NJ", "new jersey", Some(EASTERN)),
    ("NM", "new mexico", Some(MOUNTAIN)),
    ("NY", "new york", Some(EASTERN)),
    ("NC", "north carolina", Some(EASTERN)),
    ("ND", "north dakota", None),
    ("OH", "ohio", Some(EASTERN)),
    ("OK", "oklahoma", Some(CENTRAL)),
    ("OR", "oregon", None),
    ("PA", "pennsylvania", Some(EASTERN)),
    ("PR", "puerto rico", Some("America/Puerto_Rico")),
    ("RI", "rhode island", Some(EASTERN)),
    ("SC", "south carolina", Some(EASTERN)),
    ("SD", "south dakota", None),
    ("TN", "tennessee", None),
    ("TX", "texas", None),
    ("UT", "utah", Some(MOUNTAIN)),
    ("VT", "vermont", Some(EASTERN)),
    ("VI", "virgin islands", Some("America/St_Thomas")),
    ("VA", "virginia", Some(EASTERN)),
    ("WA", "washington", Some(PACIFIC)),
    ("WV", "west virginia", Some(EASTERN)),
    ("WI", "wisconsin", Some(CENTRAL)),
    ("WY", "wyoming", Some(MOUNTAIN)),
];

/// In states of several zones: state, first and last three digits of the ZIP code, zone. Ranges
/// that a border of zones crosses are left out.
const PREFIXES: &[(&str, u16, u16, &str)] = &[
    ("AK", 995, 997, "America/Anchorage"),
    ("AK", 998, 999, "America/Juneau"),
    ("AZ", 850, 853, "America/Phoenix"),
    ("AZ", 855, 857, "America/Phoenix"),
    ("FL", 320, 322, EASTERN),
    ("FL", 325, 325, CENTRAL),
    ("FL", 326, 349, EASTERN),
    ("ID", 832, 834, MOUNTAIN),
    ("ID", 836, 837, MOUNTAIN),
    ("ID", 838, 838, PACIFIC),
    ("IN", 460, 462, "America/Indiana/Indianapolis"),
    ("IN", 467, 474, "America/Indiana/Indianapolis"),
    ("IN", 477, 477, CENTRAL),
    ("KS", 660, 676, CENTRAL),
    ("KY", 402, 418, EASTERN),
    ("KY", 420, 420, CENTRAL),
    ("KY", 422, 424, CENTRAL),
    ("MI", 480, 497, "America/Detroit"),
    ("NE", 680, 689, CENTRAL),
    ("NV", 889, 897, PACIFIC),
    ("ND", 580, 584, CENTRAL),
    ("OR", 970, 977, PACIFIC),
    ("SD", 570, 574, CENTRAL),
    ("SD", 577, 577, MOUNTAIN),
    ("TN", 370, 372, CENTRAL),
    ("TN", 374, 374, EASTERN),
    ("TN", 376, 379, EASTERN),
    ("TN", 380, 384, CENTRAL),
    ("TX", 750, 797, CENTRAL),
    ("TX", 799, 799, MOUNTAIN),
    ("TX", 885, 885, MOUNTAIN),
];

/// The two letters of a state, given so or by its name.
#[must_use]
pub fn state_code(region: &str) -> Option<&'static str> {
    let region = region.trim();
    let lower = region.to_lowercase();
    STATES
        .iter()
        .find(|(code, name, _)| region.eq_ignore_ascii_case(code) || lower == *name)
        .map(|(code, _, _)| *code)
}

/// The IANA name of an address's zone; none where the address does not tell.
#[must_use]
pub fn zone_of(home: &Home) -> Option<&'static str> {
    let code = state_code(&home.region)?;
    let (_, _, zone) = STATES.iter().find(|(state, _, _)| *state == code)?;
    zone.or_else(|| {
        let prefix: u16 = home.postal_code.trim().get(..3)?.parse().ok()?;
        PREFIXES
            .iter()
            .find(|(state, first, last, _)| *state == code && (*first..=*last).contains(&prefix))
            .map(|(_, _, _, zone)| *zone)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home(region: &str, postal_code: &str) -> Home {
        Home { region: region.into(), postal_code: postal_code.into(), ..Home::default() }
    }

    #[test]
    fn states_and_zip_codes() {
        for (region, zip, zone) in [
            ("Massachusetts", "02108", Some(EASTERN)),
            ("ma", "", Some(EASTERN)),
            ("FL", "33101", Some(EASTERN)),
            ("FL", "32501", Some(CENTRAL)),
            ("FL", "32401", None),
            ("TX", "79901", Some(MOUNTAIN)),
            ("TX", "", None),
            ("Ontario", "K1A 0B1", None),
            ("FL", "é1", None),
        ] {
            assert_eq!(zone_of(&home(region, zip)), zone, "{region} {zip}");
        }
    }

    #[test]
    fn every_zone_exists() {
        let of_states = STATES.iter().filter_map(|(_, _, zone)| *zone);
        for zone in of_states.chain(PREFIXES.iter().map(|(_, _, _, zone)| *zone)) {
            assert!(jiff::tz::TimeZone::get(zone).is_ok(), "{zone}");
        }
        for (state, first, last, _) in PREFIXES {
            assert!(first <= last && state_code(state).is_some(), "{state}");
        }
    }
}
