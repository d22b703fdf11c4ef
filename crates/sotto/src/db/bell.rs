//! A word from one process to all others at the same PostgreSQL, by NOTIFY. Nothing rests on it: a
//! word that is lost costs the wait until the next look.

use std::sync::Weak;
use std::time::Duration;

use ::postgres::fallible_iterator::FallibleIterator;

use super::Inner;
use super::postgres::{Server, connect};
use crate::db::{DbError, Tx};
use crate::{params, sql};

/// How often a listener looks whether anybody still wants to hear, and how long it waits before it
/// connects again.
const LOOK: Duration = Duration::from_millis(500);

/// Says `word`, once this transaction is stored. In a transaction of its own: PostgreSQL lets only
/// one transaction that rings commit at a time.
pub(super) fn ring(tx: &mut Tx<'_>, word: &str) -> Result<(), DbError> {
    let ring = sql! {
        sqlite: "SELECT 1 WHERE $1 IS NOT NULL",
        postgres: "SELECT 1 FROM pg_notify('sotto', $1)"
    };
    tx.query(ring, params![word], |_| Ok(()))?;
    Ok(())
}

/// Listens on a thread of its own for as long as the database is open.
pub(super) fn listen(
    server: Server,
    open: Weak<Inner>,
    mut heard: impl FnMut(&str) + Send + 'static,
) -> Result<(), DbError> {
    let listening = move || {
        while open.strong_count() > 0 {
            // What goes wrong here is tried again; whoever works with the database says what it is.
            if let Ok(mut client) = connect(&server)
                && client.batch_execute("LISTEN sotto").is_ok()
            {
                while open.strong_count() > 0 && !client.is_closed() {
                    let mut notifications = client.notifications();
                    let mut words = notifications.timeout_iter(LOOK);
                    while let Ok(Some(word)) = words.next() {
                        heard(word.payload());
                    }
                }
            }
            std::thread::park_timeout(LOOK);
        }
    };
    let thread = std::thread::Builder::new().name("db-listen".to_owned());
    // Not joined: it may be waiting for the network, and holds nothing that is to be kept.
    thread.spawn(listening).map(drop).map_err(|e| DbError::Open { why: e.to_string() })
}
