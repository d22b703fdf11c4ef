//! A practice in a folder of its own, run by the program itself, as an operator runs it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use sotto::clock::Clock;

/// The namespace of record numbers.
pub(crate) const MRN: &str = "urn:sotto:mrn";

/// A folder with a practice of its own, gone at the end.
pub(crate) struct House(PathBuf);

impl Drop for House {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl House {
    pub(crate) fn new() -> Self {
        Self::with(|_| String::new())
    }

    /// A practice with more sections in its settings.
    pub(crate) fn with(sections: impl FnOnce(&Self) -> String) -> Self {
        let folder = std::env::temp_dir().join(format!("sotto-cli-{}", Clock::system().new_id()));
        std::fs::create_dir(&folder).unwrap();
        let house = Self(folder);
        let here = house.0.display();
        let settings = format!(
            "[database]\nurl = \"sqlite:{here}/sotto.db\"\n\
             [keys]\nroot_file = \"{here}/root.key\"\nstore = \"{here}/keys\"\n\
             [http]\nlisten = \"127.0.0.1:0\"\npublic_base = \"https://sotto.example.com\"\n\
             [practice]\nid = \"0190b2c4-7a3e-7c11-8f5e-2d9a4b6c8e01\"\n\
             name = \"Elm Street Family Medicine\"\ndisplay_name = \"Elm Street Office\"\n\
             phone = \"(617) 555-0100\"\ntimezone = \"America/New_York\"\n\
             portal_url = \"https://portal.example.com\"\n{}",
            sections(&house)
        );
        house.write("sotto.toml", &settings);
        house.write("root.key", "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=\n");
        house
    }

    pub(crate) fn at(&self, file: &str) -> PathBuf {
        self.0.join(file)
    }

    /// Writes a file that only its owner reads, and says where it is.
    pub(crate) fn write(&self, file: &str, text: &str) -> String {
        let path = self.at(file);
        std::fs::write(&path, text).unwrap();
        let mine = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&path, mine).unwrap();
        path.display().to_string()
    }

    /// Changes the settings.
    pub(crate) fn settings(&self, change: impl FnOnce(String) -> String) {
        let text = std::fs::read_to_string(self.at("sotto.toml")).unwrap();
        self.write("sotto.toml", &change(text));
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sotto"));
        command.args(words).arg("--config").arg(self.at("sotto.toml"));
        command.env_remove("SOTTO_ROOT_KEY").env_remove("RUST_LOG");
        command
    }

    /// Runs a verb on this practice: whether it went well, standard output, standard error.
    pub(crate) fn sotto(&self, words: &[&str]) -> (bool, String, String) {
        let done = self.command(words).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (done.status.success(), text(done.stdout).trim().to_owned(), text(done.stderr))
    }

    /// Runs a verb that is about no practice: whether it went well, standard output.
    pub(crate) fn alone(words: &[&str]) -> (bool, String) {
        let done = Command::new(env!("CARGO_BIN_EXE_sotto"))
            .args(words)
            .env_remove("SOTTO_CONFIG")
            .output()
            .unwrap();
        (done.status.success(), String::from_utf8(done.stdout).unwrap().trim().to_owned())
    }

    #[track_caller]
    pub(crate) fn good(&self, words: &[&str]) -> String {
        let (good, out, err) = self.sotto(words);
        assert!(good, "{words:?}: {out} {err}");
        out
    }

    /// Fails with one line that says this.
    #[track_caller]
    pub(crate) fn bad(&self, words: &[&str], says: &str) {
        let (good, out, err) = self.sotto(words);
        assert!(!good && out.is_empty(), "{words:?}: {out}");
        assert!(err.contains(says), "{words:?}: {err}");
    }

    pub(crate) fn lines(&self, words: &[&str]) -> Vec<Value> {
        let out = self.good(words);
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// A token with these scopes.
    pub(crate) fn token(&self, scopes: &[&str]) -> String {
        let mut words = vec!["token", "create", "--name", "test"];
        words.extend(scopes.iter().flat_map(|scope| ["--scope", scope]));
        self.good(&words)
    }

    /// Brings in one patient and answers with the id.
    pub(crate) fn patient(&self, mrn: &str, rest: [&str; 5]) -> String {
        let head = "mrn,given_name,family_name,birth_date,mobile_phone,email";
        let csv = self.write(&format!("{mrn}.csv"), &format!("{head}\n{mrn},{}\n", rest.join(",")));
        self.good(&["import", "csv", "--kind", "patients", "--mrn-system", MRN, &csv]);
        self.good(&["patient", "find", "--system", MRN, "--value", mrn])
    }

    /// Starts `sotto serve` with this log filter and waits until it listens.
    pub(crate) fn serve(&self, filter: &str) -> Serving {
        let mut child = self
            .command(&["serve"])
            .env("RUST_LOG", filter)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (heard, lines) = mpsc::channel();
        let (kept, stderr) = (Arc::clone(&log), child.stderr.take().unwrap());
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines() {
                let line = line.unwrap();
                kept.lock().unwrap().push_str(&format!("{line}\n"));
                // Nobody listens any more at the end.
                let _ = heard.send(line);
            }
        });
        let mut serving = Serving {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            log,
            lines,
            reader: Some(reader),
        };
        let line = serving.until("listening on http://");
        serving.address = line.rsplit_once("http://").unwrap().1.parse().unwrap();
        serving
    }
}

/// A running server; dropping it kills it.
pub(crate) struct Serving {
    child: Child,
    pub(crate) address: SocketAddr,
    log: Arc<Mutex<String>>,
    lines: mpsc::Receiver<String>,
    reader: Option<JoinHandle<()>>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Serving {
    /// The next line of its log that says this.
    #[track_caller]
    pub(crate) fn until(&self, says: &str) -> String {
        loop {
            match self.lines.recv_timeout(Duration::from_secs(60)) {
                Ok(line) if line.contains(says) => return line,
                Ok(_) => {}
                Err(_) => panic!("it never said {says:?}:\n{}", self.log()),
            }
        }
    }

    /// Everything it said so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// A file of the kernel's about it.
    pub(crate) fn proc(&self, file: &str) -> String {
        let bytes = std::fs::read(format!("/proc/{}/{file}", self.child.id())).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits for its end: how it ended, and everything it said.
    pub(crate) fn ended(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        self.reader.take().unwrap().join().unwrap();
        (status, self.log())
    }

    /// One request on a connection of its own: status and body. 0 where it was not answered.
    pub(crate) fn ask(&self, request: &str) -> (u16, String) {
        let Ok(mut stream) = TcpStream::connect(self.address) else { return (0, String::new()) };
        let mut answer = Vec::new();
        let talked = stream
            .write_all(request.as_bytes())
            .and_then(|()| stream.read_to_end(&mut answer).map(drop));
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).and_then(|word| word.parse().ok());
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_owned();
        (status.filter(|_| talked.is_ok()).unwrap_or(0), body)
    }

    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        self.ask(&format!("GET {path} HTTP/1.1\r\nhost: sotto\r\nconnection: close\r\n\r\n"))
    }

    /// A request to the API.
    pub(crate) fn api(&self, token: &str, method: &str, path: &str, body: &str) -> (u16, Value) {
        let (status, body) = self.ask(&format!(
            "{method} {path} HTTP/1.1\r\nhost: sotto\r\nconnection: close\r\n\
             authorization: Bearer {token}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        ));
        (status, serde_json::from_str(&body).unwrap_or(Value::Null))
    }
}
