//! What programs may ask, by token. One file for each noun.

pub mod appointments;
pub mod check;
pub mod consents;
pub mod messages;
pub mod patients;
pub mod tasks;
