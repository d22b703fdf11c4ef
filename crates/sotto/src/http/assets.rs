//! Styles and scripts, built into the binary and served from our own origin.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::errors::Problem;
use super::params::Path;

struct Asset {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

const ASSETS: [Asset; 18] = [
    Asset {
        name: "tokens.css",
        kind: "text/css; charset=utf-8",
        bytes: include_bytes!("../../../../web/styles/tokens.css"),
    },
    Asset {
        name: "desk.css",
        kind: "text/css; charset=utf-8",
        bytes: include_bytes!("../../../../web/styles/desk.css"),
    },
    Asset {
        name: "window.css",
        kind: "text/css; charset=utf-8",
        bytes: include_bytes!("../../../../web/styles/window.css"),
    },
    Asset {
        name: "forms.css",
        kind: "text/css; charset=utf-8",
        bytes: include_bytes!("../../../../web/styles/forms.css"),
    },
    Asset {
        name: "inbox.css",
        kind: "text/css; charset=utf-8",
        bytes: include_bytes!("../../../../web/styles/inbox.css"),
    },
    Asset {
        name: "templates.css",
        kind: "text/css; charset=utf-8",
        bytes: include_bytes!("../../../../web/styles/templates.css"),
    },
    Asset {
        name: "desk.js",
        kind: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../../../../web/scripts/desk.js"),
    },
    Asset {
        name: "sealed.mjs",
        kind: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../../../../web/scripts/sealed.mjs"),
    },
    Asset {
        name: "sealed.css",
        kind: "text/css; charset=utf-8",
        bytes: include_bytes!("../../../../web/styles/sealed.css"),
    },
    Asset {
        name: "people.css",
        kind: "text/css; charset=utf-8",
        bytes: include_bytes!("../../../../web/styles/people.css"),
    },
    Asset {
        name: "stay.js",
        kind: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../../../../web/scripts/stay.js"),
    },
    Asset {
        name: "passkey.js",
        kind: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../../../../web/scripts/passkey.js"),
    },
    Asset {
        name: "write.css",
        kind: "text/css; charset=utf-8",
        bytes: include_bytes!("../../../../web/styles/write.css"),
    },
    Asset {
        name: "write.js",
        kind: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../../../../web/scripts/write.js"),
    },
    Asset {
        name: "icon.svg",
        kind: "image/svg+xml",
        bytes: include_bytes!("../../../../web/styles/icon.svg"),
    },
    Asset {
        name: "live.js",
        kind: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../../../../web/scripts/live.js"),
    },
    Asset {
        name: "htmx.min.js",
        kind: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../../../../web/vendor/htmx.min.js"),
    },
    Asset {
        name: "hx-sse.min.js",
        kind: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../../../../web/vendor/hx-sse.min.js"),
    },
];

/// Serves one of them; the browser asks each time whether it changed.
pub async fn serve(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let asset = ASSETS.iter().find(|asset| asset.name == name).ok_or(Problem::not_found("file"))?;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, asset.bytes);
    let tag = format!("\"{}\"", hex::encode(digest.as_ref().get(..16).unwrap_or_default()));
    let seen = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let mut response = if seen == Some(tag.as_str()) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        asset.bytes.into_response()
    };
    let answer = response.headers_mut();
    answer.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    answer.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        answer.insert(header::ETAG, tag);
    }
    Ok(response)
}
