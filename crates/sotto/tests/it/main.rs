//! The integration tests, in one binary; the modules mirror `src/`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where something is wrong"
)]

mod engines;

mod audit;
mod channels;
mod db;
mod people;
mod receipts;
