//! What a person sets: one small struct for each part, read from one file and the environment.
//!
//! A wrong setting stops the start, with the key, where its value came from, and an example.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ::config::{Environment, File, FileFormat};
use gate::PracticeId;
use jiff::Timestamp;
use serde::Deserialize;

use crate::retention::TooShort;

/// Every key, with an example value.
const EXAMPLE: &str = include_str!("../../../docs/operate/sotto.example.toml");

/// The prefix of settings in the environment: `SOTTO_CONFIG__HTTP__LISTEN`.
const PREFIX: &str = "SOTTO_CONFIG";

/// A setting is missing or wrong. Never quotes the value, which may be a secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there or not TOML, or a key is unknown, missing or of another type.
    #[error("{because}{example}")]
    Read {
        /// What is wrong, with key and source where they are known.
        because: String,
        /// A line that is right, or empty.
        example: String,
    },
    /// A value that cannot be used.
    #[error("{key} (from {source_name}): {because}; for example: {example}")]
    Value {
        /// Which key.
        key: &'static str,
        /// The file, or the environment variable.
        source_name: String,
        /// What it must be.
        because: String,
        /// A line that is right.
        example: String,
    },
}

/// All settings of `sotto serve`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where data is kept.
    pub database: Database,
    /// Where keys are kept.
    pub keys: Keys,
    /// Where this server listens.
    pub http: Http,
    /// What is logged, and where to.
    #[serde(default)]
    pub log: Log,
    /// Where metrics are served, if not beside the API.
    pub metrics: Option<Metrics>,
    /// Where spans go, if anywhere.
    pub traces: Option<Traces>,
    /// Whose server this is.
    pub practice: Practice,
    /// Which of several nodes this is.
    #[serde(default)]
    pub node: Node,
    /// The practice's own templates.
    #[serde(default)]
    pub templates: Templates,
    /// Where backups go, and what they are sealed under.
    #[serde(default)]
    pub backup: Backup,
    /// Who is paged about an emergency; without it, the log alone.
    pub pager: Option<Pager>,
    /// The mode in which only browsers read.
    #[serde(default)]
    pub sealed: Sealed,
    /// Files that come in.
    #[serde(default)]
    pub attachments: Attachments,
    /// How long the record is kept.
    #[serde(default)]
    pub retention: Retention,
    /// When our record is compared with the carriers' and the schedule.
    #[serde(default)]
    pub reconcile: Reconcile,
    /// When the way in and the way out are tested.
    #[serde(default)]
    pub self_test: SelfTest,
    /// Texts over SMPP.
    pub sms_smpp: Option<SmsSmpp>,
    /// Texts over HTTP.
    pub sms_http: Option<SmsHttp>,
    /// Email.
    pub email_smtp: Option<EmailSmtp>,
    /// The file these came from.
    #[serde(skip)]
    pub file: PathBuf,
}

/// Where data is kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// `sqlite:PATH` or `postgres://…`.
    pub url: String,
}

/// Where keys are kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// The root key's file, 0600. Without it the environment's `SOTTO_ROOT_KEY` is taken.
    pub root_file: Option<PathBuf>,
    /// The folder of the key store.
    pub store: PathBuf,
}

/// Where backups go, and what they are sealed under.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// The folder of the backups.
    pub folder: Option<PathBuf>,
    /// The folder of the keys' own backups, apart from the others.
    pub keys_folder: Option<PathBuf>,
    /// The file of the key that backups of the keys are sealed under, 0600; or a passphrase's.
    pub recovery_key_file: Option<PathBuf>,
    /// The file of the passphrase that backups of the keys are sealed under, instead.
    pub passphrase_file: Option<PathBuf>,
    /// The file of the key that backups of the data are sealed under, 0600.
    pub key_file: Option<PathBuf>,
    /// The file that keeps the last signed checkpoint; beside the key store, if not said.
    pub witness: Option<PathBuf>,
}

/// Where this server listens.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Address and port.
    pub listen: SocketAddr,
    /// How the outside reaches it.
    pub public_base: Option<String>,
    /// How long, once asked to stop, it goes on saying so to a load balancer before it closes.
    #[serde(default)]
    pub linger_seconds: u64,
}

/// What is logged, and where to.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Targets and levels; the environment's `RUST_LOG` goes before it.
    pub filter: Option<String>,
    /// A file instead of standard error, opened again at each reload.
    pub file: Option<PathBuf>,
}

/// Where metrics are served.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// Address and port, for the people who run the machine alone.
    pub listen: SocketAddr,
}

/// Where spans go.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Traces {
    /// A collector that speaks OTLP over HTTP.
    pub endpoint: String,
}

