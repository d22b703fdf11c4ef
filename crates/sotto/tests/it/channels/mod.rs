//! One harness for every adapter: the production code over sockets, against the carrier twin.

pub(crate) mod bench;
mod cases;
mod wire;
