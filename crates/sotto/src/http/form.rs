//! A form as it was filled in, field by field.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The fields of a form, by name. `Debug` shows nothing of them.
#[derive(Deserialize, Default, Clone)]
#[serde(transparent)]
pub struct Fields(BTreeMap<String, String>);

impl std::fmt::Debug for Fields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fields({})", self.0.len())
    }
}

impl From<BTreeMap<String, String>> for Fields {
    fn from(fields: BTreeMap<String, String>) -> Self {
        Self(fields)
    }
}

impl Fields {
    /// What stands in a field, without blanks around it; empty where there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |text| text.trim())
    }

    /// The same; none where it is empty.
    pub(super) fn some(&self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// Whether a box is ticked.
    pub(super) fn ticked(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The rest of the names of ticked boxes that begin so.
    pub(super) fn all_ticked<'a>(&'a self, begin: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.keys().filter_map(move |name| name.strip_prefix(begin))
    }
}
