//! Email, by submission to the practice's mail server or relay.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use gate::{Address, EmailAddress, Released};
use mail_auth::{AuthenticatedMessage, DkimResult, MessageAuthenticator};
use thiserror::Error;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;

use super::email_message::{self, DkimKeyError, DkimKeyFile, MailFields, Signer};
use super::smtp_session::{Envelope, Session, Trouble};
use super::transport::{Endpoint, Roots, Tls, TlsSetupError, TransportFacts};
use super::{
    Adapter, AdapterName, Failure, FailureKind, Handoff, HeaderText, Now, OpaqueIds, Secret,
};
use crate::nodes::Lease;

/// How long an unused session is kept. Servers give up on their clients after five minutes.
const IDLE: Duration = Duration::from_secs(60);

/// How the connection is protected. Every kind but the last verifies the server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Security {
    /// TLS from the first octet (port 465, RFC 8314).
    Implicit,
    /// STARTTLS, and nothing is sent without it (port 587).
    StartTls,
    /// No protection; accepted for a loopback address only.
    LoopbackPlaintext,
}

/// Where mail is submitted, who we are there, and what our mails say of themselves.
#[derive(Debug, Clone)]
pub struct EmailSettings {
    /// The server.
    pub endpoint: Endpoint,
    /// How the connection is protected.
    pub security: Security,
    /// Whom to trust.
    pub roots: Roots,
    /// User and password, if the server wants them.
    pub credentials: Option<(String, Secret)>,
    /// Our name in `EHLO`.
    pub helo: String,
    /// The practice's mailbox.
    pub from: EmailAddress,
    /// The practice's name; neutral where the name reveals the specialty.
    pub from_name: HeaderText,
    /// Bounces go to an opaque address in this domain.
    pub bounce_domain: String,
    /// The keys to sign with.
    pub dkim: Vec<DkimKeyFile>,
    /// Address of the one-click page; an opaque token is appended (RULEBOOK EML-07).
    pub unsubscribe_base: Option<String>,
    /// Sessions at most.
    pub sessions: usize,
    /// How long an answer may take.
    pub answer_within: Duration,
    /// Ask for a notice of success too (RFC 3461). Most servers only promise that they relayed.
    pub ask_success: bool,
}

/// Why the adapter cannot start.
#[derive(Debug, Error)]
pub enum EmailSetupError {
    /// TLS.
    #[error("email_smtp: {0}")]
    Tls(#[from] TlsSetupError),
    /// DKIM.
    #[error("email_smtp: {0}")]
    Dkim(#[from] DkimKeyError),
    /// Plaintext to another machine.
    #[error(
        "email_smtp.security: mail is never sent to another machine without TLS; \
         use \"implicit\" or \"starttls\", or a loopback address as host"
    )]
    Plaintext,
    /// A name that would break a command.
    #[error("email_smtp.{0}: must be a plain host name such as mail.practice.example")]
    Name(&'static str),
    /// Not an address of the web.
    #[error("email_smtp.unsubscribe_base: must begin with https:// and hold no spaces")]
    Unsubscribe,
}

/// Email over a small pool of sessions.
#[derive(Debug, Clone)]
pub struct EmailSmtp(Arc<Inner>);

struct Inner {
    settings: EmailSettings,
    tls: Option<Tls>,
    signers: Vec<Signer>,
    ids: OpaqueIds,
    now: Now,
    permits: Semaphore,
    idle: Mutex<Vec<(Session, Instant)>>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("email_smtp")
    }
}

impl EmailSmtp {
    /// Checks the settings and reads the keys. Connects only when there is something to send.
    ///
    /// # Errors
    /// [`EmailSetupError`].
    pub fn new(settings: EmailSettings, ids: OpaqueIds, now: Now) -> Result<Self, EmailSetupError> {
        for (name, value) in [("helo", &settings.helo), ("bounce_domain", &settings.bounce_domain)]
        {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b".-[]:".contains(&b);
            if value.is_empty() || !value.bytes().all(plain) {
                return Err(EmailSetupError::Name(name));
            }
        }
        let base = settings.unsubscribe_base.as_deref();
        if base
            .is_some_and(|b| !b.starts_with("https://") || !b.bytes().all(|b| b.is_ascii_graphic()))
        {
            return Err(EmailSetupError::Unsubscribe);
        }
        let tls = match settings.security {
            Security::LoopbackPlaintext => {
                let host = settings.endpoint.host.parse::<IpAddr>();
                if !host.is_ok_and(|host| host.is_loopback()) {
                    return Err(EmailSetupError::Plaintext);
                }
                None
            }
            _ => Some(Tls::new(&settings.endpoint.host, &settings.roots)?),
        };
        let signers = settings.dkim.iter().map(Signer::read).collect::<Result<_, _>>()?;
        let permits = Semaphore::new(settings.sessions.max(1));
        let idle = Mutex::new(Vec::new());
        Ok(Self(Arc::new(Inner { settings, tls, signers, ids, now, permits, idle })))
    }

