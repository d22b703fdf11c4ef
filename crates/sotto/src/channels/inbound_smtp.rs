//! The door through which bounces come back: a small SMTP server that accepts mail to bounce
//! addresses and nothing else.
//!
//! A mail is answered with 250 only after its event is stored; otherwise with 451, and the sender
//! tries again. Everything a stranger can make long is bounded: lines, commands, mails, time,
//! connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::carrier_event::{Carried, CarrierEvent, CarrierEvents, Done};
use super::transport::Stream;
use super::{OpaqueIds, bounce};

/// Octets of a line, its end included: RFC 5321 §4.5.3.1.6 doubled.
const LONGEST_LINE: usize = 2_048;
/// Commands in one session.
const MOST_COMMANDS: usize = 200;
/// Sessions at once; more wait for their greeting.
const MOST_SESSIONS: usize = 32;
/// Time for one line, and for one session.
const LINE_WITHIN: Duration = Duration::from_secs(60);
const SESSION_WITHIN: Duration = Duration::from_secs(600);

/// What the door accepts.
#[derive(Clone)]
pub struct InboundSmtpSettings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Our name in the greeting.
    pub name: String,
    /// The domain of bounce addresses.
    pub bounce_domain: String,
    /// Octets of the longest mail.
    pub longest_mail: usize,
    /// To offer STARTTLS with.
    pub tls: Option<Arc<rustls::ServerConfig>>,
}

impl std::fmt::Debug for InboundSmtpSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "InboundSmtpSettings({}, {})", self.listen, self.bounce_domain)
    }
}

/// Listens until the handle is aborted or the events' receiver is gone. Answers with the address
/// it got, which matters when port 0 was asked for.
///
/// # Errors
/// The address cannot be listened on.
pub async fn start(
    settings: InboundSmtpSettings,
    events: CarrierEvents,
) -> io::Result<(SocketAddr, JoinHandle<()>)> {
    let listener = TcpListener::bind(settings.listen).await?;
    let address = listener.local_addr()?;
    let settings = Arc::new(settings);
    let task = tokio::spawn(async move {
        let permits = Arc::new(Semaphore::new(MOST_SESSIONS));
        // Dropped with this task, and its sessions with it.
        let mut sessions = JoinSet::new();
        while !events.is_closed() {
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
            while sessions.try_join_next().is_some() {}
            match listener.accept().await {
                Ok((stream, _)) => {
                    let (settings, events) = (Arc::clone(&settings), events.clone());
                    sessions.spawn(async move {
                        let _permit = permit;
                        let stream = Box::new(stream);
                        let _ = timeout(SESSION_WITHIN, converse(stream, &settings, &events)).await;
                    });
                }
                Err(error) => tracing::warn!(kind = %error.kind(), "inbound_smtp.accept.failed"),
            }
        }
    });
    Ok((address, task))
}

/// One session with a stranger, to its end. Every event goes to `events` and is answered for.
///
/// # Errors
/// The connection broke, or the stranger said nothing for a minute.
pub async fn converse(
    stream: Stream,
    settings: &InboundSmtpSettings,
    events: &CarrierEvents,
) -> io::Result<()> {
    let mut wire = Wire { stream, buffer: Vec::new() };
    let mut session = Session { settings, secured: false, greeted: false, sender: false, to: None };
    wire.say(&format!("220 {} ESMTP", settings.name)).await?;
    for _ in 0..MOST_COMMANDS {
        let Some(line) = wire.line().await? else {
            wire.say("500 5.5.2 line too long").await?;
            return Ok(());
        };
        match session.command(&line) {
            Next::Say(answer) => wire.say(answer).await?,
            Next::Hello => wire.say(&session.hello()).await?,
            Next::Quit => return wire.say("221 2.0.0 bye").await,
            Next::StartTls => {
                wire.say("220 2.0.0 go ahead").await?;
                // Octets that came along were not protected: someone injected them.
                let (Some(tls), true) = (&settings.tls, wire.buffer.is_empty()) else {
                    return Ok(());
                };
                let accepted = TlsAcceptor::from(Arc::clone(tls)).accept(wire.stream).await?;
                wire = Wire { stream: Box::new(accepted), buffer: Vec::new() };
                session =
                    Session { secured: true, greeted: false, sender: false, to: None, ..session };
            }
            Next::Data(id) => {
                wire.say("354 end with a line that holds a dot").await?;
                match wire.mail(settings.longest_mail).await? {
                    Mail::Whole(mail) => {
                        let answer = take(&id, &mail, events).await;
                        wire.say(answer).await?;
                    }
                    Mail::TooLong => wire.say("552 5.3.4 mail too long").await?,
                    Mail::BadLine => {
                        wire.say("500 5.5.2 line too long").await?;
                        return Ok(());
                    }
                }
            }
        }
    }
    wire.say("421 4.7.0 too many commands").await
}

