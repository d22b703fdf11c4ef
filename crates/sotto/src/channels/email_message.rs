//! A released message as a mail: headers, quoted-printable text, DKIM signatures.

use std::path::PathBuf;
use std::time::SystemTime;

use gate::{EmailAddress, Kind};
use jiff::Timestamp;
use lettre::Message;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, SinglePart};
use mail_auth::common::crypto::{Ed25519Key, RsaKey, Sha256};
use mail_auth::common::headers::HeaderWriter;
use mail_auth::dkim::{DkimSigner, Done};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use thiserror::Error;

use super::HeaderText;

/// Headers that the signatures cover, as far as they are there (RFC 6376 §5.4; RFC 8058 §4 for the
/// last two).
const SIGNED: [&str; 11] = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Auto-Submitted",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
];

/// One DKIM key (RULEBOOK EML-05).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DkimKeyFile {
    /// The signing domain, aligned with the sender's.
    pub domain: String,
    /// The selector under `_domainkey`.
    pub selector: String,
    /// A PEM file: PKCS#8 Ed25519, or PKCS#8 or PKCS#1 RSA of 2048 bits or more.
    pub path: PathBuf,
}

/// Why a DKIM key cannot be used.
#[derive(Debug, Error)]
pub enum DkimKeyError {
    /// No PEM private key there.
    #[error("the DKIM key file {0} cannot be read as a PEM private key: check the path")]
    Read(PathBuf),
    /// Neither Ed25519 nor RSA.
    #[error("the DKIM key in {0} is neither Ed25519 nor RSA of 2048 bits or more: make a new one")]
    Kind(PathBuf),
}

/// Signs mails with one key. No `Clone`: the key stays where it was read.
pub struct Signer(Algorithm);

enum Algorithm {
    Ed25519(DkimSigner<Ed25519Key, Done>),
    Rsa(DkimSigner<RsaKey<Sha256>, Done>),
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer(…)")
    }
}

impl Signer {
    /// Reads a key file.
    ///
    /// # Errors
    /// [`DkimKeyError`].
    pub fn read(file: &DkimKeyFile) -> Result<Self, DkimKeyError> {
        let der = PrivateKeyDer::from_pem_file(&file.path)
            .map_err(|_| DkimKeyError::Read(file.path.clone()))?;
        let (domain, selector) = (file.domain.as_str(), file.selector.as_str());
        if let PrivateKeyDer::Pkcs8(pkcs8) = &der
            && let Ok(key) = Ed25519Key::from_pkcs8_maybe_unchecked_der(pkcs8.secret_pkcs8_der())
        {
            let signer = DkimSigner::from_key(key).domain(domain).selector(selector);
            return Ok(Self(Algorithm::Ed25519(signer.headers(SIGNED))));
        }
        let wrong = || DkimKeyError::Kind(file.path.clone());
        let key = RsaKey::<Sha256>::from_key_der(der).map_err(|_| wrong())?;
        // A DER-encoded 2048-bit modulus and its exponent take 270 octets.
        if key.public_key().len() < 260 {
            return Err(wrong());
        }
        let signer = DkimSigner::from_key(key).domain(domain).selector(selector);
        Ok(Self(Algorithm::Rsa(signer.headers(SIGNED))))
    }

    /// The `DKIM-Signature` header of a mail, with its line end.
    fn header(&self, mail: &[u8]) -> Result<String, UnwritableMail> {
        let signature = match &self.0 {
            Algorithm::Ed25519(signer) => signer.sign(mail),
            Algorithm::Rsa(signer) => signer.sign(mail),
        };
        signature.map(|signature| signature.to_header()).map_err(|_| UnwritableMail)
    }
}

/// The message cannot be written as a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the message cannot be written as a mail: it needs a subject of one line and an address")]
pub struct UnwritableMail;

/// The fields of a mail.
#[derive(Debug)]
pub struct MailFields<'a> {
    /// The practice's mailbox.
    pub from: &'a EmailAddress,
    /// The practice's name beside it.
    pub from_name: &'a HeaderText,
    /// The recipient.
    pub to: &'a EmailAddress,
    /// From the template, level 0 by the gate (RULEBOOK EML-03).
    pub subject: &'a HeaderText,
    /// The text. PHI.
    pub body: &'a str,
    /// An opaque id and our domain, for `Message-ID`.
    pub id: (&'a str, &'a str),
    /// The one-click address, for the kinds that need it (RFC 8058).
    pub unsubscribe: Option<&'a str>,
    /// For `Date`.
    pub now: Timestamp,
}

