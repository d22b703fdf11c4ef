//! Every URL, and who may use it.

use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderName, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::csrf::CsrfLayer;
use tower_http::request_id::{
    MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer,
};
use tower_http::timeout::TimeoutLayer;

use super::api::{
    alternatives, appointments, caregivers, check, consents, contacts, messages, opt_outs,
    patients, practice, preferences, restrictions, tasks,
};
use super::carriers::twilio;
use super::console::patient::{
    self, answers, disclosures, files as papers, hand_over, holds, record, release, said,
};
use super::console::settings::vendors::forms as vendor_forms;
use super::console::{
    access, call, downtime, emergency, guide, inbox, intake, invite, lock, log, me, overview,
    people, sealed, settings, sign_in, staff, strip, tasks as work, templates, thread,
    thread_files, thread_forms, today, write,
};
use super::errors::Problem;
use super::portal::{
    choices, files, forms, home, letters, phones, sealed as closed, tablet, visits, way_in,
    way_in_by_phone as by_phone,
};
use super::routes::Needs::{self, May, MayEach, MayEachRecently, MayRecently, Token};
use super::routes::{Route, Routes};
use super::{Doors, assets, body, headers, health, metrics, openapi, unsubscribe};
use crate::access::policies::Action;
use crate::access::tokens::Scope;
use crate::clock::Clock;
use crate::observe::trace::{Place, Say, Span, Step};

/// How long a request may take, but for the live page, which stays open.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a form with files may take to come in.
const PATIENCE_WITH_FILES: Duration = Duration::from_mins(5);

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
        .layer(from_fn_with_state(false, headers::secure))
        .with_state(doors)
}

/// Every URL, with what it asks of whoever uses it.
#[must_use]
pub fn list() -> Vec<Route> {
    timed(true).merge(streams()).merge(pages()).merge(window()).merge(uploads()).list
}

fn public(doors: Doors, with_metrics: bool) -> Router {
    let clock = doors.office().clock().clone();
    let within = |patience, router: Router<Doors>| {
        router
            .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, patience))
            .layer(DefaultBodyLimit::max(body::MOST_BYTES))
    };
    let limited = |router| within(PATIENCE, router);
    // A form of ours is filled in on a page of ours: what a browser says of where a request comes
    // from must agree (ASVS 3.5.1). Programs say nothing of it and hold no cookies.
    let own_forms = |router| limited(router).layer(CsrfLayer::new());
    let own_files = |router| within(PATIENCE_WITH_FILES, router).layer(CsrfLayer::new());
    // While the database is away the desk says so at once.
    let away = from_fn_with_state(doors.clone(), downtime::meanwhile);
    let desk = pages().behind(|router| router.layer(away));
    timed(with_metrics)
        .behind(limited)
        .merge(streams().behind(|router| router.layer(headers::kept_nowhere())))
        .merge(desk.merge(window()).behind(own_forms))
        .merge(uploads().behind(own_files))
        .router
        .fallback(|| async { Problem::not_found("page") })
        .method_not_allowed_fallback(wrong_method)
        .layer(
            ServiceBuilder::new()
                .layer(SetRequestIdLayer::new(REQUEST_ID, NewRequestId(clock)))
                .layer(from_fn_with_state(doors.clone(), observed))
                .layer(PropagateRequestIdLayer::new(REQUEST_ID))
                .layer(from_fn_with_state(doors.over_https(), headers::secure))
                .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
                    tracing::error!("http.panicked");
                    Problem::internal().into_response()
                })),
        )
        .with_state(doors)
}

