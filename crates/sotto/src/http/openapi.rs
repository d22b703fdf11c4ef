//! The API's description, generated from its handlers.

use axum::Json;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::api::{
    alternatives, appointments, caregivers, check, consents, contacts, messages, opt_outs,
    patients, practice, preferences, restrictions, tasks,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Sotto",
        description = "Messages between a practice and its patients. Every message passes the \
            gate; what it refuses is answered with each reason and what would make it pass.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(
        messages::send,
        messages::list,
        messages::show,
        check::check,
        patients::find,
        patients::show,
        patients::history,
        contacts::list,
        contacts::add,
        contacts::end,
        caregivers::list,
        caregivers::add,
        caregivers::permit,
        preferences::show,
        preferences::put,
        alternatives::list,
        alternatives::record,
        alternatives::end,
        restrictions::list,
        restrictions::record,
        restrictions::terminate,
        opt_outs::list,
        opt_outs::record,
        opt_outs::lift,
        consents::history,
        consents::record,
        consents::revoke,
        appointments::list,
        appointments::put,
        tasks::list,
        tasks::done,
        practice::plan,
        practice::put_plan,
        practice::hours,
        practice::put_hours,
    ),
    modifiers(&BearerToken),
)]
struct Description;

struct BearerToken;

impl Modify for BearerToken {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("Made by `sotto token create`. Good for at most 90 days."))
            .build();
        openapi
            .components
            .get_or_insert_default()
            .add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// `GET /api/v1/openapi.json`
pub async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(Description::openapi())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_is_what_was_agreed() {
        insta::assert_json_snapshot!("openapi", Description::openapi());
    }
}