/// Whether a kind of mail carries RFC 8058's headers (RULEBOOK EML-07).
#[must_use]
pub const fn needs_unsubscribe(kind: Kind) -> bool {
    matches!(kind, Kind::Recall | Kind::Survey | Kind::Marketing)
}

/// Writes a mail, signatures first.
///
/// # Errors
/// [`UnwritableMail`].
pub fn write(fields: &MailFields<'_>, signers: &[Signer]) -> Result<Vec<u8>, UnwritableMail> {
    let mailbox = |name: Option<&HeaderText>, address: &EmailAddress| {
        let address = address.reveal().parse().map_err(|_| UnwritableMail)?;
        Ok(Mailbox::new(name.map(|name| name.as_str().to_owned()), address))
    };
    let (id, domain) = fields.id;
    let mut mail = Message::builder()
        .from(mailbox(Some(fields.from_name), fields.from)?)
        .to(mailbox(None, fields.to)?)
        .subject(fields.subject.as_str())
        .date(SystemTime::from(fields.now))
        .message_id(Some(format!("<{id}@{domain}>")))
        // RFC 3834: no out-of-office answers to a machine.
        .raw_header(header("Auto-Submitted", "auto-generated")?);
    if let Some(url) = fields.unsubscribe {
        mail = mail
            .raw_header(header("List-Unsubscribe", &format!("<{url}>"))?)
            .raw_header(header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")?);
    }
    let text = fields.body.replace("\r\n", "\n").replace('\n', "\r\n");
    let body = Body::new_with_encoding(text, ContentTransferEncoding::QuotedPrintable)
        .map_err(|_| UnwritableMail)?;
    let part = SinglePart::builder().header(ContentType::TEXT_PLAIN).body(body);
    let plain = mail.singlepart(part).map_err(|_| UnwritableMail)?.formatted();
    let mut signed = Vec::with_capacity(plain.len() + 1_024);
    for signer in signers {
        signed.extend_from_slice(signer.header(&plain)?.as_bytes());
    }
    signed.extend_from_slice(&plain);
    Ok(signed)
}

fn header(name: &'static str, value: &str) -> Result<HeaderValue, UnwritableMail> {
    if value.chars().any(char::is_control) {
        return Err(UnwritableMail);
    }
    let name = HeaderName::new_from_ascii(name.to_owned()).map_err(|_| UnwritableMail)?;
    Ok(HeaderValue::new(name, value.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::borrow::Borrow;
    use std::hash::Hash;
    use std::sync::Arc;

    use aws_lc_rs::encoding::{self, AsDer};
    use aws_lc_rs::signature::KeyPair as _;
    use aws_lc_rs::{rsa, signature};
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use mail_auth::common::parse::TxtRecordParser as _;
    use mail_auth::common::verify::DomainKey;
    use mail_auth::{
        AuthenticatedMessage, DkimResult, MessageAuthenticator, Parameters, ResolverCache, Txt,
    };

    use super::*;

    fn mail(body: &str, unsubscribe: Option<&str>, signers: &[Signer]) -> String {
        let fields = MailFields {
            from: &EmailAddress::parse("hello@lakeside.example").unwrap(),
            from_name: &HeaderText::parse("Lakeside Practice, \"Main\"").unwrap(),
            to: &EmailAddress::parse("pat@example.com").unwrap(),
            subject: &HeaderText::parse("Nuevo mensaje de Señora").unwrap(),
            body,
            id: ("00ff", "lakeside.example"),
            unsubscribe,
            now: "2026-11-21T09:00:00Z".parse().unwrap(),
        };
        String::from_utf8(write(&fields, signers).unwrap()).unwrap()
    }

    #[test]
    fn the_text_survives_and_the_lines_stay_short() {
        let body = "¡Hola! 😀\n.\nFrom here\n".to_owned() + &"x".repeat(2_000);
        let written = mail(&body, None, &[]);
        assert!(written.is_ascii());
        assert!(written.lines().all(|line| line.len() <= 998));
        assert!(written.contains("Message-ID: <00ff@lakeside.example>\r\n"), "{written}");
        assert!(written.contains("Auto-Submitted: auto-generated\r\n"));
        assert!(written.contains("Content-Transfer-Encoding: quoted-printable\r\n"));
        assert!(!written.contains("List-Unsubscribe"));
        let parsed = mail_parser::MessageParser::new().parse(written.as_bytes()).unwrap();
        assert_eq!(parsed.body_text(0).unwrap().replace("\r\n", "\n").trim_end(), body);
        assert_eq!(parsed.subject(), Some("Nuevo mensaje de Señora"));
    }

    #[test]
    fn nothing_that_is_written_becomes_a_header() {
        let injected = "\r\nBcc: thief@example.com";
        // The body begins after the headers, whatever it begins with.
        let body = format!("{injected}\r\n\r\n{injected}\nSubject: another");
        let written = mail(&body, None, &[]);
        let parsed = mail_parser::MessageParser::new().parse(written.as_bytes()).unwrap();
        assert!(parsed.bcc().is_none(), "{written}");
        assert_eq!(parsed.subject(), Some("Nuevo mensaje de Señora"));
        assert!(parsed.body_text(0).unwrap().contains("Bcc: thief@example.com"));
        // Whatever else comes from outside has a type that takes no such thing, or is refused.
        for wrong in [format!("pat@example.com{injected}"), format!("pat{injected}@example.com")] {
            assert!(EmailAddress::parse(&wrong).is_err(), "{wrong:?}");
        }
        assert!(HeaderText::parse(&format!("Hello{injected}")).is_err());
        let address = EmailAddress::parse("hello@lakeside.example").unwrap();
        let text = HeaderText::parse("Hello").unwrap();
        let url = format!("https://lakeside.example/u/00ff{injected}");
        let fields = MailFields {
            from: &address,
            from_name: &text,
            to: &address,
            subject: &text,
            body: "Hi",
            id: ("00ff", "lakeside.example"),
            unsubscribe: Some(&url),
            now: Timestamp::UNIX_EPOCH,
        };
        assert!(write(&fields, &[]).is_err());
    }

    #[test]
    fn one_click_headers_where_they_are_needed() {
        let written = mail("Hi", Some("https://lakeside.example/u/00ff"), &[]);
        assert!(written.contains("List-Unsubscribe: <https://lakeside.example/u/00ff>\r\n"));
        assert!(written.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"));
        assert!(needs_unsubscribe(Kind::Recall) && !needs_unsubscribe(Kind::SecureMessageNotice));
    }

    #[test]
    fn a_signature_covers_what_it_should() {
        let der = Ed25519Key::generate_pkcs8().unwrap();
        let path = std::env::temp_dir().join(format!("sotto-dkim-{}.pem", std::process::id()));
        let text = STANDARD.encode(&der);
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
        std::fs::write(&path, pem).unwrap();
        let file = DkimKeyFile { domain: "lakeside.example".into(), selector: "s1".into(), path };
        let signer = Signer::read(&file).unwrap();
        let written = mail("Hi", Some("https://lakeside.example/u/00ff"), &[signer]);
        std::fs::remove_file(&file.path).unwrap();
        assert!(written.starts_with("DKIM-Signature: v=1; a=ed25519-sha256; s=s1"), "{written}");
        let head = written.split("\r\n\r\n").next().unwrap().replace("\r\n\t", "");
        for name in SIGNED {
            assert!(head.contains(name), "{name}");
        }
        assert!(matches!(Signer::read(&file), Err(DkimKeyError::Read(_))));
    }

    /// What DNS answers: the public keys, by name. Nothing is asked of any network.
    struct Published(Vec<(String, Txt)>);

    impl ResolverCache<Box<str>, Txt> for Published {
        fn get<Q>(&self, name: &Q) -> Option<Txt>
        where
            Box<str>: Borrow<Q>,
            Q: Hash + Eq + ?Sized,
        {
            let found = self.0.iter().find(|(known, _)| {
                let known: Box<str> = known.as_str().into();
                known.borrow() == name
            });
            found.map(|(_, record)| record.clone())
        }

        fn remove<Q>(&self, _: &Q) -> Option<Txt>
        where
            Box<str>: Borrow<Q>,
            Q: Hash + Eq + ?Sized,
        {
            None
        }

        fn insert(&self, _: Box<str>, _: Txt, _: std::time::Instant) {}
    }

    fn published(selector: &str, kind: &str, key: &[u8]) -> (String, Txt) {
        let key = STANDARD.encode(key);
        let record = DomainKey::parse(format!("v=DKIM1; k={kind}; p={key}").as_bytes()).unwrap();
        (format!("{selector}._domainkey.lakeside.example."), Txt::DomainKey(Arc::new(record)))
    }

    /// The signer that a PEM file of this content makes.
    fn signer(selector: &str, label: &str, der: &[u8]) -> Signer {
        let name = format!("sotto-dkim-{}-{selector}.pem", std::process::id());
        let path = std::env::temp_dir().join(name);
        let text = STANDARD.encode(der);
        let lines: Vec<&str> =
            text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        let text = lines.join("\n");
        let pem = format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n");
        std::fs::write(&path, pem).unwrap();
        let file =
            DkimKeyFile { domain: "lakeside.example".into(), selector: selector.into(), path };
        let signer = Signer::read(&file).unwrap();
        std::fs::remove_file(&file.path).unwrap();
        signer
    }

    async fn verdicts(mail: &str, published: &Published) -> Vec<DkimResult> {
        let verifier = MessageAuthenticator::new_cloudflare().unwrap();
        let message = AuthenticatedMessage::parse(mail.as_bytes()).unwrap();
        let outputs = verifier.verify_dkim(Parameters::new(&message).with_txt_cache(published));
        outputs.await.iter().map(|output| output.result().clone()).collect()
    }

    #[tokio::test]
    async fn a_receiver_verifies_each_kind_of_key_and_notices_every_change() {
        let ed25519 = Ed25519Key::generate_pkcs8().unwrap();
        let rsa = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).unwrap();
        let rsa_pkcs8 = AsDer::<encoding::Pkcs8V1Der<'_>>::as_der(&rsa).unwrap();
        // RFC 5208 wraps RFC 8017's key in 26 octets, for keys of this size.
        let rsa_pkcs1 = &rsa_pkcs8.as_ref()[26..];
        let pair = signature::Ed25519KeyPair::from_pkcs8_maybe_unchecked(&ed25519).unwrap();
        let public = AsDer::<encoding::PublicKeyX509Der<'_>>::as_der(rsa.public_key()).unwrap();
        let known = Published(vec![
            published("ed", "ed25519", pair.public_key().as_ref()),
            published("r8", "rsa", public.as_ref()),
            published("r1", "rsa", public.as_ref()),
        ]);
        let signers = [
            signer("ed", "PRIVATE KEY", &ed25519),
            signer("r8", "PRIVATE KEY", rsa_pkcs8.as_ref()),
            signer("r1", "RSA PRIVATE KEY", rsa_pkcs1),
        ];
        let body = "¡Hola! 😀\n.\nFrom here  \n\n\n".to_owned() + &"x ".repeat(600);
        let written = mail(&body, Some("https://lakeside.example/u/00ff"), &signers);
        for (mail, passes) in [
            (written.clone(), true),
            // A relay may fold white space at the end of the body, and nothing else.
            (format!("Received: from a by b\r\n{written}"), true),
            (written.replace("hello@", "hallo@"), false),
            (written.replace("\r\nSubject: ", "\r\nSubject: a"), false),
            (written.replace("/u/00ff>", "/u/00fe>"), false),
            (written.replace("x x x", "x y x"), false),
            (format!("{written}more\r\n"), false),
        ] {
            assert!(passes || mail != written);
            let verdicts = verdicts(&mail, &known).await;
            assert_eq!(verdicts.len(), 3);
            let passed = |verdict: &DkimResult| *verdict == DkimResult::Pass;
            assert!(verdicts.iter().all(|verdict| passed(verdict) == passes), "{verdicts:?}");
        }
        // Another's key.
        let strange = Published(vec![
            published("ed", "ed25519", &[9; 32]),
            published("r8", "ed25519", pair.public_key().as_ref()),
            published("r1", "rsa", public.as_ref()),
        ]);
        let verdicts = verdicts(&written, &strange).await;
        assert_eq!(verdicts.iter().filter(|verdict| **verdict == DkimResult::Pass).count(), 1);
    }
}
