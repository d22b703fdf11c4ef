//! Staff are paged about an emergency until a person closes its task (CLIN-01: at once, then each
//! five minutes, the ladder of who is told climbing).
//!
//! The task's row is what lasts. After a restart the current rung is paged again: one page too many
//! costs a glance. Of several nodes the one that leads pages; when it dies, the next one does,
//! within seconds.

use std::collections::HashSet;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::audit::{self, Actor, AuditError, Event, Kind, Outcome};
use crate::channels::transport::{Roots, client_config};
use crate::db::registry::TASK;
use crate::db::task::{self, TaskKind, TaskRow};
use crate::db::{Db, DbError, Word as _, self_test};
use crate::ids::TaskId;
use crate::live::Live;
use crate::nodes::Standing;
use crate::office::Office;

/// One page. It holds no name, number or text: pagers are not ours (BAA-06).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Page {
    /// The task to look at.
    pub task: TaskId,
    /// `emergency`; `drill`, for which nobody needs to act; `self_test_failed`.
    pub kind: &'static str,
    /// 0 at once, 1 after five minutes, and so on.
    pub rung: u32,
    /// When it came in.
    pub opened_at: Timestamp,
    /// By when somebody must have acted.
    pub due_at: Timestamp,
    /// What it is, where it is no patient's emergency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<&'static str>,
}

/// What a page that is no patient's emergency says of itself.
const fn note_of(kind: TaskKind) -> Option<&'static str> {
    match kind {
        TaskKind::Drill => {
            Some("TEST. This is a drill of the pager. Nobody is ill and nobody needs to act.")
        }
        TaskKind::SelfTestFailed => Some(
            "The self-test failed: emergencies or reminders may not get through. \
             Run sotto selftest --last.",
        ),
        _ => None,
    }
}

/// A page that did not go.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The webhook did not take it.
    #[error("the pager at the webhook answered {0}; check pager.url")]
    Status(u16),
    /// It could not be reached.
    #[error("the pager at the webhook cannot be reached; check pager.url and the network")]
    Unreachable,
    /// Not an https address, or http beyond this machine.
    #[error("pager.url must begin with https:// (http:// only to 127.0.0.1)")]
    Url,
    /// No TLS client can be made.
    #[error("no TLS client can be made for the pager; check the machine's certificates")]
    Client,
    /// The secret is not in form.
    #[error("pager.secret must be `whsec_` and base64 of 24 to 64 bytes")]
    Secret,
}

/// Paging cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum PagerError {
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

/// How a page goes out.
#[derive(Debug)]
pub enum Pager {
    /// To the program's own log, at level error, for whoever watches it.
    Log,
    /// To a webhook, signed after Standard Webhooks.
    Webhook(Box<Webhook>),
}

/// A webhook that pages.
pub struct Webhook {
    url: reqwest::Url,
    keys: Vec<hmac::Key>,
    client: reqwest::Client,
}

impl std::fmt::Debug for Webhook {
    /// The secret and the path, which may hold one, stay out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Webhook({})", self.url.host_str().unwrap_or_default())
    }
}

impl Webhook {
    /// A webhook at `url`, with secrets of the form `whsec_…`: the one in force, and while it is
    /// being changed the other one too. Each page is signed with all of them, so that either side
    /// may change first. It follows no redirect.
    ///
    /// # Errors
    /// [`PageError::Url`], [`PageError::Secret`] or [`PageError::Client`].
    pub fn new(url: &str, secrets: &[&str]) -> Result<Self, PageError> {
        let url = reqwest::Url::parse(url).map_err(|_| PageError::Url)?;
        let here = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        if url.scheme() != "https" && !(url.scheme() == "http" && here) {
            return Err(PageError::Url);
        }
        let mut client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(ANSWER_WITHIN)
            .user_agent("sotto");
        if url.scheme() == "https" {
            let config = client_config(&Roots::Machine).map_err(|_| PageError::Client)?;
            client = client.tls_backend_preconfigured(config);
        }
        let client = client.build().map_err(|_| PageError::Client)?;
        let keys = secrets.iter().map(|secret| key(secret)).collect::<Result<_, _>>()?;
        Ok(Self { url, keys, client })
    }

