//! The tables whose rows the audit log binds.

/// A table, by its name in the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Table(&'static str);

impl Table {
    /// Names a table; called only for the constants of this file.
    #[must_use]
    pub const fn named(name: &'static str) -> Self {
        Self(name)
    }

    /// The name in the schema.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0
    }
}
