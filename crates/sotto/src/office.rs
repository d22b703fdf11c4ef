//! What every part needs to act for one practice: who, when, with which keys, policy and words.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use gate::{Address, BindingKey, Policy, PracticeId};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tokio::sync::Notify;

use crate::audit::Log;
use crate::clock::Clock;
use crate::compose::{Templates, proposals};
use crate::db::{DbError, Tx, policy_version, practice};
use crate::downtime::Downtime;
use crate::observe::metrics::Metrics;
use crate::observe::trace::Traces;
use crate::outbox::FreshFacts;
use crate::people::contact_points;
use crate::retention::{self, AllEnded, Ended, Retention};
use crate::{params, sql};

/// One practice, as the code that acts for it sees it. Clones are cheap and share everything.
#[derive(Clone)]
pub struct Office(Arc<Inner>);

struct Inner {
    practice: PracticeId,
    clock: Clock,
    keys: seal::Keyring,
    binding: BindingKey,
    live: RwLock<Live>,
    retention: RwLock<Retention>,
    outbox: Arc<Notify>,
    fresh_facts: FreshFacts,
    metrics: Arc<Metrics>,
    traces: OnceLock<Traces>,
    downtime: OnceLock<Downtime>,
    far: Arc<Notify>,
}

/// What can change while the program runs.
#[derive(Clone)]
struct Live {
    policy: Arc<Policy>,
    /// Of the program and of the practice's folder.
    given: Arc<Templates>,
    /// The same, with what was approved here in their place.
    templates: Arc<Templates>,
    profile: Arc<Profile>,
    /// The months of records that have ended.
    ended: Arc<AllEnded>,
    stamp: Stamp,
}

/// When what [`Live`] holds was last changed in the database, by whichever process.
type Stamp = [Option<i64>; 10];

/// How the practice presents itself, and what the guard should know of it.
#[derive(Debug, Clone)]
pub struct Profile {
    /// The name patients see: neutral where the legal name reveals the specialty (PG-09).
    pub display_name: String,
    /// The number patients call, as printed.
    pub phone: String,
    /// Where patients sign in.
    pub portal_url: String,
    /// The practice's own zone.
    pub timezone: TimeZone,
    /// Demo or training: nothing leaves the machine.
    pub sandbox: bool,
    /// Names, places, numbers and clinicians that raise no alarm.
    pub context: guard::Context,
}

