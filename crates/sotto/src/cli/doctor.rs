//! `sotto doctor`: one line for each thing that must be right.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use seal::Keyring;

use super::open::Which;
use super::{open, records, serve};
use crate::attachments::scan::Scanner;
use crate::audit::Log;
use crate::audit::witness::Witness;
use crate::channels::{EmailSmtp, OpaqueIds};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{DatabaseUrl, known_version, version_of};
use crate::doctor::{Finding, Verdict, machine, outside, records as rows, worst};

/// Look whether everything is as it should be, and say what to do. Nothing is changed or sent.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  sotto doctor --config /etc/sotto/sotto.toml\n\n\
    Ends with 0 when all is well, 1 when something wants a look, 2 when something is wrong.")]
pub struct Args {
    /// The settings.
    #[arg(long, value_name = "FILE", env = "SOTTO_CONFIG", default_value = "sotto.toml")]
    config: PathBuf,
    /// Ask no carrier, no mail server and no DNS.
    #[arg(long)]
    no_network: bool,
    /// Answer with a line of JSON for each check.
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
///
/// # Errors
/// None but the terminal's; what is wrong is a finding.
pub fn run(args: &Args) -> Result<ExitCode> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let findings = match Config::load(&args.config) {
        Ok(config) => examine(args, &config),
        Err(error) => {
            let remedy = "correct it; docs/operate/sotto.example.toml lists every setting";
            vec![Finding::fail("settings", error.to_string(), remedy)]
        }
    };
    for finding in &findings {
        if args.json {
            println!("{}", serde_json::to_string(finding)?);
        } else {
            show(finding);
        }
    }
    Ok(match worst(&findings) {
        Verdict::Ok => ExitCode::SUCCESS,
        Verdict::Warn => ExitCode::from(1),
        Verdict::Fail => ExitCode::from(2),
    })
}

fn show(finding: &Finding) {
    let verdict = match finding.verdict {
        Verdict::Ok => "ok  ",
        Verdict::Warn => "warn",
        Verdict::Fail => "FAIL",
    };
    println!("{verdict}  {:<28} {}", finding.check, finding.says);
    if let Some(remedy) = &finding.remedy {
        println!("      {:<28} → {remedy}", "");
    }
}

fn examine(args: &Args, config: &Config) -> Vec<Finding> {
    let clock = Clock::system();
    let mut findings = vec![Finding::ok("settings", format!("{} reads", args.config.display()))];
    findings.push(machine::settings_file(&args.config));
    files(config, &mut findings);
    let url: Result<DatabaseUrl, _> = config.database.url.parse();
    disks(config, url.as_ref().ok(), &clock, &mut findings);
    findings.push(machine::clock_kept(machine::clock_is_kept()));
    let keys = keyring(config);
    match (&url, &keys) {
        (Err(error), _) => {
            let remedy = "correct database.url";
            findings.push(Finding::fail("database", error.to_string(), remedy));
        }
        (Ok(url), keys) => {
            let found = version_of(url);
            let readable = matches!(found, Ok(Some(version)) if version == known_version());
            findings.push(rows::schema(found, known_version()));
            if readable && keys.is_ok() {
                findings.extend(from_rows(args, config));
            }
        }
    }
    match &keys {
        Ok(_) => findings.push(Finding::ok("root key", "opens the key store")),
        Err(error) => {
            let remedy = "see docs/operate/keys.md; or restore the keys with `sotto restore`";
            findings.push(Finding::fail("root key", format!("{error:#}"), remedy));
        }
    }
    match (&keys, args.no_network) {
        (Ok(keys), false) => findings.extend(network(config, keys, &clock)),
        _ => findings.push(Finding::ok("network", "not asked")),
    }
    findings.push(match serve::recovery_of(config) {
        Ok(Some(key)) => {
            Finding::ok("sealed mode", format!("on; its recovery key is {}", key.fingerprint()))
        }
        Ok(None) => Finding::ok("sealed mode", "off: no recovery key is set"),
        Err(error) => {
            let remedy = "see docs/sealed.md; without the setting the mode is off";
            Finding::fail("sealed mode", format!("{error:#}"), remedy)
        }
    });
    if config.attachments.scanner.is_none() {
        let remedy = "set [attachments] scanner to a clamd; see docs/operate/install.md";
        findings.push(Finding::warn("virus scanner", "none is set up", remedy));
    }
    findings
}

fn keyring(config: &Config) -> Result<Keyring> {
    Ok(Keyring::open(&config.keys.store, &open::root_key(config)?)?)
}

