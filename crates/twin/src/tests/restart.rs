//! Stopping and starting again.
