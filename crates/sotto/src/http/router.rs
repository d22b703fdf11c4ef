//! Every URL.

use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderName, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{
    MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer,
};
use tower_http::timeout::TimeoutLayer;

use super::api::{
    alternatives, appointments, caregivers, check, consents, contacts, messages, opt_outs,
    patients, practice, preferences, restrictions, tasks,
};
use super::carriers::twilio;
use super::console::overview;
use super::errors::Problem;
use super::{Doors, assets, body, headers, health, metrics, openapi, unsubscribe};
use crate::clock::Clock;
use crate::observe::trace::{Place, Say, Span, Step};

/// How long a request may take, but for the live page, which stays open.
const PATIENCE: Duration = Duration::from_secs(30);

/// The whole of it.
pub fn router(doors: Doors) -> Router {
    public(doors, true)
}

/// For an address that others than the people who run this machine can reach: no metrics.
pub fn without_metrics(doors: Doors) -> Router {
    public(doors, false)
}

/// For the machines that watch this one, at an address of their own.
pub fn watching(doors: Doors) -> Router {
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::page))
        .fallback(|| async { Problem::not_found("page") })
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, PATIENCE))
        .layer(from_fn(headers::secure))
        .with_state(doors)
}

fn public(doors: Doors, with_metrics: bool) -> Router {
    let clock = doors.office().clock().clone();
    let sandbox = doors.office().profile().sandbox;

    let mut routes = Router::new()
        // Programs, by token.
        .route("/api/v1/messages", post(messages::send).get(messages::list))
        .route("/api/v1/messages/{id}", get(messages::show))
        .route("/api/v1/check", post(check::check))
        .route("/api/v1/patients", get(patients::find))
        .route("/api/v1/patients/{id}", get(patients::show))
        .route("/api/v1/patients/{id}/history", get(patients::history))
        .route("/api/v1/patients/{id}/contacts", get(contacts::list).post(contacts::add))
        .route("/api/v1/patients/{id}/contacts/{contact}/end", post(contacts::end))
        .route("/api/v1/patients/{id}/caregivers", get(caregivers::list).post(caregivers::add))
        .route("/api/v1/patients/{id}/caregivers/{caregiver}/permission", put(caregivers::permit))
        .route("/api/v1/patients/{id}/preferences", get(preferences::show).put(preferences::put))
        .route(
            "/api/v1/patients/{id}/alternative-contacts",
            get(alternatives::list).post(alternatives::record),
        )
        .route(
            "/api/v1/patients/{id}/alternative-contacts/{alternative}/end",
            post(alternatives::end),
        )
        .route(
            "/api/v1/patients/{id}/restrictions",
            get(restrictions::list).post(restrictions::record),
        )
        .route(
            "/api/v1/patients/{id}/restrictions/{restriction}/terminate",
            post(restrictions::terminate),
        )
        .route("/api/v1/patients/{id}/opt-outs", get(opt_outs::list).post(opt_outs::record))
        .route("/api/v1/patients/{id}/opt-outs/lift", post(opt_outs::lift))
        .route("/api/v1/patients/{id}/consents", get(consents::history).post(consents::record))
        .route("/api/v1/patients/{id}/consents/{consent}/revoke", post(consents::revoke))
        .route("/api/v1/appointments", get(appointments::list))
        .route("/api/v1/appointments/{external_id}", put(appointments::put))
        .route("/api/v1/tasks", get(tasks::list))
        .route("/api/v1/tasks/{id}/done", post(tasks::done))
        .route("/api/v1/practice/reminder-plan", get(practice::plan).put(practice::put_plan))
        .route("/api/v1/practice/office-hours", get(practice::hours).put(practice::put_hours))
        .route("/api/v1/openapi.json", get(openapi::document))
        // Carriers, by signature.
        .route("/carriers/twilio/status", post(twilio::status))
        .route("/carriers/twilio/inbound", post(twilio::inbound))
        // People, by the opaque link in an email.
        .route("/u/{token}", get(unsubscribe::page).post(unsubscribe::act))
        // Machines that watch this one.
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/static/{name}", get(assets::serve));
    if with_metrics {
        routes = routes.route("/metrics", get(metrics::page));
    }

    // The live page shows a made-up practice to whoever is on this machine. For a real one it
    // waits for staff sign-in.
    let mut live = Router::new();
    if sandbox {
        routes = routes.route("/", get(overview::page));
        live = live.route("/live", get(overview::live));
    }

    let timed = routes
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, PATIENCE))
        .layer(DefaultBodyLimit::max(body::MOST_BYTES));
    timed
        .merge(live)
        .fallback(|| async { Problem::not_found("page") })
        .method_not_allowed_fallback(wrong_method)
        .layer(
            ServiceBuilder::new()
                .layer(SetRequestIdLayer::new(REQUEST_ID, NewRequestId(clock)))
                .layer(from_fn_with_state(doors.clone(), observed))
                .layer(PropagateRequestIdLayer::new(REQUEST_ID))
                .layer(from_fn(headers::secure))
                .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
                    tracing::error!("http.panicked");
                    Problem::internal().into_response()
                })),
        )
        .with_state(doors)
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Ids are ours: one that a stranger chose may hold anything.
#[derive(Clone)]
struct NewRequestId(Clock);

impl MakeRequestId for NewRequestId {
    fn make_request_id<B>(&mut self, _: &axum::http::Request<B>) -> Option<RequestId> {
        self.0.new_id().to_string().parse().ok().map(RequestId::new)
    }
}

async fn wrong_method() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        "Not this way",
        "The URL exists, with other methods; the header Allow lists them.",
    )
}

/// Counts and logs each request by its route, never by its path or query, which may name someone.
async fn observed(State(doors): State<Doors>, mut request: Request, next: Next) -> Response {
    let clock = doors.office().clock().clone();
    let (began, began_at) = (clock.instant(), clock.now());
    let method = request.method().clone();
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let id = request.extensions().get::<RequestId>().cloned();
    let span = traced(&doors, &mut request, id.as_ref(), began_at);
    request.headers_mut().remove(axum::http::header::COOKIE);
    let response = next.run(request).await;
    let took = clock.instant().duration_since(began);
    let status = response.status().as_u16();
    metrics::count(&doors, &method, &route, status, took);
    if let Some(mut span) = span {
        span.until = clock.now();
        span.failed = status >= 500;
        let method = metrics::method_word(&method);
        let says = [Say::Method(method), Say::Status(status)];
        doors.office().traces().tell(span.saying(says).saying(matched.map(Say::Route)));
    }
    tracing::info!(
        http.method = %method,
        http.route = route,
        http.status = status,
        duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        request_id = id.as_ref().and_then(|id| id.header_value().to_str().ok()),
        "http.answered"
    );
    response
}

/// The request's span, if anybody wants to know: in its caller's trace, where the caller names one.
/// What hangs from it finds its place in the request's extensions.
fn traced(
    doors: &Doors,
    request: &mut Request,
    id: Option<&RequestId>,
    at: jiff::Timestamp,
) -> Option<Span> {
    if !doors.office().traces().wanted() {
        return None;
    }
    let id: uuid::Uuid = id?.header_value().to_str().ok()?.parse().ok()?;
    let caller = request.headers().get("traceparent").and_then(|value| value.to_str().ok());
    let span = match caller.and_then(Place::of_caller) {
        Some(caller) => Span::under(caller, Step::Request, id, (at, at)),
        None => Span::first(Step::Request, id, (at, at)),
    };
    request.extensions_mut().insert(span.place);
    Some(span.saying([Say::RequestId(id)]))
}
