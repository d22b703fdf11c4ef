//! The list of what a carrier took and what became of it, as its customers may fetch it (CSV).

use std::fmt::Write as _;

use crate::faults::Channel;
use crate::http_carrier::webhook;
use crate::record::{DeliveryState, Record, Text};

/// The texts of this channel, a line for each part, oldest first. `receipt_id` is the id that the
/// carrier's receipts have, of the one in its answer.
pub(crate) fn of(
    record: &Record,
    channel: Channel,
    receipt_id: impl Fn(&str) -> Option<String>,
) -> String {
    let mut file = "Message ID,Destination,Status,Submit Date\n".to_owned();
    for text in record.kept(channel) {
        for id in text.ids.iter().filter_map(|id| receipt_id(id)) {
            let Text { to, at, .. } = text;
            let word = word(channel, record.state_of(text, &id));
            // A String takes everything.
            let _ = writeln!(file, "{id},{to},{word},{at}");
        }
    }
    file
}

fn word(channel: Channel, state: DeliveryState) -> &'static str {
    match (channel, state) {
        (Channel::Sms, DeliveryState::OnItsWay) => "ENROUTE",
        (Channel::Sms, DeliveryState::Delivered) => "DELIVRD",
        (Channel::Sms, DeliveryState::Undeliverable) => "UNDELIV",
        (Channel::Sms, DeliveryState::Expired) => "EXPIRED",
        _ => webhook::word(state),
    }
}
