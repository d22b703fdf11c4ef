//! Everything that runs: a worker for each adapter, the sequencer, reminders, recovery, the
//! comparison and the self-test of the night.

use std::sync::Arc;
use std::time::Duration;

use gate::Released;
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::access::{break_glass, devices};
use crate::agreements;
use crate::arrivals;
use crate::audit;
use crate::channels::{Adapter, AdapterName, AnyAdapter, Carried, Failure, Handoff};
use crate::conversations::{drafts, inbox};
use crate::db::Db;
use crate::downtime::watch;
use crate::inbound::pager::{self, Pager};
use crate::journeys::reminders;
use crate::live::Live;
use crate::nodes::{self, Lease, Place};
use crate::office::Office;
use crate::outbox::OutboxError;
use crate::outbox::recover::{self, Broken};
use crate::outbox::set_back::{self, Watch};
use crate::outbox::worker::{Settings, Worker};
use crate::people::search;
use crate::portal::{expiry, kiosk, unread};
use crate::reconcile::nightly::{self, Nightly};
use crate::retention::end::{self, Looked};
use crate::sealed::threads;
use crate::self_test;

/// How long an attempt may take before it counts as broken off. Longer than any adapter's own
/// time limit for an answer.
const LEASE: Duration = Duration::from_secs(300);

/// How often the audit log is given its new leaves.
const SEQUENCE_EVERY: Duration = Duration::from_millis(500);

/// How often due reminders are looked for.
const REMIND_EVERY: Duration = Duration::from_secs(1);

/// How often attempts whose lease is over are looked for.
const RECOVER_EVERY: Duration = Duration::from_secs(30);

/// How often this node looks whether another process changed the practice's policy or profile.
const REFRESH_EVERY: Duration = Duration::from_secs(1);

/// How often agreements that end soon are looked for.
const WARN_EVERY: Duration = Duration::from_secs(10 * 60);

/// How often threads that were put off are looked for.
const WAKE_EVERY: Duration = Duration::from_secs(5);

/// How often letters that lie unread, and copies whose day is over, are looked for.
const LETTERS_EVERY: Duration = Duration::from_secs(60);
const RETAIN_EVERY: Duration = Duration::from_secs(60 * 60);

/// The running parts of one practice.
pub struct Service {
    stop: CancellationToken,
    tasks: TaskTracker,
    /// Stops after everything else, so that the last entries get their leaves.
    sequencer: (CancellationToken, JoinHandle<()>),
    place: JoinHandle<Place>,
    leave: CancellationToken,
}

/// What a service is made of.
pub struct Parts {
    /// The database.
    pub db: Db,
    /// The office.
    pub office: Office,
    /// The adapters in use.
    pub adapters: Vec<Live<AnyAdapter>>,
    /// What they report.
    pub events: mpsc::Receiver<Carried>,
    /// How staff are paged about an emergency.
    pub pager: Live<Pager>,
    /// This process's place among the nodes.
    pub place: Place,
    /// When our record is compared with the others.
    pub nightly: Nightly,
    /// When the way in and the way out are tested.
    pub self_test: self_test::Settings,
}

