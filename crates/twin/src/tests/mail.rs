//! The mail server, met by a client in raw lines.

use std::net::SocketAddr;
use std::sync::Arc;

use jiff::SignedDuration;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::raw_esme::Io;
use super::{later, still_world};
use crate::{
    Behaviour, Channel, Fault, Line, MailConfig, NotDelivered, Outcome, Persona, Shown, Twin,
    TwinConfig,
};

const PATIENT: &str = "pat@example.com";
const MAIL: &str = "From: Lakeside Clinic <front@clinic.example.com>\r\n\
    To: pat@example.com\r\n\
    Subject: A message from\r\n Lakeside Clinic\r\n\
    Message-ID: <m1@clinic.example.com>\r\n\
    List-Unsubscribe: <mailto:x@clinic.example.com>, <https://clinic.example.com/u/tok>\r\n\
    List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\
    \r\n\
    Please sign in to read it.\r\n\
    ..a line that began with a dot\r\n";

struct Client {
    io: BufReader<Box<dyn Io>>,
}

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        let mut client = Self::over(TcpStream::connect(address).await.unwrap());
        assert!(client.answer().await.starts_with("220 "));
        client
    }

    fn over(io: impl Io + 'static) -> Self {
        let io: Box<dyn Io> = Box::new(io);
        Self { io: BufReader::new(io) }
    }

    /// All lines of an answer, joined; empty once the connection has ended.
    async fn answer(&mut self) -> String {
        let mut answer = String::new();
        loop {
            let mut line = String::new();
            if self.io.read_line(&mut line).await.unwrap_or(0) == 0 {
                return answer;
            }
            let last = line.as_bytes().get(3) != Some(&b'-');
            answer.push_str(&line);
            if last {
                return answer;
            }
        }
    }

    async fn say(&mut self, line: &str) -> String {
        self.io.get_mut().write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
        self.answer().await
    }

    async fn tls(self, twin: &Twin, name: &str) -> std::io::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(twin.authority().der()).unwrap();
        let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(client));
        Ok(Self::over(connector.connect(name, self.io.into_inner()).await?))
    }

    /// EHLO to the last answer of one mail.
    async fn send(&mut self, to: &str, rcpt_parameters: &str, mail: &str) -> String {
        assert!(self.say("EHLO clinic.example.com").await.contains("250 "));
        let from = "MAIL FROM:<bounce@clinic.example.com> ENVID=e7";
        assert!(self.say(from).await.starts_with("250 "));
        let answer = self.say(&format!("RCPT TO:<{to}>{rcpt_parameters}")).await;
        if !answer.starts_with("250 ") {
            return answer;
        }
        let go = self.say("DATA").await;
        if !go.starts_with("354 ") {
            return go;
        }
        self.say(&format!("{mail}.")).await
    }
}

async fn server(mail: MailConfig, patients: Vec<Persona>) -> Twin {
    still_world(TwinConfig { mail: Some(mail), patients, ..TwinConfig::default() }).await
}

