//! Several nodes on one database: who serves a practice now, who has fallen silent, who leads.
//!
//! A node is one process. It holds its [`Place`] by counting up a row twice a second, and others see
//! the count. Three spans make this safe, each measured on one machine's steady clock, so that no
//! two clocks need agree:
//!
//! | span | who | what |
//! |---|---|---|
//! | [`BEAT`] | the node | counts its row up |
//! | half of [`SILENT`] | the node | after so long without a count that was stored, it puts nothing on a wire |
//! | half of [`SILENT`] | another | after it saw the same count for so long, it gives the node up if the node's connection has ended too: it was killed |
//! | [`SILENT`] | another | after it saw the same count for so long, it gives the node up |
//!
//! A node's own span runs from before the count was asked for, another's from after it was seen:
//! who is given up has stopped sending. Giving up is an update that demands the count that was
//! seen, so a node that stirs in time is not given up, and a node that was paused finds at its next
//! beat that it was. What it had begun is uncertain then, as after a crash, and never sent again.
//!
//! That the connection ended is told by a lock that it held. Alone it proves nothing, since a node
//! may lose its connection and live; with the count it says that nobody is there to come back.
//!
//! A crash leaves the row; the next process of that name, or any other node, gives it up and settles
//! what it had begun. The server may finish a commit of the dead for a while: a claim keeps the row
//! that it is made under from being struck out before. A crash in the middle of settling leaves
//! the row given up, and the work is taken up again. On SQLite there is one node, and it stands for
//! ever.

mod standing;
mod watch;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch as signal};
use tokio_util::sync::CancellationToken;

use crate::db::{Db, DbError, node};
use crate::ids::{Id as _, RunId};
use crate::office::Office;
use crate::outbox::OutboxError;
use crate::outbox::recover::{self, Broken};

use standing::State;
pub use standing::{Lease, Standing};
use watch::{Still, Watch};

/// How often a node shows that it lives.
pub const BEAT: Duration = Duration::from_millis(500);

/// For how long a node that is paused in the middle of a beat holds what others may wait for.
/// Shorter than half of [`SILENT`], so that their own beats come in time; long enough for a starved machine.
const HELD: Duration = Duration::from_secs(2);

/// After how long without a beat the others give a node up. It acts upon its last beat for half of it.
pub const SILENT: Duration = Duration::from_secs(6);

/// What a node is, beside its practice.
#[derive(Debug, Clone)]
pub struct Node {
    /// The same after each restart, and no other node's.
    pub name: String,
    /// How many binds the SMPP carrier allows all nodes together.
    pub binds: u32,
    /// How long it may say nothing before the others give it up, the same for all: [`SILENT`], or
    /// more where a machine may stand still for longer. After half of it the node itself stops.
    pub silent: Duration,
}

impl Node {
    /// A node that is given up after [`SILENT`].
    #[must_use]
    pub const fn new(name: String, binds: u32) -> Self {
        Self { name, binds, silent: SILENT }
    }
}

/// This process's place among the nodes of its practice.
pub struct Place {
    /// A connection of its own: a beat waits behind no work.
    db: Db,
    office: Office,
    node: Node,
    standing: Standing,
    watch: Watch,
    alone: bool,
    given_up: Arc<Notify>,
}

impl Place {
    /// Takes a place. Whoever had this name before is given up, and so is everybody on SQLite,
    /// where this process is the only one. Nothing of theirs is settled yet: see [`settle`].
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn take(db: &Db, office: &Office, node: Node) -> Result<Self, DbError> {
        let alone = !db.is_shared();
        let db = db.lane()?;
        let clock = office.clock();
        let state = State { run: RunId::new(clock), until: None, bind: false, leads: alone, alone };
        let (signal, _) = signal::channel(state);
        let standing = Standing::new(clock.clone(), signal);
        let office = office.clone();
        let (watch, given_up) = (Watch::new(node.silent), Arc::default());
        let mut place = Self { db, office, node, standing, watch, alone, given_up };
        place.join(clock.instant()).await?;
        Ok(place)
    }

