//! Lists, a page at a time. Rows sort by id, and ids sort by time, so a cursor is the last id seen
//! and a row that arrives meanwhile moves nothing.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::errors::Problem;

/// How much of a list is asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// `next` of the page before; none for the first page.
    pub cursor: Option<String>,
    /// 1 to 200; 50 when not given.
    pub limit: Option<u32>,
}

/// A page asked for, parsed.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// Only rows older than this one.
    pub before: Option<Uuid>,
    /// How many at most.
    pub limit: u32,
}

impl PageQuery {
    /// Parses the query.
    ///
    /// # Errors
    /// 422 naming the field.
    pub fn parse(&self) -> Result<Page, Problem> {
        let limit = self.limit.unwrap_or(50);
        if !(1..=200).contains(&limit) {
            return Err(Problem::field("limit", "limit must be between 1 and 200."));
        }
        let before =
            self.cursor.as_deref().map(Uuid::try_parse).transpose().map_err(|_| {
                Problem::field("cursor", "cursor must be `next` of the page before.")
            })?;
        Ok(Page { before, limit })
    }
}

/// One page of a list, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Listed<T> {
    /// The rows.
    pub items: Vec<T>,
    /// The cursor of the next page; none on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl<T> Listed<T> {
    /// A page from one row more than was asked for, which tells whether there is a next page.
    pub fn from_one_more(mut items: Vec<T>, page: Page, id: impl Fn(&T) -> String) -> Self {
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(id) } else { None };
        Self { items, next }
    }
}
