//! The desk's pages, through the real router, on both engines.

mod calls;
mod drafts;
mod intake;
mod log;
mod settings;
mod templates;
mod vendors;
mod write;