#[tokio::test]
async fn starttls_is_verified_signed_in_and_recorded() {
    let users = vec![("sotto".to_owned(), "secret".to_owned())];
    let config = MailConfig { requires_tls: true, users, ..MailConfig::default() };
    let twin = server(config, Vec::new()).await;
    let mut client = Client::connect(twin.mail_address().unwrap()).await;
    let offer = client.say("EHLO clinic.example.com").await;
    for extension in ["STARTTLS", "SIZE 10485760", "8BITMIME", "DSN"] {
        assert!(offer.contains(extension), "{offer}");
    }
    assert!(!offer.contains("AUTH"), "no password in clear text");
    assert!(client.say("AUTH PLAIN AHNvdHRvAHNlY3JldA==").await.starts_with("538 "));
    assert!(client.say("MAIL FROM:<a@example.com>").await.starts_with("530 "));
    assert!(client.say("STARTTLS").await.starts_with("220 "));
    let mut client = client.tls(&twin, "mail.twin.test").await.unwrap();
    let offer = client.say("EHLO clinic.example.com").await;
    assert!(offer.contains("AUTH PLAIN") && !offer.contains("STARTTLS"), "{offer}");
    assert!(client.say("MAIL FROM:<a@example.com>").await.starts_with("530 "));
    assert!(client.say("AUTH PLAIN AHNvdHRvAHdyb25n").await.starts_with("535 "));
    assert!(client.say("AUTH PLAIN").await.starts_with("334 "));
    assert!(client.say("AHNvdHRvAHNlY3JldA==").await.starts_with("235 "));
    assert!(client.send(PATIENT, " NOTIFY=NEVER", MAIL).await.starts_with("250 2.0.0 taken as "));

    let record = twin.record();
    let mail = &record.mails[0];
    let tls = mail.tls.as_ref().unwrap();
    assert_eq!((tls.version.as_str(), tls.implicit), ("TLSv1_3", false));
    assert!(tls.cipher.starts_with("TLS13_"), "{}", tls.cipher);
    assert_eq!(tls.server_name.as_deref(), Some("mail.twin.test"));
    assert_eq!(mail.subject, "A message from Lakeside Clinic");
    assert_eq!(mail.header("message-id"), Some("<m1@clinic.example.com>"));
    assert!(mail.text.ends_with("\n.a line that began with a dot\r\n"), "{:?}", mail.text);
    assert_eq!(mail.envelope_from, "bounce@clinic.example.com");
    assert_eq!((mail.user.as_deref(), mail.envelope_id.as_deref()), (Some("sotto"), Some("e7")));
    assert_eq!(record.mails_to("PAT@example.com").count(), 1);
    twin.shutdown().await;
}

#[tokio::test]
async fn implicit_tls_and_clear_text_are_told_apart() {
    let twin = server(MailConfig::default(), Vec::new()).await;
    let io = TcpStream::connect(twin.mail_tls_address().unwrap()).await.unwrap();
    let mut client = Client::over(io).tls(&twin, "localhost").await.unwrap();
    assert!(client.answer().await.starts_with("220 "));
    assert!(client.send(PATIENT, "", MAIL).await.starts_with("250 "));
    let mut client = Client::connect(twin.mail_address().unwrap()).await;
    assert!(client.send(PATIENT, "", MAIL).await.starts_with("250 "));
    let record = twin.record();
    assert_eq!(record.mails[0].tls.as_ref().map(|tls| tls.implicit), Some(true));
    assert_eq!(record.mails[1].tls, None);
    twin.shutdown().await;
}

#[tokio::test]
async fn only_the_good_certificate_passes_verification() {
    for (certificate, name, passes) in [
        (Shown::Good, "mail.twin.test", true),
        (Shown::Good, "other.twin.test", false),
        (Shown::SelfSigned, "mail.twin.test", false),
        (Shown::WrongName, "mail.twin.test", false),
        (Shown::Expired, "mail.twin.test", false),
    ] {
        let twin = server(MailConfig { certificate, ..MailConfig::default() }, Vec::new()).await;
        let io = TcpStream::connect(twin.mail_tls_address().unwrap()).await.unwrap();
        let verified = Client::over(io).tls(&twin, name).await;
        assert_eq!(verified.is_ok(), passes, "{certificate:?} {name}");
        twin.shutdown().await;
    }
}

#[tokio::test]
async fn commands_sent_ahead_of_the_handshake_are_not_obeyed() {
    let twin = server(MailConfig::default(), Vec::new()).await;
    let mut client = Client::connect(twin.mail_address().unwrap()).await;
    client.say("EHLO x").await;
    client.io.get_mut().write_all(b"STARTTLS\r\nEHLO y\r\nNOOP\r\n").await.unwrap();
    assert!(client.answer().await.starts_with("220 "));
    assert_eq!(client.answer().await, "", "the connection is closed");
    twin.shutdown().await;
}