/// An office that cannot open.
#[derive(Debug, thiserror::Error)]
pub enum OfficeError {
    /// The practice is not in the database.
    #[error(
        "the practice is not set up yet; run `sotto serve` with a [practice] section, or `sotto demo`"
    )]
    NoPractice,
    /// The stored policy cannot be read.
    #[error("the stored policy version {0} cannot be used; load it again with `sotto policy load`")]
    Policy(String),
    /// Storage.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Office {
    /// Opens the office of a practice that is in the database.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub fn open(
        tx: &mut Tx<'_>,
        practice: PracticeId,
        clock: Clock,
        keys: seal::Keyring,
        templates: Templates,
    ) -> Result<Self, OfficeError> {
        let binding = BindingKey::new(&keys.content_hash("clearance binding key", b""));
        let now = clock.now();
        let live = Live {
            policy: Arc::new(active_policy(tx, practice)?),
            templates: Arc::new(templates.with(proposals::in_force(tx, practice, now)?)),
            given: Arc::new(templates),
            profile: Arc::new(practice::profile(tx, practice)?.ok_or(OfficeError::NoPractice)?),
            ended: Arc::new(retention::all_ended(tx, practice)?),
            stamp: stamp(tx, practice, now)?,
        };
        let metrics = Arc::new(Metrics::new(clock.now()));
        Ok(Self(Arc::new(Inner {
            practice,
            clock,
            keys,
            binding,
            live: RwLock::new(live),
            retention: RwLock::default(),
            outbox: Arc::default(),
            far: Arc::default(),
            fresh_facts: FreshFacts::default(),
            metrics,
            traces: OnceLock::new(),
            downtime: OnceLock::new(),
        })))
    }

    /// Reads policy, profile and approved words again, after one of them changed.
    ///
    /// # Errors
    /// [`OfficeError`]; what was in force stays in force.
    pub fn refresh(&self, tx: &mut Tx<'_>) -> Result<(), OfficeError> {
        let (practice, now) = (self.practice(), self.clock().now());
        let stamp = stamp(tx, practice, now)?;
        let policy = Arc::new(active_policy(tx, practice)?);
        let profile = practice::profile(tx, practice)?.ok_or(OfficeError::NoPractice)?;
        let own = proposals::in_force(tx, practice, now)?;
        let ended = Arc::new(retention::all_ended(tx, practice)?);
        let mut live = self.0.live.write().unwrap_or_else(PoisonError::into_inner);
        live.templates = Arc::new(live.given.with(own));
        live.policy = policy;
        live.ended = ended;
        live.profile = Arc::new(profile);
        live.stamp = stamp;
        Ok(())
    }

    /// Takes over other templates, of the program and the practice's folder; with the next
    /// [`refresh`](Self::refresh) they are in force, but for what was approved in their place.
    pub fn use_templates(&self, templates: Templates) {
        let mut live = self.0.live.write().unwrap_or_else(PoisonError::into_inner);
        live.given = Arc::new(templates);
    }

    /// [`refresh`](Self::refresh), where the command line or another node changed one of them.
    ///
    /// # Errors
    /// [`OfficeError`]; what was in force stays in force.
    pub fn refresh_if_changed(&self, tx: &mut Tx<'_>) -> Result<(), OfficeError> {
        let stamp = stamp(tx, self.practice(), self.clock().now())?;
        if self.live().stamp == stamp { Ok(()) } else { self.refresh(tx) }
    }

    /// From now on records are kept for so long; what was written before stays as it was.
    pub fn keep_for(&self, retention: Retention) {
        *self.0.retention.write().unwrap_or_else(PoisonError::into_inner) = retention;
    }

    /// For how long records are kept that are written now.
    #[must_use]
    pub fn retention(&self) -> Retention {
        *self.0.retention.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the time of keeping what has this wrap has ended, and when.
    #[must_use]
    pub fn ended(&self, wrap: &[u8]) -> Option<Ended> {
        self.live().ended.get(&seal::sealed_under(wrap)?).cloned()
    }

    /// From now on a copy of the schedule is kept there, for when the database is away.
    pub fn prepare_for(&self, downtime: Downtime) {
        if self.0.downtime.set(downtime).is_err() {
            tracing::warn!("downtime.prepared_twice");
        }
    }

    /// What is prepared for when the database is away, where anything is.
    #[must_use]
    pub fn downtime(&self) -> Option<&Downtime> {
        self.0.downtime.get()
    }

    /// Whose office.
    #[must_use]
    pub fn practice(&self) -> PracticeId {
        self.0.practice
    }

    /// The time here.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The practice's keys.
    #[must_use]
    pub fn keys(&self) -> &seal::Keyring {
        &self.0.keys
    }

    /// The key that binds clearances to the audit log.
    #[must_use]
    pub fn binding_key(&self) -> &BindingKey {
        &self.0.binding
    }

    /// The policy in force.
    #[must_use]
    pub fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.live().policy)
    }

    /// The templates in force.
    #[must_use]
    pub fn templates(&self) -> Arc<Templates> {
        Arc::clone(&self.live().templates)
    }

    /// How the practice presents itself.
    #[must_use]
    pub fn profile(&self) -> Arc<Profile> {
        Arc::clone(&self.live().profile)
    }

    /// Rung after each commit that put something into the outbox.
    #[must_use]
    pub fn outbox_bell(&self) -> Arc<Notify> {
        Arc::clone(&self.0.outbox)
    }

    /// What messages were accepted on a moment ago.
    #[must_use]
    pub fn fresh_facts(&self) -> &FreshFacts {
        &self.0.fresh_facts
    }

    /// What is counted. Count what a transaction did after its commit.
    #[must_use]
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.0.metrics)
    }

    /// Where spans go. Tell what a transaction did after its commit.
    #[must_use]
    pub fn traces(&self) -> &Traces {
        static NOWHERE: Traces = Traces::nowhere();
        self.0.traces.get().unwrap_or(&NOWHERE)
    }

    /// From now on spans go there; the first call counts.
    pub fn send_traces_to(&self, traces: Traces) {
        // A second collector would need a restart.
        let _ = self.0.traces.set(traces);
    }

    /// Rung when another node says that it put something into the outbox which it cannot take.
    #[must_use]
    pub fn far_bell(&self) -> Arc<Notify> {
        Arc::clone(&self.0.far)
    }

    /// The blind index under which rows about this address are found.
    #[must_use]
    pub fn address_index(&self, address: &Address) -> [u8; 32] {
        contact_points::address_index(&self.0.keys, address)
    }

    /// Until when a record of now is kept that is about nobody (PRIV-20, SPEC LC-04).
    ///
    /// # Errors
    /// [`seal::MonthError`] where the clock reads a time beyond the calendar.
    pub fn buckets(&self, now: Timestamp) -> Result<seal::Buckets, seal::MonthError> {
        self.buckets_of(now, None)
    }

    /// The same of a record about somebody born on that day. The patient's copy is for whoever makes
    /// one to add.
    ///
    /// # Errors
    /// [`seal::MonthError`] where the clock reads a time beyond the calendar.
    pub fn buckets_of(
        &self,
        now: Timestamp,
        born: Option<Date>,
    ) -> Result<seal::Buckets, seal::MonthError> {
        Ok(seal::Buckets { retention: self.retention().until(now, born)?, expiry: None })
    }

    fn live(&self) -> Live {
        self.0.live.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<'a> From<&'a Office> for Log<'a> {
    fn from(office: &'a Office) -> Self {
        let Inner { practice, clock, keys, binding, .. } = &*office.0;
        Self { practice: *practice, keys, binding, clock }
    }
}

