//! Request bodies: bytes with a limit, read as JSON into a type, with errors that name the place
//! and never quote the value.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;

use super::errors::Problem;

/// The most a request may carry, in bytes. The longest message and every field fit many times.
pub const MOST_BYTES: usize = 64 * 1024;

/// A JSON body, and the bytes it was read from (an idempotency key is bound to them).
pub struct Json<T> {
    /// What the body says.
    pub value: T,
    /// The body.
    pub bytes: Bytes,
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let is_json = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| {
                let kind = value.split(';').next().unwrap_or_default().trim();
                kind.eq_ignore_ascii_case("application/json")
            });
        if !is_json {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not-json",
                "The body must be JSON",
                "Send the header Content-Type: application/json.",
            ));
        }
        let bytes = read_bytes(request, state).await?;
        let value = parse(&bytes)?;
        Ok(Self { value, bytes })
    }
}

/// A body that is no JSON, within the limit.
pub struct Octets(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Octets {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        read_bytes(request, state).await.map(Self)
    }
}

/// The whole body, if it is within the limit.
///
/// # Errors
/// 413 when it is not, 400 when the connection broke.
pub async fn read_bytes<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state).await.map_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-large",
                "The body is too large",
                format!("Send at most {MOST_BYTES} bytes."),
            )
        } else {
            Problem::malformed("The body ended before it was complete.")
        }
    })
}

/// Reads JSON. serde's own words are not passed on whole: they quote the value that was wrong.
///
/// # Errors
/// 400 for what is no JSON, 422 for JSON that is not a `T`, with line and column.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        match error.classify() {
            serde_json::error::Category::Data => {
                let words = error.to_string();
                let why = what_was_expected(&words);
                let mut problem = Problem::malformed(format!("At {place}: {why}."));
                problem.status = StatusCode::UNPROCESSABLE_ENTITY.as_u16();
                problem
            }
            serde_json::error::Category::Eof => {
                Problem::malformed(format!("The JSON ends too early, at {place}."))
            }
            serde_json::error::Category::Syntax | serde_json::error::Category::Io => {
                Problem::malformed(format!("This is not JSON: look at {place}."))
            }
        }
    })
}

/// The part of serde's message that speaks of our types: what was missing or expected.
fn what_was_expected(words: &str) -> String {
    let ours = words.rsplit_once(" at line ").map_or(words, |(ours, _)| ours);
    if ours.starts_with("missing field") || ours.starts_with("duplicate field") {
        return ours.to_owned();
    }
    match ours.rsplit_once("expected ") {
        Some((_, expected)) if ours.starts_with("unknown field") => {
            format!("a field that does not exist; the fields are {expected}")
        }
        Some((_, expected)) => format!("expected {expected}"),
        None => "a value does not fit its field".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Example {
        #[expect(dead_code, reason = "only read by serde")]
        patient: String,
        #[expect(dead_code, reason = "only read by serde")]
        count: u8,
    }

    #[test]
    fn an_error_names_the_place_and_never_the_value() {
        for (body, says) in [
            (r#"{"patient":"x","count":"Maria has HIV"}"#, "expected u8"),
            (r#"{"patient":7,"count":1}"#, "expected a string"),
            (r#"{"patient":"x"}"#, "missing field `count`"),
            (r#"{"patient":"x","count":1,"Maria has HIV":2}"#, "the fields are `patient`"),
            (r#"{"patient":"Maria has HIV"#, "ends too early"),
            (r#"{patient"#, "not JSON"),
            ("", "ends too early"),
        ] {
            let problem = parse::<Example>(body.as_bytes()).unwrap_err();
            assert!(problem.detail.contains(says), "{body}: {}", problem.detail);
            assert!(!problem.detail.contains("Maria"), "{body}: {}", problem.detail);
        }
    }

    #[test]
    fn deep_nesting_is_refused_without_a_crash() {
        let deep = "[".repeat(MOST_BYTES);
        assert!(parse::<serde_json::Value>(deep.as_bytes()).is_err());
    }
}