/// Programs, carriers, links in mails, and machines that watch.
#[rustfmt::skip]
fn timed(with_metrics: bool) -> Routes {
    use Scope as S;
    let watch = Needs::Nothing("tells whether the program runs, and nothing else");
    let mut routes = Routes::default()
        // Programs, by token.
        .post("/api/v1/messages", Token(S::MessagesWrite), messages::send)
        .get("/api/v1/messages", Token(S::MessagesRead), messages::list)
        .get("/api/v1/messages/{id}", Token(S::MessagesRead), messages::show)
        .post("/api/v1/check", Token(S::Check), check::check)
        .post("/api/v1/patients/find", Token(S::PatientsRead), patients::find)
        .get("/api/v1/patients/{id}", Token(S::PatientsRead), patients::show)
        .get("/api/v1/patients/{id}/history", Token(S::PatientsRead), patients::history)
        .get("/api/v1/patients/{id}/contacts", Token(S::PatientsRead), contacts::list)
        .post("/api/v1/patients/{id}/contacts", Token(S::PatientsWrite), contacts::add)
        .post("/api/v1/patients/{id}/contacts/{contact}/end", Token(S::PatientsWrite), contacts::end)
        .get("/api/v1/patients/{id}/caregivers", Token(S::PatientsRead), caregivers::list)
        .post("/api/v1/patients/{id}/caregivers", Token(S::PatientsWrite), caregivers::add)
        .put("/api/v1/patients/{id}/caregivers/{caregiver}/permission", Token(S::PatientsWrite), caregivers::permit)
        .get("/api/v1/patients/{id}/preferences", Token(S::PatientsRead), preferences::show)
        .put("/api/v1/patients/{id}/preferences", Token(S::PatientsWrite), preferences::put)
        .get("/api/v1/patients/{id}/alternative-contacts", Token(S::PatientsRead), alternatives::list)
        .post("/api/v1/patients/{id}/alternative-contacts", Token(S::PatientsWrite), alternatives::record)
        .post("/api/v1/patients/{id}/alternative-contacts/{alternative}/end", Token(S::PatientsWrite), alternatives::end)
        .get("/api/v1/patients/{id}/restrictions", Token(S::PatientsRead), restrictions::list)
        .post("/api/v1/patients/{id}/restrictions", Token(S::PatientsWrite), restrictions::record)
        .post("/api/v1/patients/{id}/restrictions/{restriction}/terminate", Token(S::PatientsWrite), restrictions::terminate)
        .get("/api/v1/patients/{id}/opt-outs", Token(S::PatientsRead), opt_outs::list)
        .post("/api/v1/patients/{id}/opt-outs", Token(S::PatientsWrite), opt_outs::record)
        .post("/api/v1/patients/{id}/opt-outs/lift", Token(S::PatientsWrite), opt_outs::lift)
        .get("/api/v1/patients/{id}/consents", Token(S::ConsentsRead), consents::history)
        .post("/api/v1/patients/{id}/consents", Token(S::ConsentsWrite), consents::record)
        .post("/api/v1/patients/{id}/consents/{consent}/revoke", Token(S::ConsentsWrite), consents::revoke)
        .get("/api/v1/appointments", Token(S::AppointmentsRead), appointments::list)
        .put("/api/v1/appointments/{external_id}", Token(S::AppointmentsWrite), appointments::put)
        .get("/api/v1/tasks", Token(S::TasksRead), tasks::list)
        .post("/api/v1/tasks/{id}/done", Token(S::TasksWrite), tasks::done)
        .get("/api/v1/practice/reminder-plan", Token(S::PracticeRead), practice::plan)
        .put("/api/v1/practice/reminder-plan", Token(S::PracticeWrite), practice::put_plan)
        .get("/api/v1/practice/office-hours", Token(S::PracticeRead), practice::hours)
        .put("/api/v1/practice/office-hours", Token(S::PracticeWrite), practice::put_hours)
        .get("/api/v1/openapi.json", Needs::Nothing("describes the API and holds no data"), openapi::document)
        // Carriers, by signature.
        .post("/carriers/twilio/status", Needs::Signature, twilio::status)
        .post("/carriers/twilio/inbound", Needs::Signature, twilio::inbound)
        // People, by the opaque link in an email.
        .get("/u/{token}", Needs::Link, unsubscribe::page)
        .post("/u/{token}", Needs::Link, unsubscribe::act)
        // Machines that watch this one.
        .get("/healthz", watch, health::alive)
        .get("/readyz", watch, health::ready)
        .get("/static/{name}", Needs::Nothing("styles and scripts, the same for everybody"), assets::serve);
    if with_metrics {
        routes = routes.get("/metrics", Needs::Nothing("served on an address of its own or to this machine (docs/decisions/0016)"), metrics::page);
    }
    routes
}

/// What stays open.
fn streams() -> Routes {
    Routes::default().get("/live", May(Action::SeeOverview), overview::live).get(
        "/inbox/live",
        May(Action::SeeTasks),
        strip::live,
    )
}

/// Forms with files: a telephone on a slow line needs its time.
fn uploads() -> Routes {
    let give = record::give_consent;
    Routes::default()
        .post("/people/{patient}/consents", MayEach(CONSENT), give)
        .post("/people/{patient}/write/files", MayEach(WRITE), write::send_files)
        .post("/window/write", Needs::Visitor, letters::write)
}

