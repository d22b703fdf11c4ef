//! One SMTP submission session (RFC 5321, 3207, 4954, 3461), over any connection.

use std::io;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::email_smtp::{EmailSettings, Security};
use super::transport::Tls;
use super::transport::{self, Stream, TransportFacts};
use super::{Failure, FailureKind};
use crate::nodes::Lease;

/// Octets of the longest reply line taken (RFC 5321 §4.5.3.1.5 asks for 512).
const LONGEST_LINE: usize = 4_096;
/// Lines of the longest reply taken.
const MOST_LINES: usize = 128;

/// What ended a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The connection broke, or the peer does not speak SMTP, before the end of the mail had left.
    Broken,
    /// The lease was over before the end of the mail had left; the session is of no more use.
    TakenAway,
    /// The end of the mail left, and no answer came.
    Unanswered,
    /// The server answered no.
    Refused(Failure),
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Broken => Self::new(FailureKind::Unreachable),
            Trouble::TakenAway => Self::new(FailureKind::HeldBack),
            Trouble::Unanswered => Self::new(FailureKind::Uncertain),
            Trouble::Refused(failure) => failure,
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(_: io::Error) -> Self {
        Self::Broken
    }
}

/// A server's reply. Its words are not kept, except EHLO's keywords.
struct Reply {
    code: u16,
    enhanced: Option<(u8, u16, u16)>,
    lines: Vec<String>,
}

impl Reply {
    fn expect(self, class: u16) -> Result<Self, Trouble> {
        if self.code / 100 == class {
            return Ok(self);
        }
        let code = match self.enhanced {
            Some((class, subject, detail)) => format!("{class}.{subject}.{detail}"),
            None => self.code.to_string(),
        };
        let kind = FailureKind::from_smtp(self.code, self.enhanced);
        Err(Trouble::Refused(Failure::coded(kind, &code)))
    }
}

/// Who a mail is from and for, on the envelope.
#[derive(Debug)]
pub(super) struct Envelope<'a> {
    pub(super) from: &'a str,
    pub(super) to: &'a str,
    /// `ENVID`, opaque.
    pub(super) id: &'a str,
    /// Under which it was claimed.
    pub(super) lease: &'a Lease,
}

/// A session that is ready for mail.
pub(super) struct Session {
    stream: Stream,
    buffer: Vec<u8>,
    facts: TransportFacts,
    dsn: bool,
    size: Option<usize>,
    answer_within: Duration,
    ask_success: bool,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("smtp_session::Session")
    }
}

impl Session {
    /// Connects, protects the connection as the settings ask, and signs in.
    pub(super) async fn open(settings: &EmailSettings, tls: Option<&Tls>) -> Result<Self, Trouble> {
        let implicit = tls.filter(|_| settings.security == Security::Implicit);
        let (stream, facts) = transport::connect(&settings.endpoint, implicit).await?;
        let mut session = Self {
            stream,
            buffer: Vec::new(),
            facts,
            dsn: false,
            size: None,
            answer_within: settings.answer_within,
            ask_success: settings.ask_success,
        };
        session.reply().await?.expect(2)?;
        let mut offers = session.hello(&settings.helo).await?;
        if settings.security == Security::StartTls {
            let Some(tls) = tls else { return Err(Trouble::Broken) };
            let refused = Trouble::Refused(Failure::new(FailureKind::NoEncryption));
            if !offers.iter().any(|offer| offer == "STARTTLS") {
                return Err(refused);
            }
            session.command("STARTTLS").await?.expect(2).map_err(|_| refused.clone())?;
            session = session.protect(tls).await?;
            // What was offered before is forgotten: anyone could have written it (RFC 3207 §4.2).
            offers = session.hello(&settings.helo).await?;
        }
        session.dsn = offers.iter().any(|offer| offer == "DSN");
        session.size = offers
            .iter()
            .find_map(|offer| offer.strip_prefix("SIZE ")?.trim().parse().ok())
            .filter(|size| *size > 0);
        session.sign_in(settings, &offers).await?;
        Ok(session)
    }

