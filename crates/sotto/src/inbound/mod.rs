//! What a patient's text means, in the order in which it is asked: is it an emergency
//! ([`emergency`]), does it say stop ([`revocation`]), what else does it want ([`intent`]).

pub mod emergency;

pub mod revocation;

pub mod intent;

pub mod receive;

mod answers;
mod effects;
pub mod pager;
mod who;

mod words;

pub use receive::{Arrival, Effect, InboundError, Received, receive};

#[cfg(test)]
mod intent_table;
