//! A returned mail as an event: delivery status notifications (RFC 3464) and complaints (RFC 5965).
//!
//! The recipient's address in it is not read: the bounce came to an address that names its message.

use mail_parser::{Message, MessageParser, MimeHeaders};

use super::smtp_session::enhanced;
use super::{AdapterName, CarrierReceipt, Failure, FailureKind, ReceiptStatus};

/// Octets of a body part that are searched for a status.
const MOST_SEARCHED: usize = 64 * 1024;

/// Reads a returned mail. `id` is the opaque id of the bounce address it came to. Nothing if it is
/// no report (an out-of-office answer, a person writing back).
#[must_use]
pub fn read(id: &str, mail: &[u8]) -> Option<CarrierReceipt> {
    let message = MessageParser::new().parse(mail)?;
    let (status, code) = match report(&message)? {
        Report::Complaint => (ReceiptStatus::Complaint, None),
        Report::Delivery { action, code } => (status(&action, code)?, code),
    };
    let failure = match status {
        ReceiptStatus::Undelivered | ReceiptStatus::Expired => {
            let kind = match status {
                ReceiptStatus::Expired => FailureKind::Expired,
                _ => code.map_or(FailureKind::Rejected, |code| {
                    // A server that tried for days and gave up keeps the class of its last attempt.
                    match FailureKind::from_smtp(550, Some((5, code.1, code.2))) {
                        FailureKind::Misconfigured => FailureKind::Blocked,
                        kind => kind,
                    }
                }),
            };
            let text = code.map(|(a, b, c)| format!("{a}.{b}.{c}")).unwrap_or_default();
            Some(Failure::coded(kind, &text))
        }
        ReceiptStatus::Complaint => Some(Failure::new(FailureKind::OptedOut)),
        _ => None,
    };
    let carrier_id = id.to_owned();
    let adapter = AdapterName::EmailSmtp;
    Some(CarrierReceipt { adapter, carrier_id, to: None, status, failure, occurred_at: None })
}

type Code = (u8, u16, u16);

enum Report {
    Delivery { action: String, code: Option<Code> },
    Complaint,
}

fn status(action: &str, code: Option<Code>) -> Option<ReceiptStatus> {
    Some(match action {
        "failed" if code.is_some_and(|code| (code.1, code.2) == (4, 7)) => ReceiptStatus::Expired,
        "failed" => ReceiptStatus::Undelivered,
        "delayed" => ReceiptStatus::EnRoute,
        "delivered" | "expanded" => ReceiptStatus::Delivered,
        // Handed on to a server that reports no further: nothing is known of the mailbox.
        "relayed" => ReceiptStatus::EnRoute,
        _ => return None,
    })
}

fn report(message: &Message<'_>) -> Option<Report> {
    for part in &message.parts {
        let Some(kind) = part.content_type() else { continue };
        let subtype = kind.subtype().unwrap_or("").to_ascii_lowercase();
        if !kind.ctype().eq_ignore_ascii_case("message") {
            continue;
        }
        match subtype.as_str() {
            "delivery-status" | "global-delivery-status" => {
                return delivery(&String::from_utf8_lossy(bounded(part.contents())));
            }
            "feedback-report" => return Some(Report::Complaint),
            _ => {}
        }
    }
    plain(message)
}

fn bounded(octets: &[u8]) -> &[u8] {
    octets.get(..octets.len().min(MOST_SEARCHED)).unwrap_or_default()
}

