//! The integration tests, in one binary; the modules mirror `src/`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where something is wrong"
)]

mod clinic;
mod engines;

mod audit;
mod channels;
mod compose;
mod db;
mod demo;
mod http;
mod inbound;
mod journeys;
mod people;
mod receipts;
