//! Any text on any channel: no panic, spans within the text, a rewrite that passes.
#![no_main]

use guard::{Channel, Context, Guard, Rewrite, Verdict};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let guard = Guard::standard();
    let context = Context::default();
    let assessment = guard.check(text, &context);
    let length = text.chars().count();
    for span in assessment.findings.iter().map(|f| &f.span) {
        assert!(span.start <= span.end && span.end <= length);
    }
    for channel in Channel::ALL {
        let _ = guard.preview(channel, text);
        if let Some(Rewrite::Text(new)) = guard.rewrite(text, &assessment, &context, channel) {
            assert_eq!(guard.check(&new, &context).verdict(channel), Verdict::Pass);
        }
    }
});