    /// The value of `webhook-signature`: one for each secret, as the standard has it.
    fn signature(&self, id: &str, at: i64, body: &str) -> String {
        let signed = format!("{id}.{at}.{body}");
        let sign = |key| BASE64_STANDARD.encode(hmac::sign(key, signed.as_bytes()).as_ref());
        let all: Vec<String> = self.keys.iter().map(|key| format!("v1,{}", sign(key))).collect();
        all.join(" ")
    }
}

fn key(secret: &str) -> Result<hmac::Key, PageError> {
    let bytes = secret
        .strip_prefix("whsec_")
        .and_then(|text| BASE64_STANDARD.decode(text).ok())
        .filter(|bytes| (24..=64).contains(&bytes.len()))
        .ok_or(PageError::Secret)?;
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

impl Pager {
    /// Sends one page.
    ///
    /// # Errors
    /// [`PageError`]; the page is tried again at the next look.
    pub async fn page(&self, page: &Page, now: Timestamp) -> Result<(), PageError> {
        match self {
            Self::Log if page.kind == TaskKind::Drill.word() => {
                tracing::info!(task = %page.task, "pager.drill: a test, nobody needs to act");
                Ok(())
            }
            Self::Log => {
                tracing::error!(
                    kind = page.kind,
                    task = %page.task,
                    rung = page.rung,
                    due_at = %page.due_at,
                    "pager.page: an emergency waits for a person"
                );
                Ok(())
            }
            Self::Webhook(webhook) => {
                let kind =
                    if page.kind == TaskKind::Drill.word() { "task.drill" } else { "task.urgent" };
                let body = serde_json::json!({ "type": kind, "data": page }).to_string();
                let (id, at) = (format!("{}.{}", page.task, page.rung), now.as_second());
                let answer = webhook
                    .client
                    .post(webhook.url.clone())
                    .header("content-type", "application/json")
                    .header("webhook-signature", webhook.signature(&id, at, &body))
                    .header("webhook-timestamp", at.to_string())
                    .header("webhook-id", id)
                    .body(body)
                    .send()
                    .await
                    .map_err(|_| PageError::Unreachable)?;
                let status = answer.status();
                if status.is_success() { Ok(()) } else { Err(PageError::Status(status.as_u16())) }
            }
        }
    }
}

/// How long a webhook may take; the next emergency must not wait behind it.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// One step of the ladder.
const RUNG: SignedDuration = SignedDuration::from_mins(5);
/// The last one: from then on the practice lead is paged each time.
const LAST_RUNG: i64 = 12;

/// Which pages this process has sent, and what the record still has to be told of them.
#[derive(Debug, Default)]
pub struct Paged {
    sent: HashSet<(TaskId, u32)>,
    /// With the task, where it was a drill that was paged.
    owed: Vec<(Event, Option<TaskId>)>,
}

/// How far up the ladder a task has come. A drill stays below: one page shows that pages arrive.
fn rung(task: &TaskRow, now: Timestamp) -> u32 {
    if task.kind == TaskKind::Drill {
        return 0;
    }
    let waited = now.duration_since(task.created_at).as_secs().max(0);
    u32::try_from((waited / RUNG.as_secs()).min(LAST_RUNG)).unwrap_or_default()
}

/// Pages every emergency whose current rung has not been paged. Returns how many pages went.
///
/// # Errors
/// [`PagerError`]. A page that did not go is recorded and tried again; one that went and could not
/// be recorded is recorded at the next look.
pub async fn tick(
    db: &Db,
    office: &Office,
    pager: &Pager,
    paged: &mut Paged,
) -> Result<usize, PagerError> {
    let practice = office.practice();
    let now = office.clock().now();
    let open = db.read(move |tx| Ok::<_, PagerError>(task::urgent(tx, practice)?)).await?;
    paged.sent.retain(|(id, _)| open.iter().any(|task| task.id == *id));
    let mut went = 0;
    for row in open {
        let rung = rung(&row, now);
        if paged.sent.contains(&(row.id, rung)) {
            continue;
        }
        let page = Page {
            task: row.id,
            kind: row.kind.word(),
            rung,
            opened_at: row.created_at,
            due_at: row.due_at,
            note: note_of(row.kind),
        };
        let result = pager.page(&page, now).await;
        office.metrics().pages.add([if result.is_ok() { "sent" } else { "failed" }]);
        let drilled = (row.kind == TaskKind::Drill && result.is_ok()).then_some(row.id);
        let mut event = Event::new(Kind::TaskChanged, Actor::service("pager"))
            .about(TASK, row.id)
            .patient(row.patient_id)
            .code("paged");
        match result {
            Ok(()) => {
                paged.sent.insert((row.id, rung));
                went += 1;
            }
            Err(error) => {
                tracing::error!(%error, task = %row.id, "pager.page_failed");
                event = event.outcome(Outcome::Failed);
            }
        }
        paged.owed.push((event, drilled));
    }
    if !paged.owed.is_empty() {
        let (office, owed) = (office.clone(), paged.owed.clone());
        db.write(move |tx| {
            owed.into_iter().try_for_each(|(event, drill)| {
                if let Some(task) = drill {
                    self_test::paged(tx, practice, task, now)?;
                }
                audit::append(tx, &office, event)?;
                Ok::<_, PagerError>(())
            })
        })
        .await?;
        paged.owed.clear();
    }
    Ok(went)
}

/// Pages until `stop`, while this node leads, looking each few seconds of the office's clock.
pub async fn run(
    db: Db,
    office: Office,
    (pager, standing): (Live<Pager>, Standing),
    stop: CancellationToken,
) {
    let mut paged = Paged::default();
    loop {
        if standing.leads()
            && let Err(error) = tick(&db, &office, &pager.now(), &mut paged).await
        {
            tracing::error!(%error, "pager.tick");
        }
        tokio::select! {
            () = office.clock().sleep(SignedDuration::from_secs(5)) => {}
            () = stop.cancelled() => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_standard() {
        // The example of the Standard Webhooks specification.
        let key = BASE64_STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let signed = "msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}";
        let tag = BASE64_STANDARD.encode(hmac::sign(&key, signed.as_bytes()).as_ref());
        assert_eq!(tag, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn while_a_secret_is_changed_a_page_is_signed_with_both() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let secrets =
            ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"];
        let both = Webhook::new("http://127.0.0.1:1/", &secrets).unwrap().signature("m", 1, "{}");
        let each = secrets.map(|one| {
            Webhook::new("http://127.0.0.1:1/", &[one]).unwrap().signature("m", 1, "{}")
        });
        assert_eq!(both, each.join(" "));
        assert!(Webhook::new("http://127.0.0.1:1/", &[secrets[0], "short"]).is_err());
    }

    #[tokio::test]
    async fn a_page_goes_where_the_settings_say_and_nowhere_else() {
        use std::sync::Arc;
        use std::sync::atomic::{AtomicUsize, Ordering};

        use crate::ids::Id as _;
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let secret = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"];
        for url in ["http://pager.example/", "file:///etc/passwd", "ftp://127.0.0.1/", "pager"] {
            assert!(matches!(Webhook::new(url, &secret), Err(PageError::Url)), "{url}");
        }
        let led_away = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&led_away);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router =
            axum::Router::new().fallback(move |request: axum::extract::Request| async move {
                if request.uri().path() != "/page" {
                    count.fetch_add(1, Ordering::Relaxed);
                }
                axum::response::Redirect::temporary("/x")
            });
        tokio::spawn(axum::serve(listener, router).into_future());
        let pager = Pager::Webhook(Box::new(
            Webhook::new(&format!("http://{address}/page"), &secret).unwrap(),
        ));
        let page = Page {
            task: TaskId::from_uuid(uuid::Uuid::nil()),
            kind: "emergency",
            rung: 0,
            opened_at: Timestamp::UNIX_EPOCH,
            due_at: Timestamp::UNIX_EPOCH,
            note: None,
        };
        let told = pager.page(&page, Timestamp::UNIX_EPOCH).await;
        assert!(matches!(told, Err(PageError::Status(307))), "{told:?}");
        assert_eq!(led_away.load(Ordering::Relaxed), 0);
    }
}
