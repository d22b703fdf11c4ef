//! Over real sockets, with raw clients.
