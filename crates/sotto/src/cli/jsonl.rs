//! One JSON object a line, in and out. A bad line is told apart by its number and field, never by
//! its content, and the rest goes on.

use std::io::{BufRead, Read, Write};

use serde_json::{Map, Value};

/// Longest line that is read, in bytes.
pub const MOST_BYTES: usize = 1 << 20;

/// What is wrong with a line. Quotes nothing of it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadLine {
    /// Not JSON at all.
    #[error("not JSON ({what} at column {column}); write one object a line, in UTF-8")]
    Syntax {
        /// What the parser missed.
        what: &'static str,
        /// Where, in bytes from 1.
        column: usize,
    },
    /// JSON, but no object.
    #[error("not an object; write {{\"id\": …, \"text\": …}}")]
    NotAnObject,
    /// A field is absent.
    #[error("field `{0}` is missing; add it")]
    Missing(&'static str),
    /// A field has another type or value than it may have.
    #[error("field `{field}` must be {must}")]
    Wrong {
        /// Its name.
        field: &'static str,
        /// What it must be.
        must: &'static str,
    },
    /// Longer than [`MOST_BYTES`].
    #[error("longer than 1 MiB; split the text")]
    TooLong,
}

/// Feeds each line of `input` to `answer` and writes what it returns.
///
/// Returns how many lines were bad; each is named on `errors`.
///
/// # Errors
/// Reading or writing failed.
pub fn each_line(
    mut input: impl BufRead,
    mut output: impl Write,
    mut errors: impl Write,
    mut answer: impl FnMut(&Map<String, Value>) -> Result<Value, BadLine>,
) -> std::io::Result<usize> {
    let mut bad = 0_usize;
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let limit = u64::try_from(MOST_BYTES).unwrap_or(u64::MAX).saturating_add(1);
        let read = input.by_ref().take(limit).read_until(b'\n', &mut line)?;
        if read == 0 {
            break;
        }
        let too_long = line.len() > MOST_BYTES && !line.ends_with(b"\n");
        if too_long {
            skip_line(&mut input)?;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let answered =
            if too_long { Err(BadLine::TooLong) } else { parse(&line).and_then(|o| answer(&o)) };
        match answered {
            Ok(value) => {
                serde_json::to_writer(&mut output, &value)?;
                output.write_all(b"\n")?;
            }
            Err(error) => {
                bad = bad.saturating_add(1);
                writeln!(errors, "line {number}: {error}")?;
            }
        }
    }
    output.flush()?;
    Ok(bad)
}

/// A field that must be a text.
///
/// # Errors
/// It is missing, or no string.
pub fn text<'a>(object: &'a Map<String, Value>, field: &'static str) -> Result<&'a str, BadLine> {
    match object.get(field) {
        None => Err(BadLine::Missing(field)),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(BadLine::Wrong { field, must: "a string" }),
    }
}

/// The line's id, given back as it came: a string or a number.
///
/// # Errors
/// It is missing, or of another type.
pub fn id(object: &Map<String, Value>) -> Result<Value, BadLine> {
    match object.get("id") {
        None => Err(BadLine::Missing("id")),
        Some(id @ (Value::String(_) | Value::Number(_))) => Ok(id.clone()),
        Some(_) => Err(BadLine::Wrong { field: "id", must: "a string or a number" }),
    }
}

fn parse(line: &[u8]) -> Result<Map<String, Value>, BadLine> {
    let value: Value = serde_json::from_slice(line).map_err(|error| BadLine::Syntax {
        what: match error.classify() {
            serde_json::error::Category::Eof => "cut off",
            _ => "unexpected character",
        },
        column: error.column(),
    })?;
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(BadLine::NotAnObject),
    }
}

fn skip_line(input: &mut impl BufRead) -> std::io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok(());
        }
        let newline = buffer.iter().position(|&b| b == b'\n');
        let used = newline.map_or(buffer.len(), |at| at.saturating_add(1));
        input.consume(used);
        if newline.is_some() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(input: &[u8]) -> (String, String, usize) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let bad = each_line(input, &mut out, &mut err, |object| {
            Ok(serde_json::json!({ "id": id(object)?, "length": text(object, "text")?.len() }))
        })
        .unwrap();
        (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap(), bad)
    }

    #[test]
    fn a_bad_line_is_named_and_the_rest_goes_on() {
        let (out, err, bad) = run(
            b"{\"id\":1,\"text\":\"ab\"}\n\n{\"id\":\"x\"}\n[1]\n{\"id\":2,\n{\"id\":[],\"text\":\"Maria\"}\n\xff\n{\"id\":3,\"text\":7}\n{\"id\":\"z\",\"text\":\"\"}",
        );
        assert_eq!(out, "{\"id\":1,\"length\":2}\n{\"id\":\"z\",\"length\":0}\n");
        assert_eq!(bad, 6);
        for said in [
            "line 3: field `text` is missing",
            "line 4: not an object",
            "line 5: not JSON",
            "line 6: field `id` must be",
            "line 7: not JSON",
            "line 8: field `text` must be a string",
        ] {
            assert!(err.contains(said), "{said} in {err}");
        }
        assert!(!err.contains("Maria"));
    }

    #[test]
    fn a_line_without_end_does_not_fill_memory() {
        let mut input = vec![b'x'; MOST_BYTES + 100];
        input.extend_from_slice(b"\n{\"id\":1,\"text\":\"a\"}\n");
        let (out, err, bad) = run(&input);
        assert_eq!((out.lines().count(), bad), (1, 1));
        assert!(err.contains("line 1: longer"));
    }

    #[test]
    fn deep_nesting_is_a_bad_line() {
        let (_, err, bad) = run("[".repeat(100_000).as_bytes());
        assert_eq!(bad, 1, "{err}");
    }
}
