//! sotto
