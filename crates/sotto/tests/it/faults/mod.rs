//! What follows when a commit fails: every step, every way, both engines.
//!
//! [`life`] is the program as `serve` runs it, with commits that fail as planned; [`table`] says
//! where each story ends.

mod life;
mod table;
