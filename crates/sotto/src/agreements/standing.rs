//! What stands of what the configuration file says about an agreement and of what the practice wrote
//! down since (docs/decisions/0029): the gate, the pages, the warnings and `sotto doctor` ask here.

use gate::facts::Agreement;
use jiff::{SignedDuration, Timestamp};

use crate::db::agreement::AgreementDeed;

/// How an agreement stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed {
    /// Our name for the adapter; of a vendor that carries no channel, its id.
    pub adapter: String,
    /// The company.
    pub legal_name: String,
    /// The most it may carry.
    pub max_level: u8,
    /// `active`, `exception`, `sandbox`, `missing`, `terminated`, `ended`.
    pub status: String,
    /// In force from.
    pub effective_at: Option<Timestamp>,
    /// In force until; of one that was ended, when it was.
    pub expires_at: Option<Timestamp>,
}

impl Agreed {
    /// The agreement as the gate asks for it.
    #[must_use]
    pub fn agreement(&self) -> Agreement {
        match (self.status.as_str(), self.effective_at) {
            ("active", Some(from)) => Agreement::Active { from, until: self.expires_at },
            ("exception", _) => Agreement::Exception { until: self.expires_at },
            ("sandbox", _) => Agreement::Sandbox,
            ("ended" | "terminated", _) => Agreement::Ended,
            _ => Agreement::Missing,
        }
    }
}

/// What was signed or ended last, as the practice wrote it down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// Which of both.
    pub event: AgreementDeed,
    /// With whom.
    pub legal_name: String,
    /// In force from.
    pub effective_at: Option<Timestamp>,
    /// In force until.
    pub expires_at: Option<Timestamp>,
    /// When it was written down.
    pub recorded_at: Timestamp,
}

/// A day of a civil calendar is never longer: what is dated later by more is of a later day.
const A_DAY: SignedDuration = SignedDuration::from_hours(25);

/// What stands of what the configuration file says and of what was written down since (decision 29):
///
/// - what was ended stays ended, whatever the file says, until a new agreement is written down;
/// - what the file does not hold open is not opened;
/// - of two agreements with the same company that of the later day counts.
#[must_use]
pub fn standing(file: Agreed, noted: Option<&Noted>) -> Agreed {
    let Some(noted) = noted else { return file };
    let open = match file.status.as_str() {
        // A day is missing: the gate refuses (BAA-01).
        "active" => file.effective_at.is_some(),
        "exception" | "sandbox" => true,
        _ => false,
    };
    if !open {
        return file;
    }
    match noted.event {
        AgreementDeed::Ended => {
            Agreed { status: "ended".to_owned(), expires_at: Some(noted.recorded_at), ..file }
        }
        AgreementDeed::Signed => {
            let later = file.effective_at.zip(noted.effective_at);
            let later = later.is_some_and(|(file, noted)| file >= noted + A_DAY);
            if later || noted.legal_name != file.legal_name || file.status == "sandbox" {
                return file;
            }
            Agreed {
                status: "active".to_owned(),
                effective_at: noted.effective_at,
                expires_at: noted.expires_at,
                ..file
            }
        }
        // It decides nothing, and is not asked for.
        AgreementDeed::Returned => file,
    }
}

