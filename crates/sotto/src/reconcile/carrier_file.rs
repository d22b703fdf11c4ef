//! A carrier's delivery file (CSV): what the carrier says it did with each message, for the days on
//! which its receipts were lost by the thousand, and for carriers that answer no questions.
//!
//! The whole file is read before a line of it counts, and then once more, a few lines at a time: a
//! file that is torn in the middle changes nothing, and memory does not grow with it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek as _};

use gate::Address;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;
use smpp::MessageIdForm;

use crate::channels::ReceiptStatus;
use crate::people::addresses::parse_phone;

/// The longest line, in bytes: a text of the carrier's longest may be in it.
const LONGEST_LINE: usize = 64 * 1024;
/// The longest id.
const LONGEST_ID: usize = 64;
/// Most columns.
const MOST_COLUMNS: usize = 256;

/// Why a file is not taken. Never quotes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CarrierFileError {
    /// It cannot be read.
    #[error("cannot be read ({0}); give a file, not a pipe")]
    Io(io::ErrorKind),
    /// It is no CSV.
    #[error("line {0}: not CSV in UTF-8 with as many fields as the header has columns")]
    NotCsv(u64),
    /// A column is missing.
    #[error("the header has no column {0}; name the columns id, to, state, time")]
    NoColumn(&'static str),
    /// Too long.
    #[error("line {0}: longer than 64 KiB; is a quote missing?")]
    LongLine(u64),
}

/// One message, as the carrier tells it. PHI: `Debug` does not show the number.
#[derive(Clone, PartialEq, Eq)]
pub struct Line {
    /// The carrier's id, as written.
    pub id: String,
    /// Whom it was for.
    pub to: Option<Address>,
    /// What became of it.
    pub status: ReceiptStatus,
    /// When.
    pub at: Option<Timestamp>,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Line({}, {:?})", self.id, self.status)
    }
}

/// A file that was read whole once.
#[derive(Debug)]
pub struct CarrierFile {
    file: File,
    zone: TimeZone,
    /// How the ids in it are written.
    pub(super) form: MessageIdForm,
    /// The first and the last time in it.
    pub(super) times: Option<(Timestamp, Timestamp)>,
    /// Messages in it.
    pub lines: u64,
    /// Lines without an id, or with a state that means nothing here.
    pub skipped: u64,
}

impl CarrierFile {
    /// Reads it once, from end to end. A time without a zone is one of `zone`.
    ///
    /// # Errors
    /// [`CarrierFileError`].
    pub fn open(file: File, zone: TimeZone, form: MessageIdForm) -> Result<Self, CarrierFileError> {
        let mut whole = Self { file, zone, form, times: None, lines: 0, skipped: 0 };
        let mut lines = whole.read()?;
        let (mut count, mut times): (u64, Option<(Timestamp, Timestamp)>) = (0, None);
        while let Some(line) = lines.next_line()? {
            count += 1;
            if let Some(at) = line.at {
                times = Some(times.map_or((at, at), |(a, b)| (a.min(at), b.max(at))));
            }
        }
        (whole.lines, whole.times, whole.skipped) = (count, times, lines.skipped);
        Ok(whole)
    }

    /// Its messages, from the first.
    pub(super) fn read(&mut self) -> Result<Lines<File>, CarrierFileError> {
        let failed = |error: io::Error| CarrierFileError::Io(error.kind());
        self.file.rewind().map_err(failed)?;
        let again = self.file.try_clone().map_err(failed)?;
        Lines::read(again, self.zone.clone())
    }
}

/// The lines of a file, one after the other.
pub struct Lines<R> {
    reader: csv::Reader<Bounded<R>>,
    record: csv::StringRecord,
    columns: Columns,
    zone: TimeZone,
    /// Lines without an id, or with a state that means nothing here, so far.
    pub skipped: u64,
}

/// Where the columns stand.
struct Columns {
    id: usize,
    state: usize,
    to: Option<usize>,
    time: Option<usize>,
}

