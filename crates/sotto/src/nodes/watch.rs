//! Who has fallen silent, as one node sees it. No clock and no database here.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::db::node::NodeRow;
use crate::ids::RunId;

/// What one node remembers of the others.
#[derive(Debug)]
pub(super) struct Watch {
    /// For how long a count may stand still.
    silent: Duration,
    /// Each one's count, and when it was first seen.
    counts: HashMap<RunId, (i64, Instant)>,
    looked: Option<Instant>,
}

impl Watch {
    /// Nothing seen yet.
    pub(super) fn new(silent: Duration) -> Self {
        Self { silent, counts: HashMap::new(), looked: None }
    }

    /// Looks at the nodes, at an instant after they were read, and answers with those whose count
    /// has stood still for too long. Who has not looked for a while starts again: it may be that
    /// nobody could count, and the database has only just come back.
    pub(super) fn silent<'n>(
        &mut self,
        nodes: &'n [NodeRow],
        own: RunId,
        now: Instant,
    ) -> Vec<&'n NodeRow> {
        if self.looked.is_some_and(|last| now.duration_since(last) > self.silent / 2) {
            self.counts.clear();
        }
        self.looked = Some(now);
        self.counts.retain(|run, _| nodes.iter().any(|node| node.run == *run));
        let mut silent = Vec::new();
        for node in nodes.iter().filter(|node| node.run != own && !node.is_given_up()) {
            let (count, since) = self.counts.entry(node.run).or_insert((node.beat, now));
            if *count != node.beat {
                (*count, *since) = (node.beat, now);
            } else if now.duration_since(*since) >= self.silent {
                silent.push(node);
            }
        }
        silent
    }
}

#[cfg(test)]
mod tests {
    use super::super::{SILENT, STANDS};
    use super::*;
    use crate::clock::Clock;

    fn node(run: u128, beat: i64) -> NodeRow {
        NodeRow { run: RunId(uuid::Uuid::from_u128(run)), name: run.to_string(), beat, bind: None }
    }

    /// Looks at node 2 from node 1, at these seconds, with these counts; says when it was silent.
    fn silent_at(looks: &[(u64, i64)]) -> Vec<u64> {
        let (mut watch, start) = (Watch::new(SILENT), Clock::system().instant());
        let own = node(1, 0).run;
        let look = |(at, beat): &(u64, i64)| {
            let nodes = [node(1, 0), node(2, *beat)];
            let silent = watch.silent(&nodes, own, start + Duration::from_secs(*at));
            (!silent.is_empty()).then_some(*at)
        };
        looks.iter().filter_map(look).collect()
    }

    #[test]
    fn who_stands_still_for_long_enough_is_silent_and_nobody_else() {
        let every_second =
            |beats: &[i64]| -> Vec<(u64, i64)> { (0..).zip(beats.iter().copied()).collect() };
        for (looks, silent) in [
            // It counts each second, or each third.
            (every_second(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]), vec![]),
            (every_second(&[0, 0, 0, 1, 1, 1, 2, 2, 2, 3]), vec![]),
            // It stands still from the first look, or from the third.
            (every_second(&[7; 9]), vec![6, 7, 8]),
            (every_second(&[0, 1, 2, 2, 2, 2, 2, 2, 2]), vec![8]),
            // It stirs at the last moment.
            (every_second(&[7, 7, 7, 7, 7, 7, 8, 8, 8]), vec![]),
            // It was given up already: no more to do.
            (every_second(&[-1; 9]), vec![]),
            // We ourselves were away: nobody is blamed for that.
            (vec![(0, 7), (1, 7), (2, 7), (60, 7), (61, 7)], vec![]),
            (vec![(0, 7), (60, 7), (62, 7), (64, 7), (66, 7)], vec![66]),
        ] {
            assert_eq!(silent_at(&looks), silent, "{looks:?}");
        }
    }

    #[test]
    fn who_is_given_up_has_stopped_sending_long_before() {
        assert!(SILENT == 2 * STANDS && STANDS >= 2 * super::super::BEAT);
    }
}
