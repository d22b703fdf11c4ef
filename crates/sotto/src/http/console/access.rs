//! `/access`: who can see and do what, told from the policies themselves.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::page::{Frame, error_page, html};
use super::signed_in::{May, SeeAccess};
use crate::access::report::{self, Report};
use crate::access::{AccessError, staff};
use crate::audit::{self, Event, Kind};
use crate::http::Doors;

#[derive(Template)]
#[template(path = "console/access.html")]
struct Page {
    frame: Frame,
    roles: Vec<&'static str>,
    rows: Vec<Row>,
    report: Report,
}

struct Row {
    deed: String,
    what: &'static str,
    cells: Vec<Cell>,
}

struct Cell {
    role: &'static str,
    allowed: bool,
}

/// `GET /access`.
pub async fn page(State(doors): State<Doors>, may: May<SeeAccess>) -> Result<Response, Response> {
    let office = doors.office().clone();
    let event = may.permit.of(Event::new(Kind::AccessReported, may.actor()));
    let report: Result<Report, AccessError> = doors
        .db()
        .write(move |tx| {
            let all = staff::list(tx, &office)?;
            audit::append(tx, &office, event)?;
            Ok(report::report(&all))
        })
        .await;
    let report = report.map_err(|error| error_page(&error))?;
    let row = |(at, question): (usize, report::Question)| Row {
        deed: question.action.as_str().replace('_', " "),
        what: question.what,
        cells: report
            .roles
            .iter()
            .map(|of_role| Cell {
                role: of_role.role.words(),
                allowed: of_role.lines.get(at).is_some_and(|line| line.allowed),
            })
            .collect(),
    };
    let rows = report::questions().into_iter().enumerate().map(row).collect();
    let roles = report.roles.iter().map(|of_role| of_role.role.words()).collect();
    let frame = Frame::of(&doors, &may.signed_in).at("/access");
    Ok(html(StatusCode::OK, &Page { frame, roles, rows, report }))
}