#[tokio::test]
async fn refusals_and_lost_connections_are_those_of_the_script() {
    let dead = Persona::mailbox("dead@example.com", Behaviour::Silent).on(Line::DeadMailbox);
    let twin = server(MailConfig::default(), vec![dead]).await;
    for (fault, answer, taken) in [
        (Fault::Throttle, "450 4.7.1", 0),
        (Fault::Temporary, "451 4.3.0", 0),
        (Fault::Permanent, "550 5.1.1", 0),
        (Fault::OptedOut, "550 5.7.1", 0),
        (Fault::DropBeforeAccept, "", 0),
        (Fault::DropBeforeAnswer, "", 1),
        (Fault::DropAfterAnswer, "250 2.0.0", 1),
        (Fault::GarbageBytes, "", 1),
    ] {
        let before = twin.look(|record| record.counts.mails);
        twin.faults().next(Channel::Email, fault);
        let mut client = Client::connect(twin.mail_address().unwrap()).await;
        let said = client.send(PATIENT, " NOTIFY=NEVER", MAIL).await;
        assert!(said.starts_with(answer) && said.is_empty() == answer.is_empty(), "{fault:?}");
        assert_eq!(twin.look(|record| record.counts.mails) - before, taken, "{fault:?}");
    }
    let mut client = Client::connect(twin.mail_address().unwrap()).await;
    assert!(client.send("dead@example.com", "", MAIL).await.starts_with("550 5.1.1"));
    let refused = twin.record();
    let refused = refused.mails.last().unwrap();
    assert_eq!(refused.outcome, Outcome::Refused("550 5.1.1".into()));
    twin.shutdown().await;
}

#[tokio::test]
async fn hostile_mail_is_refused_in_bounded_memory() {
    let twin = server(MailConfig { max_size: 2000, ..MailConfig::default() }, Vec::new()).await;
    let address = twin.mail_address().unwrap();
    let long = "x".repeat(3000);
    for (mail, answer) in [
        (format!("{MAIL}a\nb\r\n"), "550 5.6.11"),
        (format!("{MAIL}a\n.\nMAIL FROM:<evil@example.com>\r\n"), "550 5.6.11"),
        (format!("{MAIL}{long}\r\n"), "500 5.5.2"),
        ("y\r\n".repeat(1000), "552 5.3.4"),
    ] {
        let said = Client::connect(address).await.send(PATIENT, "", &mail).await;
        assert!(said.starts_with(answer), "{said}");
    }
    let mut client = Client::connect(address).await;
    client.say("EHLO x").await;
    assert!(client.say("MAIL FROM:<a@example.com> SIZE=2001").await.starts_with("552 "));
    assert!(client.say("RCPT TO:<a@example.com>").await.starts_with("503 "));
    assert!(client.say("DATA").await.starts_with("503 "));
    assert!(client.say(&"z".repeat(20_000)).await.starts_with("500 "));
    assert_eq!(client.answer().await, "");
    let mut client = Client::connect(address).await;
    let mut said = String::new();
    for _ in 0..30 {
        said = client.say("WHAT").await;
        if said.starts_with("421") {
            break;
        }
    }
    assert!(said.starts_with("421 "), "{said}");
    assert_eq!(twin.look(|record| record.counts.mails), 0);
    twin.shutdown().await;
}

/// A mail server that takes one mail and gives it back.
async fn one_mail(listener: TcpListener) -> Vec<String> {
    let (io, _) = listener.accept().await.unwrap();
    let mut io = BufReader::new(io);
    io.get_mut().write_all(b"220 x\r\n").await.unwrap();
    let (mut lines, mut data) = (Vec::new(), false);
    loop {
        let mut line = String::new();
        if io.read_line(&mut line).await.unwrap() == 0 {
            return lines;
        }
        let line = line.trim_end_matches("\r\n").to_owned();
        let answer: &[u8] = match line.as_str() {
            "DATA" => {
                data = true;
                b"354 go\r\n"
            }
            "." => {
                data = false;
                b"250 ok\r\n"
            }
            _ if data => b"",
            _ => b"250-first\r\n250 ok\r\n",
        };
        io.get_mut().write_all(answer).await.unwrap();
        lines.push(line);
    }
}

