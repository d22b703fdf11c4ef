//! One SMTP conversation (RFC 5321), server side.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncRead, AsyncWrite};

use super::MailServer;
use super::envelope::{self, Recipient, Sender};
use super::kept::Envelope;
use crate::faults::{Channel, Fault, NotDelivered};
use crate::lines::{LineError, Lines};
use crate::patients::Line;
use crate::record::{Outcome, TlsFacts};

/// RFC 5321 §4.5.3.1.4, with room for the longest AUTH PLAIN (RFC 4954 §4).
const COMMAND: usize = 12_288;
/// RFC 5321 §4.5.3.1.6: 1000 octets with CRLF, and one for a stuffed dot.
const TEXT_LINE: usize = 999;
/// A client that makes this many errors is told to go.
const MOST_ERRORS: u32 = 20;

/// How a conversation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Closed,
    StartTls,
}

pub(crate) struct Session<'a> {
    pub(super) server: &'a MailServer,
    pub(super) tls: Option<TlsFacts>,
    greeted: bool,
    pub(super) user: Option<String>,
    pub(super) sender: Option<Sender>,
    recipients: Vec<(Recipient, Option<Fault>)>,
    errors: u32,
}

/// What the conversation does after an answer.
enum Next {
    Say(&'static str),
    Own(String),
    Data,
    StartTls,
    Challenge,
    Quit,
    /// A scripted fault takes the connection away.
    Break(Fault),
}

impl<'a> Session<'a> {
    pub(crate) fn new(server: &'a MailServer, tls: Option<TlsFacts>) -> Self {
        Self {
            server,
            tls,
            greeted: false,
            user: None,
            sender: None,
            recipients: Vec::new(),
            errors: 0,
        }
    }

    pub(crate) async fn greet_and_run<S>(&mut self, lines: &mut Lines<S>) -> Ended
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let greeting = format!("220 {} ESMTP twin\r\n", self.server.config.name);
        match lines.write(greeting.as_bytes()).await {
            Ok(()) => self.run(lines).await,
            Err(_) => Ended::Closed,
        }
    }

