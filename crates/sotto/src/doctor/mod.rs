//! Is this installation as it should be? One finding for each question, with what to do.
//!
//! Nothing is changed: no table is made, no message is sent. [`machine`] asks about files, disk and
//! clock, [`records`] about what the database tells, [`outside`] about carriers and DNS.

pub mod machine;
pub mod outside;
pub mod records;

use serde::Serialize;

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Works, and wants a look.
    Warn,
    /// Does not work, or must not stay so.
    Fail,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub check: String,
    /// How it stands.
    pub verdict: Verdict,
    /// What was found, without secrets and health information.
    pub says: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Finding {
    /// As it should be.
    pub fn ok(check: impl Into<String>, says: impl Into<String>) -> Self {
        Self { check: check.into(), verdict: Verdict::Ok, says: says.into(), remedy: None }
    }

    /// Works, and wants a look.
    pub fn warn(
        check: impl Into<String>,
        says: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let remedy = Some(remedy.into());
        Self { check: check.into(), verdict: Verdict::Warn, says: says.into(), remedy }
    }

    /// Does not work, or must not stay so.
    pub fn fail(
        check: impl Into<String>,
        says: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { verdict: Verdict::Fail, ..Self::warn(check, says, remedy) }
    }
}

/// The worst of them.
#[must_use]
pub fn worst(findings: &[Finding]) -> Verdict {
    findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Ok)
}

/// A span as a person says it: `3 days`, `5 hours`, `40 seconds`.
#[must_use]
pub fn said(span: jiff::SignedDuration) -> String {
    let seconds = span.as_secs().max(0);
    let (count, unit) = match seconds {
        172_800.. => (seconds / 86_400, "days"),
        7_200.. => (seconds / 3_600, "hours"),
        120.. => (seconds / 60, "minutes"),
        _ => (seconds, "seconds"),
    };
    format!("{count} {unit}")
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn the_worst_finding_counts() {
        let findings =
            [Finding::ok("a", "b"), Finding::fail("c", "d", "e"), Finding::warn("f", "g", "h")];
        assert_eq!(worst(&findings), Verdict::Fail);
        assert_eq!(worst(&findings[..1]), Verdict::Ok);
        assert_eq!(worst(&[]), Verdict::Ok);
    }

    #[test]
    fn spans_are_said_plainly() {
        for (seconds, words) in
            [(3, "3 seconds"), (600, "10 minutes"), (90_000, "25 hours"), (200_000, "2 days")]
        {
            assert_eq!(said(SignedDuration::from_secs(seconds)), words);
        }
    }
}
