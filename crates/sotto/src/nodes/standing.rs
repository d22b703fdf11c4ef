//! What this process may do at this moment, asked by everybody who is about to do it.

use std::time::Instant;

use gate::PracticeId;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::db::{DbError, Tx, node};
use crate::ids::{Id as _, RunId};

/// What holds since the last beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    pub(super) run: RunId,
    /// Until when; `None` where nobody else can take the place.
    pub(super) until: Option<Instant>,
    pub(super) bind: bool,
    pub(super) leads: bool,
    pub(super) alone: bool,
}

/// This process's standing among the nodes. Clones say the same.
#[derive(Clone)]
pub struct Standing {
    clock: Clock,
    state: watch::Sender<State>,
}

impl std::fmt::Debug for Standing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.state.borrow().fmt(f)
    }
}

impl Standing {
    pub(super) const fn new(clock: Clock, state: watch::Sender<State>) -> Self {
        Self { clock, state }
    }

    /// Of a process that has no others beside it: it may do everything.
    #[must_use]
    pub fn alone(clock: Clock, run: RunId) -> Self {
        let state = State { run, until: None, bind: true, leads: true, alone: true };
        Self { clock, state: watch::Sender::new(state) }
    }

    pub(super) fn becomes(&self, state: State) {
        self.state.send_if_modified(|now| {
            let other = *now != state;
            *now = state;
            other
        });
    }

    /// Under which name attempts are claimed now.
    #[must_use]
    pub fn run(&self) -> RunId {
        self.state.borrow().run
    }

    /// An id that nothing else has, in this process or another.
    pub(crate) fn fresh(&self) -> RunId {
        RunId::new(&self.clock)
    }

    fn stands(&self, state: &State) -> bool {
        state.until.is_none_or(|until| self.clock.instant() < until)
    }

    /// The right to claim messages and put them on a wire; none while this node is cut off.
    #[must_use]
    pub fn lease(&self) -> Option<Lease> {
        let state = *self.state.borrow();
        let shared = state.until.is_some();
        self.stands(&state).then(|| Lease { standing: self.clone(), run: state.run, shared })
    }

    /// Whether this node holds one of the binds that the SMPP carrier allows. A node that is cut
    /// off for a moment keeps the bind it has, and makes no new one.
    #[must_use]
    pub fn has_bind(&self) -> bool {
        self.state.borrow().bind
    }

    /// Returns when this node may bind to the SMPP carrier.
    pub async fn may_bind(&self) {
        let mut changes = self.state.subscribe();
        // The sender lives in self, so this cannot fail.
        let _ = changes.wait_for(|state| state.bind && self.stands(state)).await;
    }

    /// Returns when this node must no longer be bound to the SMPP carrier.
    pub async fn must_unbind(&self) {
        let mut changes = self.state.subscribe();
        let _ = changes.wait_for(|state| !state.bind).await;
    }

    /// Returns at the next beat: something may be allowed then that was not.
    pub async fn changed(&self) {
        let mut changes = self.state.subscribe();
        let _ = changes.changed().await;
    }

    /// Whether this node does what one node alone shall do. It is the one that has served longest.
    #[must_use]
    pub fn leads(&self) -> bool {
        let state = *self.state.borrow();
        state.leads && self.stands(&state)
    }

    /// Whether no other node serves this practice.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.state.borrow().alone
    }
}

/// The right to put on the wire what was claimed under it. An adapter asks in the last moment
/// before the wire: a process may have been paused since the claim, for longer than the others
/// wait.
#[derive(Debug, Clone)]
pub struct Lease {
    standing: Standing,
    run: RunId,
    /// Whether others may give this run up.
    shared: bool,
}

impl Lease {
    /// In whose name the claim is written.
    #[must_use]
    pub const fn run(&self) -> RunId {
        self.run
    }

    /// Whether this transaction may claim. Asked of the database: it may have been waiting since
    /// the lease was given, and who settles what this run had begun must find the claim.
    ///
    /// # Errors
    /// [`DbError`].
    pub(crate) fn may_claim(&self, tx: &mut Tx<'_>, practice: PracticeId) -> Result<bool, DbError> {
        Ok(!self.shared || node::lives(tx, practice, self.run)?)
    }

    /// Whether what was claimed may still go.
    #[must_use]
    pub fn holds(&self) -> bool {
        let state = *self.standing.state.borrow();
        state.run == self.run && self.standing.stands(&state)
    }
}
