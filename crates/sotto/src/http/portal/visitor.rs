//! Who is there, as an argument: a handler without one does not know which patient it is about.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::Response;

use super::page::{Spoken, failed, see_other};
use crate::db::Tx;
use crate::http::Doors;
use crate::http::console::cookies::{self, Name};
use crate::portal::session::Standing;
use crate::portal::{PortalError, Visitor, session};

/// Where somebody is sent who is not in.
pub(in crate::http) const WAY_IN: &str = "/window/in";

/// Where a tablet forgets the patient.
pub(in crate::http) const TABLET_OVER: &str = "/window/tablet/over";

impl FromRequestParts<Doors> for Visitor {
    type Rejection = Response;

    /// Whoever is in, asked of the database each time; or the way in.
    async fn from_request_parts(parts: &mut Parts, doors: &Doors) -> Result<Self, Response> {
        let Ok(spoken) = Spoken::from_request_parts(parts, doors).await;
        let Some(digest) = cookies::digest(doors, &parts.headers, &Name::Stay) else {
            return Err(see_other(WAY_IN));
        };
        let office = doors.office().clone();
        let read = move |tx: &mut Tx<'_>| session::standing(tx, &office, &digest);
        let found: Result<Standing, PortalError> = doors.db().read(read).await;
        let visitor = match found.map_err(|error| failed(doors, spoken, &error))? {
            Standing::In(visitor) => *visitor,
            Standing::TabletOver => return Err(see_other(TABLET_OVER)),
            Standing::Nobody => return Err(see_other(WAY_IN)),
        };
        if session::wants_to_be_seen(doors.office(), &visitor) {
            let (office, id) = (doors.office().clone(), visitor.session());
            let seen: Result<(), PortalError> =
                doors.db().write(move |tx| session::see(tx, &office, id)).await;
            seen.map_err(|error| failed(doors, spoken, &error))?;
        }
        Ok(visitor)
    }
}
