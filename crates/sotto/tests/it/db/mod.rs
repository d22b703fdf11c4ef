//! The storage layer.

mod schema;
mod statements;
mod transactions;