/// Turns a mail into an event, and answers for it.
async fn take(id: &str, mail: &[u8], events: &CarrierEvents) -> &'static str {
    let Some(receipt) = bounce::read(id, mail) else {
        // An out-of-office answer or a person: nothing to record, nothing to send back.
        return "250 2.0.0 no report, dropped";
    };
    let (done, stored) = Done::with_receiver();
    let event = Carried { event: CarrierEvent::Receipt(receipt), done };
    if events.send(event).await.is_err() {
        return "451 4.3.0 try again later";
    }
    match stored.await {
        Ok(true) => "250 2.0.0 stored",
        _ => "451 4.3.0 try again later",
    }
}

/// The state of a session, without its connection.
struct Session<'a> {
    settings: &'a InboundSmtpSettings,
    secured: bool,
    greeted: bool,
    sender: bool,
    to: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum Next {
    Say(&'static str),
    Hello,
    StartTls,
    Data(String),
    Quit,
}

impl Session<'_> {
    fn hello(&self) -> String {
        let tls =
            if self.settings.tls.is_some() && !self.secured { "250-STARTTLS\r\n" } else { "" };
        let (name, size) = (&self.settings.name, self.settings.longest_mail);
        format!(
            "250-{name}\r\n250-SIZE {size}\r\n250-8BITMIME\r\n250-DSN\r\n{tls}250 ENHANCEDSTATUSCODES"
        )
    }

    fn command(&mut self, line: &str) -> Next {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" | "HELO" => {
                (self.greeted, self.sender, self.to) = (true, false, None);
                if verb.eq_ignore_ascii_case("HELO") { Next::Say("250 hello") } else { Next::Hello }
            }
            "STARTTLS" if self.settings.tls.is_some() && !self.secured => Next::StartTls,
            "MAIL" if self.greeted => {
                if argument(rest, "FROM:").is_none() {
                    return Next::Say("501 5.5.4 MAIL FROM:<address> is expected");
                }
                (self.sender, self.to) = (true, None);
                Next::Say("250 2.1.0 ok")
            }
            "RCPT" if self.sender => {
                if self.to.is_some() {
                    return Next::Say("452 4.5.3 one recipient a mail");
                }
                match argument(rest, "TO:").and_then(|to| self.bounce_id(to)) {
                    Some(id) => {
                        self.to = Some(id);
                        Next::Say("250 2.1.5 ok")
                    }
                    None => Next::Say("550 5.1.1 only bounce addresses are accepted here"),
                }
            }
            "DATA" => match self.to.take() {
                Some(id) => {
                    self.sender = false;
                    Next::Data(id)
                }
                None => Next::Say("503 5.5.1 RCPT TO first"),
            },
            "RSET" => {
                (self.sender, self.to) = (false, None);
                Next::Say("250 2.0.0 ok")
            }
            "NOOP" => Next::Say("250 2.0.0 ok"),
            "QUIT" => Next::Quit,
            "VRFY" | "EXPN" => Next::Say("252 2.5.0 not told"),
            "MAIL" => Next::Say("503 5.5.1 EHLO first"),
            "RCPT" => Next::Say("503 5.5.1 MAIL FROM first"),
            _ => Next::Say("502 5.5.1 not understood"),
        }
    }

    /// The opaque id in a bounce address of ours.
    fn bounce_id(&self, address: &str) -> Option<String> {
        let (local, domain) = address.rsplit_once('@')?;
        let id =
            local.strip_prefix("b-").or_else(|| local.strip_prefix("B-"))?.to_ascii_lowercase();
        let ours = domain.eq_ignore_ascii_case(&self.settings.bounce_domain);
        (ours && OpaqueIds::looks_like_one(&id)).then_some(id)
    }
}

/// The address between `<` and `>` after a keyword.
fn argument<'a>(rest: &'a str, keyword: &str) -> Option<&'a str> {
    let rest = rest.trim_start();
    let head = rest.get(..keyword.len())?;
    let tail = rest.get(keyword.len()..)?.trim_start();
    let (address, _) = tail.strip_prefix('<')?.split_once('>')?;
    head.eq_ignore_ascii_case(keyword).then_some(address)
}

