//! Pages for the people who work here. Every handler takes its leave as an argument
//! ([`signed_in`]): one that forgot to ask does not know who is asking.

pub mod access;
pub mod call;
pub mod downtime;
pub mod emergency;
pub mod guide;
pub mod inbox;
pub mod intake;
pub mod invite;
pub mod lock;
pub mod log;
pub mod me;
pub mod overview;
pub mod patient;
pub mod people;
pub mod sealed;
pub mod settings;
pub mod sign_in;
pub mod signed_in;
pub mod staff;
pub mod strip;
pub mod tasks;
pub mod templates;
pub mod thread;
pub mod thread_files;
pub mod thread_forms;
pub mod today;
pub mod write;

mod board;
pub(in crate::http) mod cookies;
mod lines;
pub(in crate::http) mod page;
mod reader;
mod reading;
mod shelf;
mod words;
