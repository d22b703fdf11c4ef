//! The HTTP carrier.