impl Service {
    /// Settles what the life before left behind, then starts everything.
    ///
    /// # Errors
    /// [`OutboxError`] when recovery cannot be stored.
    pub async fn start(parts: Parts) -> Result<Self, OutboxError> {
        let Parts { db, office, adapters, events, pager, place, nightly, self_test } = parts;
        let standing = place.standing();
        let mut settled = nodes::settle(&db, &office).await?;
        if !db.is_shared() {
            // Also what a version of this program without nodes had begun.
            settled += recover::settle_broken_off(&db, &office, Broken::All).await?;
        }
        if settled > 0 {
            tracing::warn!(attempts = settled, "outbox.recovered");
        }
        bring_forward(&db, &office).await;
        begin_threads(&db, &office).await;
        stay_ended(&db, &office).await;
        let practice = office.practice().to_string();
        let far_bell = office.far_bell();
        db.listen(move |word| {
            if word == practice {
                far_bell.notify_waiters();
            }
        })?;
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let leave = CancellationToken::new();
        let given_up = place.given_up();
        let place = tokio::spawn(place.run(leave.clone()));
        tasks.spawn(arrivals::run(db.clone(), office.clone(), events));
        let lease = office.clock().span(LEASE);
        let settings = |adapter| {
            let (standing, window) = (standing.clone(), window_of(adapter));
            Settings { adapter, standing, window, lease }
        };
        let asked = adapters.clone();
        for adapter in adapters {
            if let Some(link) = adapter.link() {
                office.metrics().watch(adapter.name().as_str(), link);
            }
            let settings = settings(adapter.name());
            let worker = Worker::new(db.clone(), office.clone(), Arc::new(adapter), settings);
            tasks.spawn(worker.run(stop.clone()));
        }
        let settings = settings(AdapterName::Portal);
        let portal = Worker::new(db.clone(), office.clone(), Arc::new(Portal), settings);
        tasks.spawn(portal.run(stop.clone()));
        let last = CancellationToken::new();
        let sequencer = tokio::spawn(sequence(db.clone(), office.clone(), last.clone()));
        tasks.spawn(remind(db.clone(), office.clone(), stop.clone()));
        tasks.spawn(self_test::run(db.clone(), office.clone(), self_test, stop.clone()));
        tasks.spawn(nightly::run(db.clone(), office.clone(), (nightly, asked), stop.clone()));
        tasks.spawn(pager::run(db.clone(), office.clone(), (pager, standing), stop.clone()));
        tasks.spawn(refresh(db.clone(), office.clone(), stop.clone()));
        tasks.spawn(warn(db.clone(), office.clone(), stop.clone()));
        tasks.spawn(wake(db.clone(), office.clone(), stop.clone()));
        if let Some(downtime) = office.downtime().cloned() {
            tasks.spawn(watch::run(db.clone(), office.clone(), downtime, stop.clone()));
        }
        tasks.spawn(letters(db.clone(), office.clone(), stop.clone()));
        tasks.spawn(forget(db.clone(), office.clone(), stop.clone()));
        tasks.spawn(retain(db.clone(), office.clone(), stop.clone()));
        tasks.spawn(index(db.clone(), office.clone(), stop.clone()));
        tasks.spawn(settle(db, office, given_up, stop.clone()));
        tasks.close();
        Ok(Self { stop, tasks, sequencer: (last, sequencer), place, leave })
    }

    /// Takes nothing new, lets what is on the wire finish, places the last audit entries, and gives
    /// its place among the nodes back.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.wait().await;
        let (last, sequencer) = self.sequencer;
        last.cancel();
        // It panicked, or it is done.
        let _ = sequencer.await;
        self.leave.cancel();
        // A place that is not given back is noticed by the others.
        match self.place.await {
            Ok(place) => {
                if let Err(error) = place.leave().await {
                    tracing::warn!(%error, "node.leave");
                }
            }
            Err(_) => tracing::warn!("node.leave"),
        }
    }
}

const fn window_of(adapter: AdapterName) -> usize {
    match adapter {
        AdapterName::SmsSmpp => 256,
        AdapterName::SmsHttp => 16,
        AdapterName::EmailSmtp => 8,
        AdapterName::Portal => 64,
        AdapterName::Loopback => 1,
    }
}

/// The portal is this program: what its row holds has arrived, and no wire is crossed.
struct Portal;

impl Adapter for Portal {
    fn name(&self) -> AdapterName {
        AdapterName::Portal
    }

    async fn send(&self, _: Released<'_>, _: &Lease) -> Result<Handoff, Failure> {
        Ok(Handoff { parts: Vec::new(), transport: None })
    }
}

/// Waits on the office's clock for a real span, or until `stop`. False when it is time to stop.
async fn pause(office: &Office, span: Duration, stop: &CancellationToken) -> bool {
    let span: SignedDuration = office.clock().span(span);
    tokio::select! {
        () = office.clock().sleep(span) => true,
        () = stop.cancelled() => false,
    }
}

async fn sequence(db: Db, office: Office, stop: CancellationToken) {
    loop {
        let go_on = pause(&office, SEQUENCE_EVERY, &stop).await;
        if let Err(error) = audit::sequencer::catch_up_if_free(&db, &office).await {
            tracing::error!(%error, "audit.sequence");
        }
        if !go_on {
            return;
        }
    }
}

async fn remind(db: Db, office: Office, stop: CancellationToken) {
    while pause(&office, REMIND_EVERY, &stop).await {
        if let Err(error) = reminders::tick(&db, &office).await {
            tracing::error!(%error, "reminders.tick");
        }
    }
}

/// Everybody can be found, also whom a version before this one wrote down.
async fn index(db: Db, office: Office, stop: CancellationToken) {
    if let Err(error) = search::index::catch_up(&db, &office, &stop).await {
        tracing::error!(%error, "search.not_indexed");
    }
}

async fn refresh(db: Db, office: Office, stop: CancellationToken) {
    while pause(&office, REFRESH_EVERY, &stop).await {
        let now = office.clone();
        if let Err(error) = db.read(move |tx| now.refresh_if_changed(tx)).await {
            tracing::error!(%error, "office.refresh");
        }
    }
}