    /// What the parts of this process ask before they act.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.standing.clone()
    }

    /// Rung when nodes were given up, for whoever calls [`settle`]; again at each beat until it is
    /// done.
    #[must_use]
    pub fn given_up(&self) -> Arc<Notify> {
        Arc::clone(&self.given_up)
    }

    async fn join(&mut self, now: Instant) -> Result<(), DbError> {
        let (office, node, alone) = (self.office.clone(), self.node.clone(), self.alone);
        let run = RunId::new(office.clock());
        let joined = self.db.write(move |tx| {
            let practice = office.practice();
            tx.ends_when_idle(HELD)?;
            tx.lock(lock_of(&office))?;
            for other in node::all(tx, practice)? {
                if !other.is_given_up() && (alone || other.name == node.name) {
                    node::give_up(tx, practice, other.run, other.beat)?;
                }
            }
            tx.lock_while_connected(line_of(run))?;
            node::join(tx, practice, (run, &node.name), office.clock().now())?;
            node::take_bind(tx, practice, run, node.binds)?;
            node::all(tx, practice)
        });
        let nodes = joined.await?;
        self.watch = Watch::new(self.node.silent);
        self.stand(run, &nodes, now);
        Ok(())
    }

    /// Says what holds from now on.
    fn stand(&self, run: RunId, nodes: &[node::NodeRow], now: Instant) {
        let mut living = nodes.iter().filter(|node| !node.is_given_up());
        let bind = nodes.iter().any(|node| node.run == run && node.bind.is_some());
        let leads = living.next().is_some_and(|first| first.run == run);
        let alone = living.next().is_none();
        let until = (!self.alone).then(|| now + self.node.silent / 2);
        self.standing.becomes(State { run, until, bind, leads, alone });
    }

    /// One beat: shows that this node lives, looks who else does, and gives up who has fallen
    /// silent. What becomes free by that is taken at once. `now` is read before the beat is asked
    /// for.
    ///
    /// # Errors
    /// [`DbError`]; this node then stands no longer than its last beat allows.
    pub async fn beat(&mut self, now: Instant) -> Result<(), DbError> {
        let began = self.office.clock().instant();
        if self.count(now).await? {
            let now = now + self.office.clock().instant().duration_since(began);
            self.count(now).await?;
        }
        Ok(())
    }

    /// The work of [`beat`](Self::beat); says whether it gave anybody up.
    async fn count(&mut self, now: Instant) -> Result<bool, DbError> {
        if self.alone {
            return Ok(false);
        }
        let began = self.office.clock().instant();
        let (office, binds) = (self.office.clone(), self.node.binds);
        let (run, wants_bind) = (self.standing.run(), !self.standing.has_bind() && binds > 0);
        let nodes = self.db.write(move |tx| {
            let practice = office.practice();
            // Who is paused in the middle of this holds his row; nobody waits for that longer.
            tx.ends_when_idle(HELD)?;
            if wants_bind {
                // Before any row is touched, as in `join`: nobody waits for the other crosswise.
                tx.lock(lock_of(&office))?;
            }
            // Again each time: the connection may be another than before.
            tx.lock_while_connected(line_of(run))?;
            if !node::beat(tx, practice, run)? {
                return Ok::<_, DbError>(None);
            }
            if wants_bind {
                node::take_bind(tx, practice, run, binds)?;
            }
            node::all(tx, practice).map(Some)
        });
        let Some(nodes) = nodes.await? else {
            tracing::warn!(
                node = self.node.name,
                "node.given_up: the others heard nothing of this node for {} s, or another was \
                 started with its node.name; what it had begun is uncertain, and it begins anew",
                self.node.silent.as_secs()
            );
            self.join(now).await?;
            return Ok(false);
        };
        self.stand(run, &nodes, now);
        let heard = now + self.office.clock().instant().duration_since(began);
        let mut gave_up = false;
        for (other, still) in self.watch.still(&nodes, run, heard) {
            gave_up |= self.give_up(other, still).await?;
        }
        if gave_up || nodes.iter().any(node::NodeRow::is_given_up) {
            self.given_up.notify_one();
        }
        Ok(gave_up)
    }

    /// Gives a node up that is silent, or has stopped and whose connection ended. False where it
    /// stirs, may come back, or was given up by another.
    async fn give_up(&self, other: &node::NodeRow, still: Still) -> Result<bool, DbError> {
        let (practice, run, beat) = (self.office.practice(), other.run, other.beat);
        let given_up = self.db.write(move |tx| {
            let gone = still == Still::Silent || tx.try_lock(line_of(run))?;
            Ok::<_, DbError>(gone && node::give_up(tx, practice, run, beat)?)
        });
        let given_up = given_up.await?;
        if given_up {
            let how = if still == Still::Silent { "silent" } else { "gone" };
            tracing::warn!(node = other.name, how, "node.silent: given up");
        }
        Ok(given_up)
    }

    /// Beats until `stop`.
    pub async fn run(mut self, stop: CancellationToken) -> Self {
        // The steady clock's own: a machine whose time is set back beats on.
        let mut beats = tokio::time::interval(BEAT);
        beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = beats.tick() => {}
                () = stop.cancelled() => return self,
            }
            let now = self.office.clock().instant();
            if let Err(error) = self.beat(now).await {
                tracing::error!(%error, "node.beat");
            }
        }
    }

    /// Gives the place back, once everything this process had begun has ended. The others need not
    /// wait for its silence.
    ///
    /// # Errors
    /// [`DbError`]; the others then find out by themselves.
    pub async fn leave(self) -> Result<(), DbError> {
        let (practice, run) = (self.office.practice(), self.standing.run());
        self.db
            .write(move |tx| {
                node::resign(tx, practice, run)?;
                node::strike_out(tx, practice)?;
                Ok(())
            })
            .await
    }
}

/// Settles what the nodes that were given up had begun, and strikes them out. Any node may, and
/// several at once. Where this process is the only one, everything was begun by a life before:
/// call it before anything is claimed.
///
/// # Errors
/// [`OutboxError`]; what is left is settled at the next call.
pub async fn settle(db: &Db, office: &Office) -> Result<usize, OutboxError> {
    let practice = office.practice();
    let nodes = db.read(move |tx| node::all(tx, practice)).await?;
    let mut settled = 0;
    for node in nodes.iter().filter(|node| node.is_given_up()) {
        settled += recover::settle_broken_off(db, office, Broken::Of(node.run)).await?;
    }
    db.write(move |tx| node::strike_out(tx, practice)).await?;
    Ok(settled)
}

/// The lock under which nodes join and take binds, one a practice.
fn lock_of(office: &Office) -> i64 {
    office.practice().0.as_u64_pair().1.cast_signed() ^ 0x6e6f_6465_5f6c_6f63
}

/// The lock that a run's connection holds for as long as it is there. A run's id ends in random
/// bits.
fn line_of(run: RunId) -> i64 {
    run.0.as_u64_pair().1.cast_signed() ^ 0x6e6f_6465_5f6c_6e65
}
