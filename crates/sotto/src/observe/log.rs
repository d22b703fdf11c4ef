//! The log: one line of JSON for each event, on standard error or in a file.
//!
//! docs/logging.md says what may stand in it. Our own code keeps to that at every level; what other
//! crates write at `info` and below (headers, addresses, bytes) is nobody's promise, so it is left
//! out whatever the filter asks for.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{EnvFilter, FilterExt as _, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, Registry, reload};

/// What is logged when nobody says otherwise.
const USUAL: &str = "sotto=info,warn";

/// The crates that keep to docs/logging.md.
const OURS: [&str; 3] = ["sotto", "smpp", "twin"];

/// Why the log is not as it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter cannot be read.
    #[error("must be targets and levels such as {USUAL}")]
    Filter,
    /// The file cannot be opened.
    #[error("{} cannot be written ({kind}); may this user write there?", file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// What the system says.
        kind: io::ErrorKind,
    },
}

/// The running log. Clones are the same one.
#[derive(Clone)]
pub struct Log {
    filter: reload::Handle<EnvFilter, Registry>,
    sink: Sink,
}

impl Log {
    /// Starts the log of this process. `RUST_LOG` in the environment goes before `filter`.
    ///
    /// # Errors
    /// [`LogError`].
    pub fn start(filter: Option<&str>, file: Option<&Path>) -> Result<Self, LogError> {
        let sink = Sink::open(file)?;
        let (filter, handle) = reload::Layer::new(wanted(filter)?);
        let lines = tracing_subscriber::fmt::layer()
            .json()
            .with_writer(sink.clone())
            .with_filter(filter.and(filter_fn(may_be_heard)));
        // Only a second call fails, and then there is a log already.
        let _ = tracing_subscriber::registry().with(lines).try_init();
        Ok(Self { filter: handle, sink })
    }

    /// Narrows or widens it from now on.
    ///
    /// # Errors
    /// [`LogError::Filter`]; the log stays as it was.
    pub fn change(&self, filter: Option<&str>) -> Result<(), LogError> {
        self.filter.reload(wanted(filter)?).map_err(|_| LogError::Filter)
    }

    /// Opens its file again under the same name, after somebody moved the old one away. Each line
    /// goes whole to one of the two.
    ///
    /// # Errors
    /// [`LogError::File`]; the log goes on in the old file.
    pub fn reopen(&self) -> Result<(), LogError> {
        self.sink.reopen()
    }
}

/// Whether a filter can be read.
///
/// # Errors
/// [`LogError::Filter`].
pub fn check(filter: Option<&str>) -> Result<(), LogError> {
    wanted(filter).map(drop)
}

fn wanted(filter: Option<&str>) -> Result<EnvFilter, LogError> {
    let said = std::env::var("RUST_LOG").ok().filter(|said| !said.is_empty());
    let said = said.as_deref().or(filter).unwrap_or(USUAL);
    EnvFilter::try_new(said).map_err(|_| LogError::Filter)
}

fn may_be_heard(event: &Metadata<'_>) -> bool {
    let root = event.target().split("::").next().unwrap_or_default();
    OURS.contains(&root) || *event.level() <= Level::WARN
}

/// Where lines go.
#[derive(Clone)]
struct Sink(Option<Arc<(PathBuf, Mutex<File>)>>);

impl Sink {
    fn open(file: Option<&Path>) -> Result<Self, LogError> {
        let Some(path) = file else { return Ok(Self(None)) };
        let file = open(path)?;
        Ok(Self(Some(Arc::new((path.to_owned(), Mutex::new(file))))))
    }

    fn reopen(&self) -> Result<(), LogError> {
        let Some(named) = &self.0 else { return Ok(()) };
        let fresh = open(&named.0)?;
        *named.1.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }
}

/// Readable by its owner alone, and never cut short.
fn open(path: &Path) -> Result<File, LogError> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| LogError::File { file: path.to_owned(), kind: error.kind() })
}

impl<'a> MakeWriter<'a> for Sink {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Write for Sink {
    /// Takes all of it: the log hands over one line at a time.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match &self.0 {
            None => io::stderr().lock().write_all(line)?,
            Some(named) => {
                named.1.lock().unwrap_or_else(PoisonError::into_inner).write_all(line)?;
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_to_the_file_of_that_name_after_it_was_moved_away() {
        let folder = std::env::temp_dir().join(format!("sotto-log-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (file, moved) = (folder.join("sotto.log"), folder.join("sotto.log.1"));
        let mut sink = Sink::open(Some(&file)).unwrap();
        sink.write_all(b"one\n").unwrap();
        std::fs::rename(&file, &moved).unwrap();
        sink.write_all(b"two\n").unwrap();
        sink.reopen().unwrap();
        sink.write_all(b"three\n").unwrap();
        assert_eq!(std::fs::read_to_string(&moved).unwrap(), "one\ntwo\n");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "three\n");
        std::fs::remove_dir_all(&folder).unwrap();
        let gone = sink.reopen().unwrap_err().to_string();
        assert!(gone.contains("sotto.log") && gone.contains("may this user write there"), "{gone}");
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_refused() {
        assert!(check(Some("sotto=debug,warn")).is_ok());
        assert!(check(Some("sotto=loud")).is_err());
    }
}
