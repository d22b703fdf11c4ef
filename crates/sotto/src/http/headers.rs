//! Headers on every answer: what a browser may do with it, and who asked.

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use tower_http::set_header::SetResponseHeaderLayer;

/// Nothing but our own files, no inline code, no frames, no forms to elsewhere (SPEC AC, DESIGN 8;
/// ASVS 3.4.3 wants `object-src` said in so many words).
const CONTENT_SECURITY_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     object-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// For two years a browser that came by HTTPS comes by nothing else, here and below this name
/// (RFC 6797, ASVS 3.4.1).
const HTTPS_ALONE: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains");

/// Made when the program is compiled: to look at each letter again is work for every answer.
const FIXED: [(HeaderName, HeaderValue); 7] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
    ),
];

/// Adds the fixed headers, `no-store` wherever a handler chose no caching of its own, and, where
/// browsers come by HTTPS, that they are to come by nothing else.
pub async fn secure(State(over_https): State<bool>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.reserve(FIXED.len() + 2);
    for (name, value) in FIXED {
        headers.insert(name, value);
    }
    if over_https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HTTPS_ALONE);
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// `no-store` over what axum gives a stream of events, `no-cache`, which would let a browser keep
/// it (ASVS 14.3.2).
pub fn kept_nowhere() -> SetResponseHeaderLayer<HeaderValue> {
    let value = HeaderValue::from_static("no-store");
    SetResponseHeaderLayer::overriding(header::CACHE_CONTROL, value)
}
