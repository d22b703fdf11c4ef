//! Callers that want their message sent whatever happens to the server: a request without an answer
//! is asked again with the same key, until it is answered.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::cli::bench::compare::Told;
use crate::cli::bench::load;
use crate::cli::bench::practice::Resident;
use crate::clock::Clock;

/// How many ask at once.
const CALLERS: usize = 16;

/// How long an answer may take before the caller asks again.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a caller who was refused for now waits.
const AGAIN: Duration = Duration::from_millis(50);

/// Of so many accepted requests one is asked once more, as if its answer had been lost.
const ASKED_AGAIN: u64 = 8;

/// A server, and which start of it this is.
pub(super) type Open = Option<(u64, SocketAddr)>;

/// Who asks, for what, and what they were told.
pub(super) struct Callers {
    shared: Arc<Shared>,
    open: watch::Sender<Open>,
    tasks: Vec<JoinHandle<()>>,
}

struct Shared {
    clock: Clock,
    token: String,
    people: Vec<Resident>,
    name: String,
    every: Duration,
    began: Instant,
    next: AtomicU64,
    enough: AtomicBool,
    answered: watch::Sender<u64>,
    answers: Mutex<Answers>,
}

/// How each request was answered.
#[derive(Debug, Default, Clone)]
pub(super) struct Answers {
    /// What we are held to.
    pub(super) told: Told,
    /// Requests refused for good, and what was said to the first of them.
    pub(super) refused: u64,
    pub(super) said: Option<String>,
    /// How often each status was answered.
    pub(super) statuses: BTreeMap<u16, u64>,
}

impl Callers {
    /// Starts them; they ask `rate` times a second, as soon as there is a server.
    pub(super) fn start(
        runtime: &Handle,
        clock: &Clock,
        (people, token): (Vec<Resident>, String),
        rate: f64,
    ) -> Self {
        let (open, server) = watch::channel(None);
        let shared = Arc::new(Shared {
            clock: clock.clone(),
            token,
            people,
            name: clock.new_id().to_string(),
            every: Duration::from_secs_f64(1.0 / rate),
            began: clock.instant(),
            next: AtomicU64::new(0),
            enough: AtomicBool::new(false),
            answered: watch::Sender::new(0),
            answers: Mutex::default(),
        });
        let caller = |_| runtime.spawn(Arc::clone(&shared).ask_for_ever(server.clone()));
        let tasks = (0..CALLERS).map(caller).collect();
        Self { shared, open, tasks }
    }

    /// Where the server is now, if it is.
    pub(super) fn server_is(&self, open: Open) {
        self.open.send_replace(open);
    }

    /// Waits until this start of the server has answered somebody. False where it does not.
    pub(super) async fn answered_by(&self, start: u64, patience: Duration) -> bool {
        let mut answered = self.shared.answered.subscribe();
        let answered = answered.wait_for(|latest| *latest >= start);
        tokio::time::timeout(patience, answered).await.is_ok_and(|seen| seen.is_ok())
    }

    /// How they were answered until now.
    pub(super) fn answers(&self) -> Answers {
        self.shared.answers().clone()
    }

    /// Nobody asks for more; returns when all have been answered, or not in this time.
    pub(super) async fn finish(&mut self, patience: Duration) -> Answers {
        self.shared.enough.store(true, Ordering::SeqCst);
        let all = async {
            for task in &mut self.tasks {
                // A caller that panicked has no answer; it is counted below.
                let _ = task.await;
            }
        };
        let _ = tokio::time::timeout(patience, all).await;
        let open = self.tasks.iter().filter(|task| !task.is_finished()).count();
        let mut answers = self.answers();
        answers.told.unanswered = open as u64;
        answers
    }
}

impl Shared {
    fn answers(&self) -> std::sync::MutexGuard<'_, Answers> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask_for_ever(self: Arc<Self>, mut server: watch::Receiver<Open>) {
        let mut line = None;
        while !self.enough.load(Ordering::SeqCst) {
            let number = self.next.fetch_add(1, Ordering::SeqCst);
            let due = self.began + self.every.mul_f64(number as f64);
            tokio::time::sleep_until(due.into()).await;
            let at = usize::try_from(number).unwrap_or_default() % self.people.len().max(1);
            let Some(who) = self.people.get(at) else { return };
            let key = format!("{}-{number}", self.name);
            let request = load::request(&self.token, &key, &who.patient, &name_of(number));
            let first = self.ask(&request, &mut line, &mut server).await;
            if number.is_multiple_of(ASKED_AGAIN) && first.is_some() {
                let again = self.ask(&request, &mut line, &mut server).await;
                if again != first {
                    self.answers().told.answered_differently += 1;
                }
            }
            self.answers().told.accepted.extend(first);
        }
    }

    /// Asks until the answer is a yes, with the message's id, or a no for good.
    async fn ask(
        &self,
        request: &str,
        line: &mut Option<(u64, TcpStream)>,
        server: &mut watch::Receiver<Open>,
    ) -> Option<String> {
        loop {
            // The sender lives as long as the callers do.
            let open = server.wait_for(Option::is_some).await.ok().and_then(|open| *open);
            let (start, address) = open?;
            let answer = tokio::time::timeout(PATIENCE, once(request, line, start, address)).await;
            let Ok(Ok((status, body))) = answer else {
                *line = None;
                self.pause().await;
                continue;
            };
            self.shared_answer(start, status);
            match status {
                202 => return id_in(&body),
                400..=499 => {
                    let mut answers = self.answers();
                    answers.refused += 1;
                    answers.said.get_or_insert(body);
                    return None;
                }
                _ => self.pause().await,
            }
        }
    }

    fn shared_answer(&self, start: u64, status: u16) {
        *self.answers().statuses.entry(status).or_default() += 1;
        if status == 202 {
            self.answered.send_if_modified(|latest| {
                let newer = start > *latest;
                *latest = start.max(*latest);
                newer
            });
        }
    }

    async fn pause(&self) {
        self.clock.sleep(self.clock.span(AGAIN)).await;
    }
}

/// One request over a connection that is kept.
async fn once(
    request: &str,
    line: &mut Option<(u64, TcpStream)>,
    start: u64,
    address: SocketAddr,
) -> io::Result<(u16, String)> {
    let mut connection = match line.take().filter(|(to, _)| *to == start) {
        Some((_, connection)) => connection,
        None => TcpStream::connect(address).await?,
    };
    connection.set_nodelay(true)?;
    connection.write_all(request.as_bytes()).await?;
    let mut input = Vec::with_capacity(4096);
    let (status, body) = load::answer(&mut connection, &mut input).await?;
    let answer = (status, String::from_utf8_lossy(body).into_owned());
    *line = Some((start, connection));
    Ok(answer)
}

fn id_in(body: &str) -> Option<String> {
    let answer: serde_json::Value = serde_json::from_str(body).ok()?;
    Some(answer.get("id")?.as_str()?.to_owned())
}

/// A name for each request, so that its text is like no other.
fn name_of(number: u64) -> String {
    let letter = |place: u32| {
        let digit = number / 26_u64.pow(place) % 26;
        char::from(b'a' + u8::try_from(digit).unwrap_or_default())
    };
    format!("Mo{}", (0..5).rev().map(letter).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::name_of;

    #[test]
    fn no_two_requests_call_by_the_same_name() {
        let names: std::collections::BTreeSet<_> = (0..2_000).map(name_of).collect();
        assert_eq!(names.len(), 2_000);
        assert_eq!(name_of(27), "Moaaabb");
    }
}
