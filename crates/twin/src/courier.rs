//! Carries what the world does outside its own doors: bounces by SMTP, callbacks, inbound webhooks
//! and one-click unsubscribes by HTTP. Nothing leaves this machine.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HOST;
use reqwest::{Client, Url};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::http_carrier::{HttpConfig, webhook};
use crate::mail::notice::{self, Handed};
use crate::plan::{Plan, What};
use crate::recorder::Acked;
use crate::world::World;

/// Errands at once.
const AT_ONCE: usize = 32;
/// For one request, in real time.
const PATIENCE: Duration = Duration::from_secs(15);

pub(crate) struct Courier {
    world: Arc<World>,
    client: Client,
    http: Option<HttpConfig>,
}

/// How an errand ended.
enum Errand {
    Done(Acked),
    TryAgain,
    Hopeless,
}

impl Courier {
    pub(crate) fn new(world: Arc<World>, http: Option<HttpConfig>) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .no_proxy()
            // RFC 8058 §3.1: a redirect of the POST is not followed.
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build()?;
        Ok(Self { world, client, http })
    }

    /// Runs errands until the world ends.
    pub(crate) async fn run(
        self: Arc<Self>,
        mut errands: mpsc::UnboundedReceiver<Plan>,
        (cancel, tasks): (CancellationToken, TaskTracker),
    ) {
        let hands = Arc::new(Semaphore::new(AT_ONCE));
        while let Some(Some(plan)) = cancel.run_until_cancelled(errands.recv()).await {
            let Ok(hand) = Arc::clone(&hands).acquire_owned().await else { return };
            let (courier, cancel) = (Arc::clone(&self), cancel.clone());
            tasks.spawn(async move {
                cancel.run_until_cancelled(courier.carry(plan)).await;
                drop(hand);
            });
        }
    }

    /// Runs one errand to its end or its next try.
    pub(crate) async fn carry(&self, plan: Plan) {
        match self.errand(&plan).await {
            Errand::Done(what) => {
                self.world.recorder.acked(plan.id, what, self.world.clock.now());
            }
            Errand::TryAgain => self.world.again(plan),
            Errand::Hopeless => self.world.recorder.gave_up(plan.id),
        }
    }

    async fn errand(&self, plan: &Plan) -> Errand {
        let at = self.world.clock.now();
        let outward = self.world.outward();
        match (&plan.what, &self.http) {
            (What::Block { .. }, _) | (What::Receipt(_) | What::Reply(_), None) => Errand::Hopeless,
            (What::Notice(due), _) => {
                let Some(address) = outward.bounces_to else { return Errand::TryAgain };
                self.world.recorder.act(plan, at);
                let mail = notice::compose(due, plan.id, at);
                match notice::hand_over(address, &due.to, &mail).await {
                    Handed::Taken => Errand::Done(Acked::Bounce),
                    Handed::NotNow => Errand::TryAgain,
                    Handed::Refused => Errand::Hopeless,
                }
            }
            (What::Click { url, .. }, _) => {
                self.world.recorder.act(plan, at);
                // RFC 8058 §3.2: exactly this body.
                let form = [("List-Unsubscribe".to_owned(), "One-Click".to_owned())];
                self.post(url, &form, None, Acked::Click).await
            }
            (What::Receipt(due), Some(http)) => {
                let Some(url) = &due.callback else { return Errand::Hopeless };
                self.world.recorder.act(plan, at);
                let form = webhook::status(http, due);
                let signature = webhook::signature(&http.auth_token, url, &form);
                self.post(url, &form, Some(signature), Acked::Receipt).await
            }
            (What::Reply(due), Some(http)) => {
                let Some(url) = outward.inbound_webhook else { return Errand::TryAgain };
                self.world.recorder.act(plan, at);
                let form = webhook::inbound(http, due, plan.id);
                let signature = webhook::signature(&http.auth_token, &url, &form);
                self.post(&url, &form, Some(signature), Acked::Reply).await
            }
        }
    }

    async fn post(
        &self,
        url: &str,
        form: &[(String, String)],
        signature: Option<String>,
        done: Acked,
    ) -> Errand {
        let Some((target, host)) = inside(url, self.world.outward().web) else {
            tracing::warn!("twin: a URL that is not on this machine is not called");
            return Errand::Hopeless;
        };
        let mut request = self.client.post(target).form(form);
        if let Some(host) = host {
            request = request.header(HOST, host);
        }
        if let Some(signature) = signature {
            request = request.header("X-Twilio-Signature", signature);
        }
        match request.send().await {
            Ok(answer) if answer.status().is_success() => Errand::Done(done),
            Ok(answer) if answer.status().is_client_error() => Errand::Hopeless,
            Ok(_) | Err(_) => Errand::TryAgain,
        }
    }
}

/// Where a URL is really called: at `web` if that is set (keeping its host as a header), or as it
/// stands if it names this machine; otherwise nowhere.
fn inside(url: &str, web: Option<SocketAddr>) -> Option<(Url, Option<String>)> {
    let mut url = Url::parse(url).ok()?;
    let host = url.host_str()?.to_owned();
    if let Some(web) = web {
        let authority = url.port().map_or(host.clone(), |port| format!("{host}:{port}"));
        url.set_scheme("http").ok()?;
        url.set_ip_host(web.ip()).ok()?;
        url.set_port(Some(web.port())).ok()?;
        return Some((url, Some(authority)));
    }
    let bare = host.trim_matches(['[', ']']);
    let here = bare == "localhost"
        || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    here.then_some((url, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_the_machine() {
        let web: SocketAddr = "127.0.0.1:8080".parse().unwrap();
        assert!(inside("https://clinic.example.com/u/abc", None).is_none());
        assert!(inside("not a url", Some(web)).is_none());
        let (url, host) = inside("https://clinic.example.com/u/abc?x=1", Some(web)).unwrap();
        assert_eq!(url.as_str(), "http://127.0.0.1:8080/u/abc?x=1");
        assert_eq!(host.as_deref(), Some("clinic.example.com"));
        let (url, host) = inside("http://127.0.0.1:9/x", None).unwrap();
        assert_eq!((url.as_str(), host), ("http://127.0.0.1:9/x", None));
        assert!(inside("http://[::1]:9/x", None).is_some());
    }
}
