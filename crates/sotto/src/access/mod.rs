//! Who may come in. So far: programs, by token. Staff sign-in is a later part.

pub mod tokens;
