//! The only place that asks the machine for the time, sleeps, or draws an id.

#![expect(
    clippy::disallowed_methods,
    reason = "this is the Clock that everybody else is told to ask"
)]

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use uuid::{Builder, ContextV7, Uuid};

/// The longest real sleep in one piece: the machine's clock may be set meanwhile.
const NAP: Duration = Duration::from_secs(30);

/// The time, as the whole program sees it. Clones tell the same time.
#[derive(Clone)]
pub struct Clock(Arc<Inner>);

struct Inner {
    kind: Kind,
    ids: Mutex<Ids>,
}

enum Kind {
    System,
    Manual(watch::Sender<Timestamp>),
    Scaled { started: Instant, at: Timestamp, speed: f64 },
}

enum Ids {
    Random(Box<ContextV7>),
    Counted(u64),
}

impl Clock {
    /// The machine's time.
    #[must_use]
    pub fn system() -> Self {
        Self::with(Kind::System, Ids::Random(Box::new(ContextV7::new())))
    }

    /// A clock for tests: it stands still until it is moved, and its ids repeat from run to run.
    #[must_use]
    pub fn manual(at: Timestamp) -> Self {
        Self::with(Kind::Manual(watch::Sender::new(at)), Ids::Counted(0))
    }

    /// A clock for the demo: it reads `at` now and then runs `speed` times as fast as life (1.0 is
    /// life; anything that is not a positive number counts as 1.0). To go on later where it was,
    /// keep what [`now`](Self::now) says and start the next one there.
    #[must_use]
    pub fn scaled(at: Timestamp, speed: f64) -> Self {
        let speed = if speed.is_finite() && speed > 0.0 { speed } else { 1.0 };
        let kind = Kind::Scaled { started: Instant::now(), at, speed };
        Self::with(kind, Ids::Random(Box::new(ContextV7::new())))
    }

    fn with(kind: Kind, ids: Ids) -> Self {
        Self(Arc::new(Inner { kind, ids: Mutex::new(ids) }))
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0.kind {
            Kind::System => Timestamp::now(),
            Kind::Manual(at) => *at.borrow(),
            Kind::Scaled { started, at, speed } => {
                let gone = SignedDuration::from_secs_f64(started.elapsed().as_secs_f64() * speed);
                at.checked_add(gone).unwrap_or(Timestamp::MAX)
            }
        }
    }

    /// What time it is for the people and telephones around the program: sessions and one-time
    /// codes go by this. The same as [`now`](Self::now), but for the demo, which runs fast.
    #[must_use]
    pub fn now_in_life(&self) -> Timestamp {
        match &self.0.kind {
            Kind::Scaled { .. } => Timestamp::now(),
            Kind::System | Kind::Manual(_) => self.now(),
        }
    }

    /// A point on the machine's steady clock, for measuring and for time limits on the wire, which
    /// no simulation may stretch.
    #[must_use]
    pub fn instant(&self) -> Instant {
        Instant::now()
    }

    /// Moves a manual clock to `to`; it never goes back. Other clocks stay as they are.
    pub fn advance_to(&self, to: Timestamp) {
        if let Kind::Manual(at) = &self.0.kind {
            at.send_if_modified(|at| {
                let later = to > *at;
                *at = to.max(*at);
                later
            });
        }
    }

    /// Moves a manual clock on by `by`.
    pub fn advance(&self, by: SignedDuration) {
        self.advance_to(self.now().checked_add(by).unwrap_or(Timestamp::MAX));
    }

    /// Returns when this clock reads `until` or later.
    pub async fn sleep_until(&self, until: Timestamp) {
        if let Kind::Manual(at) = &self.0.kind {
            // The sender lives in self, so this cannot fail.
            let _ = at.subscribe().wait_for(|at| *at >= until).await;
            return;
        }
        let speed = match self.0.kind {
            Kind::Scaled { speed, .. } => speed,
            Kind::System | Kind::Manual(_) => 1.0,
        };
        loop {
            let left = until.duration_since(self.now());
            if left <= SignedDuration::ZERO {
                return;
            }
            let real = Duration::try_from_secs_f64(left.as_secs_f64() / speed).unwrap_or(NAP);
            tokio::time::sleep(real.clamp(Duration::from_millis(1), NAP)).await;
        }
    }