/// Whose server this is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Practice {
    /// Its id, once and for all.
    pub id: PracticeId,
    /// Its legal name.
    pub name: String,
    /// The name patients see.
    pub display_name: String,
    /// The number patients call, as printed.
    pub phone: String,
    /// IANA name of its zone.
    pub timezone: String,
    /// Where patients sign in.
    pub portal_url: String,
}

/// Which of several nodes on one database this is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// Its name, the same after each restart, and no other node's. Without it, the machine's name
    /// and where it listens.
    pub name: Option<String>,
}

/// The practice's own templates.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Templates {
    /// A folder of TOML files.
    pub directory: Option<PathBuf>,
}

/// Who is paged about an emergency.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pager {
    /// A webhook that takes Standard Webhooks.
    pub url: String,
    /// The file of the secret it shares with us, `whsec_…`.
    pub secret_file: PathBuf,
    /// While the secret is being changed: the file of the other one.
    pub previous_secret_file: Option<PathBuf>,
}

/// The mode in which only browsers read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    /// The public half of the practice's recovery key; without it the mode is off.
    pub recovery_key: Option<String>,
}

/// Files that come in.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attachments {
    /// A clamd that looks at each: `tcp://ADDRESS:PORT` or `unix:/PATH`.
    pub scanner: Option<String>,
}

/// How long the record is kept. It counts for what is written from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// So many years, 6 at least.
    pub years: u16,
    /// Of somebody under age until they are this old, where that is longer.
    pub minors_until_age: u16,
}

impl Default for Retention {
    fn default() -> Self {
        Self { years: 7, minors_until_age: 21 }
    }
}

/// When our record is compared with the carriers' and the schedule.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reconcile {
    /// The time of the practice's day, or `never`.
    pub at: String,
    /// For how many hours a carrier may say nothing before a message counts as lost.
    pub receipt_within_hours: u16,
    /// How many questions a second a carrier is asked about such messages; 0: none.
    pub questions_per_second: u16,
}

impl Default for Reconcile {
    fn default() -> Self {
        Self { at: "03:00".to_owned(), receipt_within_hours: 24, questions_per_second: 5 }
    }
}

/// When the way of an emergency in and of a reminder out is tested (CLIN-12).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SelfTest {
    /// The time of the practice's day, or `never`.
    pub at: String,
    /// A phone of the practice's own; without one the test stops before the wire.
    pub number: Option<String>,
}

impl Default for SelfTest {
    fn default() -> Self {
        Self { at: "03:30".to_owned(), number: None }
    }
}

/// The agreement with a carrier (RULEBOOK §4).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// The company.
    pub vendor: String,
    /// `active`, `exception`, `missing` or `terminated`.
    pub status: String,
    /// In force from.
    pub effective: Option<Timestamp>,
    /// In force until.
    pub expires: Option<Timestamp>,
    /// The most it may carry, 0 to 3.
    pub max_level: u8,
    /// Of an exception, in writing.
    pub reason: Option<String>,
}

/// Texts over SMPP.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmsSmpp {
    /// The carrier's SMSC.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// `machine`, `none`, or a PEM file of authorities.
    #[serde(default = "machine")]
    pub tls: String,
    /// Our account.
    pub system_id: String,
    /// Its password's file.
    pub password_file: PathBuf,
    /// What some carriers want beside.
    #[serde(default)]
    pub system_type: String,
    /// The number or name messages come from.
    pub sender: String,
    /// How the carrier writes message ids.
    #[serde(default)]
    pub message_ids: MessageIds,
    /// How many binds the carrier allows this account, over all nodes. A node uses one.
    #[serde(default = "one")]
    pub binds: u32,
    /// The agreement.
    pub agreement: Agreement,
}

/// How a carrier writes message ids when it takes a message, and in receipts.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageIds {
    /// Alike.
    #[default]
    Same,
    /// Hexadecimal, then decimal.
    HexThenDecimal,
    /// Decimal, then hexadecimal.
    DecimalThenHex,
}

/// Texts over HTTP.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmsHttp {
    /// The carrier's address.
    pub base: String,
    /// Our account.
    pub account_sid: String,
    /// Its token's file.
    pub auth_token_file: PathBuf,
    /// While the token is being changed: the file of the one before, which may still sign posts.
    pub previous_auth_token_file: Option<PathBuf>,
    /// The number messages come from.
    pub sender: String,
    /// `machine`, or a PEM file of authorities.
    #[serde(default = "machine")]
    pub authorities: String,
    /// The agreement.
    pub agreement: Agreement,
}