    pub(super) fn facts(&self) -> &TransportFacts {
        &self.facts
    }

    async fn protect(self, tls: &Tls) -> Result<Self, Trouble> {
        // Octets that came with the answer to STARTTLS were not protected: someone injected them.
        if !self.buffer.is_empty() {
            return Err(Trouble::Broken);
        }
        let refused = Trouble::Refused(Failure::new(FailureKind::NoEncryption));
        let shaken = timeout(self.answer_within, tls.handshake(self.stream, "starttls")).await;
        let (stream, facts) = shaken.map_err(|_| Trouble::Broken)?.map_err(|_| refused)?;
        Ok(Self { stream, facts, ..self })
    }

    async fn hello(&mut self, name: &str) -> Result<Vec<String>, Trouble> {
        let reply = self.command(&format!("EHLO {name}")).await?.expect(2)?;
        Ok(reply.lines.iter().skip(1).map(|line| line.to_ascii_uppercase()).collect())
    }

    async fn sign_in(
        &mut self,
        settings: &EmailSettings,
        offers: &[String],
    ) -> Result<(), Trouble> {
        let Some((user, password)) = &settings.credentials else { return Ok(()) };
        let misconfigured = || Trouble::Refused(Failure::new(FailureKind::Misconfigured));
        let offer = offers.iter().find_map(|offer| offer.strip_prefix("AUTH "));
        let offers = |name: &str| offer.is_some_and(|o| o.split(' ').any(|o| o == name));
        if offers("PLAIN") {
            let token = STANDARD.encode(format!("\0{user}\0{}", password.reveal()));
            self.command(&format!("AUTH PLAIN {token}")).await?.expect(2)?;
        } else if offers("LOGIN") {
            self.command("AUTH LOGIN").await?.expect(3)?;
            self.command(&STANDARD.encode(user)).await?.expect(3)?;
            self.command(&STANDARD.encode(password.reveal())).await?.expect(2)?;
        } else {
            return Err(misconfigured());
        }
        Ok(())
    }

    /// Delivers one mail. After a refusal the session can be used again.
    pub(super) async fn deliver(
        &mut self,
        envelope: &Envelope<'_>,
        mail: &[u8],
    ) -> Result<(), Trouble> {
        if self.size.is_some_and(|size| mail.len() > size) {
            return Err(Trouble::Refused(Failure::new(FailureKind::TooLong)));
        }
        let (mut sender, mut recipient) = (String::new(), String::new());
        if self.dsn {
            // RFC 3461; HDRS keeps the text out of bounces.
            sender = format!(" RET=HDRS ENVID={}", envelope.id);
            let success = if self.ask_success { "SUCCESS," } else { "" };
            recipient = format!(" NOTIFY={success}FAILURE,DELAY");
        }
        self.command(&format!("MAIL FROM:<{}>{sender}", envelope.from)).await?.expect(2)?;
        self.command(&format!("RCPT TO:<{}>{recipient}", envelope.to)).await?.expect(2)?;
        self.command("DATA").await?.expect(3)?;
        self.write(&stuffed(mail)).await?;
        // Until here the server has no whole mail. From here on it may.
        if !envelope.lease.holds() {
            return Err(Trouble::TakenAway);
        }
        let end = self.write(b".\r\n").await;
        end.map_err(|_| Trouble::Unanswered)?;
        let reply = self.reply().await.map_err(|_| Trouble::Unanswered)?;
        reply.expect(2)?;
        Ok(())
    }

    /// Forgets a half-made delivery.
    pub(super) async fn reset(&mut self) -> Result<(), Trouble> {
        self.command("RSET").await?.expect(2)?;
        Ok(())
    }

    /// Says goodbye.
    pub(super) async fn quit(mut self) {
        // The session is over whatever the server answers.
        let _ = self.command("QUIT").await;
    }

