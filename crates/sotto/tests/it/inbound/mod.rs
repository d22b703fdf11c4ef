//! Replies.

mod incomplete;
mod pages;
mod repeated;
mod replies;
mod shared_numbers;
mod smsc;
