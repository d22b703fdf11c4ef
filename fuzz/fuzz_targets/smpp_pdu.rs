//! Any octets, in any pieces, into both ends of an SMPP session.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use smpp::{
    Bind, BindKind, Delivered, Esme, EsmeEvent, Limits, Reassembler, Settings, Smsc, SmscEvent,
};

fuzz_target!(|octets: &[u8]| {
    let now = Duration::ZERO;
    let bind = Bind {
        kind: BindKind::Transceiver,
        system_id: "s".into(),
        password: "p".into(),
        system_type: String::new(),
    };
    let Ok(mut esme) = Esme::connect(&bind, Settings::default(), now) else { return };
    // The answer to the bind, so that deliveries are taken.
    esme.receive(&[0, 0, 0, 17, 0x80, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 0], now);
    let mut smsc = Smsc::new(Settings::default(), now);
    let mut parts = Reassembler::new(Limits::default());
    let (cut, octets) = octets.split_first().map_or((1, octets), |(c, o)| (usize::from(*c) + 1, o));
    for piece in octets.chunks(cut) {
        esme.receive(piece, now);
        smsc.receive(piece, now);
        while let Some(event) = esme.next_event() {
            if let EsmeEvent::Delivery { message, .. } = event
                && let Delivered::Reply(part) = message.delivered()
            {
                parts.add(&part, now);
            }
        }
        while let Some(event) = smsc.next_event() {
            if let SmscEvent::BindRequested { sequence, bind } = event {
                let _ = smsc.accept_bind(sequence, bind.kind, "s");
            }
        }
    }
});