/// Agreements that end soon are somebody's task.
async fn warn(db: Db, office: Office, stop: CancellationToken) {
    while pause(&office, WARN_EVERY, &stop).await {
        let now = office.clone();
        if let Err(error) = db.write(move |tx| agreements::tick(tx, &now)).await {
            tracing::error!(%error, "agreements.tick");
        }
    }
}

/// What lies unread at the window is spoken of again, copies end with their day, and tablets that are
/// over are written down.
async fn letters(db: Db, office: Office, stop: CancellationToken) {
    while pause(&office, LETTERS_EVERY, &stop).await {
        if let Err(error) = unread::look(&db, &office).await {
            tracing::error!(%error, "window.unread");
        }
        if let Err(error) = threads::look(&db, &office).await {
            tracing::error!(%error, "sealed.unseen");
        }
        if let Err(error) = kiosk::look(&db, &office).await {
            tracing::error!(%error, "window.tablets");
        }
        match expiry::look(&db, &office).await {
            Ok(0) => {}
            Ok(copies) => tracing::info!(copies, "window.copies_ended"),
            Err(error) => tracing::error!(%error, "window.expiry"),
        }
    }
}

/// Drafts that nobody went on with end, and so do the keys of devices that were wiped.
async fn forget(db: Db, office: Office, stop: CancellationToken) {
    while pause(&office, LETTERS_EVERY, &stop).await {
        if let Err(error) = drafts::end_old(&db, &office).await {
            tracing::error!(%error, "drafts.end");
        }
        if let Err(error) = devices::finish(&db, &office).await {
            tracing::error!(%error, "devices.finish");
        }
    }
}

/// Once a day the months of records that are over end; each hour what has ended stays so, here too.
async fn retain(db: Db, office: Office, stop: CancellationToken) {
    let mut looked = None;
    loop {
        let today = office.clock().now().to_zoned(TimeZone::UTC).date();
        if looked == Some(today) {
            stay_ended(&db, &office).await;
        } else {
            match end::look(&db, &office).await {
                Ok(done) => {
                    looked = Some(today);
                    if done != Looked::default() {
                        let Looked { ended, told, again } = done;
                        tracing::info!(ended, told, again, "retention.looked");
                    }
                }
                Err(error) => tracing::error!(%error, "retention.look"),
            }
        }
        if !pause(&office, RETAIN_EVERY, &stop).await {
            return;
        }
    }
}

/// A month that has ended is not opened again, whatever the key store was put back from.
async fn stay_ended(db: &Db, office: &Office) {
    match end::stay_ended(db, office).await {
        Ok(0) => {}
        Ok(months) => tracing::warn!(months, "retention.ended_again"),
        Err(error) => tracing::error!(%error, "retention.stay_ended"),
    }
}

/// Threads that were put off come back; records that were opened in an emergency close.
async fn wake(db: Db, office: Office, stop: CancellationToken) {
    while pause(&office, WAKE_EVERY, &stop).await {
        if let Err(error) = break_glass::end_those_over(&db, &office).await {
            tracing::error!(%error, "break_glass.end");
        }
        if let Err(error) = inbox::wake(&db, &office).await {
            tracing::error!(%error, "inbox.wake");
        }
    }
}

/// What was stored before there were threads gets its own. It is tried again at the next start.
async fn begin_threads(db: &Db, office: &Office) {
    match inbox::begin(db, office).await {
        Ok(0) => {}
        Ok(threads) => tracing::info!(threads, "inbox.begun"),
        Err(error) => tracing::error!(%error, "inbox.begin"),
    }
}

/// What was to go at once when the clock was ahead goes now.
async fn bring_forward(db: &Db, office: &Office) {
    match set_back::bring_forward(db, office).await {
        Ok(0) => {}
        Ok(messages) => tracing::warn!(messages, "outbox.clock_was_ahead"),
        Err(error) => tracing::error!(%error, "outbox.clock_was_ahead"),
    }
}

/// Settles attempts whose lease is over, now and then, and what nodes that were given up had begun,
/// as soon as that is known.
async fn settle(db: Db, office: Office, given_up: Arc<Notify>, stop: CancellationToken) {
    let mut watch = Watch::new(office.clock());
    loop {
        let result = tokio::select! {
            () = given_up.notified() => nodes::settle(&db, &office).await,
            go_on = pause(&office, RECOVER_EVERY, &stop) => {
                if !go_on {
                    return;
                }
                if watch.set_back() {
                    bring_forward(&db, &office).await;
                }
                recover::settle_broken_off(&db, &office, Broken::Over).await
            }
        };
        match result {
            Ok(0) => {}
            Ok(attempts) => tracing::warn!(attempts, "outbox.recovered"),
            Err(error) => tracing::error!(%error, "outbox.recover"),
        }
    }
}
