//! Replies.

mod incomplete;
pub(crate) mod pages;
mod repeated;
mod replies;
mod shared_numbers;
mod smsc;