    pub(crate) async fn run<S>(&mut self, lines: &mut Lines<S>) -> Ended
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let idle = self.server.config.idle;
        loop {
            let line = match tokio::time::timeout(idle, lines.line(COMMAND)).await {
                Ok(Ok(line)) => line,
                Ok(Err(LineError::Io(_))) => return Ended::Closed,
                Ok(Err(LineError::TooLong(_) | LineError::Bare)) => {
                    // What follows cannot be told from commands: say so and close.
                    let _ = lines.write(b"500 5.5.2 line too long or badly ended\r\n").await;
                    return Ended::Closed;
                }
                Err(_) => {
                    let _ = lines.write(b"421 4.4.2 idle for too long\r\n").await;
                    return Ended::Closed;
                }
            };
            let command = String::from_utf8_lossy(&line).into_owned();
            let next = self.command(&command);
            match self.follow(next, lines).await {
                Ok(None) => {}
                Ok(Some(ended)) => return ended,
                Err(_) => return Ended::Closed,
            }
        }
    }

    async fn follow<S>(
        &mut self,
        next: Next,
        lines: &mut Lines<S>,
    ) -> Result<Option<Ended>, LineError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let answer = match next {
            Next::Own(answer) => answer,
            Next::Say(answer) => answer.to_owned(),
            Next::Quit => {
                lines.write(b"221 2.0.0 bye\r\n").await?;
                return Ok(Some(Ended::Closed));
            }
            Next::StartTls => {
                lines.write(b"220 2.0.0 go ahead\r\n").await?;
                return Ok(Some(Ended::StartTls));
            }
            Next::Challenge => {
                lines.write(b"334 \r\n").await?;
                let answer = lines.line(COMMAND).await?;
                self.sign_in(&String::from_utf8_lossy(&answer)).to_owned()
            }
            Next::Data => {
                lines.write(b"354 end with a dot\r\n").await?;
                match self.data(lines).await? {
                    Ok(answer) => answer,
                    Err(fault) => return self.break_off(fault, lines).await,
                }
            }
            Next::Break(fault) => return self.break_off(fault, lines).await,
        };
        if answer.starts_with('5') {
            self.errors += 1;
        }
        if self.errors > MOST_ERRORS {
            lines.write(b"421 4.7.0 too many errors\r\n").await?;
            return Ok(Some(Ended::Closed));
        }
        lines.write(answer.as_bytes()).await?;
        Ok(None)
    }

    async fn break_off<S>(
        &mut self,
        fault: Fault,
        lines: &mut Lines<S>,
    ) -> Result<Option<Ended>, LineError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match fault {
            Fault::HalfOpen | Fault::AcceptAndNeverAnswer => lines.play_dead().await,
            Fault::GarbageBytes => lines.write(b"\x00\xff\xfe2\x1b[0m??\r\n\r\n\x80").await?,
            Fault::DropAfterAnswer => lines.write(b"250 2.0.0 taken\r\n").await?,
            _ => {}
        }
        Ok(Some(Ended::Closed))
    }

    fn command(&mut self, line: &str) -> Next {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" => self.hello(rest),
            "HELO" => {
                self.reset(true);
                Next::Own(format!("250 {}\r\n", self.server.config.name))
            }
            "STARTTLS" if self.tls.is_some() => Next::Say("503 5.5.1 TLS is on\r\n"),
            "STARTTLS" if !self.server.config.offers_starttls => {
                Next::Say("502 5.5.1 not offered\r\n")
            }
            "STARTTLS" => Next::StartTls,
            "AUTH" => self.auth(rest),
            "MAIL" => self.mail(rest),
            "RCPT" => self.rcpt(rest),
            "DATA" if self.sender.is_none() || self.recipients.is_empty() => {
                Next::Say("503 5.5.1 MAIL and RCPT come first\r\n")
            }
            "DATA" => match self.recipients.iter().find_map(|(_, fault)| *fault) {
                Some(fault @ Fault::DropBeforeAccept) => Next::Break(fault),
                _ => Next::Data,
            },
            "RSET" => {
                self.reset(self.greeted);
                Next::Say("250 2.0.0 forgotten\r\n")
            }
            "NOOP" => Next::Say("250 2.0.0 ok\r\n"),
            "VRFY" => Next::Say("252 2.5.0 try it\r\n"),
            "QUIT" => Next::Quit,
            _ => Next::Say("500 5.5.1 command not known\r\n"),
        }
    }

    fn reset(&mut self, greeted: bool) {
        self.greeted = greeted;
        self.sender = None;
        self.recipients.clear();
    }

    fn hello(&mut self, _name: &str) -> Next {
        self.reset(true);
        let config = &self.server.config;
        let mut answer = format!("250-{}\r\n", config.name);
        if self.tls.is_none() && config.offers_starttls {
            answer.push_str("250-STARTTLS\r\n");
        }
        if self.tls.is_some() && !config.users.is_empty() {
            answer.push_str("250-AUTH PLAIN\r\n");
        }
        answer.push_str(&format!("250-SIZE {}\r\n", config.max_size));
        answer.push_str("250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250-PIPELINING\r\n250 DSN\r\n");
        Next::Own(answer)
    }

    fn auth(&mut self, rest: &str) -> Next {
        if self.tls.is_none() {
            return Next::Say("538 5.7.11 TLS comes first\r\n");
        }
        let (mechanism, initial) = rest.split_once(' ').unwrap_or((rest, ""));
        if !mechanism.eq_ignore_ascii_case("PLAIN") {
            return Next::Say("504 5.5.4 only PLAIN\r\n");
        }
        if initial.is_empty() { Next::Challenge } else { Next::Say(self.sign_in(initial)) }
    }

    /// RFC 4616: authorization id, NUL, user, NUL, password.
    fn sign_in(&mut self, encoded: &str) -> &'static str {
        let decoded = STANDARD.decode(encoded.trim()).unwrap_or_default();
        let mut fields = decoded.split(|octet| *octet == 0).skip(1);
        let (user, password) = (fields.next().unwrap_or(b""), fields.next().unwrap_or(b""));
        let known = self.server.config.users.iter().find(|(known_user, known_password)| {
            known_user.as_bytes() == user && known_password.as_bytes() == password
        });
        match known {
            Some((user, _)) => {
                self.user = Some(user.clone());
                "235 2.7.0 signed in\r\n"
            }
            None => "535 5.7.8 user or password wrong\r\n",
        }
    }

    fn mail(&mut self, rest: &str) -> Next {
        let config = &self.server.config;
        if !self.greeted {
            return Next::Say("503 5.5.1 EHLO comes first\r\n");
        }
        if config.requires_tls && self.tls.is_none() {
            return Next::Say("530 5.7.0 STARTTLS comes first\r\n");
        }
        if !config.users.is_empty() && self.user.is_none() {
            return Next::Say("530 5.7.0 sign in first\r\n");
        }
        match envelope::sender(rest) {
            Err(answer) => Next::Say(answer),
            Ok(sender) if sender.size.is_some_and(|size| size > config.max_size) => {
                Next::Say("552 5.3.4 mail too big\r\n")
            }
            Ok(sender) => {
                self.reset(true);
                self.sender = Some(sender);
                Next::Say("250 2.1.0 ok\r\n")
            }
        }
    }

    fn rcpt(&mut self, rest: &str) -> Next {
        if self.sender.is_none() {
            return Next::Say("503 5.5.1 MAIL comes first\r\n");
        }
        let recipient = match envelope::recipient(rest) {
            Err(answer) => return Next::Say(answer),
            Ok(recipient) => recipient,
        };
        if self.recipients.len() >= self.server.config.max_recipients {
            return Next::Say("452 4.5.3 too many recipients\r\n");
        }
        let world = &self.server.world;
        let fault = world.meet(Channel::Email, &recipient.path);
        let fault = match world.line(&recipient.path) {
            Some(Line::DeadMailbox) => Some(Fault::Permanent),
            Some(Line::BouncingMailbox) if fault.is_none() => {
                Some(Fault::FailedReceipt { why: NotDelivered::Unknown })
            }
            _ => fault,
        };
        let refusal = match fault {
            Some(Fault::Throttle) => "450 4.7.1 too many mails, come back later\r\n",
            Some(Fault::Temporary) => "451 4.3.0 not now\r\n",
            Some(Fault::Permanent) => "550 5.1.1 no such mailbox\r\n",
            Some(Fault::OptedOut) => "550 5.7.1 recipient refuses your mail\r\n",
            _ => {
                self.recipients.push((recipient, fault));
                return Next::Say("250 2.1.5 ok\r\n");
            }
        };
        let code = refusal.split(' ').take(2).collect::<Vec<_>>().join(" ");
        let envelope = Envelope { recipient: &recipient, fault, outcome: Outcome::Refused(code) };
        self.keep(envelope, "", &[]);
        Next::Say(refusal)
    }

    /// Reads the mail; `Ok(Err(fault))` when a fault takes the answer away.
    async fn data<S>(&mut self, lines: &mut Lines<S>) -> Result<Result<String, Fault>, LineError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut raw = Vec::new();
        let mut refusal = None;
        loop {
            let read = tokio::time::timeout(self.server.config.idle, lines.line(TEXT_LINE)).await;
            let line = match read {
                Ok(Ok(line)) => line,
                Ok(Err(LineError::Bare)) => {
                    refusal = Some("550 5.6.11 bare CR or LF in the mail\r\n");
                    continue;
                }
                Ok(Err(LineError::TooLong(most))) => {
                    lines.write(b"500 5.5.2 line of the mail too long\r\n").await?;
                    return Err(LineError::TooLong(most));
                }
                Ok(Err(error)) => return Err(error),
                Err(_) => return Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
            };
            if line.as_ref() == b"." {
                break;
            }
            let line = line.strip_prefix(b".").unwrap_or(&line);
            if raw.len() + line.len() + 2 > self.server.config.max_size {
                refusal = Some("552 5.3.4 mail too big\r\n");
            }
            if refusal.is_none() {
                raw.extend_from_slice(line);
                raw.extend_from_slice(b"\r\n");
            }
        }
        if let Some(refusal) = refusal {
            self.reset(true);
            return Ok(Ok(refusal.to_owned()));
        }
        Ok(self.take(&raw))
    }

    fn take(&mut self, raw: &[u8]) -> Result<String, Fault> {
        let world = &self.server.world;
        let recipients = std::mem::take(&mut self.recipients);
        let queue_id = format!("{:X}", world.new_message());
        let mut breaking = None;
        for (recipient, fault) in &recipients {
            let envelope = Envelope { recipient, fault: *fault, outcome: Outcome::Taken };
            self.keep(envelope, &queue_id, raw);
            self.plan_notices(recipient, *fault, &queue_id, raw);
            breaking = breaking.or(fault.filter(|fault| {
                matches!(
                    fault,
                    Fault::HalfOpen
                        | Fault::AcceptAndNeverAnswer
                        | Fault::GarbageBytes
                        | Fault::DropBeforeAnswer
                        | Fault::DropAfterAnswer
                )
            }));
        }
        self.reset(true);
        match breaking {
            Some(fault) => Err(fault),
            None => Ok(format!("250 2.0.0 taken as {queue_id}\r\n")),
        }
    }
}
