//! Who would carry it, and under what agreement (RULEBOOK §4, BAA-01 to BAA-04). No message is too
//! small for an agreement.

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
    let ended = |until: Option<jiff::Timestamp>| until.is_some_and(|until| asked.now > until);
    match vendor.agreement {
        Agreement::Sandbox => {}
        Agreement::Active { from, .. } if asked.now < from => {
            findings.refuse(Code::Baa, "The agreement with this carrier is not in force yet.");
        }
        Agreement::Active { until, .. } | Agreement::Exception { until } => {
            if ended(until) {
                findings.refuse(Code::Baa, "The agreement with this carrier has ended.");
            }
        }
        Agreement::Missing => {
            findings.refuse(Code::Baa, "No signed agreement with this carrier is on file.");
        }
    }
    if asked.cells.iter().any(|cell| cell.level > vendor.max_level) {
        findings.refuse(Code::VendorLevel, "The words say more than this carrier is trusted with.");
    }
    findings
}