/// To write to a patient.
const WRITE: &[Action] = &[Action::SeePatient, Action::Reply];

/// To read what was said, and to answer or do something with it.
const READ: &[Action] = &[Action::SeeTasks, Action::ReadConversation];
const ANSWER: &[Action] = &[Action::SeeTasks, Action::Reply];

/// What is asked of whoever opens a patient's page, and writes things down on it.
const SEE: &[Action] = &[Action::SeePatient];
const SEE_SAID: &[Action] = &[Action::SeePatient, Action::ReadConversation];
const CONTACTS: &[Action] = &[Action::ChangeContacts];
const CONSENT: &[Action] = &[Action::RecordConsent];
const RESTRICT: &[Action] = &[Action::ManageRestrictions];
const RELEASE: &[Action] = &[Action::ReleaseRecords];
const HOLD: &[Action] = &[Action::HoldRecord];
const EMERGENCY: &[Action] = &[Action::BreakGlass];
const TABLET: &[Action] = &[Action::HandOver];
const SEALED: &[Action] = &[Action::WriteSealed];

/// People who work here, by session.
#[rustfmt::skip]
fn pages() -> Routes {
    use Action as A;
    let door = Needs::Nothing("the way in");
    Routes::default()
        .get("/", May(A::SeeOverview), overview::page)
        .get("/sign-in", door, sign_in::page)
        .post("/sign-in", door, sign_in::by_password)
        .post("/sign-in/passkey/ask", door, sign_in::ask_passkey)
        .post("/sign-in/passkey", door, sign_in::by_passkey)
        .get("/demo/{token}", Needs::Link, sign_in::by_demo_link)
        .get("/invite/{token}", Needs::Link, invite::page)
        .post("/invite/{token}", Needs::Link, invite::accept_with_password)
        .post("/invite/{token}/passkey/ask", Needs::Link, invite::ask_passkey)
        .post("/invite/{token}/passkey", Needs::Link, invite::accept_with_passkey)
        .post("/sign-out", Needs::Session, sign_in::sign_out)
        .get("/lock", Needs::Session, lock::page)
        .post("/lock", Needs::Session, lock::by_code)
        .post("/lock/pin", Needs::Session, lock::by_pin)
        .post("/lock/now", Needs::Session, lock::now)
        .post("/lock/passkey/ask", Needs::Session, lock::ask_passkey)
        .post("/lock/passkey", Needs::Session, lock::by_passkey)
        .get("/guide", May(A::OwnAccount), guide::page)
        .get("/me", May(A::OwnAccount), me::page)
        .post("/me/sessions/{id}/end", May(A::OwnAccount), me::end_session)
        .post("/me/devices/{id}/wipe", May(A::OwnAccount), me::wipe_device)
        .post("/me/recovery-codes", MayRecently(A::OwnAccount), me::new_codes)
        .post("/me/passkeys/ask", MayRecently(A::OwnAccount), me::ask_passkey)
        .post("/me/passkeys", MayRecently(A::OwnAccount), me::add_passkey)
        .post("/me/passkeys/{id}/remove", MayRecently(A::OwnAccount), me::remove_passkey)
        .post("/me/pin", MayRecently(A::OwnAccount), me::set_pin)
        .post("/me/pin/remove", MayRecently(A::OwnAccount), me::remove_pin)
        .get("/people", May(A::FindPatients), people::page)
        .post("/people", May(A::FindPatients), people::find)
        .get("/people/{patient}", MayEach(SEE), patient::page)
        .post("/people/{patient}/birth-date", MayEach(SEE), patient::birth_date)
        .get("/people/{patient}/said", MayEach(SEE), said::page)
        .get("/people/{patient}/disclosures", MayEach(RELEASE), disclosures::page)
        .get("/people/{patient}/release", MayEachRecently(RELEASE), release::page)
        .post("/people/{patient}/release", MayEachRecently(RELEASE), release::act)
        .get("/people/{patient}/holds", MayEachRecently(HOLD), holds::page)
        .post("/people/{patient}/holds", MayEachRecently(HOLD), holds::place)
        .post("/people/{patient}/holds/{hold}/lift", MayEachRecently(HOLD), holds::lift)
        .post("/people/{patient}/contacts", MayEach(CONTACTS), record::add_contact)
        .post("/people/{patient}/contacts/{contact}/end", MayEach(CONTACTS), record::end_contact)
        .get("/people/{patient}/files/{file}", MayEach(SEE), papers::of_record)
        .post("/people/{patient}/cut-off", MayEach(CONTACTS), record::cut_off)
        .post("/people/{patient}/consent-form", MayEach(CONSENT), hand_over::send_form)
        .get("/people/{patient}/forms/{answers}", MayEach(SEE_SAID), answers::page)
        .post("/people/{patient}/tablet", MayEach(TABLET), hand_over::tablet)
        .post("/people/{patient}/consents/{consent}/revoke", MayEach(CONSENT), record::revoke_consent)
        .post("/people/{patient}/caregivers", MayEach(CONTACTS), record::add_carer)
        .post("/people/{patient}/caregivers/{caregiver}/permit", MayEach(CONSENT), record::permit_carer)
        .post("/people/{patient}/opt-outs", MayEach(CONSENT), record::opt_out)
        .post("/people/{patient}/opt-outs/lift", MayEach(CONSENT), record::lift)
        .post("/people/{patient}/preferences", MayEach(CONTACTS), record::wishes)
        .post("/people/{patient}/restrictions", MayEach(RESTRICT), record::restrict)
        .post("/people/{patient}/restrictions/{restriction}/end", MayEach(RESTRICT), record::end_restriction)
        .post("/people/{patient}/alternative-contacts", MayEach(RESTRICT), record::elsewhere)
        .post("/people/{patient}/alternative-contacts/{alternative}/end", MayEach(RESTRICT), record::end_elsewhere)
        .get("/people/{patient}/emergency", MayEachRecently(EMERGENCY), emergency::page)
        .post("/people/{patient}/emergency", MayEachRecently(EMERGENCY), emergency::open)
        .post("/people/{patient}/emergency/end", May(A::OwnAccount), emergency::end)
        .get("/people/{patient}/sealed", MayEach(SEALED), sealed::list)
        .post("/people/{patient}/sealed", MayEach(SEALED), sealed::start)
        .post("/people/{patient}/sealed/key", MayEachRecently(SEALED), sealed::register)
        .get("/people/{patient}/sealed/{thread}", MayEach(SEALED), sealed::page)
        .post("/people/{patient}/sealed/{thread}", MayEach(SEALED), sealed::write)
        .get("/staff", May(A::ManageStaff), staff::page)
        .post("/staff", MayRecently(A::ManageStaff), staff::invite)
        .post("/staff/training", MayRecently(A::ManageStaff), staff::ask_training)
        .post("/staff/{id}/training", MayRecently(A::ManageStaff), staff::record_training)
        .post("/staff/{id}/roles", MayRecently(A::ManageStaff), staff::set_roles)
        .post("/staff/{id}/sites", MayRecently(A::ManageStaff), staff::set_sites)
        .post("/staff/{id}/disable", MayRecently(A::ManageStaff), staff::disable)
        .post("/staff/{id}/enable", MayRecently(A::ManageStaff), staff::enable)
        .post("/staff/{id}/invite", MayRecently(A::ManageStaff), staff::invite_again)
        .post("/staff/{id}/devices/{device}/wipe", MayRecently(A::ManageStaff), staff::wipe_device)
        .get("/access", May(A::SeeAccess), access::page)
        .get("/log", May(A::ReadAudit), log::page)
        .post("/log/reviews", MayRecently(A::ReadAudit), log::review)
        .post("/log/oddities", MayRecently(A::ReadAudit), log::judge)
        .get("/templates", May(A::SeeTemplates), templates::page)
        .get("/templates/{name}", May(A::SeeTemplates), templates::one::page)
        .get("/templates/{name}/propose", May(A::EditTemplates), templates::propose::page)
        .post("/templates/{name}/propose", May(A::EditTemplates), templates::propose::act)
        .post("/templates/{name}/propose/look", May(A::EditTemplates), templates::propose::look)
        .post("/templates/{name}/take-back", May(A::EditTemplates), templates::one::take_back)
        .post("/templates/{name}/approve", MayRecently(A::ApproveTemplates), templates::one::approve)
        .post("/templates/{name}/decline", May(A::ApproveTemplates), templates::one::decline)
        .post("/templates/{name}/withdraw", MayRecently(A::ApproveTemplates), templates::one::withdraw)
        .get("/log/emergencies", May(A::ReadAudit), emergency::list)
        .post("/log/emergencies/{id}/end", May(A::ReviewBreakGlass), emergency::end_by_officer)
        .post("/log/emergencies/{id}/review", MayRecently(A::ReviewBreakGlass), emergency::review)
        .get("/settings", May(A::ChangeSettings), settings::page)
        .post("/settings/name", May(A::ChangeSettings), settings::set_name)
        .get("/settings/hours", May(A::ChangeSettings), settings::hours::page)
        .post("/settings/hours", May(A::ChangeSettings), settings::hours::set)
        .get("/settings/forms", May(A::ChangeSettings), settings::forms::list)
        .get("/settings/forms/new", May(A::ChangeSettings), settings::forms::new)
        .post("/settings/forms/new", MayRecently(A::ChangeSettings), settings::forms::add)
        .get("/settings/forms/{form}", May(A::ChangeSettings), settings::forms::page)
        .post("/settings/forms/{form}", MayRecently(A::ChangeSettings), settings::forms::keep)
        .get("/settings/vendors", May(A::ManageVendors), settings::vendors::list)
        .post("/settings/vendors", MayRecently(A::ManageVendors), vendor_forms::add)
        .get("/settings/vendors/{vendor}", May(A::ManageVendors), settings::vendors::page)
        .post("/settings/vendors/{vendor}", MayRecently(A::ManageVendors), vendor_forms::change)
        .post("/settings/vendors/{vendor}/sign", MayRecently(A::ManageVendors), vendor_forms::sign)
        .post("/settings/vendors/{vendor}/end", MayRecently(A::ManageVendors), vendor_forms::end)
        .post("/settings/vendors/{vendor}/returned", MayRecently(A::ManageVendors), vendor_forms::returned)
        .get("/settings/vendors/{vendor}/files/{file}", May(A::ManageVendors), vendor_forms::file)
        .get("/settings/retention", May(A::SeeRetention), settings::retention::page)
        .post("/settings/retention/holds", MayRecently(A::HoldPractice), settings::retention::place)
        .post("/settings/retention/holds/{hold}/lift", MayRecently(A::HoldPractice), settings::retention::lift)
        .get("/settings/carriers", May(A::ChangeSettings), settings::carriers::page)
        .get("/settings/carriers/test", May(A::ChangeSettings), settings::carriers::told)
        .post("/settings/carriers/test", May(A::ChangeSettings), settings::carriers::test)
        .post("/settings/carriers/price", May(A::ChangeSettings), settings::carriers::price)
        .post("/settings/tokens", MayRecently(A::ChangeSettings), settings::make_token)
        .post("/settings/tokens/{id}/revoke", MayRecently(A::ChangeSettings), settings::revoke_token)
        .get("/people/{patient}/call", MayEach(WRITE), call::begin_page)
        .post("/people/{patient}/call", MayEach(WRITE), call::begin)
        .get("/calls/{id}", MayEach(WRITE), call::page)
        .post("/calls/{id}/answered", MayEach(WRITE), call::answered)
        .post("/calls/{id}/identified", MayEach(WRITE), call::identified)
        .post("/calls/{id}/code", MayEach(WRITE), call::send_code)
        .post("/calls/{id}/read-back", MayEach(WRITE), call::read_back)
        .post("/calls/{id}/matter", MayEach(WRITE), call::show)
        .post("/calls/{id}/end", MayEach(WRITE), call::end)
        .get("/people/{patient}/write", MayEach(WRITE), write::page)
        .post("/people/{patient}/write", MayEach(WRITE), write::act)
        .post("/people/{patient}/write/look", MayEach(WRITE), write::look)
        .post("/people/{patient}/write/keep", MayEach(WRITE), write::drafts::keep)
        .get("/people/{patient}/written/{message}", MayEach(WRITE), write::written)
        .get("/inbox", May(A::SeeTasks), inbox::page)
        .get("/inbox/{id}", MayEach(READ), thread::page)
        .get("/inbox/{id}/files/{file}", MayEach(READ), thread_files::page)
        .post("/inbox/{id}/assign", MayEach(ANSWER), thread_forms::assign)
        .post("/inbox/{id}/take", MayEach(ANSWER), thread_forms::take)
        .post("/inbox/{id}/snooze", MayEach(ANSWER), thread_forms::snooze)
        .post("/inbox/{id}/close", MayEach(ANSWER), thread_forms::close)
        .post("/inbox/{id}/reopen", MayEach(ANSWER), thread_forms::reopen)
        .post("/inbox/{id}/portal", MayEach(ANSWER), thread_forms::portal)
        .post("/inbox/{id}/note", MayEach(READ), thread_forms::note)
        .get("/tasks", May(A::SeeTasks), work::page)
        .post("/tasks/{id}/done", MayEach(ANSWER), work::done)
        .get("/today", May(A::SeeOverview), today::page)
        .get("/intake", May(A::TakeIntake), intake::page)
        .post("/intake", May(A::TakeIntake), intake::hand_in)
        .get("/downtime", May(A::SeeOverview), downtime::page)
}

