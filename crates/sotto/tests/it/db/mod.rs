//! The storage layer.

mod ground;
mod schema;
pub(crate) mod statements;
mod tls;
mod together;
mod transactions;