    /// The address that bounces of a message go to, and the id in it.
    fn bounce_address(&self, id: &str) -> String {
        format!("b-{id}@{}", self.0.settings.bounce_domain)
    }

    fn mail(
        &self,
        message: &Released<'_>,
        to: &EmailAddress,
        id: &str,
    ) -> Result<Vec<u8>, Failure> {
        let unsendable = || Failure::new(FailureKind::Unsendable);
        let (draft, settings) = (message.draft(), &self.0.settings);
        let subject = message.content().subject.as_deref().ok_or_else(unsendable)?;
        let subject = HeaderText::parse(subject).map_err(|_| unsendable())?;
        let unsubscribe = settings
            .unsubscribe_base
            .as_deref()
            .filter(|_| email_message::needs_unsubscribe(draft.kind))
            .map(|base| format!("{base}{id}"));
        if unsubscribe.is_none() && email_message::needs_unsubscribe(draft.kind) {
            // RULEBOOK EML-07: without its way out such a mail does not go.
            return Err(Failure::new(FailureKind::Misconfigured));
        }
        let fields = MailFields {
            from: &settings.from,
            from_name: &settings.from_name,
            to,
            subject: &subject,
            body: &message.content().body,
            id: (id, settings.from.domain()),
            unsubscribe: unsubscribe.as_deref(),
            now: (self.0.now)(),
        };
        email_message::write(&fields, &self.0.signers).map_err(|_| unsendable())
    }

    /// An idle session that still answers.
    async fn reuse(&self) -> Option<Session> {
        loop {
            let (mut session, since) = self.0.idle.lock().await.pop()?;
            if since.elapsed() < IDLE && session.reset().await.is_ok() {
                return Some(session);
            }
        }
    }

    async fn submit(&self, envelope: &Envelope<'_>, mail: &[u8]) -> Result<Handoff, Failure> {
        let _permit = self.0.permits.acquire().await;
        let mut session = match self.reuse().await {
            Some(session) => session,
            None => Session::open(&self.0.settings, self.0.tls.as_ref()).await?,
        };
        let delivered = session.deliver(envelope, mail).await;
        let facts = session.facts().clone();
        match &delivered {
            Ok(()) | Err(Trouble::Refused(_)) => {
                self.0.idle.lock().await.push((session, Instant::now()));
            }
            Err(Trouble::Broken | Trouble::TakenAway | Trouble::Unanswered) => {}
        }
        delivered?;
        Ok(Handoff { parts: vec![envelope.id.to_owned()], transport: Some(facts) })
    }

    /// Opens a session, signs in, and ends it. Nothing is sent.
    ///
    /// # Errors
    /// [`Failure`], as sending would fail.
    pub async fn greet(&self) -> Result<TransportFacts, Failure> {
        let session = Session::open(&self.0.settings, self.0.tls.as_ref()).await?;
        let facts = session.facts().clone();
        session.quit().await;
        Ok(facts)
    }

    /// Signs a mail to ourselves, which is not sent, and verifies it as a receiver would: a verdict
    /// for each key, by selector and domain.
    pub async fn self_check(&self, resolver: &MessageAuthenticator) -> Vec<(String, DkimResult)> {
        let Inner { settings, signers, now, .. } = &*self.0;
        let Ok(subject) = HeaderText::parse("Self-check") else { return Vec::new() };
        let fields = MailFields {
            from: &settings.from,
            from_name: &settings.from_name,
            to: &settings.from,
            subject: &subject,
            body: "Self-check",
            id: ("self-check", settings.from.domain()),
            unsubscribe: None,
            now: now(),
        };
        let mail = email_message::write(&fields, signers).unwrap_or_default();
        let Some(message) = AuthenticatedMessage::parse(&mail) else { return Vec::new() };
        let verdicts = resolver.verify_dkim(&message).await;
        // The headers stand in the order of the keys.
        let name = |key: &DkimKeyFile| format!("{}._domainkey.{}", key.selector, key.domain);
        let names = settings.dkim.iter().map(name);
        names.zip(verdicts.iter().map(|output| output.result().clone())).collect()
    }

    /// Ends the idle sessions politely.
    pub async fn close(&self) {
        let idle = std::mem::take(&mut *self.0.idle.lock().await);
        for (session, _) in idle {
            session.quit().await;
        }
    }
}

impl Adapter for EmailSmtp {
    fn name(&self) -> AdapterName {
        AdapterName::EmailSmtp
    }

    async fn send(&self, message: Released<'_>, lease: &Lease) -> Result<Handoff, Failure> {
        let Address::Email(to) = &message.draft().address else {
            return Err(Failure::new(FailureKind::Unsendable));
        };
        let id = self.0.ids.of(message.draft().message);
        let mail = self.mail(&message, to, &id)?;
        let from = self.bounce_address(&id);
        let envelope = Envelope { from: &from, to: to.reveal(), id: &id, lease };
        let sent = self.submit(&envelope, &mail).await;
        // The id is ours: a bounce of a mail that may have left finds it.
        sent.map_err(|failure| match failure.kind {
            FailureKind::Uncertain => failure.with_parts(vec![id]),
            _ => failure,
        })
    }
}
