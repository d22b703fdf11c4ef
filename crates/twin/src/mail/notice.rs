//! Delivery status notifications (RFC 3464), and the small SMTP client that hands them over.

use std::net::SocketAddr;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::net::TcpStream;

use crate::lines::{LineError, Lines};
use crate::plan::NoticeDue;

/// For the whole conversation, in real time.
const PATIENCE: Duration = Duration::from_secs(30);
/// Answers of a server: RFC 5321 §4.5.3.1.5 says 512 octets.
const ANSWER: usize = 2048;
const ANSWER_LINES: usize = 100;

/// What came of handing a notice over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handed {
    /// The other side has it.
    Taken,
    /// Worth another try.
    NotNow,
    /// Refused for good.
    Refused,
}

/// The notice as a mail: multipart/report with a text for people, the machine's part and the
/// header of the mail it is about.
pub(crate) fn compose(notice: &NoticeDue, id: u64, now: Timestamp) -> String {
    let date = jiff::fmt::rfc2822::to_string(&now.to_zoned(TimeZone::UTC)).unwrap_or_default();
    let arrived =
        jiff::fmt::rfc2822::to_string(&notice.arrived.to_zoned(TimeZone::UTC)).unwrap_or_default();
    let boundary = format!("twin-{id:016x}");
    let (subject, verb) = match notice.action.as_str() {
        "delivered" => ("Delivered", "was delivered to"),
        "delayed" => ("Delayed", "is waiting for"),
        _ => ("Undelivered Mail Returned to Sender", "could not be delivered to"),
    };
    let optional = |name: &str, value: &Option<String>| {
        value.as_ref().map(|value| format!("{name}: {value}\r\n")).unwrap_or_default()
    };
    let envelope_id = optional("Original-Envelope-Id", &notice.envelope_id);
    let original = optional("Original-Recipient", &notice.original_recipient);
    let NoticeDue { to, recipient, action, status, diagnostic, queue_id, headers, .. } = notice;
    format!(
        "From: Mail Delivery System <MAILER-DAEMON@mail.twin.test>\r\n\
         To: {to}\r\n\
         Subject: {subject}\r\n\
         Date: {date}\r\n\
         Message-ID: <{id}.{queue_id}@mail.twin.test>\r\n\
         Auto-Submitted: auto-replied\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status;\r\n\
         \tboundary=\"{boundary}\"\r\n\
         \r\n\
         --{boundary}\r\n\
         Content-Type: text/plain; charset=us-ascii\r\n\
         \r\n\
         Your mail {verb}\r\n    {recipient}\r\n{diagnostic}\r\n\
         \r\n\
         --{boundary}\r\n\
         Content-Type: message/delivery-status\r\n\
         \r\n\
         Reporting-MTA: dns; mail.twin.test\r\n\
         {envelope_id}X-Twin-Queue-ID: {queue_id}\r\n\
         Arrival-Date: {arrived}\r\n\
         \r\n\
         {original}Final-Recipient: rfc822; {recipient}\r\n\
         Action: {action}\r\n\
         Status: {status}\r\n\
         Diagnostic-Code: {diagnostic}\r\n\
         \r\n\
         --{boundary}\r\n\
         Content-Type: text/rfc822-headers\r\n\
         \r\n\
         {headers}\r\n\
         --{boundary}--\r\n"
    )
}

/// Hands a mail with an empty envelope sender (RFC 3464 §2) to the server at `address`.
pub(crate) async fn hand_over(address: SocketAddr, to: &str, mail: &str) -> Handed {
    match tokio::time::timeout(PATIENCE, converse(address, to, mail)).await {
        Ok(Ok(handed)) => handed,
        Ok(Err(error)) => {
            tracing::debug!(%error, "twin: notice not handed over");
            Handed::NotNow
        }
        Err(_) => Handed::NotNow,
    }
}

async fn converse(address: SocketAddr, to: &str, mail: &str) -> Result<Handed, LineError> {
    let mut lines = Lines::new(TcpStream::connect(address).await?);
    let recipient = format!("RCPT TO:<{to}>\r\n");
    let commands: [(&str, u8); 5] = [
        ("", b'2'),
        ("EHLO mail.twin.test\r\n", b'2'),
        ("MAIL FROM:<>\r\n", b'2'),
        (&recipient, b'2'),
        ("DATA\r\n", b'3'),
    ];
    for (command, wanted) in commands {
        lines.write(command.as_bytes()).await?;
        let class = answer(&mut lines).await?;
        if class != wanted {
            return Ok(if class == b'5' { Handed::Refused } else { Handed::NotNow });
        }
    }
    let mut body = String::with_capacity(mail.len() + 64);
    for line in mail.split("\r\n") {
        // RFC 5321 §4.5.2.
        if line.starts_with('.') {
            body.push('.');
        }
        body.push_str(line);
        body.push_str("\r\n");
    }
    body.push_str(".\r\n");
    lines.write(body.as_bytes()).await?;
    let class = answer(&mut lines).await?;
    // It has the mail; whether it also hears goodbye is its own affair.
    let _ = lines.write(b"QUIT\r\n").await;
    Ok(match class {
        b'2' => Handed::Taken,
        b'5' => Handed::Refused,
        _ => Handed::NotNow,
    })
}

/// The first digit of an answer, after its last line.
async fn answer(lines: &mut Lines<TcpStream>) -> Result<u8, LineError> {
    for _ in 0..ANSWER_LINES {
        let line = lines.line(ANSWER).await?;
        if line.get(3) != Some(&b'-') {
            return Ok(line.first().copied().unwrap_or(b'4'));
        }
    }
    Err(LineError::TooLong(ANSWER))
}

#[cfg(test)]
mod tests {
    use mail_parser::{MessageParser, MimeHeaders};

    use super::*;

    #[test]
    fn a_notice_is_a_multipart_report_with_three_parts() {
        let now: Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
        let notice = NoticeDue {
            to: "bounce@clinic.example.com".into(),
            recipient: "pat@example.com".into(),
            action: "failed".into(),
            status: "5.1.1".into(),
            diagnostic: "smtp; 550 5.1.1 not delivered".into(),
            envelope_id: Some("env-7".into()),
            original_recipient: None,
            queue_id: "AB12".into(),
            arrived: now,
            headers: "Message-ID: <m1@clinic.example.com>\r\n".into(),
        };
        let mail = compose(&notice, 5, now);
        let parsed = MessageParser::default().parse(mail.as_bytes()).unwrap();
        assert_eq!(parsed.content_type().unwrap().subtype(), Some("report"));
        assert_eq!(parsed.parts.len(), 4);
        for needed in [
            "Final-Recipient: rfc822; pat@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\n",
            "Original-Envelope-Id: env-7\r\n",
            "Message-ID: <m1@clinic.example.com>\r\n",
        ] {
            assert!(mail.contains(needed), "{needed}");
        }
        assert!(mail.split("\r\n").all(|line| !line.contains('\n')));
    }
}