    /// INVARIANT: nothing that is put into a command holds a line break; addresses, names and ids
    /// are types that refuse one. Asked again here, because a second line would be a command.
    async fn command(&mut self, line: &str) -> Result<Reply, Trouble> {
        if line.contains(['\r', '\n', '\0']) {
            return Err(Trouble::Refused(Failure::new(FailureKind::Unsendable)));
        }
        self.write(format!("{line}\r\n").as_bytes()).await?;
        self.reply().await
    }

    async fn write(&mut self, octets: &[u8]) -> Result<(), Trouble> {
        let within = self.answer_within;
        let write = async {
            self.stream.write_all(octets).await?;
            self.stream.flush().await
        };
        timeout(within, write).await.map_err(|_| Trouble::Broken)??;
        Ok(())
    }

    async fn reply(&mut self) -> Result<Reply, Trouble> {
        let within = self.answer_within;
        let read = async {
            let mut lines = Vec::new();
            loop {
                let line = self.line().await?;
                let head = line.get(..3).and_then(|code| code.parse::<u16>().ok());
                let code = head.filter(|code| (200..600).contains(code)).ok_or(Trouble::Broken)?;
                let more = line.as_bytes().get(3) == Some(&b'-');
                lines.push(line.get(4..).unwrap_or("").to_owned());
                if !more {
                    let enhanced = lines.first().and_then(|line| enhanced(line));
                    return Ok(Reply { code, enhanced, lines });
                }
                if lines.len() >= MOST_LINES {
                    return Err(Trouble::Broken);
                }
            }
        };
        timeout(within, read).await.map_err(|_| Trouble::Broken)?
    }

    async fn line(&mut self) -> Result<String, Trouble> {
        loop {
            if let Some(end) = self.buffer.iter().position(|octet| *octet == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                let text = String::from_utf8_lossy(&line);
                return Ok(text.trim_end_matches(['\r', '\n']).to_owned());
            }
            if self.buffer.len() > LONGEST_LINE {
                return Err(Trouble::Broken);
            }
            let mut chunk = [0; 1_024];
            let read = self.stream.read(&mut chunk).await?;
            if read == 0 {
                return Err(Trouble::Broken);
            }
            self.buffer.extend_from_slice(chunk.get(..read).unwrap_or_default());
        }
    }
}

/// The enhanced status code that begins a text (RFC 3463 §2).
pub(super) fn enhanced(text: &str) -> Option<(u8, u16, u16)> {
    let mut numbers = text.split_whitespace().next()?.split('.');
    let class = numbers.next()?.parse().ok().filter(|class| matches!(class, 2 | 4 | 5))?;
    let subject = numbers.next()?.parse().ok().filter(|n| *n < 1_000)?;
    let detail = numbers.next()?.parse().ok().filter(|n| *n < 1_000)?;
    numbers.next().is_none().then_some((class, subject, detail))
}

/// The mail with its lines ended as SMTP asks and its leading dots doubled (RFC 5321 §4.5.2).
fn stuffed(mail: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(mail.len() + 64);
    for line in mail.split_inclusive(|octet| *octet == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if text.first() == Some(&b'.') {
            out.push(b'.');
        }
        // A lone carriage return could end a line for another reader (SMTP smuggling).
        out.extend(text.iter().filter(|octet| **octet != b'\r'));
        out.extend_from_slice(b"\r\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_and_line_ends() {
        for (mail, sent) in [
            (&b"a\r\n.\r\nb\r\n"[..], &b"a\r\n..\r\nb\r\n"[..]),
            (b".a\n..b", b"..a\r\n...b\r\n"),
            (b"a\r.\r\n", b"a.\r\n"),
            (b"", b""),
        ] {
            assert_eq!(stuffed(mail), sent);
        }
    }

    #[test]
    fn enhanced_codes() {
        assert_eq!(enhanced("5.1.1 no such user"), Some((5, 1, 1)));
        assert_eq!(enhanced("4.2.2"), Some((4, 2, 2)));
        for text in ["", "no", "1.2.3", "5.1", "5.1.1.1", "5.1.9999", "5.x.1"] {
            assert_eq!(enhanced(text), None, "{text}");
        }
    }
}
