//! sotto
fn main() {}
