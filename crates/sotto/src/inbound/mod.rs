//! What a patient's text means, in the order in which it is asked: is it an emergency
//! ([`emergency`]), does it say stop ([`revocation`]), what else does it want ([`intent`]); and
//! what it does ([`receive()`]): emergency, opt-out, appointment, conversation. [`pager`] alarms
//! staff.

pub mod emergency;

pub mod revocation;

pub mod intent;

mod emergency_phrases;
mod grammar;
mod intent_model;
mod intent_phrases;
mod revocation_phrases;
mod short_forms;
mod spelling;
mod word_classes;
mod words;

pub mod content;
pub mod receive;

mod repeated;
mod who;

mod effects;

mod answers;

pub mod calls;

pub mod pager;

#[cfg(test)]
mod intent_table;

pub use receive::{Arrival, Effect, InboundError, Received, receive, receive_from};
