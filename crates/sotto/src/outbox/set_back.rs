//! The machine's clock was ahead, and has been set right. What was written meanwhile waits for a
//! time that is an hour or a year away, though it was to go at once. It is asked about again now:
//! the gate knows what has to wait, quiet hours for instance, and puts it off itself.
//!
//! A crash in here leaves some rows due now and some not; the next start goes on.

use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

use crate::clock::Clock;
use crate::db::outbox::{self, OutboxRow};
use crate::db::{Db, DbError};
use crate::office::Office;
use crate::outbox::store;

/// How many rows one transaction brings forward.
const SOME: u32 = 200;

/// Less than this is a clock that is being steered, and not one that was set.
const STEERED: SignedDuration = SignedDuration::from_secs(1);

/// Tells whether the clock was set back since it was last asked.
#[derive(Debug)]
pub struct Watch {
    clock: Clock,
    at: (Timestamp, Instant),
}

impl Watch {
    /// From now on.
    #[must_use]
    pub fn new(clock: &Clock) -> Self {
        Self { clock: clock.clone(), at: (clock.now(), clock.instant()) }
    }

    /// Whether it reads less than it did, or less than has passed since.
    pub fn set_back(&mut self) -> bool {
        let (then, began) =
            std::mem::replace(&mut self.at, (self.clock.now(), self.clock.instant()));
        let (now, at) = self.at;
        is_behind(now.duration_since(then), self.clock.span(at.duration_since(began)))
    }
}

/// Whether a clock went less far than time did.
fn is_behind(clock: SignedDuration, time: SignedDuration) -> bool {
    time.checked_sub(clock).is_some_and(|missing| missing > STEERED)
}

/// Makes everything due that was put in while the clock was ahead. Returns how many rows.
///
/// # Errors
/// [`DbError`]; what was brought forward until then stays so.
pub async fn bring_forward(db: &Db, office: &Office) -> Result<usize, DbError> {
    let mut all = 0;
    loop {
        let office = office.clone();
        let some = db
            .write(move |tx| {
                let now = office.clock().now();
                let rows = outbox::from_the_future(tx, office.practice(), now, SOME)?;
                let count = rows.len();
                for row in rows {
                    store::put_back(tx, &office, &OutboxRow { due_at: now, ..row })?;
                }
                if count > 0 {
                    store::ring(tx, &office);
                }
                Ok::<_, DbError>(count)
            })
            .await?;
        all += some;
        if some == 0 {
            return Ok(all);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_steered_is_not_one_that_was_set() {
        let ms = SignedDuration::from_millis;
        for (clock, time, behind) in [
            (ms(1_000), ms(1_000), false),
            (ms(400), ms(1_000), false),
            (ms(-200), ms(1_000), true),
            (ms(-3_600_000), ms(1_000), true),
            (ms(3_600_000), ms(1_000), false),
            (ms(1_000), ms(4_000), true),
        ] {
            assert_eq!(is_behind(clock, time), behind, "{clock} while {time} passed");
        }
    }
}
