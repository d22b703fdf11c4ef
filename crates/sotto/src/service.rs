//! Everything that runs: a worker for each adapter, the sequencer, reminders, recovery, the
//! comparison and the self-test of the night.

use std::sync::Arc;
use std::time::Duration;

use gate::Released;
use jiff::SignedDuration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::arrivals;
use crate::audit;
use crate::channels::{Adapter, AdapterName, AnyAdapter, Carried, Failure, Handoff};
use crate::db::Db;
use crate::inbound::pager::{self, Pager};
use crate::journeys::reminders;
use crate::office::Office;
use crate::outbox::recover;
use crate::outbox::worker::{Settings, Worker};
use crate::reconcile::nightly::{self, Nightly};
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

/// The running parts of one practice.
pub struct Service {
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// What a service is made of.
pub struct Parts {
    /// The database.
    pub db: Db,
    /// The office.
    pub office: Office,
    /// The adapters in use.
    pub adapters: Vec<AnyAdapter>,
    /// What they report.
    pub events: mpsc::Receiver<Carried>,
    /// How staff are paged about an emergency.
    pub pager: Pager,
    /// This node's name, the same after each restart, so that it knows its own broken attempts.
    pub owner: String,
    /// When our record is compared with the others.
    pub nightly: Nightly,
    /// When the way in and the way out are tested.
    pub self_test: self_test::Settings,
}

impl Service {
    /// Settles what the life before left behind, then starts everything.
    ///
    /// # Errors
    /// [`OutboxError`](crate::outbox::OutboxError) when recovery cannot be stored.
    pub async fn start(parts: Parts) -> Result<Self, crate::outbox::OutboxError> {
        let Parts { db, office, adapters, events, pager, owner, nightly, self_test } = parts;
        let settled = recover::settle_broken_off(&db, &office, Some(owner.clone())).await?;
        if settled > 0 {
            tracing::warn!(attempts = settled, "outbox.recovered");
        }
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(arrivals::run(db.clone(), office.clone(), events));
        for adapter in adapters {
            let window = window_of(adapter.name());
            let settings = Settings {
                adapter: adapter.name(),
                owner: owner.clone(),
                window,
                lease: office.clock().span(LEASE),
            };
            let worker = Worker::new(db.clone(), office.clone(), Arc::new(adapter), settings);
            tasks.spawn(worker.run(stop.clone()));
        }
        let settings = Settings {
            adapter: AdapterName::Portal,
            owner,
            window: 64,
            lease: office.clock().span(LEASE),
        };
        let portal = Worker::new(db.clone(), office.clone(), Arc::new(Portal), settings);
        tasks.spawn(portal.run(stop.clone()));
        tasks.spawn(sequence(db.clone(), office.clone(), stop.clone()));
        tasks.spawn(remind(db.clone(), office.clone(), stop.clone()));
        tasks.spawn(self_test::run(db.clone(), office.clone(), self_test, stop.clone()));
        tasks.spawn(nightly::run(db.clone(), office.clone(), nightly, stop.clone()));
        tasks.spawn(pager::run(db.clone(), office.clone(), pager, stop.clone()));
        tasks.spawn(settle(db, office, stop.clone()));
        tasks.close();
        Ok(Self { stop, tasks })
    }

    /// Takes nothing new, lets what is on the wire finish, places the last audit entries.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.wait().await;
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

    async fn send(&self, _: Released<'_>) -> Result<Handoff, Failure> {
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
        loop {
            let log = office.clone();
            match db.write(move |tx| audit::sequence(tx, &log)).await {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => {
                    tracing::error!(%error, "audit.sequence");
                    break;
                }
            }
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

async fn settle(db: Db, office: Office, stop: CancellationToken) {
    while pause(&office, RECOVER_EVERY, &stop).await {
        if let Err(error) = recover::settle_broken_off(&db, &office, None).await {
            tracing::error!(%error, "outbox.recover");
        }
    }
}
