//! The product: one library, one binary.
//!
//! A message's way, in the order of the modules: a request comes in (`http`, `journeys`,
//! `inbound`), `intake` turns it into a draft, loads `facts` and asks the gate, `outbox` keeps it
//! and asks again, `channels` put it on the wire, `receipts` say what became of it. `audit` records
//! each step in the step's own transaction. Start with `intake`.

pub mod http;

pub mod journeys;

pub mod inbound;

pub mod arrivals;
pub mod attachments;

pub mod intake;

pub mod facts;
pub mod forms;

pub mod outbox;

pub mod channels;

pub mod receipts;

pub mod reconcile;

pub mod sealed;
pub mod self_test;

pub mod agreements;

pub mod retention;

pub mod audit;

pub mod backup;

pub mod doctor;

pub mod portal;

pub mod conversations;

pub mod schedule;

pub mod people;

pub mod compose;

pub mod access;

pub mod observe;
pub mod office;

pub mod nodes;

pub mod service;

pub mod demo;

pub mod downtime;

pub mod db;

pub mod cli;
pub mod clock;
pub mod config;
pub mod ids;
pub mod live;
