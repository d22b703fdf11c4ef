//! What a crash may not tell: memory holds keys and messages, a panic's words may hold a name.

use std::panic::PanicHookInfo;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// A crash writes no core file, and no other program of this user reads our memory or
/// environment (45 CFR 164.312(a)(1)). Called first of all, before a key is read. Whoever may trace
/// every process, as root may, still can.
///
/// # Errors
/// The system refuses; then nothing has been opened yet.
pub fn keep_memory_private() -> std::io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    // The limit does not hold for a core that is piped to a program (core(5)); this does.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// A panic is reported by its place in our source alone. Its words are left out: slicing a text at
/// a wrong place, for one, quotes the text.
pub fn keep_panics_brief() {
    std::panic::set_hook(Box::new(|panic| {
        let place = place(panic);
        let thread = std::thread::current().name().unwrap_or("unnamed").to_owned();
        // The log may not be set up yet, or be what panicked.
        eprintln!(
            "{{\"level\":\"ERROR\",\"message\":\"panicked\",\"place\":\"{place}\",\"thread\":\"{thread}\"}}"
        );
    }));
}

fn place(panic: &PanicHookInfo<'_>) -> String {
    panic.location().map_or_else(
        || "unknown".to_owned(),
        // A path of the machine it was built on says nothing to anybody.
        |at| {
            format!(
                "{}:{}",
                at.file().rsplit_once("/src/").map_or(at.file(), |(_, f)| f),
                at.line()
            )
        },
    )
}