impl Columns {
    /// By the names that carriers give them, however they are spelt.
    fn of(header: &csv::StringRecord) -> Result<Self, CarrierFileError> {
        let plain = |name: &str| {
            let letters = name.chars().filter(char::is_ascii_alphanumeric);
            letters.map(|letter| letter.to_ascii_lowercase()).collect::<String>()
        };
        let names: Vec<String> = header.iter().take(MOST_COLUMNS).map(plain).collect();
        let find = |known: &[&str]| {
            known.iter().find_map(|known| names.iter().position(|name| name == known))
        };
        Ok(Self {
            id: find(&["id", "messageid", "msgid", "messagesid", "sid"])
                .ok_or(CarrierFileError::NoColumn("id"))?,
            state: find(&["state", "status", "stat", "messagestate", "messagestatus"])
                .ok_or(CarrierFileError::NoColumn("state"))?,
            to: find(&["to", "destination", "destinationaddress", "recipient"]),
            time: find(&["time", "date", "sentat", "sentdate", "datesent", "submitdate"]),
        })
    }
}

impl<R: Read> Lines<R> {
    /// Reads the header. Columns in any order, by `,`, `;` or tab: `id` and `state` must be there,
    /// `to` and `time` may be; others are passed over.
    ///
    /// # Errors
    /// [`CarrierFileError`].
    pub fn read(file: R, zone: TimeZone) -> Result<Self, CarrierFileError> {
        let mut file = Bounded { file: BufReader::new(file), left: LONGEST_LINE, passed: false };
        let delimiter = file.delimiter()?;
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .delimiter(delimiter)
            .buffer_capacity(8 * 1024)
            .from_reader(file);
        let header = match reader.headers() {
            Ok(header) => header.clone(),
            Err(error) => return Err(why(&error, &reader, 1)),
        };
        let columns = Columns::of(&header)?;
        Ok(Self { reader, record: csv::StringRecord::new(), columns, zone, skipped: 0 })
    }

    /// The next message; none at the end.
    ///
    /// # Errors
    /// [`CarrierFileError`]; what comes after is not read.
    pub fn next_line(&mut self) -> Result<Option<Line>, CarrierFileError> {
        loop {
            let number = self.reader.position().line();
            self.reader.get_mut().left = LONGEST_LINE;
            match self.reader.read_record(&mut self.record) {
                Ok(false) => return Ok(None),
                Ok(true) => {}
                Err(error) => return Err(why(&error, &self.reader, number)),
            }
            if self.record.as_slice().len() > LONGEST_LINE {
                return Err(CarrierFileError::LongLine(number));
            }
            match self.line() {
                Some(line) => return Ok(Some(line)),
                None => self.skipped += 1,
            }
        }
    }

    /// At most so many of the next messages; none at the end.
    ///
    /// # Errors
    /// [`CarrierFileError`].
    pub(super) fn some(&mut self, most: usize) -> Result<Vec<Line>, CarrierFileError> {
        let mut some = Vec::with_capacity(most);
        while some.len() < most
            && let Some(line) = self.next_line()?
        {
            some.push(line);
        }
        Ok(some)
    }