/// Email.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmailSmtp {
    /// The practice's mail server or relay.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: MailSecurity,
    /// `machine`, or a PEM file of authorities.
    #[serde(default = "machine")]
    pub authorities: String,
    /// Our account, if it wants one.
    pub user: Option<String>,
    /// Its password's file.
    pub password_file: Option<PathBuf>,
    /// Our name.
    pub helo: String,
    /// The practice's mailbox.
    pub from: String,
    /// The practice's name beside it.
    pub from_name: String,
    /// Bounces go to addresses of this domain.
    pub bounce_domain: String,
    /// Where mail to that domain is delivered to us.
    pub bounce_listen: Option<SocketAddr>,
    /// The keys to sign with.
    #[serde(default)]
    pub dkim: Vec<Dkim>,
    /// The agreement.
    pub agreement: Agreement,
}

/// How a connection to a mail server is protected.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailSecurity {
    /// STARTTLS, and nothing without it.
    Starttls,
    /// TLS from the first octet.
    Implicit,
    /// None; accepted for a loopback address only.
    LoopbackPlaintext,
}

/// A DKIM key.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dkim {
    /// The signing domain.
    pub domain: String,
    /// The selector.
    pub selector: String,
    /// The key, PEM.
    pub key_file: PathBuf,
}

const fn one() -> u32 {
    1
}

fn machine() -> String {
    "machine".to_owned()
}

impl Config {
    /// Reads the file, then the environment over it.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(file).map_err(|_| {
            let name = file.display();
            let because = format!("{name} cannot be read; is it there, and may this user read it?");
            with_example(because, "")
        })?;
        Self::parse(&text, file)
    }

    /// Reads a file's text, then the environment over it. `file` is named in errors.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn parse(text: &str, file: &Path) -> Result<Self, ConfigError> {
        let from_environment = Environment::with_prefix(PREFIX)
            .prefix_separator("__")
            .separator("__")
            .try_parsing(true);
        let mut read: Self = ::config::Config::builder()
            .add_source(File::from_str(text, FileFormat::Toml))
            .add_source(from_environment)
            .build()
            .and_then(::config::Config::try_deserialize)
            .map_err(|error| unreadable(&error, file))?;
        file.clone_into(&mut read.file);
        Ok(read)
    }

    /// How long the record is kept, where the rules allow it.
    ///
    /// # Errors
    /// [`ConfigError::Value`] for fewer years than HIPAA asks for.
    pub fn retention(&self) -> Result<crate::retention::Retention, ConfigError> {
        let Retention { years, minors_until_age } = self.retention;
        crate::retention::Retention::new(years, minors_until_age).map_err(|error| {
            let key = match error {
                TooShort::Years => "retention.years",
                TooShort::Age => "retention.minors_until_age",
            };
            self.wrong(key, error)
        })
    }

    /// The file that keeps the last signed checkpoint.
    #[must_use]
    pub fn witness_file(&self) -> PathBuf {
        self.backup.witness.clone().unwrap_or_else(|| self.keys.store.with_extension("witness"))
    }

    /// Where the copy of the schedule is kept for when the database is away: beside the keys.
    #[must_use]
    pub fn downtime_folder(&self) -> PathBuf {
        self.keys.store.with_extension("downtime")
    }

    /// The error for a value that cannot be used.
    #[must_use]
    pub fn wrong(&self, key: &'static str, because: impl ToString) -> ConfigError {
        let variable = format!("{PREFIX}__{}", key.replace('.', "__").to_uppercase());
        let source_name = if std::env::var_os(&variable).is_some() {
            format!("the environment, {variable}")
        } else {
            self.file.display().to_string()
        };
        let example = example_of(key).unwrap_or_default();
        ConfigError::Value { key, source_name, because: because.to_string(), example }
    }

    /// A secret from its file, without the line end.
    ///
    /// # Errors
    /// [`ConfigError::Value`] when the file cannot be read or is empty.
    pub fn secret(&self, key: &'static str, path: &Path) -> Result<String, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| self.wrong(key, format!("the file cannot be read: {error}")))?;
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return Err(self.wrong(key, "the file is empty"));
        }
        Ok(text.to_owned())
    }
}