/// Every file that holds a secret, and the folders that hold data.
fn files(config: &Config, findings: &mut Vec<Finding>) {
    let (sms, email) = (config.sms_smpp.as_ref(), config.email_smtp.as_ref());
    let secrets = [
        ("root key's file", config.keys.root_file.as_ref()),
        ("backup key's file", config.backup.key_file.as_ref()),
        ("recovery key's file", config.backup.recovery_key_file.as_ref()),
        ("passphrase's file", config.backup.passphrase_file.as_ref()),
        ("smpp password's file", sms.map(|sms| &sms.password_file)),
        ("sms_http token's file", config.sms_http.as_ref().map(|sms| &sms.auth_token_file)),
        ("smtp password's file", email.and_then(|email| email.password_file.as_ref())),
        ("pager secret's file", config.pager.as_ref().map(|pager| &pager.secret_file)),
    ];
    for (check, path) in secrets {
        findings.extend(path.map(|path| machine::secret_file(check, path)));
    }
    for key in email.map(|email| email.dkim.as_slice()).unwrap_or_default() {
        findings.push(machine::secret_file("dkim key's file", &key.key_file));
    }
    findings.push(machine::private_folder("key store", &config.keys.store));
    if config.backup.key_file.is_none() {
        let remedy = "set [backup] key_file; see docs/operate/backup.md";
        findings.push(Finding::warn("backup key's file", "none is set", remedy));
    }
}

fn disks(config: &Config, url: Option<&DatabaseUrl>, clock: &Clock, findings: &mut Vec<Finding>) {
    let file = url.and_then(DatabaseUrl::file);
    if let Some(file) = file {
        if file.exists() {
            findings.push(machine::secret_file("database's file", file));
        }
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(std::path::Path::new("."));
        findings.push(machine::disk_free("disk of the data", machine::room(folder)));
        findings.push(machine::disk_speed(machine::syncs_per_second(folder, clock)));
    }
    let store = &config.keys.store;
    findings.push(machine::disk_free("disk of the keys", machine::room(store)));
    if let Some(folder) = config.backup.folder.as_ref().filter(|folder| folder.exists()) {
        findings.push(machine::private_folder("folder of backups", folder));
        findings.push(machine::disk_free("disk of backups", machine::room(folder)));
    }
}

fn from_rows(args: &Args, config: &Config) -> Vec<Finding> {
    let which = Which { config: Some(args.config.clone()), demo: None };
    let failed = |error: anyhow::Error| {
        vec![Finding::fail("records", format!("{error:#}"), "run `sotto audit verify`")]
    };
    let records = match records::open(&which) {
        Ok(records) => records,
        Err(error) => return failed(error),
    };
    let (desk, witness) = (records.desk.clone(), Witness::at(config.witness_file()));
    let asked = records.db.read_blocking(move |tx| {
        // The machine's own time, also where the log is ahead of it.
        let clock = Clock::system();
        let log = Log { clock: &clock, ..Log::from(&desk) };
        rows::all(tx, log, &witness)
    });
    asked.unwrap_or_else(|error| failed(error.into()))
}

fn network(config: &Config, keys: &Keyring, clock: &Clock) -> Vec<Finding> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(ask(config, keys, clock)),
        Err(error) => vec![Finding::fail("network", error.to_string(), "free some memory")],
    }
}

/// The virus scanner, where one is set up.
async fn scanner(config: &Config) -> Vec<Finding> {
    let check = "virus scanner answers";
    match serve::scanner_of(config) {
        Ok(Scanner::None) => Vec::new(),
        Ok(scanner) if scanner.answers().await => vec![Finding::ok(check, "clamd answers")],
        Ok(_) => {
            let remedy = "start clamd; until it answers no file is taken";
            vec![Finding::fail(check, "clamd does not answer", remedy)]
        }
        Err(error) => vec![Finding::fail(check, format!("{error:#}"), "correct the setting")],
    }
}

async fn ask(config: &Config, keys: &Keyring, clock: &Clock) -> Vec<Finding> {
    let mut findings = scanner(config).await;
    let unusable = |check: &str, error: String| {
        Finding::fail(check, error, "correct the setting, then ask again")
    };
    if let Some(sms) = &config.sms_smpp {
        findings.push(match serve::smpp_settings(config, sms) {
            Ok(settings) => outside::smpp(&settings).await,
            Err(error) => unusable("smpp carrier", format!("{error:#}")),
        });
    }
    if let Some(email) = &config.email_smtp {
        let ids = OpaqueIds::new(&keys.derive("opaque ids"));
        let clock = clock.clone();
        let adapter = serve::email_settings(config, email)
            .and_then(|settings| Ok(EmailSmtp::new(settings, ids, Arc::new(move || clock.now()))?));
        match adapter {
            Ok(adapter) => {
                findings.push(outside::smtp(&adapter).await);
                let from = email.from.rsplit('@').next().unwrap_or_default();
                findings.extend(outside::names(from, &email.bounce_domain, &adapter).await);
            }
            Err(error) => findings.push(unusable("mail server", format!("{error:#}"))),
        }
    }
    findings
}
