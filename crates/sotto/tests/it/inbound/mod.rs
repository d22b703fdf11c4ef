//! Replies.

mod pages;
mod replies;
mod shared_numbers;
