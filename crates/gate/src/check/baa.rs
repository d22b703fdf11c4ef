//! Who would carry it, and under what agreement (RULEBOOK §4, BAA-01 to BAA-04). No message is too
//! small for an agreement.

use jiff::Timestamp;

use super::{Asked, Findings};
use crate::facts::{Agreement, Known};
use crate::refusal::Code;

pub(super) fn check(asked: &Asked<'_>) -> Findings {
    let vendor = match &asked.facts.vendor {
        Known::Yes(vendor) => vendor,
        Known::No(why) => return Findings::missing("the carrier and its agreement", why),
    };
    let mut findings = Findings::default();
    if !vendor.enabled {
        findings.refuse(Code::ChannelOff, "The practice has switched this channel off.");
    }
    if let Some(why) = vendor.agreement.stops(asked.now) {
        findings.refuse(Code::Baa, why);
    }
    if asked.cells.iter().any(|cell| cell.level > vendor.max_level) {
        findings.refuse(Code::VendorLevel, "The words say more than this carrier is trusted with.");
    }
    findings
}

impl Agreement {
    /// Why nothing may go under it at `now`; none while it holds (BAA-01, BAA-02, BAA-05).
    #[must_use]
    pub fn stops(self, now: Timestamp) -> Option<&'static str> {
        match self {
            Self::Active { from, .. } if now < from => {
                Some("The agreement with this carrier is not in force yet.")
            }
            Self::Active { until: Some(until), .. } | Self::Exception { until: Some(until) }
                if now > until =>
            {
                Some("The agreement with this carrier has ended.")
            }
            Self::Active { .. } | Self::Exception { .. } | Self::Sandbox => None,
            Self::Ended => Some("The practice ended the agreement with this carrier."),
            Self::Missing => Some("No signed agreement with this carrier is on file."),
        }
    }
}

#[cfg(test)]
mod tests {
    use guard::{Category, Level};

    use super::check;
    use crate::facts::{Agreement, Known};
    use crate::passing::{Case, cell, minutes};
    use crate::refusal::Code;

    #[test]
    fn what_cannot_be_looked_up_refuses() {
        let case = Case::text().with(|case| case.facts.vendor = Known::No("no row"));
        assert_eq!(case.codes(check), [Code::FactMissing]);
    }

    #[test]
    fn an_agreement_is_in_force_from_its_first_to_its_last_instant() {
        let now = Case::text().now;
        let (before, after) = (now - minutes(1), now + minutes(1));
        for (agreement, holds) in [
            (Agreement::Active { from: before, until: None }, true),
            (Agreement::Active { from: now, until: Some(now) }, true),
            (Agreement::Active { from: after, until: None }, false),
            (Agreement::Active { from: before, until: Some(before) }, false),
            (Agreement::Exception { until: None }, true),
            (Agreement::Exception { until: Some(now) }, true),
            (Agreement::Exception { until: Some(before) }, false),
            (Agreement::Sandbox, true),
            (Agreement::Ended, false),
            (Agreement::Missing, false),
        ] {
            let case = Case::text().with(|case| case.vendor().agreement = agreement);
            let expected: &[Code] = if holds { &[] } else { &[Code::Baa] };
            assert_eq!(case.codes(check), expected, "{agreement:?}");
        }
    }

    #[test]
    fn a_channel_can_be_off() {
        let case = Case::text().with(|case| case.vendor().enabled = false);
        assert_eq!(case.codes(check), [Code::ChannelOff]);
    }

    #[test]
    fn a_carrier_has_a_highest_level() {
        for max in Level::ALL {
            for level in Level::ALL {
                let case = Case::text().with(|case| {
                    case.vendor().max_level = max;
                    case.cells = vec![
                        cell(Level::Administrative, Category::Billing),
                        cell(level, Category::Medication),
                    ];
                });
                let expected: &[Code] = if level <= max { &[] } else { &[Code::VendorLevel] };
                assert_eq!(case.codes(check), expected, "{level:?} by {max:?}");
            }
        }
    }
}
