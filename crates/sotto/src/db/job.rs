//! A closure on its way to a database thread and its answer on the way back.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::db::{
    DbError,
    fault::{Fault, Faults},
    tx::Tx,
};

/// Work for a database thread: given a transaction, or the reason why there is none.
pub(super) type Job = Box<dyn FnOnce(Result<&mut Tx<'_>, DbError>) -> Done + Send>;

/// What is left to do when the closure has run.
pub(super) struct Done {
    /// Whether its writes shall stay.
    pub(super) keep: bool,
    /// Tells the caller, once it is known whether the commit reached the disk.
    pub(super) answer: Box<dyn FnOnce(Result<(), DbError>) + Send>,
}

/// Wraps the caller's closure: a panic or an unaudited write becomes an error, and the answer is
/// held back until after the commit.
pub(super) fn job<T, E>(
    work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    faults: Option<Faults>,
    reply: impl FnOnce(Result<T, E>) + Send + 'static,
) -> Job
where
    T: Send + 'static,
    E: From<DbError> + Send + 'static,
{
    Box::new(move |tx| {
        let (mut hooks, mut fault) = (Vec::new(), None);
        let result = match tx {
            Err(error) => Err(E::from(error)),
            Ok(tx) => match catch_unwind(AssertUnwindSafe(|| work(tx))) {
                Ok(Ok(value)) => {
                    hooks = tx.take_hooks();
                    fault = faults.and_then(|faults| faults(tx));
                    let fails = (fault == Some(Fault::NotPersisted)).then_some(DbError::Lost);
                    fails.map_or_else(|| tx.verdict(), Err).map(|()| value).map_err(E::from)
                }
                Ok(Err(error)) => Err(error),
                // The payload may quote a value; it is dropped unread.
                Err(_) => Err(E::from(DbError::Panicked)),
            },
        };
        Done {
            keep: result.is_ok(),
            answer: Box::new(move |commit| {
                let commit = match fault {
                    Some(Fault::NotAnswered) => commit.and(Err(DbError::CommitUnknown)),
                    Some(Fault::NotPersisted) | None => commit,
                };
                let may_be_stored = matches!(commit, Ok(()) | Err(DbError::CommitUnknown));
                if may_be_stored && result.is_ok() {
                    hooks.into_iter().for_each(|hook| hook());
                }
                reply(match commit {
                    Ok(()) => result,
                    Err(error) => result.and(Err(E::from(error))),
                });
            }),
        }
    })
}
