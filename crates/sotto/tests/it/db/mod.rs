//! The storage layer.

mod ground;
mod schema;
mod statements;
mod transactions;
