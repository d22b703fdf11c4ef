//! From the permit to the wire: what waits, who takes it, what happens when it breaks off.
//!
//! [`store`] puts cleared messages in and takes them out again; [`worker`] asks the gate once more
//! and hands over; [`recover`] settles what a crash cut short; [`recheck`]
//! withdraws what may no longer go; [`fresh_facts`] spares the worker what intake just loaded.

pub mod fresh_facts;
pub mod recheck;
pub mod recover;
pub mod set_back;
pub mod store;
pub mod worker;

pub use fresh_facts::FreshFacts;
pub use store::{OutboxError, cancel};
