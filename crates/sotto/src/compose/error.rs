//! What can be wrong with a template or with the values for it. Never quotes a value.

use std::path::PathBuf;

use gate::{Channel, Kind, Language};

use crate::db::DbError;

/// Why there is no text.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// No template for this kind on this channel in any language.
    #[error("there is no {kind} template for {channel}; choose another channel or add the template",
        kind = kind.as_str(), channel = channel.as_str())]
    NoTemplate {
        /// Which kind.
        kind: Kind,
        /// Which channel.
        channel: Channel,
    },
    /// The kind exists on this channel, in other languages only. Never silent English (ACC-01).
    #[error("there is no {kind} template for {channel} in language {language}; have it translated and reviewed",
        kind = kind.as_str(), channel = channel.as_str(), language = language.as_str())]
    NoTranslation {
        /// Which kind.
        kind: Kind,
        /// Which channel.
        channel: Channel,
        /// Which language is missing.
        language: Language,
    },
    /// No variable has this name.
    #[error("values: there is no variable `{variable}`; see `sotto template list`")]
    UnknownVariable {
        /// The word.
        variable: String,
    },
    /// The variable may not stand in this kind (PRIV-01; 45 CFR 164.502(b)).
    #[error("values: `{variable}` may not stand in a {kind} message; leave it out", kind = kind.as_str())]
    Unlisted {
        /// The variable.
        variable: &'static str,
        /// Which kind.
        kind: Kind,
    },
    /// The template has the place, and nothing fills it.
    #[error("values: `{variable}` is missing for template {template}; give it")]
    MissingValue {
        /// The variable.
        variable: &'static str,
        /// The template's name.
        template: String,
    },
    /// The value is not fit for its place.
    #[error("values: `{variable}` {because}")]
    BadValue {
        /// The variable.
        variable: String,
        /// What is wrong, without quoting it.
        because: &'static str,
    },
    /// A template file cannot be read.
    #[error("template file {path}: {source}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A template file is not in form.
    #[error("template file {path}: {because}")]
    Syntax {
        /// Which.
        path: PathBuf,
        /// Where and why.
        because: String,
    },
    /// No template can have this name.
    #[error("no template can have that name; `sotto template list` shows those there are")]
    NoName,
    /// Words that cannot be read as a template's.
    #[error("{0}")]
    Written(String),
    /// Templates that break a rule; none of the set is used.
    #[error("{} template rule(s) broken, the first: {}", .0.len(), first(.0))]
    Lint(Vec<super::lint::Broken>),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

fn first(broken: &[super::lint::Broken]) -> String {
    broken.first().map(ToString::to_string).unwrap_or_default()
}
