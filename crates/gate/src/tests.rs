//! The two doors as a stranger sees them.

mod binding;
mod docs;
mod matrix;
mod part2;
mod properties;
