//! What time it is in the simulated world: the one place where the twin reads a clock.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

/// The longest a waiter sleeps before it looks at the clock again, so that a followed clock that
/// jumps (the demo skipping a night) is noticed.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// A clock for the simulated world: real time stretched by a factor, somebody else's clock, or one
/// that only moves when a test says so. Clones share the same time.
#[derive(Clone)]
pub struct WorldClock(Arc<Inner>);

struct Inner {
    source: Source,
    moved: Notify,
    born: Instant,
}

enum Source {
    Scaled { epoch: Timestamp, began: Instant, speed: f64 },
    Following { now: Box<dyn Fn() -> Timestamp + Send + Sync>, speed: f64 },
    Manual(Mutex<Timestamp>),
}

impl std::fmt::Debug for WorldClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("WorldClock").field(&self.now()).finish()
    }
}

impl Default for WorldClock {
    /// Real time.
    fn default() -> Self {
        Self::scaled(None, 1.0)
    }
}

impl WorldClock {
    /// Time that starts at `epoch` (the machine's time if `None`) and runs `speed` times as fast as
    /// life. A speed that is not a positive finite number counts as 1.
    pub fn scaled(epoch: Option<Timestamp>, speed: f64) -> Self {
        let (machine, began) = read();
        let epoch = epoch.unwrap_or(machine);
        Self::with(Source::Scaled { epoch, began, speed: sane(speed) })
    }

    /// Somebody else's time, for example that of the program under test
    /// (`WorldClock::following(move || clock.now(), speed)`); `speed` is how fast it usually runs, used to
    /// guess how long to sleep.
    pub fn following(now: impl Fn() -> Timestamp + Send + Sync + 'static, speed: f64) -> Self {
        Self::with(Source::Following { now: Box::new(now), speed: sane(speed) })
    }

    /// Time that stands still until [`WorldClock::advance`] moves it: for tests.
    pub fn manual(start: Timestamp) -> Self {
        Self::with(Source::Manual(Mutex::new(start)))
    }

    fn with(source: Source) -> Self {
        Self(Arc::new(Inner { source, moved: Notify::new(), born: read().1 }))
    }

    /// The simulated time.
    pub fn now(&self) -> Timestamp {
        match &self.0.source {
            Source::Scaled { epoch, began, speed } => {
                let elapsed = read().1.saturating_duration_since(*began);
                let simulated = SignedDuration::from_secs_f64(elapsed.as_secs_f64() * speed);
                epoch.saturating_add(simulated).unwrap_or(Timestamp::MAX)
            }
            Source::Following { now, .. } => now(),
            Source::Manual(at) => *at.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Real time since this clock was made, for the time limits of connections: a peer is as slow
    /// as it is, however fast the world turns.
    pub(crate) fn real(&self) -> Duration {
        read().1.saturating_duration_since(self.0.born)
    }

    /// Returns once so much real time has passed since this clock was made.
    pub(crate) async fn until_real(&self, at: Duration) {
        let wait = at.saturating_sub(self.real());
        // A future that never ends, so that the outcome is always the elapsed time.
        let _ = tokio::time::timeout(wait, std::future::pending::<()>()).await;
    }

    /// Moves a manual clock forward and wakes whoever waits; the other kinds of clock move by
    /// themselves and are left alone.
    pub fn advance(&self, by: SignedDuration) {
        if let Source::Manual(at) = &self.0.source {
            let mut at = at.lock().unwrap_or_else(PoisonError::into_inner);
            *at = at.saturating_add(by).unwrap_or(Timestamp::MAX);
        }
        self.0.moved.notify_waiters();
    }

    /// Returns once the simulated time is `at` or later. Dropping the future is safe.
    pub(crate) async fn until(&self, at: Timestamp) {
        loop {
            let moved = self.0.moved.notified();
            let now = self.now();
            if now >= at {
                return;
            }
            let simulated = at.duration_since(now).as_secs_f64();
            match &self.0.source {
                Source::Manual(_) => moved.await,
                Source::Scaled { speed, .. } => nap(moved, simulated / speed, None).await,
                Source::Following { speed, .. } => {
                    nap(moved, simulated / speed, Some(LOOK_AGAIN)).await;
                }
            }
        }
    }
}

async fn nap(moved: impl Future<Output = ()>, seconds: f64, at_most: Option<Duration>) {
    let real = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::from_secs(3600));
    let real = real.clamp(Duration::from_millis(1), at_most.unwrap_or(Duration::from_secs(3600)));
    // Either outcome means: look at the clock again.
    let _ = tokio::time::timeout(real, moved).await;
}

fn sane(speed: f64) -> f64 {
    if speed.is_finite() && speed > 0.0 { speed } else { 1.0 }
}

#[expect(clippy::disallowed_methods, reason = "the simulated world has to start from some time")]
fn read() -> (Timestamp, Instant) {
    (Timestamp::now(), Instant::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> Timestamp {
        "2026-03-02T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = WorldClock::manual(noon());
        assert_eq!(clock.now(), noon());
        clock.advance(SignedDuration::from_mins(5));
        assert_eq!(clock.now(), noon() + SignedDuration::from_mins(5));
    }

    #[test]
    fn a_senseless_speed_counts_as_real_time() {
        for speed in [0.0, -3.0, f64::NAN, f64::INFINITY] {
            assert!((sane(speed) - 1.0).abs() < f64::EPSILON);
        }
    }

    #[tokio::test]
    async fn waiters_wake_when_the_time_has_come() {
        let clock = WorldClock::manual(noon());
        let waiter = clock.clone();
        let woken = tokio::spawn(async move {
            waiter.until(noon() + SignedDuration::from_hours(1)).await;
            waiter.now()
        });
        tokio::task::yield_now().await;
        clock.advance(SignedDuration::from_mins(30));
        tokio::task::yield_now().await;
        assert!(!woken.is_finished());
        clock.advance(SignedDuration::from_mins(30));
        assert_eq!(woken.await.unwrap(), noon() + SignedDuration::from_hours(1));
    }

    #[tokio::test]
    async fn a_fast_clock_makes_an_hour_pass_in_a_blink() {
        let clock = WorldClock::scaled(Some(noon()), 3_600_000.0);
        clock.until(noon() + SignedDuration::from_hours(1)).await;
        assert!(clock.now() >= noon() + SignedDuration::from_hours(1));
    }
}
