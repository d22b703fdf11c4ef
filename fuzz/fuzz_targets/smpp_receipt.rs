//! Any text as a delivery receipt, and any two texts as message ids.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smpp::{Optional, Receipt, same_id};

fuzz_target!(|octets: &[u8]| {
    let text = String::from_utf8_lossy(octets);
    if let Some(receipt) = Receipt::parse(&text, &Optional::default()) {
        assert!(receipt.id.len() <= 64);
        // What was read once reads the same again.
        let again = Receipt::parse(&receipt.to_text(), &Optional::default());
        assert_eq!(again.map(|r| (r.id, r.state)), Some((receipt.id, receipt.state)));
    }
    let (a, b) = text.split_at(text.floor_char_boundary(text.len() / 2));
    assert!(same_id(a, a));
    let _ = same_id(a, b);
});
