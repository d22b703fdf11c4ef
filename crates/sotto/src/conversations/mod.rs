//! What people write to us, in threads, and what staff have to do about it.

pub mod tasks;
pub mod threads;
