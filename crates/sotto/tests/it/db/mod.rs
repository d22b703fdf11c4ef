//! The storage layer.

mod ground;
mod schema;
mod statements;
mod tls;
mod transactions;
