//! Carriers, mail server and DNS, really asked: a session is opened and ended, nothing is sent.

use mail_auth::common::cache::NoCache;
use mail_auth::dmarc::{Dmarc, Policy};
use mail_auth::spf::Spf;
use mail_auth::{DkimResult, DnsError, Error, MX, MessageAuthenticator, RecordSet, Txt};

use crate::channels::email_smtp::EmailSmtp;
use crate::channels::smpp_probe::{ProbeError, try_bind};
use crate::channels::sms_smpp::SmppSettings;
use crate::channels::transport::TransportFacts;
use crate::channels::{Failure, FailureKind};
use crate::doctor::Finding;

/// What DNS said to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked<T> {
    /// This.
    Found(T),
    /// There is no such record, or none that can be read.
    NotThere,
    /// No answer.
    NoAnswer(String),
}

impl<T> Asked<T> {
    fn from(answer: Result<T, Error>) -> Self {
        match answer {
            Ok(found) => Self::Found(found),
            Err(Error::Dns(DnsError::Resolver(why))) => Self::NoAnswer(why),
            Err(_) => Self::NotThere,
        }
    }
}

/// Opens a session with the carrier and ends it.
pub async fn smpp(settings: &SmppSettings) -> Finding {
    bound(&try_bind(settings).await)
}

/// What came of it.
#[must_use]
pub fn bound(result: &Result<String, ProbeError>) -> Finding {
    let check = "smpp carrier";
    match result {
        Ok(_) => Finding::ok(check, "takes our bind"),
        // Most often by the server that is running.
        Err(ProbeError::Closed(smpp::CloseReason::BindRefused(status)))
            if *status == smpp::Status::ALREADY_BOUND =>
        {
            let says = "bound already: the carrier allows no second session";
            Finding::warn(check, says, "nothing, if `sotto serve` is running now")
        }
        Err(error) => {
            let remedy = "look at [sms_smpp]: host, port, tls, system_id, password_file";
            Finding::fail(check, error.to_string(), remedy)
        }
    }
}

/// Opens a session with the mail server, signs in, and ends it.
pub async fn smtp(adapter: &EmailSmtp) -> Finding {
    greeted(&adapter.greet().await)
}

/// What came of it.
#[must_use]
pub fn greeted(result: &Result<TransportFacts, Failure>) -> Finding {
    let check = "mail server";
    let settings = "look at [email_smtp]: host, port, security, authorities, user";
    match result {
        Ok(facts) => Finding::ok(check, format!("takes our session, {}", facts.tls)),
        Err(failure) if failure.kind == FailureKind::NoEncryption => {
            let says = "offers no encryption that can be trusted";
            Finding::fail(check, says, "give it a certificate, or name its authority's file")
        }
        Err(failure) => {
            let code = failure.code.as_deref().unwrap_or("no code");
            let says = format!("{} ({code})", failure.kind.as_str());
            Finding::fail(check, says, settings)
        }
    }
}

/// Asks DNS what receivers of our mail will ask.
pub async fn names(from_domain: &str, bounce_domain: &str, mail: &EmailSmtp) -> Vec<Finding> {
    let resolver = match MessageAuthenticator::new_system_conf() {
        Ok(resolver) => resolver,
        Err(error) => {
            return vec![Finding::fail("dns", error.to_string(), "look at /etc/resolv.conf")];
        }
    };
    let none = None::<&NoCache<Box<str>, Txt>>;
    let spf = resolver.txt_lookup::<Spf>(bounce_domain, none).await;
    let dmarc = resolver.txt_lookup::<Dmarc>(format!("_dmarc.{from_domain}"), none).await;
    let none = None::<&NoCache<Box<str>, RecordSet<MX>>>;
    let mx = resolver.mx_lookup(bounce_domain, none).await;
    let mut findings = vec![
        spf_record(bounce_domain, Asked::from(spf.map(drop))),
        dmarc_record(from_domain, Asked::from(dmarc.map(|found| found.p))),
        mx_record(bounce_domain, Asked::from(mx.map(|found| found.rrset.len()))),
    ];
    findings.extend(dkim_records(&mail.self_check(&resolver).await));
    findings
}

/// RFC 7208: asked about the domain of the envelope, which is the bounce domain.
#[must_use]
pub fn spf_record(domain: &str, asked: Asked<()>) -> Finding {
    let check = format!("spf of {domain}");
    match asked {
        Asked::Found(()) => Finding::ok(check, "there is a record"),
        Asked::NotThere => Finding::fail(
            check,
            "there is no record that can be read",
            "publish a TXT record such as: v=spf1 mx include:… -all",
        ),
        Asked::NoAnswer(why) => no_answer(check, &why),
    }
}