    /// Returns after `span` on this clock. The machine's clock may be set back meanwhile: that
    /// makes the wait no longer.
    pub async fn sleep(&self, span: SignedDuration) {
        let speed = match self.0.kind {
            Kind::System => 1.0,
            Kind::Scaled { speed, .. } => speed,
            Kind::Manual(_) => {
                self.sleep_until(self.now().checked_add(span).unwrap_or(Timestamp::MAX)).await;
                return;
            }
        };
        let real = span.as_secs_f64().max(0.0) / speed;
        tokio::time::sleep(Duration::try_from_secs_f64(real).unwrap_or(Duration::MAX)).await;
    }

    /// How much of this clock's time passes while `real` passes in life.
    #[must_use]
    pub fn span(&self, real: Duration) -> SignedDuration {
        let speed = match self.0.kind {
            Kind::Scaled { speed, .. } => speed,
            Kind::System | Kind::Manual(_) => 1.0,
        };
        SignedDuration::try_from_secs_f64(real.as_secs_f64() * speed).unwrap_or(SignedDuration::MAX)
    }

    /// A new UUID v7: it sorts by this clock's time. A manual clock counts instead of drawing.
    #[must_use]
    pub fn new_id(&self) -> Uuid {
        let now = self.now();
        let mut ids = self.0.ids.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *ids {
            Ids::Random(context) => {
                let seconds = u64::try_from(now.as_second()).unwrap_or(0);
                let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or(0);
                Uuid::new_v7(uuid::Timestamp::from_unix(&**context, seconds, nanos))
            }
            Ids::Counted(count) => {
                *count += 1;
                let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
                let [a, b, c, d, e, f, g, h] = count.to_be_bytes();
                // The first twelve bits are taken by version and variant in part; the count sits
                // behind them.
                let bytes = [0, 0, a, b, c, d, e, f, g, h];
                Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
            }
        }
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.0.kind {
            Kind::System => "system",
            Kind::Manual(_) => "manual",
            Kind::Scaled { .. } => "scaled",
        };
        write!(f, "Clock({kind} {})", self.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_a_manual_clock_repeat_and_sort() {
        let make = || {
            let clock = Clock::manual(Timestamp::from_second(1_800_000_000).unwrap());
            let mut ids: Vec<_> = (0..300).map(|_| clock.new_id()).collect();
            clock.advance(SignedDuration::from_millis(1));
            ids.push(clock.new_id());
            ids
        };
        let ids = make();
        assert_eq!(ids, make());
        assert!(ids.is_sorted());
        assert!(ids.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
    }

    #[test]
    fn ids_of_the_system_clock_differ_and_sort() {
        let clock = Clock::system();
        let ids: Vec<_> = (0..1000).map(|_| clock.new_id()).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[tokio::test]
    async fn a_sleeper_wakes_when_the_manual_clock_gets_there() {
        let start = Timestamp::from_second(1_800_000_000).unwrap();
        let clock = Clock::manual(start);
        let wake = start + SignedDuration::from_hours(9);
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move {
                clock.sleep_until(wake).await;
                clock.now()
            }
        });
        tokio::task::yield_now().await;
        clock.advance(SignedDuration::from_hours(8));
        assert!(!sleeper.is_finished());
        clock.advance(SignedDuration::from_hours(1));
        assert_eq!(sleeper.await.unwrap(), wake);
    }

    #[tokio::test]
    async fn a_scaled_clock_makes_a_day_of_a_moment() {
        let start = Timestamp::from_second(1_800_000_000).unwrap();
        let clock = Clock::scaled(start, 86_400_000.0);
        let day = SignedDuration::from_hours(24);
        clock.sleep(day).await;
        assert!(clock.now() >= start + day);
    }
}