#[tokio::test]
async fn a_bounce_comes_back_as_a_report_with_an_empty_sender() {
    let bouncing =
        Persona::mailbox("full@example.com", Behaviour::Silent).on(Line::BouncingMailbox);
    let twin = server(MailConfig::default(), vec![bouncing]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    twin.bounces_to(listener.local_addr().unwrap());
    let server = tokio::spawn(one_mail(listener));
    let mut client = Client::connect(twin.mail_address().unwrap()).await;
    assert!(client.send("full@example.com", "", MAIL).await.starts_with("250 "));
    later(&twin);
    let got = server.await.unwrap();
    for line in [
        "MAIL FROM:<>",
        "RCPT TO:<bounce@clinic.example.com>",
        "Original-Envelope-Id: e7",
        "Final-Recipient: rfc822; full@example.com",
        "Action: failed",
        "Status: 5.1.1",
        "Message-ID: <m1@clinic.example.com>",
    ] {
        assert!(got.iter().any(|l| l == line), "{line}\n{got:#?}");
    }
    twin.until(|record| record.counts.bounces_acked == 1).await;
    twin.shutdown().await;
}

#[tokio::test]
async fn success_is_reported_only_where_asked_for() {
    let twin = server(MailConfig::default(), Vec::new()).await;
    let why = NotDelivered::Unknown;
    let mut client = Client::connect(twin.mail_address().unwrap()).await;
    for (notify, fault, planned) in [
        ("", None, 0),
        (" NOTIFY=SUCCESS,FAILURE", None, 1),
        (" NOTIFY=SUCCESS", Some(Fault::FailedReceipt { why }), 1),
        ("", Some(Fault::FailedReceipt { why }), 2),
        ("", Some(Fault::LostReceipt), 2),
    ] {
        if let Some(fault) = fault {
            twin.faults().next(Channel::Email, fault);
        }
        assert!(client.send(PATIENT, notify, MAIL).await.starts_with("250 "));
        assert_eq!(twin.pending(), planned, "{notify} {fault:?}");
    }
    twin.shutdown().await;
}

#[tokio::test]
async fn one_click_unsubscribe_is_a_post_to_the_practice_and_happens_once() {
    let patient = Persona::mailbox(PATIENT, Behaviour::Unsubscribes);
    let twin = server(MailConfig::default(), vec![patient]).await;
    let web = TcpListener::bind("127.0.0.1:0").await.unwrap();
    twin.web_to(web.local_addr().unwrap());
    let mut client = Client::connect(twin.mail_address().unwrap()).await;
    for _ in 0..2 {
        assert!(client.send(PATIENT, " NOTIFY=NEVER", MAIL).await.starts_with("250 "));
    }
    assert_eq!(twin.pending(), 1);
    twin.clock().advance(SignedDuration::from_hours(1));
    let (mut io, _) = web.accept().await.unwrap();
    let mut request = String::new();
    while !request.ends_with("List-Unsubscribe=One-Click") {
        let mut octets = [0; 1024];
        let read = io.read(&mut octets).await.unwrap();
        assert_ne!(read, 0, "{request}");
        request.push_str(std::str::from_utf8(&octets[..read]).unwrap());
    }
    assert!(request.starts_with("POST /u/tok HTTP/1.1\r\n"), "{request}");
    let lower = request.to_lowercase();
    assert!(lower.contains("host: clinic.example.com\r\n"), "{request}");
    assert!(!lower.contains("cookie"));
    io.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    twin.until(|record| record.counts.clicks_acked == 1).await;
    twin.shutdown().await;
}
