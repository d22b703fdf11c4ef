//! The product: one library, one binary.
//!
//! A message's way, in the order of the modules: a request comes in (`http`, `journeys`,
//! `inbound`), `intake` turns it into a draft, loads `facts` and asks the gate, `outbox` keeps it
//! and asks again, `channels` put it on the wire, `receipts` say what became of it. `audit` records
//! each step in the step's own transaction. Start with `intake`.

pub mod office;

pub mod intake;

pub mod facts;

pub mod outbox;

pub mod channels;

pub mod receipts;

pub mod inbound;

pub mod conversations;

pub mod schedule;

pub mod journeys;

pub mod audit;

pub mod people;

pub mod compose;

pub mod db;

pub mod cli;
pub mod clock;
pub mod ids;
