//! Styles and scripts, built into the binary and served from our own origin. They hold nothing
//! secret, so they go compressed; pages do not, whose length would tell of what is in them.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::sync::LazyLock;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::errors::Problem;
use super::params::Path;

/// The files by their place in `web/`; each is served by its name alone.
macro_rules! built_in {
    ($($path:literal),+ $(,)?) => {
        [$(($path, include_bytes!(concat!("../../../../web/", $path)).as_slice())),+]
    };
}

static ASSETS: LazyLock<HashMap<&str, Asset>> = LazyLock::new(|| {
    built_in![
        "scripts/desk.js",
        "scripts/live.js",
        "scripts/passkey.js",
        "scripts/sealed.mjs",
        "scripts/stay.js",
        "scripts/write.js",
        "styles/desk.css",
        "styles/forms.css",
        "styles/icon.svg",
        "styles/inbox.css",
        "styles/people.css",
        "styles/sealed.css",
        "styles/templates.css",
        "styles/tokens.css",
        "styles/window.css",
        "styles/write.css",
        "vendor/htmx.min.js",
        "vendor/hx-sse.min.js",
    ]
    .into_iter()
    .map(|(path, bytes)| (path.rsplit('/').next().unwrap_or(path), Asset::of(path, bytes)))
    .collect()
});

struct Asset {
    kind: &'static str,
    /// Changes with the content.
    tag: Option<HeaderValue>,
    plain: Bytes,
    /// None where it would not be shorter.
    gzip: Option<Bytes>,
}

impl Asset {
    fn of(path: &str, bytes: &'static [u8]) -> Self {
        let kind = match path.rsplit('.').next() {
            Some("css") => "text/css; charset=utf-8",
            Some("js" | "mjs") => "text/javascript; charset=utf-8",
            Some("svg") => "image/svg+xml",
            _ => "application/octet-stream",
        };
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
        let tag = format!("W/\"{}\"", hex::encode(digest.as_ref().get(..16).unwrap_or_default()));
        let gzip = gzip(bytes).ok().filter(|gzip| gzip.len() < bytes.len()).map(Bytes::from);
        Self { kind, tag: HeaderValue::from_str(&tag).ok(), plain: Bytes::from_static(bytes), gzip }
    }
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// Does the browser take gzip (RFC 9110 §12.5.3)?
fn takes_gzip(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(header::ACCEPT_ENCODING).into_iter();
    let mut codings = lists.filter_map(|list| list.to_str().ok()).flat_map(|list| list.split(','));
    codings.any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse().ok());
        name.trim().eq_ignore_ascii_case("gzip") && weight.unwrap_or(0.0) > 0.0
    })
}

/// Serves one of them; the browser asks each time whether it changed.
pub async fn serve(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let asset = ASSETS.get(name.as_str()).ok_or(Problem::not_found("file"))?;
    let seen = headers.get(header::IF_NONE_MATCH);
    let packed = asset.gzip.as_ref().filter(|_| takes_gzip(&headers));
    let mut response = if seen.is_some() && seen == asset.tag.as_ref() {
        StatusCode::NOT_MODIFIED.into_response()
    } else if let Some(packed) = packed {
        let coding = [(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
        (coding, packed.clone()).into_response()
    } else {
        asset.plain.clone().into_response()
    };
    let answer = response.headers_mut();
    answer.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    answer.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    answer.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if let Some(tag) = asset.tag.clone() {
        answer.insert(header::ETAG, tag);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use axum::body::to_bytes;
    use axum::http::response::Parts;
    use flate2::read::GzDecoder;

    use super::*;

    async fn asked(with: &[(header::HeaderName, &str)]) -> (Parts, Vec<u8>) {
        let headers = with.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
        let answer = serve(Path("desk.css".to_owned()), headers.collect()).await.ok().unwrap();
        let (head, body) = answer.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        (head, body)
    }

    #[tokio::test]
    async fn who_takes_gzip_gets_the_same_in_less() {
        let (_, plain) = asked(&[]).await;
        for (accepts, packed) in [
            ("gzip, deflate, br", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("identity", false),
            ("x-gzipped", false),
            ("", false),
        ] {
            let (answer, body) = asked(&[(header::ACCEPT_ENCODING, accepts)]).await;
            let coding = answer.headers.get(header::CONTENT_ENCODING);
            assert_eq!(coding.is_some(), packed, "{accepts}");
            assert_eq!(answer.headers[header::VARY], "Accept-Encoding");
            if packed {
                assert!(body.len() * 2 < plain.len(), "{} of {}", body.len(), plain.len());
                let mut unpacked = Vec::new();
                GzDecoder::new(body.as_slice()).read_to_end(&mut unpacked).unwrap();
                assert_eq!(unpacked, plain);
            } else {
                assert_eq!(body, plain, "{accepts}");
            }
        }
        let (answer, _) = asked(&[]).await;
        let tag = answer.headers[header::ETAG].to_str().unwrap().to_owned();
        let (answer, body) = asked(&[(header::IF_NONE_MATCH, &tag)]).await;
        assert_eq!(answer.status, StatusCode::NOT_MODIFIED);
        assert!(body.is_empty());
    }
}