    fn line(&self) -> Option<Line> {
        let field = |at: Option<usize>| at.and_then(|at| self.record.get(at)).unwrap_or_default();
        let id = field(Some(self.columns.id));
        let plain =
            (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
        let status = status(field(Some(self.columns.state))).filter(|_| plain)?;
        let to = parse_phone(field(self.columns.to)).ok().map(|(number, _)| Address::Phone(number));
        let at = instant(field(self.columns.time), &self.zone);
        Some(Line { id: id.to_owned(), to, status, at })
    }
}

fn why<R: Read>(
    error: &csv::Error,
    reader: &csv::Reader<Bounded<R>>,
    line: u64,
) -> CarrierFileError {
    match error.kind() {
        csv::ErrorKind::Io(_) if reader.get_ref().passed => CarrierFileError::LongLine(line),
        csv::ErrorKind::Io(error) => CarrierFileError::Io(error.kind()),
        _ => CarrierFileError::NotCsv(line),
    }
}

/// Reads on, but never more than so much for one line: a quote that is not closed would take the
/// whole file into memory.
struct Bounded<R> {
    file: BufReader<R>,
    left: usize,
    passed: bool,
}

impl<R: Read> Bounded<R> {
    /// The separator that the first line has most of.
    fn delimiter(&mut self) -> Result<u8, CarrierFileError> {
        let begins = self.file.fill_buf().map_err(|error| CarrierFileError::Io(error.kind()))?;
        let header = begins.split(|octet| *octet == b'\n').next().unwrap_or_default();
        let count = |mark: u8| header.iter().filter(|octet| **octet == mark).count();
        Ok([b'\t', b';', b','].into_iter().max_by_key(|mark| count(*mark)).unwrap_or(b','))
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        // What the reader took before of lines to come is less than its buffer.
        if self.left == 0 {
            self.passed = true;
            return Err(io::Error::other("a line is too long"));
        }
        let most = out.len().min(self.left);
        let read = self.file.read(out.get_mut(..most).unwrap_or_default())?;
        self.left -= read;
        Ok(read)
    }
}

/// As carriers write it: RFC 3339, RFC 2822, or a local time.
fn instant(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    if let Ok(at) = rfc2822::parse(text) {
        return Some(at.timestamp());
    }
    let (text, zone) = match text.strip_suffix(" UTC") {
        Some(text) => (text, &TimeZone::UTC),
        None => (text, zone),
    };
    let local: DateTime = text.parse().ok()?;
    Some(local.to_zoned(zone.clone()).ok()?.timestamp())
}

/// The words of SMPP's receipts and of HTTP carriers.
fn status(word: &str) -> Option<ReceiptStatus> {
    Some(match word.to_ascii_lowercase().as_str() {
        "delivered" | "delivrd" | "read" => ReceiptStatus::Delivered,
        "undelivered" | "undeliv" | "undeliverable" | "failed" => ReceiptStatus::Undelivered,
        "rejected" | "rejectd" | "canceled" | "cancelled" | "deleted" => ReceiptStatus::Rejected,
        "expired" => ReceiptStatus::Expired,
        "enroute" | "sent" | "sending" | "accepted" | "acceptd" | "queued" | "scheduled"
        | "buffered" => ReceiptStatus::EnRoute,
        "unknown" => ReceiptStatus::Unknown,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(Vec<Line>, u64), CarrierFileError> {
        let mut lines = Lines::read(text.as_bytes(), TimeZone::UTC)?;
        let all = lines.some(1_000)?;
        Ok((all, lines.skipped))
    }

    #[test]
    fn the_columns_the_words_and_the_times_of_carriers() {
        for text in [
            "Status,SID,To,Date,Price\nDELIVRD,7f,+12125550100,2027-03-01T09:00:00Z,0.01\n\
             failed, 8 ,(212) 555-0100,2027-03-01 09:00,\nreceived,9,,,\nsent,,,,\n",
            "\u{feff}Message ID;Message State;Destination;Sent At;Body\r\n\
             7f;DELIVRD;12125550100;2027-03-01 09:00:00 UTC;\"a;\nb\"\r\n\
             8;UNDELIV;2125550100;Mon, 01 Mar 2027 09:00:00 +0000;\r\n;sent;;;\r\n9;?;;;\r\n",
        ] {
            let (lines, skipped) = read(text).unwrap();
            assert_eq!(skipped, 2);
            let told: Vec<_> = lines.iter().map(|l| (l.id.as_str(), l.status)).collect();
            assert_eq!(told, [("7f", ReceiptStatus::Delivered), ("8", ReceiptStatus::Undelivered)]);
            let nine = Some("2027-03-01T09:00:00Z".parse().unwrap());
            assert!(lines.iter().all(|l| l.to == lines[0].to && l.at == nine), "{text}");
            assert!(lines[0].to.is_some());
        }
    }

    #[test]
    fn what_is_no_such_file_says_why() {
        for (text, expected) in [
            ("", CarrierFileError::NoColumn("id")),
            ("id,to\n1,2\n", CarrierFileError::NoColumn("state")),
            ("id,state\n1,delivered,more\n", CarrierFileError::NotCsv(2)),
        ] {
            assert_eq!(read(text).unwrap_err(), expected, "{text}");
        }
        let long = format!("id,state\n1,sent\n\"{}", "x\n".repeat(LONGEST_LINE));
        assert_eq!(read(&long).unwrap_err(), CarrierFileError::LongLine(3));
    }

    #[test]
    fn lines_do_not_show_a_number() {
        let (lines, _) = read("id,to,state\n1,+12125550100,sent\n").unwrap();
        assert!(!format!("{lines:?}").contains("5550100"));
    }
}