impl std::fmt::Debug for Office {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Office({})", self.0.practice)
    }
}

fn active_policy(tx: &mut Tx<'_>, practice: PracticeId) -> Result<Policy, OfficeError> {
    match policy_version::active(tx, practice)? {
        None => Ok(Policy::rulebook()),
        Some(stored) => {
            Policy::from_toml(&stored.document).map_err(|_| OfficeError::Policy(stored.version))
        }
    }
}

fn stamp(tx: &mut Tx<'_>, practice: PracticeId, now: Timestamp) -> Result<Stamp, DbError> {
    tx.query_one(
        sql!(
            "SELECT (SELECT MAX(activated_at) FROM policy_version WHERE practice_id = $1),
                    (SELECT MAX(updated_at) FROM practice WHERE practice_id = $1),
                    (SELECT MAX(updated_at) FROM site WHERE practice_id = $1),
                    (SELECT MAX(updated_at) FROM clinician WHERE practice_id = $1),
                    (SELECT COUNT(*) FROM clinician WHERE practice_id = $1),
                    (SELECT MAX(judged_at) FROM template_proposal WHERE practice_id = $1),
                    (SELECT MAX(withdrawn_at) FROM template_version WHERE practice_id = $1),
                    (SELECT COUNT(*) FROM template_version
                      WHERE practice_id = $1 AND expires_at <= $2),
                    (SELECT updated_at FROM setting
                      WHERE practice_id = $1 AND name = 'neutral_name'),
                    (SELECT MAX(ended_at) FROM retention_month WHERE practice_id = $1)"
        ),
        params![practice, now],
        |row| {
            let mut stamp = [None; 10];
            for (at, one) in stamp.iter_mut().enumerate() {
                *one = row.get(at)?;
            }
            Ok(stamp)
        },
    )
}