/// How the agreement with a vendor stands of which no file says anything.
#[must_use]
pub fn standing_alone(vendor: Agreed, noted: Option<&Noted>) -> Agreed {
    match noted {
        Some(noted) if noted.event == AgreementDeed::Signed => Agreed {
            status: "active".to_owned(),
            effective_at: noted.effective_at,
            expires_at: noted.expires_at,
            ..vendor
        },
        Some(noted) if noted.event == AgreementDeed::Ended => Agreed {
            status: "ended".to_owned(),
            effective_at: noted.effective_at,
            expires_at: Some(noted.recorded_at),
            ..vendor
        },
        _ => Agreed { status: "missing".to_owned(), ..vendor },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: &str) -> Timestamp {
        format!("{day}T05:00:00Z").parse().unwrap()
    }

    fn file(status: &str, from: Option<&str>, until: Option<&str>) -> Agreed {
        Agreed {
            adapter: "sms_smpp".to_owned(),
            legal_name: "Carrier".to_owned(),
            max_level: 2,
            status: status.to_owned(),
            effective_at: from.map(at),
            expires_at: until.map(at),
        }
    }

    fn signed(name: &str, from: &str, until: Option<&str>) -> Noted {
        Noted {
            event: AgreementDeed::Signed,
            legal_name: name.to_owned(),
            effective_at: Some(at(from)),
            expires_at: until.map(at),
            recorded_at: at("2027-05-01"),
        }
    }

    fn ended() -> Noted {
        Noted { event: AgreementDeed::Ended, ..signed("Carrier", "2027-01-01", None) }
    }

    /// Decision 29, line by line.
    #[test]
    fn the_later_of_file_and_page_stands_and_an_end_until_it_is_signed_anew() {
        let last = |status, from, until| (status, Some(at(from)), until);
        let old = ("2026-01-01", Some("2027-01-01"));
        for (file, noted, stands) in [
            // Nothing was written down.
            (file("active", Some(old.0), old.1), None, last("active", "2026-01-01", old.1)),
            // Renewed: its own days, and the file's company and level.
            (
                file("active", Some(old.0), old.1),
                Some(signed("Carrier", "2027-01-01", Some("2028-01-01"))),
                last("active", "2027-01-01", Some("2028-01-01")),
            ),
            // The file names a newer one.
            (
                file("active", Some("2027-03-01"), Some("2027-09-01")),
                Some(signed("Carrier", "2027-01-01", Some("2030-01-01"))),
                last("active", "2027-03-01", Some("2027-09-01")),
            ),
            // Of one day: what was written down.
            (
                file("active", Some("2027-01-01"), Some("2027-09-01")),
                Some(signed("Carrier", "2027-01-01", Some("2028-01-01"))),
                last("active", "2027-01-01", Some("2028-01-01")),
            ),
            // It was signed with somebody else.
            (
                file("active", Some(old.0), old.1),
                Some(signed("Another", "2027-01-01", Some("2028-01-01"))),
                last("active", "2026-01-01", old.1),
            ),
            // An exception becomes an agreement.
            (
                file("exception", Some(old.0), old.1),
                Some(signed("Carrier", "2027-01-01", None)),
                last("active", "2027-01-01", None),
            ),
            // An end is an end, whatever the file names since.
            (
                file("active", Some("2027-06-01"), None),
                Some(ended()),
                last("ended", "2027-06-01", Some("2027-05-01")),
            ),
            (
                file("sandbox", Some(old.0), None),
                Some(ended()),
                last("ended", "2026-01-01", Some("2027-05-01")),
            ),
            // What the file does not hold open is not opened.
            (
                file("missing", Some(old.0), None),
                Some(signed("Carrier", "2027-01-01", None)),
                last("missing", "2026-01-01", None),
            ),
            (
                file("terminated", Some(old.0), None),
                Some(signed("Carrier", "2027-01-01", None)),
                last("terminated", "2026-01-01", None),
            ),
        ] {
            let said = standing(file.clone(), noted.as_ref());
            let found = (said.status.as_str(), said.effective_at, said.expires_at);
            assert_eq!(found, (stands.0, stands.1, stands.2.map(at)), "{file:?} {noted:?}");
            assert_eq!((said.max_level, said.legal_name), (file.max_level, file.legal_name));
        }
        // Without its day the gate refuses: a signature does not stand in for it.
        let dateless = standing(
            file("active", None, None),
            Some(&signed("Carrier", "2027-01-01", Some("2028-01-01"))),
        );
        assert_eq!(dateless, file("active", None, None));
    }

    #[test]
    fn without_a_file_what_was_written_down_stands_alone() {
        let alone =
            |noted: Option<Noted>| standing_alone(file("", None, None), noted.as_ref()).status;
        assert_eq!(alone(None), "missing");
        assert_eq!(alone(Some(signed("Carrier", "2027-01-01", None))), "active");
        assert_eq!(alone(Some(ended())), "ended");
    }
}
