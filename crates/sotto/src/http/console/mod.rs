//! Pages for the people who work here. So far: the overview of a made-up practice.

pub mod overview;

mod board;
mod lines;
mod words;
