//! How fast the guard reads: texts a second on one core, the 99th percentile, the time to load.
//!
//! `cargo run --release -p guard --example speed`

use std::time::Instant;

use guard::{Channel, Context, Guard};

const TEXTS: &[&str] = &[
    "Hi Maria, this is Elm Street Family Practice. Your visit with Dr. Payne is on Tuesday, March 5 at 3:30 pm. Reply C to confirm or call us.",
    "Hello, your prescription is ready for pickup at the pharmacy. Please bring your photo ID and insurance card. Questions? Call (555) 010-0100.",
    "Your recent lab results are back. Your A1c came back at 7.2 and your LDL is 160, so the doctor would like to see you. Please call the office.",
    "Hola Jose, le recordamos su cita el lunes 4 de marzo a las 10:15 a.m. en nuestra oficina. Responda 1 para confirmar o llame al 555-010-0100.",
    "Our office will be closed on Memorial Day. For emergencies dial 911. We reopen Tuesday at 8 am. Thank you for choosing Riverbend Dental today.",
    "Reminder: colonoscopy on 4/12 at Lakeside Surgery Center, 450 Main Street, Suite 200. Nothing to eat after midnight. Arrive at 6:45 am please.",
    "Please complete your forms before your visit at https://portal.example.com/forms and arrive fifteen minutes early. Parking is in the rear lot.",
    "We received your message about the metfromin refill; Dr. Lee sent 500 mg twice a day to your pharmacy. Your balance of $45.50 is past due now.",
];

#[expect(clippy::disallowed_methods, reason = "a stopwatch is what this program is")]
fn main() {
    let started = Instant::now();
    let guard = Guard::standard();
    let load = started.elapsed();
    let context = Context::default();
    let rounds = 4000;
    let mut nanos = Vec::with_capacity(rounds * TEXTS.len());
    let mut blocked = 0_u64;
    for round in 0..rounds + 200 {
        for text in TEXTS {
            let begun = Instant::now();
            let assessment = guard.check(text, &context);
            let taken = begun.elapsed().as_nanos();
            blocked += u64::from(assessment.verdict(Channel::Sms) == guard::Verdict::Block);
            if round >= 200 {
                nanos.push(taken);
            }
        }
    }
    nanos.sort_unstable();
    let at = |share: f64| nanos.get((nanos.len() as f64 * share) as usize).copied().unwrap_or(0);
    let total: u128 = nanos.iter().sum();
    let mean = total as f64 / nanos.len() as f64;
    println!(
        "{{\"messages_per_second\":{:.0},\"mean_us\":{:.2},\"p50_us\":{:.2},\"p99_us\":{:.2},\"load_ms\":{:.1},\"blocked\":{blocked}}}",
        1e9 / mean,
        mean / 1e3,
        at(0.5) as f64 / 1e3,
        at(0.99) as f64 / 1e3,
        load.as_secs_f64() * 1e3,
    );
}