/// The crate's own words, less the value.
fn unreadable(error: &::config::ConfigError, file: &Path) -> ConfigError {
    use ::config::ConfigError as E;
    let key_of = |key: &Option<String>| key.clone().unwrap_or_default();
    match error {
        E::Type { origin, expected, key, .. } => {
            let key = key_of(key);
            let place = origin.clone().unwrap_or_else(|| file.display().to_string());
            with_example(format!("{key} (from {place}): expected {expected}"), &key)
        }
        E::At { error, origin, key } => {
            let key = key_of(key);
            let place = origin.clone().unwrap_or_else(|| file.display().to_string());
            let because = match unreadable(error, file) {
                ConfigError::Read { because, .. } | ConfigError::Value { because, .. } => because,
            };
            with_example(format!("{key} (from {place}): {because}"), &key)
        }
        E::NotFound(key) => with_example(format!("{key} is missing in {}", file.display()), key),
        E::FileParse { cause, .. } => {
            let place = cause.to_string();
            let line = place.lines().next().unwrap_or_default();
            with_example(format!("{} is not TOML: {line}", file.display()), "")
        }
        E::Message(words) => {
            let key = words.split('`').nth(1).unwrap_or_default();
            with_example(format!("{}: {words}", file.display()), key)
        }
        _ => with_example(
            format!("{} cannot be read; is it there, and may this user read it?", file.display()),
            "",
        ),
    }
}

fn with_example(because: String, key: &str) -> ConfigError {
    let example = example_of(key).map_or_else(String::new, |line| format!("; for example: {line}"));
    ConfigError::Read { because, example }
}

/// The line of the example file that sets this key (`http.listen`, or its last part alone).
fn example_of(key: &str) -> Option<String> {
    let (section, name) = key.rsplit_once('.').unwrap_or(("", key));
    if name.is_empty() {
        return None;
    }
    let mut here = String::new();
    for line in EXAMPLE.lines() {
        let line = line.trim_start_matches("# ").trim();
        if let Some(title) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            title.clone_into(&mut here);
        }
        let sets = line.split_once('=').is_some_and(|(left, _)| left.trim() == name);
        if sets && (section.is_empty() || section == here) {
            return Some(line.split("  #").next().unwrap_or(line).trim().to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config, ConfigError> {
        use std::io::Write as _;
        let path = std::env::temp_dir().join(format!(
            "sotto-config-{}-{:x}.toml",
            std::process::id(),
            text.len() as u64
                ^ text.bytes().map(u64::from).fold(7_u64, |a, b| a.wrapping_mul(31) ^ b)
        ));
        std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
        let read = Config::load(&path);
        std::fs::remove_file(&path).unwrap();
        read
    }

    #[test]
    fn the_example_is_right() {
        let config = load(EXAMPLE).unwrap();
        assert_eq!(config.http.listen.port(), 8080);
        assert!(config.sms_smpp.is_some() && config.email_smtp.is_some());
        let uncommented = EXAMPLE.replace("\n# [sms_http", "\n[sms_http");
        assert_ne!(uncommented, EXAMPLE);
    }

    #[test]
    fn an_error_names_the_key_its_source_and_an_example_and_never_the_value() {
        for (from, to, says) in [
            ("listen = \"127.0.0.1:8080\"", "listen = \"s3cret\"", "listen"),
            ("port = 2775", "port = \"s3cret\"", "for example: port = 2775"),
            ("[http]", "[http]\ns3cret_key = 1", "unknown field"),
            ("url = \"sqlite", "#url = \"sqlite", "for example: url = \"sqlite:"),
            ("[database]", "[database", "is not TOML"),
        ] {
            let broken = EXAMPLE.replacen(from, to, 1);
            assert_ne!(broken, EXAMPLE, "{from}");
            let said = load(&broken).unwrap_err().to_string();
            assert!(said.contains(says), "{to}: {said}");
            assert!(!said.contains("s3cret") || to.contains("s3cret_key"), "{to}: {said}");
        }
    }

    #[test]
    fn fewer_years_than_the_rule_asks_for_stop_the_start() {
        let with = |section: &str| load(&format!("{EXAMPLE}\n[retention]\n{section}\n")).unwrap();
        assert_eq!(load(EXAMPLE).unwrap().retention().unwrap().years(), 7);
        assert_eq!(with("years = 10").retention().unwrap().years(), 10);
        for (section, says) in [
            ("years = 5", ["retention.years", "six years at least", "for example: years = 7"]),
            ("minors_until_age = 12", ["retention.minors_until_age", "18 to 40", "= 21"]),
        ] {
            let said = with(section).retention().unwrap_err().to_string();
            assert!(says.iter().all(|words| said.contains(words)), "{said}");
        }
    }

    #[test]
    fn a_missing_file_is_said_plainly() {
        let said = Config::load(Path::new("/nonexistent/sotto.toml")).unwrap_err().to_string();
        assert!(said.contains("/nonexistent/sotto.toml"), "{said}");
    }
}
