//! What programs may ask, by token. One file for each noun.

pub mod messages;

pub mod patients;

pub mod alternatives;
pub mod caregivers;
pub mod consents;
pub mod contacts;
pub mod opt_outs;
pub mod preferences;
pub mod restrictions;

pub mod appointments;
pub mod practice;
pub mod tasks;

pub mod check;
