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
    /// has stood still for as long as a node may act upon a beat, and whether it was for too long.
    /// Who has not looked for a while starts again: it may be that nobody could count, and the
    /// database has only just come back.
    pub(super) fn still<'n>(
        &mut self,
        nodes: &'n [NodeRow],
        own: RunId,
        now: Instant,
    ) -> Vec<(&'n NodeRow, Still)> {
        if self.looked.is_some_and(|last| now.duration_since(last) > self.silent / 2) {
            self.counts.clear();
        }
        self.looked = Some(now);
        self.counts.retain(|run, _| nodes.iter().any(|node| node.run == *run));
        let mut still = Vec::new();
        for node in nodes.iter().filter(|node| node.run != own && !node.is_given_up()) {
            let (count, since) = self.counts.entry(node.run).or_insert((node.beat, now));
            if *count != node.beat {
                (*count, *since) = (node.beat, now);
            }
            let still_for = now.duration_since(*since);
            if still_for >= self.silent {
                still.push((node, Still::Silent));
            } else if still_for >= self.silent / 2 {
                still.push((node, Still::Stopped));
            }
        }
        still
    }
}

/// For how long a node's count has stood still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Still {
    /// For so long that it sends nothing: it may come back, or be gone.
    Stopped,
    /// For too long.
    Silent,
}

#[cfg(test)]
mod tests {
    use super::super::{BEAT, HELD, SILENT};
    use super::*;
    use crate::clock::Clock;

    fn node(run: u128, beat: i64) -> NodeRow {
        NodeRow { run: RunId(uuid::Uuid::from_u128(run)), name: run.to_string(), beat, bind: None }
    }

    /// Looks at node 2 from node 1, at these seconds, with these counts; says when it had stopped,
    /// and when it was silent.
    fn still_at(looks: &[(u64, i64)]) -> (Vec<u64>, Vec<u64>) {
        let (mut watch, start) = (Watch::new(SILENT), Clock::system().instant());
        let own = node(1, 0).run;
        let (mut stopped, mut silent) = (Vec::new(), Vec::new());
        for (at, beat) in looks {
            let nodes = [node(1, 0), node(2, *beat)];
            match watch.still(&nodes, own, start + Duration::from_secs(*at)).first() {
                Some((_, Still::Stopped)) => stopped.push(*at),
                Some((_, Still::Silent)) => silent.push(*at),
                None => {}
            }
        }
        (stopped, silent)
    }

    #[test]
    fn who_stands_still_for_long_enough_is_silent_and_nobody_else() {
        let every_second =
            |beats: &[i64]| -> Vec<(u64, i64)> { (0..).zip(beats.iter().copied()).collect() };
        for (looks, stopped, silent) in [
            // It counts each second, or each third.
            (every_second(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]), vec![], vec![]),
            (every_second(&[0, 0, 0, 1, 1, 1, 2, 2, 2, 3]), vec![], vec![]),
            // It stands still from the first look, or from the third.
            (every_second(&[7; 9]), vec![3, 4, 5], vec![6, 7, 8]),
            (every_second(&[0, 1, 2, 2, 2, 2, 2, 2, 2]), vec![5, 6, 7], vec![8]),
            // It stirs at the last moment.
            (every_second(&[7, 7, 7, 7, 7, 7, 8, 8, 8]), vec![3, 4, 5], vec![]),
            // It was given up already: no more to do.
            (every_second(&[-1; 9]), vec![], vec![]),
            // We ourselves were away: nobody is blamed for that.
            (vec![(0, 7), (1, 7), (2, 7), (60, 7), (61, 7)], vec![], vec![]),
            (vec![(0, 7), (60, 7), (62, 7), (64, 7), (66, 7)], vec![64], vec![66]),
        ] {
            assert_eq!(still_at(&looks), (stopped, silent), "{looks:?}");
        }
    }

    #[test]
    fn who_is_given_up_has_stopped_sending_long_before() {
        assert!(SILENT / 2 >= 2 * BEAT && HELD < SILENT / 2);
    }
}
