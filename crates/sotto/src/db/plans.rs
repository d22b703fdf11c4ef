//! How long PostgreSQL may keep to its plans.
//!
//! How it runs a prepared statement it works out once, by the size its tables have then, and keeps to
//! it until it has counted them anew, which may be minutes later. By that time a table that was empty
//! may hold a hundred thousand rows. So each connection tells it to forget its plans (`DISCARD PLANS`),
//! often at first, for that is when a table grows to a hundred times its size, and seldom later: what
//! it costs to make them anew is then spread over thousands of statements.

use std::time::{Duration, Instant};

/// Plans are kept this long at first.
const FIRST: Duration = Duration::from_millis(250);
/// Each time for twice as long, up to this.
const LONGEST: Duration = Duration::from_secs(64);

/// Since when a connection's plans are kept, and for how long they may be.
pub(super) struct Plans {
    made: Instant,
    kept: Duration,
}

impl Plans {
    pub(super) const fn new(now: Instant) -> Self {
        Self { made: now, kept: FIRST }
    }

    /// Something is asked for the first time. Its tables may be as new.
    pub(super) const fn new_work(&mut self) {
        self.kept = FIRST;
    }

    /// Whether they are to be forgotten now.
    pub(super) fn are_old(&mut self, now: Instant) -> bool {
        let old = now.duration_since(self.made) >= self.kept;
        if old {
            *self = Self { made: now, kept: (self.kept * 2).min(LONGEST) };
        }
        old
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;
    use crate::db::vitals::now;

    #[test]
    fn they_are_forgotten_soon_at_first_and_with_new_work_and_then_every_minute() {
        let start = now();
        let mut plans = Plans::new(start);
        let forgotten = |plans: &mut Plans, moments: Range<u32>| -> Vec<u32> {
            moments.filter(|moment| plans.are_old(start + FIRST * *moment)).collect()
        };
        let minute = [1, 3, 7, 15, 31, 63, 127, 255, 511, 767, 1023];
        assert_eq!(forgotten(&mut plans, 0..1100), minute);
        plans.new_work();
        assert_eq!(forgotten(&mut plans, 1100..1120), [1100, 1102, 1106, 1114]);
    }
}