/// Patients, and those who act for them, by a link and a proof.
#[rustfmt::skip]
fn window() -> Routes {
    let screen = Needs::Nothing("the neutral screen of a practice's tablet; a code opens it");
    let phone = Needs::Nothing("the way in by a phone that is remembered");
    let ask = Needs::Nothing("where a patient asks for a link; the same answer to whoever asks");
    Routes::default()
        .get("/w/{token}", Needs::Link, way_in::landing)
        .post("/w/{token}", Needs::Link, way_in::ask)
        .get("/w/{token}/code", Needs::Link, way_in::code_page)
        .post("/w/{token}/code", Needs::Link, way_in::enter)
        .post("/w/{token}/again", Needs::Link, way_in::again)
        .post("/w/{token}/passkey/ask", Needs::Link, by_phone::ask_by_link)
        .post("/w/{token}/passkey", Needs::Link, by_phone::by_link)
        .get("/window/in", ask, way_in::way_in)
        .post("/window/in", ask, way_in::send_link)
        .post("/window/in/passkey/ask", phone, by_phone::ask_alone)
        .post("/window/in/passkey", phone, by_phone::alone)
        .get("/window", Needs::Visitor, home::page)
        .get("/window/letters/{letter}", Needs::Visitor, letters::page)
        .get("/window/letters/{letter}/files/{file}", Needs::Visitor, files::of_letter)
        .get("/window/wrote/{message}/files/{file}", Needs::Visitor, files::of_wrote)
        .get("/window/wrote/{message}", Needs::Visitor, letters::wrote)
        .get("/window/write", Needs::Visitor, letters::write_page)
        .get("/window/visits/{visit}", Needs::Visitor, visits::page)
        .post("/window/visits/{visit}", Needs::Visitor, visits::answer)
        .get("/window/visits/{visit}/calendar", Needs::Visitor, visits::calendar)
        .get("/window/visits/{visit}/forms/{form}", Needs::Visitor, forms::page)
        .post("/window/visits/{visit}/forms/{form}", Needs::Visitor, forms::fill)
        .get("/window/choices", Needs::Visitor, choices::overview::page)
        .get("/window/choices/places/{contact}/{channel}", Needs::Visitor, choices::place::page)
        .post("/window/choices/places/{contact}/{channel}", Needs::Visitor, choices::place::choose)
        .get("/window/choices/receipts/{consent}", Needs::Visitor, choices::receipt::page)
        .get("/window/choices/wishes", Needs::Visitor, choices::wishes::page)
        .post("/window/choices/wishes", Needs::Visitor, choices::wishes::wish)
        .get("/window/choices/elsewhere", Needs::Visitor, choices::elsewhere::page)
        .post("/window/choices/elsewhere", Needs::Visitor, choices::elsewhere::go)
        .get("/window/choices/people/{person}", Needs::Visitor, choices::people::page)
        .post("/window/choices/people/{person}", Needs::Visitor, choices::people::may_hear)
        .get("/window/sealed", Needs::Visitor, closed::list)
        .get("/window/sealed/{thread}", Needs::Visitor, closed::page)
        .post("/window/sealed/{thread}", Needs::Visitor, closed::write)
        .post("/window/sealed/{thread}/key", Needs::Visitor, closed::register)
        .get("/window/phones", Needs::Visitor, phones::page)
        .post("/window/phones/ask", Needs::Visitor, phones::ask)
        .post("/window/phones", Needs::Visitor, phones::add)
        .post("/window/phones/{phone}/forget", Needs::Visitor, phones::forget)
        .get("/window/lost", Needs::Visitor, way_in::lost)
        .post("/window/lost", Needs::Visitor, way_in::cut_off)
        .post("/window/leave", Needs::Visitor, way_in::leave)
        .get("/window/tablet", screen, tablet::page)
        .post("/window/tablet", screen, tablet::begin)
        .get("/window/tablet/over", screen, tablet::over)
        .post("/window/here", Needs::Visitor, tablet::here)
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
