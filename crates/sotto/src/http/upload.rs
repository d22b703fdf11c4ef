//! A form with files, whole: its fields, and each file's bytes as they came.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::multipart::{Multipart, MultipartError};
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Form, RequestExt as _};

use super::body;
use super::errors::Problem;
use crate::attachments::content::MOST_BYTES;

/// The most files of one form.
pub const MOST_FILES: usize = 3;
/// The most a form with files may carry, in bytes.
const MOST_FORM: usize = MOST_FILES * MOST_BYTES + body::MOST_BYTES;

/// RFC 7578; what has no files may come as any other form.
fn is_multipart(request: &Request) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("multipart/form-data"))
}

/// A form, filled in. `Debug` shows nothing of it.
pub struct Upload {
    /// Its fields, by name.
    pub fields: BTreeMap<String, String>,
    /// Its files: under which field, their names, their bytes. A field that was left empty is not
    /// among them.
    pub files: Vec<(String, String, Bytes)>,
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Upload({} fields, {} files)", self.fields.len(), self.files.len())
    }
}

/// A form that did not come as it must. Each says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotWhole {
    /// It broke off, or is no form.
    #[error("The form didn’t arrive whole. Go back, load the page again and send it once more.")]
    Broken,
    /// Over [`MOST_FORM`] or [`MOST_BYTES`].
    #[error("The files are too large: at most 10 MB each. Send fewer or smaller ones.")]
    TooLarge,
    /// Over [`MOST_FILES`].
    #[error("That is too many files: at most 3 at a time.")]
    TooMany,
}

impl NotWhole {
    /// As a status.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Broken => StatusCode::BAD_REQUEST,
            Self::TooLarge | Self::TooMany => StatusCode::PAYLOAD_TOO_LARGE,
        }
    }
}

impl IntoResponse for NotWhole {
    fn into_response(self) -> Response {
        Problem::new(self.status(), "form", "The form can't be taken", self.to_string())
            .into_response()
    }
}

impl From<MultipartError> for NotWhole {
    fn from(error: MultipartError) -> Self {
        if error.status() == StatusCode::PAYLOAD_TOO_LARGE { Self::TooLarge } else { Self::Broken }
    }
}

impl<S: Send + Sync> FromRequest<S> for Upload {
    type Rejection = NotWhole;

    async fn from_request(mut request: Request, _: &S) -> Result<Self, NotWhole> {
        if !is_multipart(&request) {
            let Form(fields) = request.extract().await.map_err(|_| NotWhole::Broken)?;
            return Ok(Self { fields, files: Vec::new() });
        }
        DefaultBodyLimit::max(MOST_FORM).apply(&mut request);
        let mut form: Multipart = request.extract().await.map_err(|_| NotWhole::Broken)?;
        let (mut fields, mut files) = (BTreeMap::new(), Vec::new());
        while let Some(part) = form.next_field().await? {
            let name = part.name().unwrap_or_default().to_owned();
            let Some(file) = part.file_name().map(str::to_owned) else {
                let text = part.bytes().await?;
                if text.len() > body::MOST_BYTES {
                    return Err(NotWhole::TooLarge);
                }
                let text = String::from_utf8(text.to_vec()).map_err(|_| NotWhole::Broken)?;
                fields.insert(name, text);
                continue;
            };
            let bytes = part.bytes().await?;
            if bytes.len() > MOST_BYTES {
                return Err(NotWhole::TooLarge);
            }
            // What a browser sends of a field in which nothing was chosen.
            if file.is_empty() && bytes.is_empty() {
                continue;
            }
            if files.len() == MOST_FILES {
                return Err(NotWhole::TooMany);
            }
            files.push((name, file, bytes));
        }
        Ok(Self { fields, files })
    }
}
