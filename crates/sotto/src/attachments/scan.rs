//! The place for a virus scanner (45 CFR 164.308(a)(5)(ii)(B)): clamd, or what speaks as it does, is
//! asked about every file before anything of it is kept. Where one is set up and does not answer,
//! nothing is taken: a file nobody looked at is not a clean file.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::content::{self, Checked, Unfit};

/// How long a scanner may take for one file.
const PATIENCE: Duration = Duration::from_secs(20);
/// The pieces a file is handed over in.
const PIECE: usize = 64 * 1024;
/// The longest answer that is read, in bytes.
const MOST_ANSWER: u64 = 1_024;

/// Who is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Scanner {
    /// Nobody: none is set up.
    #[default]
    None,
    /// clamd at an address of this machine or network.
    Tcp(SocketAddr),
    /// clamd at a socket of this machine.
    Unix(PathBuf),
}

/// What a setting must be to name a scanner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be tcp://ADDRESS:PORT or unix:/PATH of a clamd")]
pub struct NoScanner;

impl FromStr for Scanner {
    type Err = NoScanner;

    fn from_str(text: &str) -> Result<Self, NoScanner> {
        if let Some(address) = text.strip_prefix("tcp://") {
            return address.parse().map(Self::Tcp).map_err(|_| NoScanner);
        }
        match text.strip_prefix("unix:") {
            Some(path) if path.starts_with('/') => Ok(Self::Unix(path.into())),
            _ => Err(NoScanner),
        }
    }
}

/// Why a file is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// It is not what is taken.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// The scanner knows it.
    #[error("the virus scanner found something in the file; it was not kept")]
    Infected,
    /// The scanner did not answer.
    #[error("the virus scanner does not answer, so nothing was kept; try again in a minute")]
    Unscanned,
}

/// A file that was looked at and may be kept. There is no other way to one than [`Scanner::take`].
#[derive(Debug)]
pub struct Fit {
    pub(super) checked: Checked,
    /// A scanner said it is clean; else none was set up.
    pub(super) scanned: bool,
}

impl Scanner {
    /// Has a file scanned as it came, and makes of it what may be kept.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub async fn take(&self, name: String, bytes: bytes::Bytes) -> Result<Fit, NotTaken> {
        if bytes.len() > content::MOST_BYTES {
            return Err(Unfit::TooLarge.into());
        }
        let scanned = self.ask(&bytes).await?;
        let check = move || content::check(&name, &bytes);
        let checked = tokio::task::spawn_blocking(check).await.map_err(|_| Unfit::Damaged)??;
        Ok(Fit { checked, scanned })
    }

    /// Whether it answers at all; true where none is set up.
    pub async fn answers(&self) -> bool {
        match self.say(b"zPING\0", &[]).await {
            Ok(Some(answer)) => answer == "PONG",
            Ok(None) => true,
            Err(_) => false,
        }
    }

    async fn ask(&self, bytes: &[u8]) -> Result<bool, NotTaken> {
        let answer = self.say(b"zINSTREAM\0", bytes).await.map_err(|error| {
            tracing::error!(error = %error, "scanner.away");
            NotTaken::Unscanned
        })?;
        match answer.as_deref() {
            None => Ok(false),
            Some("stream: OK") => Ok(true),
            Some(answer) if answer.ends_with(" FOUND") => {
                // The name of what was found is the scanner's own and tells nothing of the file.
                tracing::warn!(found = answer, "scanner.found");
                Err(NotTaken::Infected)
            }
            Some(_) => {
                tracing::error!("scanner.unclear");
                Err(NotTaken::Unscanned)
            }
        }
    }

    async fn say(&self, command: &[u8], bytes: &[u8]) -> io::Result<Option<String>> {
        let talk = async {
            match self {
                Self::None => Ok(None),
                Self::Tcp(at) => {
                    told(TcpStream::connect(at).await?, command, bytes).await.map(Some)
                }
                Self::Unix(at) => {
                    told(UnixStream::connect(at).await?, command, bytes).await.map(Some)
                }
            }
        };
        timeout(PATIENCE, talk).await.map_err(|_| io::ErrorKind::TimedOut)?
    }
}

/// One question in clamd's words (clamd(8), INSTREAM: each piece with its length before it, an
/// empty one at the end).
async fn told(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    command: &[u8],
    bytes: &[u8],
) -> io::Result<String> {
    stream.write_all(command).await?;
    if !bytes.is_empty() {
        for piece in bytes.chunks(PIECE) {
            stream.write_u32(u32::try_from(piece.len()).unwrap_or_default()).await?;
            stream.write_all(piece).await?;
        }
        stream.write_u32(0).await?;
    }
    stream.flush().await?;
    let mut answer = String::new();
    stream.take(MOST_ANSWER).read_to_string(&mut answer).await?;
    Ok(answer.trim_end_matches(['\0', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    /// A clamd that reads what it is handed and finds what begins with `BAD`.
    async fn clamd(answer: Option<&'static str>) -> Scanner {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut command = [0_u8; 10];
                if stream.read_exact(&mut command).await.is_err() {
                    continue;
                }
                let mut held = Vec::new();
                loop {
                    let length = stream.read_u32().await.unwrap();
                    if length == 0 {
                        break;
                    }
                    let mut piece = vec![0; length as usize];
                    stream.read_exact(&mut piece).await.unwrap();
                    held.extend(piece);
                }
                let bad = if held.starts_with(b"BAD") { "Test.Signature FOUND" } else { "OK" };
                let said = answer.map_or_else(|| format!("stream: {bad}\0"), str::to_owned);
                stream.write_all(said.as_bytes()).await.unwrap();
            }
        });
        Scanner::Tcp(at)
    }

    fn picture() -> bytes::Bytes {
        let mut out = io::Cursor::new(Vec::new());
        image::DynamicImage::new_rgb8(300, 300)
            .write_to(&mut out, image::ImageFormat::Png)
            .unwrap();
        out.into_inner().into()
    }

    #[tokio::test]
    async fn what_the_scanner_says_is_what_happens() {
        let scanner = clamd(None).await;
        let fit = scanner.take("a.png".to_owned(), picture()).await.unwrap();
        assert!(fit.scanned);
        let bad = scanner.take("a.png".to_owned(), "BAD".into()).await;
        assert_eq!(bad.unwrap_err(), NotTaken::Infected);
        for unclear in ["INSTREAM size limit exceeded. ERROR", "", "stream: OKAY"] {
            let said = clamd(Some(unclear)).await.take("a.png".to_owned(), picture()).await;
            assert_eq!(said.unwrap_err(), NotTaken::Unscanned, "{unclear}");
        }
    }

    #[tokio::test]
    async fn a_scanner_that_is_away_stops_everything_and_none_stops_nothing() {
        let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let away = Scanner::Tcp(nobody);
        assert!(!away.answers().await);
        let taken = away.take("a.png".to_owned(), picture()).await;
        assert_eq!(taken.unwrap_err(), NotTaken::Unscanned);
        let fit = Scanner::None.take("a.png".to_owned(), picture()).await.unwrap();
        assert!(!fit.scanned);
    }

    #[test]
    fn a_setting_names_one_or_says_what_it_must_be() {
        assert_eq!("unix:/run/clamd".parse(), Ok(Scanner::Unix("/run/clamd".into())));
        assert!("tcp://127.0.0.1:3310".parse::<Scanner>().is_ok());
        for wrong in ["", "127.0.0.1:3310", "unix:clamd", "tcp://clam:3310x"] {
            assert_eq!(wrong.parse::<Scanner>(), Err(NoScanner), "{wrong}");
        }
    }
}
