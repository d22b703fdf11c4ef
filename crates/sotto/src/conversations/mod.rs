//! What people write to us, in threads, and what staff have to do about it.

pub mod about;
pub mod call_codes;
pub mod calls;
pub mod drafts;
pub mod inbox;
pub mod notes;
pub mod tasks;
pub mod threads;
