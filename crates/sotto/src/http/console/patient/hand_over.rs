//! Putting a consent into the patient's own hands: the form sent to their phone, or a tablet of the
//! practice's.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use gate::Channel;

use super::super::page::{Filled, Frame, html};
use super::super::signed_in::{HandOver, MayOf, RecordConsent};
use super::again;
use super::record::{Form, act};
use super::typed::{Refused, Typed};
use crate::db::Tx;
use crate::db::window_aim::Aim;
use crate::http::Doors;
use crate::http::form::Fields;
use crate::people::told::RecordError;
use crate::portal::aims::{self, NotSent};
use crate::portal::kiosk::{self, Checked};

/// `POST /people/{patient}/consent-form`: a notice with a link that leads, after the proof, to the
/// consent for one address.
pub async fn send_form(
    may: MayOf<RecordConsent>,
    State(doors): State<Doors>,
    Filled(fields): Filled<Fields>,
) -> Response {
    let form = Form("form".to_owned(), "form", "consents");
    act(&doors, &may, (form, fields), |tx, case| {
        let choose = || Refused::field("address", "Choose one of the addresses on file.");
        let (channel, contact) = case.fields.text("address").split_once(' ').ok_or_else(choose)?;
        let channel = Channel::from_word(channel).ok_or_else(choose)?;
        let aim = Aim { contact_point: contact.parse().map_err(|_| choose())?, channel };
        match aims::send(tx, case.office, (case.patient, aim), case.actor)? {
            Ok(()) => Ok(()),
            Err(NotSent::NoSuchPlace) => Err(choose()),
            Err(NotSent::NoWay) => Err(Refused::field(
                "address",
                "No address of theirs may get a notice now. Hand over a tablet, or use paper.",
            )),
        }
    })
    .await
}

/// The code to type on the tablet.
#[derive(Template)]
#[template(path = "console/tablet.html")]
struct Code {
    frame: Frame,
    patient: String,
    at: String,
    code: String,
}

/// `POST /people/{patient}/tablet`: the code that binds a tablet to this patient. It stands in no URL
/// and is shown once.
pub async fn tablet(
    may: MayOf<HandOver>,
    State(doors): State<Doors>,
    Filled(fields): Filled<Fields>,
) -> Response {
    let refused =
        |refused| again(&doors, &may, Typed::again("tablet".into(), fields.clone(), refused));
    let Ok(Some(checked)) = fields.word::<Checked>("checked") else {
        let say = "Say how you know who it is.";
        return refused(Refused::field("checked", say)).await;
    };
    let (office, patient) = (doors.office().clone(), may.patient);
    let (who, permit) = (may.signed_in.clone(), may.permit.clone());
    let handed: Result<Option<String>, Refused> = doors
        .db()
        .write(move |tx: &mut Tx<'_>| {
            Ok(kiosk::hand_over(tx, &office, (&who, &permit), (patient, checked))?)
        })
        .await;
    match handed {
        Ok(Some(code)) => {
            let portal = doors.office().profile().portal_url.clone();
            let page = Code {
                frame: Frame::of(&doors, &may.signed_in).at("/people"),
                patient: patient.to_string(),
                at: format!("{}/window/tablet", portal.trim().trim_end_matches('/')),
                code,
            };
            html(StatusCode::OK, &page)
        }
        Ok(None) => refused(RecordError::UnknownPatient.into()).await,
        Err(error) => refused(error).await,
    }
}
