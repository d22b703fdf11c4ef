//! The integration tests, in one binary; the modules mirror `src/`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where something is wrong"
)]

mod authenticator;
mod clinic;
mod engines;
#[path = "../../../../fuzz/src/doors/mod.rs"]
#[expect(unreachable_pub, reason = "public in the fuzz package, whose file this is")]
mod fuzz_doors;
mod house;

mod access;
mod attachments;
mod audit;
mod backup;
mod benches;
mod channels;
mod cli;
mod cli_serve;
mod compose;
mod console;
mod conversations;
mod crash;
mod db;
mod demo;
mod doors;
mod downtime;
mod faults;
mod http;
mod inbound;
mod journeys;
mod nodes;
mod observe;
mod outward;
mod people;
mod portal;
mod receipts;
mod reconcile;
mod retention;
mod self_test;