/// The fields of the (one) recipient, RFC 3464 §2.3; if there are several, the last that failed.
fn delivery(text: &str) -> Option<Report> {
    let mut found: Option<(String, Option<Code>)> = None;
    let (mut action, mut code) = (None, None);
    for line in text.lines().chain([""]) {
        if line.trim().is_empty() {
            if let Some(action) = action.take() {
                let failed = action == "failed";
                if failed || found.is_none() {
                    found = Some((action, code.take()));
                }
            }
            code = None;
            continue;
        }
        let Some((name, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        match name.trim().to_ascii_lowercase().as_str() {
            "action" => action = Some(value.to_ascii_lowercase()),
            "status" => code = enhanced(value),
            _ => {}
        }
    }
    let (action, code) = found?;
    Some(Report::Delivery { action, code })
}

/// Servers that write no RFC 3464: a mail from nobody, with a status code in its text. An
/// automatic answer (RFC 3834) is none.
fn plain(message: &Message<'_>) -> Option<Report> {
    let automatic = message
        .header("Auto-Submitted")
        .and_then(|value| value.as_text())
        .is_some_and(|value| value.to_ascii_lowercase().starts_with("auto-replied"));
    let sender = message.from().and_then(|from| from.first()).and_then(|from| from.address());
    let local = sender?.split('@').next()?.to_ascii_lowercase();
    if automatic || !matches!(local.as_str(), "mailer-daemon" | "postmaster") {
        return None;
    }
    let text = message.body_text(0)?;
    let text = String::from_utf8_lossy(bounded(text.as_bytes())).into_owned();
    let word = |c: char| !(c.is_ascii_digit() || c == '.');
    let code = text
        .split(word)
        .filter_map(|word| enhanced(word.trim_matches('.')))
        .find(|code| code.0 == 5)?;
    Some(Report::Delivery { action: "failed".into(), code: Some(code) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn dsn(fields: &str) -> String {
        format!(
            "From: MAILER-DAEMON@mx.example\r\nTo: b-00@bounce.example\r\nSubject: Returned\r\n\
             MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; \
             boundary=\"x\"\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n--x\r\n\
             Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n\
             Final-Recipient: rfc822; pat@example.com\r\n{fields}\r\n\r\n--x\r\n\
             Content-Type: text/rfc822-headers\r\n\r\nSubject: Hello\r\n\r\n--x--\r\n"
        )
    }

    #[test]
    fn reports_become_status_and_failure() {
        use FailureKind::*;
        for (fields, status, failure) in [
            ("Action: failed\r\nStatus: 5.1.1", ReceiptStatus::Undelivered, Some(BadAddress)),
            (
                "ACTION: Failed\r\nSTATUS: 5.2.2 (full)",
                ReceiptStatus::Undelivered,
                Some(RecipientUnavailable),
            ),
            ("Action: failed\r\nStatus: 4.4.7", ReceiptStatus::Expired, Some(Expired)),
            ("Action: failed\r\nStatus: 5.7.1", ReceiptStatus::Undelivered, Some(Blocked)),
            ("Action: failed", ReceiptStatus::Undelivered, Some(Rejected)),
            ("Action: delayed\r\nStatus: 4.4.1", ReceiptStatus::EnRoute, None),
            ("Action: relayed\r\nStatus: 2.1.5", ReceiptStatus::EnRoute, None),
            ("Action: delivered\r\nStatus: 2.0.0", ReceiptStatus::Delivered, None),
        ] {
            let receipt = read("00", dsn(fields).as_bytes()).unwrap();
            assert_eq!(receipt.status, status, "{fields}");
            assert_eq!(receipt.failure.map(|f| f.kind), failure, "{fields}");
            assert_eq!(receipt.carrier_id, "00");
        }
        assert_eq!(read("00", dsn("Action: dancing").as_bytes()), None);
    }

    #[test]
    fn complaints_opt_out() {
        let mail = "From: fbl@isp.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; \
                    report-type=feedback-report; boundary=x\r\n\r\n--x\r\nContent-Type: \
                    message/feedback-report\r\n\r\nFeedback-Type: abuse\r\n\r\n--x--\r\n";
        let receipt = read("00", mail.as_bytes()).unwrap();
        assert_eq!(receipt.status, ReceiptStatus::Complaint);
        assert_eq!(receipt.failure.map(|f| f.kind), Some(FailureKind::OptedOut));
    }

    #[test]
    fn what_is_no_report_is_left_alone() {
        for (from, extra, body, found) in [
            ("pat@example.com", "", "My 5.1.1 is broken", false),
            ("MAILER-DAEMON@mx.example", "", "550 5.1.1 no such user", true),
            ("MAILER-DAEMON@mx.example", "Auto-Submitted: auto-replied\r\n", "5.1.1", false),
            ("MAILER-DAEMON@mx.example", "", "no code at all", false),
        ] {
            let mail = format!("From: {from}\r\n{extra}Subject: x\r\n\r\n{body}\r\n");
            assert_eq!(read("00", mail.as_bytes()).is_some(), found, "{from} {body}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(octets in prop::collection::vec(any::<u8>(), 0..2_000), text in "\\PC{0,200}") {
            let _ = read("00", &octets);
            let _ = read("00", dsn(&text).as_bytes());
        }
    }
}
