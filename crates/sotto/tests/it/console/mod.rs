//! The desk's pages, through the real router, on both engines.

mod log;
mod settings;
mod write;
