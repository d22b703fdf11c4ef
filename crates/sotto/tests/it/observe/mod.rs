//! What an operator sees, and what nobody may see.

mod leaks;
mod watched;
