//! What intake loaded a moment ago, for the release that follows it.
//!
//! A message is asked about twice, when it is accepted and right before the wire, and mostly within
//! a few milliseconds. The second time the same facts stand, if nothing that decisions rest on has
//! changed since (decision 14): then only the history of the patient's messages, which sending
//! itself changes, is read again. Kept in memory alone; after a restart everything is loaded.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use gate::{Facts, MessageId};
use jiff::{SignedDuration, Timestamp};

use crate::db::Mark;
use crate::facts::Subject;

/// For longer nothing is taken as fresh: what is in force until an instant may have ended.
const FRESH: SignedDuration = SignedDuration::from_secs(2);

/// So many messages are remembered; with more, all are forgotten and loaded as they come.
const MOST: usize = 1024;

/// The facts of messages that were accepted a moment ago.
#[derive(Default)]
pub struct FreshFacts(Mutex<HashMap<MessageId, Loaded>>);

/// What was loaded for one message.
#[derive(Clone)]
pub(crate) struct Loaded {
    pub(crate) under: Mark,
    pub(crate) at: Timestamp,
    pub(crate) subject: Option<Subject>,
    pub(crate) facts: Arc<Facts>,
}

impl FreshFacts {
    /// Remembers what a message was accepted on. Call it after the commit.
    pub(crate) fn remember(&self, message: MessageId, loaded: Loaded) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(message, loaded);
    }

    /// What a message was accepted on, if it still stands under this mark. It is forgotten here.
    pub(crate) fn take(&self, message: MessageId, under: Mark, now: Timestamp) -> Option<Loaded> {
        let loaded = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&message)?;
        let fresh = now.duration_since(loaded.at).abs() <= FRESH;
        (loaded.under == under && fresh).then_some(loaded)
    }
}