struct Wire {
    stream: Stream,
    buffer: Vec<u8>,
}

enum Mail {
    Whole(Vec<u8>),
    TooLong,
    BadLine,
}

impl Wire {
    async fn say(&mut self, answer: &str) -> io::Result<()> {
        let write = async {
            self.stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
            self.stream.flush().await
        };
        timeout(LINE_WITHIN, write).await.map_err(|_| io::ErrorKind::TimedOut)?
    }

    /// A command line; nothing if it is too long.
    async fn line(&mut self) -> io::Result<Option<String>> {
        let line =
            timeout(LINE_WITHIN, self.octets()).await.map_err(|_| io::ErrorKind::TimedOut)??;
        Ok(line.map(|line| String::from_utf8_lossy(&line).trim_end().to_owned()))
    }

    /// Octets up to a line feed; nothing if there are too many of them.
    async fn octets(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(end) = self.buffer.iter().position(|octet| *octet == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Ok((line.len() <= LONGEST_LINE).then_some(line));
            }
            if self.buffer.len() > LONGEST_LINE {
                return Ok(None);
            }
            let mut chunk = [0; 4_096];
            match self.stream.read(&mut chunk).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => self.buffer.extend_from_slice(chunk.get(..read).unwrap_or_default()),
            }
        }
    }

    /// A mail up to its dot. One that is too long is read to its end and not kept.
    async fn mail(&mut self, longest: usize) -> io::Result<Mail> {
        let (mut mail, mut length) = (Vec::new(), 0_usize);
        loop {
            let line = timeout(LINE_WITHIN, self.octets()).await;
            let Some(line) = line.map_err(|_| io::ErrorKind::TimedOut)?? else {
                return Ok(Mail::BadLine);
            };
            if line == b".\r\n" {
                return Ok(if length > longest { Mail::TooLong } else { Mail::Whole(mail) });
            }
            length = length.saturating_add(line.len());
            if length > longest.saturating_mul(4) {
                return Err(io::ErrorKind::InvalidData.into());
            }
            if length <= longest {
                mail.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
            } else {
                mail.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> InboundSmtpSettings {
        InboundSmtpSettings {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            name: "mx.lakeside.example".into(),
            bounce_domain: "bounce.lakeside.example".into(),
            longest_mail: 1_000,
            tls: None,
        }
    }

    #[test]
    fn only_bounce_addresses_are_accepted() {
        let settings = settings();
        let mut session = Session {
            settings: &settings,
            secured: false,
            greeted: false,
            sender: false,
            to: None,
        };
        let id = "0123456789abcdef0123456789abcdef";
        for (line, answer) in [
            ("DATA", "503"),
            ("MAIL FROM:<>", "503"),
            ("STARTTLS", "502"),
            ("RCPT TO:<a@b.example>", "503"),
            ("helo x", "250"),
            ("mail from:<> SIZE=20", "250"),
            ("MAIL FROM", "501"),
            ("RCPT TO:<someone@lakeside.example>", "550"),
            ("RCPT TO:<b-0123@bounce.lakeside.example>", "550"),
            ("RCPT TO:<b-0123456789abcdef0123456789abcdef@elsewhere.example>", "550"),
            ("RCPT TO:<B-0123456789ABCDEF0123456789ABCDEF@Bounce.Lakeside.Example>", "250"),
            ("RCPT TO:<b-0123456789abcdef0123456789abcdef@bounce.lakeside.example>", "452"),
            ("\u{fffd}", "502"),
        ] {
            let Next::Say(said) = session.command(line) else { panic!("{line}") };
            assert!(said.starts_with(answer), "{line}: {said}");
        }
        assert_eq!(session.command("DATA"), Next::Data(id.into()));
        assert_eq!(session.command("QUIT"), Next::Quit);
    }

    #[tokio::test]
    async fn mails_are_unstuffed_and_bounded() {
        for (sent, kept) in [
            (b"a\r\n..b\r\n.\r\n".to_vec(), Some(&b"a\r\n.b\r\n"[..])),
            // A lone line feed around the dot ends nothing (SMTP smuggling).
            (b"a\n.\nb\r\n.\r\n".to_vec(), Some(b"a\n\nb\r\n")),
            ([b"x".repeat(500), b"\r\n".to_vec()].concat().repeat(3), None),
        ] {
            let (mut ours, theirs) = tokio::io::duplex(8_192);
            ours.write_all(&sent).await.unwrap();
            ours.write_all(b".\r\n").await.unwrap();
            let mut wire = Wire { stream: Box::new(theirs), buffer: Vec::new() };
            match (wire.mail(1_000).await.unwrap(), kept) {
                (Mail::Whole(mail), Some(kept)) => assert_eq!(mail, kept),
                (Mail::TooLong, None) => {}
                _ => panic!("{}", String::from_utf8_lossy(&sent)),
            }
        }
    }

    fn tls() -> (Arc<rustls::ServerConfig>, tokio_rustls::TlsConnector) {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["mx.lakeside.example".into()]).unwrap();
        let certificate = params.self_signed(&key).unwrap().der().clone();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let der = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der());
        let server = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], der.into())
            .unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(certificate).unwrap();
        let client = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        (Arc::new(server), Arc::new(client).into())
    }

    /// Says something, and gives back the answer up to its last line.
    async fn ask(stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin), said: &str) -> String {
        stream.write_all(said.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        let mut answer = String::new();
        loop {
            let octet = stream.read_u8().await.unwrap();
            answer.push(char::from(octet));
            let last = answer.lines().last().unwrap();
            if answer.ends_with("\r\n") && last.as_bytes()[3] == b' ' {
                return answer;
            }
        }
    }

    #[tokio::test]
    async fn starttls_protects_and_forgets_what_was_said_before() {
        let (server, client) = tls();
        let settings = InboundSmtpSettings { tls: Some(server), ..settings() };
        let (events, mut told) = tokio::sync::mpsc::channel(1);
        let (ours, mut theirs) = tokio::io::duplex(8_192);
        let session =
            tokio::spawn(async move { converse(Box::new(ours), &settings, &events).await });
        assert!(ask(&mut theirs, "").await.starts_with("220 "));
        assert!(ask(&mut theirs, "EHLO a\r\n").await.contains("250-STARTTLS\r\n"));
        assert!(ask(&mut theirs, "MAIL FROM:<>\r\n").await.starts_with("250 "));
        assert!(ask(&mut theirs, "STARTTLS\r\n").await.starts_with("220 "));
        let name = "mx.lakeside.example".try_into().unwrap();
        let mut theirs = client.connect(name, theirs).await.unwrap();
        // RFC 3207 §4.2: as if nothing had been said, and not offered twice.
        let to = "RCPT TO:<b-0123456789abcdef0123456789abcdef@bounce.lakeside.example>\r\n";
        assert!(ask(&mut theirs, to).await.starts_with("503 "));
        assert!(ask(&mut theirs, "MAIL FROM:<>\r\n").await.starts_with("503 "));
        assert!(!ask(&mut theirs, "EHLO a\r\n").await.contains("STARTTLS"));
        assert!(ask(&mut theirs, "STARTTLS\r\n").await.starts_with("502 "));
        assert!(ask(&mut theirs, "MAIL FROM:<>\r\n").await.starts_with("250 "));
        assert!(ask(&mut theirs, to).await.starts_with("250 "));
        assert!(ask(&mut theirs, "DATA\r\n").await.starts_with("354 "));
        let mail = "From: MAILER-DAEMON@mx.example\r\n\r\n550 5.1.1 no such user\r\n.\r\n";
        let stored = async {
            let Carried { event, done } = told.recv().await.unwrap();
            let CarrierEvent::Receipt(receipt) = event else { panic!("{event:?}") };
            done.stored();
            receipt.carrier_id
        };
        let (answer, id) = tokio::join!(ask(&mut theirs, mail), stored);
        assert!(answer.starts_with("250 2.0.0 stored"), "{answer}");
        assert_eq!(id, "0123456789abcdef0123456789abcdef");
        assert!(ask(&mut theirs, "QUIT\r\n").await.starts_with("221 "));
        session.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn what_is_injected_before_the_handshake_is_never_read() {
        let (server, _) = tls();
        let settings = InboundSmtpSettings { tls: Some(server), ..settings() };
        let (events, _told) = tokio::sync::mpsc::channel(1);
        let (ours, mut theirs) = tokio::io::duplex(8_192);
        let session =
            tokio::spawn(async move { converse(Box::new(ours), &settings, &events).await });
        theirs.write_all(b"EHLO a\r\nSTARTTLS\r\nMAIL FROM:<evil@example.com>\r\n").await.unwrap();
        let mut said = String::new();
        theirs.read_to_string(&mut said).await.unwrap();
        assert!(said.ends_with("220 2.0.0 go ahead\r\n"), "{said}");
        session.await.unwrap().unwrap();
    }
}