/// RFC 7489: asked about the domain of the From line.
#[must_use]
pub fn dmarc_record(domain: &str, asked: Asked<Policy>) -> Finding {
    let check = format!("dmarc of {domain}");
    match asked {
        Asked::Found(Policy::Quarantine | Policy::Reject) => {
            Finding::ok(check, "forged mail is refused or set aside")
        }
        Asked::Found(Policy::None | Policy::Unspecified) => Finding::warn(
            check,
            "it asks receivers to do nothing about forged mail",
            "once SPF and DKIM pass, publish p=quarantine, then p=reject",
        ),
        Asked::NotThere => Finding::fail(
            check,
            "there is no record: anybody can write mail in the practice's name",
            format!("publish a TXT record at _dmarc.{domain} such as: v=DMARC1; p=quarantine"),
        ),
        Asked::NoAnswer(why) => no_answer(check, &why),
    }
}

/// Without it no bounce comes back, and what did not arrive looks as if it had.
#[must_use]
pub fn mx_record(domain: &str, asked: Asked<usize>) -> Finding {
    let check = format!("mx of {domain}");
    match asked {
        Asked::Found(1..) => Finding::ok(check, "there is a mail server for bounces"),
        Asked::Found(0) | Asked::NotThere => Finding::fail(
            check,
            "there is no mail server for bounces",
            "publish an MX record to the server that email_smtp.bounce_listen hears from",
        ),
        Asked::NoAnswer(why) => no_answer(check, &why),
    }
}

/// RFC 6376: a mail signed here and not sent, verified as a receiver would, key by key.
#[must_use]
pub fn dkim_records(verdicts: &[(String, DkimResult)]) -> Vec<Finding> {
    if verdicts.is_empty() {
        let remedy = "make a key, publish it, and name it in email_smtp.dkim";
        return vec![Finding::warn("dkim", "mail is not signed here", remedy)];
    }
    let verdict = |(name, verdict): &(String, DkimResult)| {
        let check = format!("dkim of {name}");
        match verdict {
            DkimResult::Pass => Finding::ok(check, "receivers verify our signature"),
            DkimResult::TempError(Error::Dns(DnsError::Resolver(why))) => no_answer(check, why),
            _ => Finding::fail(
                check,
                "receivers do not verify our signature: no key is published there, or another",
                "publish the public key of key_file under this name",
            ),
        }
    };
    verdicts.iter().map(verdict).collect()
}

fn no_answer(check: String, why: &str) -> Finding {
    Finding::warn(check, format!("DNS does not answer: {why}"), "look at /etc/resolv.conf")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict::{Fail, Ok as Good, Warn};

    fn silent<T>() -> Asked<T> {
        Asked::NoAnswer("timed out".to_owned())
    }

    #[test]
    fn each_record_is_there_missing_or_unknown() {
        for (asked, verdict) in
            [(Asked::Found(()), Good), (Asked::NotThere, Fail), (silent(), Warn)]
        {
            assert_eq!(spf_record("x.example", asked).verdict, verdict);
        }
        for (asked, verdict) in [
            (Asked::Found(Policy::Reject), Good),
            (Asked::Found(Policy::Quarantine), Good),
            (Asked::Found(Policy::None), Warn),
            (Asked::NotThere, Fail),
            (silent(), Warn),
        ] {
            assert_eq!(dmarc_record("x.example", asked).verdict, verdict);
        }
        for (asked, verdict) in [
            (Asked::Found(2), Good),
            (Asked::Found(0), Fail),
            (Asked::NotThere, Fail),
            (silent(), Warn),
        ] {
            assert_eq!(mx_record("x.example", asked).verdict, verdict);
        }
    }

    #[test]
    fn a_signature_is_verified_refused_or_missing() {
        let one = |verdict| dkim_records(&[("s1.x.example".to_owned(), verdict)]);
        assert_eq!(one(DkimResult::Pass)[0].verdict, Good);
        assert_eq!(one(DkimResult::Fail(Error::ParseError))[0].verdict, Fail);
        assert_eq!(one(DkimResult::None)[0].verdict, Fail);
        let dns = Error::Dns(DnsError::Resolver("timed out".to_owned()));
        assert_eq!(one(DkimResult::TempError(dns))[0].verdict, Warn);
        assert_eq!(dkim_records(&[])[0].verdict, Warn);
    }

    #[test]
    fn what_carriers_answer_is_told() {
        let refused = |status| ProbeError::Closed(smpp::CloseReason::BindRefused(status));
        for (result, verdict) in [
            (Ok("smsc".to_owned()), Good),
            (Err(refused(smpp::Status::ALREADY_BOUND)), Warn),
            (Err(refused(smpp::Status(14))), Fail),
            (Err(ProbeError::Silent), Fail),
        ] {
            assert_eq!(bound(&result).verdict, verdict);
        }
        for (result, verdict) in [
            (Ok(TransportFacts::none()), Good),
            (Err(Failure::new(FailureKind::NoEncryption)), Fail),
            (Err(Failure::new(FailureKind::Unreachable)), Fail),
        ] {
            assert_eq!(greeted(&result).verdict, verdict);
        }
    }
}
