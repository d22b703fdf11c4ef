//! Callers of the API over keep-alive connections, written by hand so that they cost little of the
//! machine that is measured.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::practice::Resident;
use crate::clock::Clock;

/// The longest answer that is read; ours are shorter, also the longest page.
const LONGEST: usize = 1024 * 1024;

/// One run of callers.
pub(super) struct Run {
    pub(super) clock: Clock,
    pub(super) server: SocketAddr,
    pub(super) token: String,
    /// Part of every idempotency key, so that no two runs share one.
    pub(super) name: String,
    pub(super) people: Arc<Vec<Resident>>,
    /// How many requests.
    pub(super) messages: u64,
    /// The time from one request to the next; none for as fast as they are answered.
    pub(super) every: Option<Duration>,
    /// When it began.
    pub(super) began: Instant,
    /// The next one to send.
    pub(super) next: AtomicU64,
}

/// One request and its answer.
pub(super) struct Answered {
    /// Which, counted from 0.
    pub(super) number: u64,
    pub(super) status: u16,
    pub(super) asked: Instant,
    pub(super) answered: Instant,
    /// What was said, where it was not 202.
    pub(super) said: Option<String>,
}

/// One caller: asks until the run has no more. With a rhythm it asks at the set instant, however
/// late the answers before came, so that a slow server does not slow its own test.
pub(super) async fn caller(run: Arc<Run>) -> io::Result<Vec<Answered>> {
    let mut connection = TcpStream::connect(run.server).await?;
    connection.set_nodelay(true)?;
    let mut input = Vec::with_capacity(4096);
    let mut answers = Vec::new();
    loop {
        let number = run.next.fetch_add(1, Ordering::Relaxed);
        if number >= run.messages {
            return Ok(answers);
        }
        if let Some(every) = run.every {
            let due = run.began + every.mul_f64(number as f64);
            tokio::time::sleep_until(due.into()).await;
        }
        let request = run.request(number);
        let asked = run.clock.instant();
        connection.write_all(request.as_bytes()).await?;
        let (status, body) = answer(&mut connection, &mut input).await?;
        let answered = run.clock.instant();
        let said = (status != 202).then(|| String::from_utf8_lossy(body).into_owned());
        answers.push(Answered { number, status, asked, answered, said });
    }
}

impl Run {
    /// Who a message of this run goes to.
    pub(super) fn person(&self, number: u64) -> Option<&Resident> {
        let at = number % u64::try_from(self.people.len()).unwrap_or(1).max(1);
        self.people.get(usize::try_from(at).unwrap_or_default())
    }

    fn request(&self, number: u64) -> String {
        let (patient, given) =
            self.person(number).map_or(("", ""), |who| (who.patient.as_str(), who.given.as_str()));
        request(&self.token, &format!("{}-{number}", self.name), patient, given)
    }
}

/// A request for a message to this patient that calls them by this name.
pub(super) fn request(token: &str, key: &str, patient: &str, given: &str) -> String {
    let body = format!(
        "{{\"patient\":\"{patient}\",\"purpose\":\"treatment\",\"channel\":\"sms\",\
         \"template\":\"refill_reminder\",\"values\":{{\"first_name\":\"{given}\"}}}}"
    );
    format!(
        "POST /api/v1/messages HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\
         Idempotency-Key: {key}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len(),
    )
}

/// Reads one answer whose length is given, which those of the API are.
pub(super) async fn answer<'a>(
    connection: &mut TcpStream,
    input: &'a mut Vec<u8>,
) -> io::Result<(u16, &'a [u8])> {
    input.clear();
    loop {
        if connection.read_buf(input).await? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server hung up"));
        }
        if let Some((status, from, length)) = head(input)
            && input.len() >= from + length
        {
            return Ok((status, input.get(from..from + length).unwrap_or_default()));
        }
        if input.len() > LONGEST {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "an answer without an end"));
        }
    }
}

/// Status, where the body begins, and how long it is; none while the head is not whole.
fn head(input: &[u8]) -> Option<(u16, usize, usize)> {
    let end = input.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(input.get(..end)?).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    })?;
    Some((status, end + 4, length))
}

#[cfg(test)]
mod tests {
    use super::head;

    #[test]
    fn an_answer_is_read_when_its_head_is_whole() {
        let whole = b"HTTP/1.1 202 Accepted\r\nContent-length: 5\r\ndate: x\r\n\r\nhello";
        assert_eq!(head(whole), Some((202, 53, 5)));
        for cut in 0..53 {
            assert_eq!(head(&whole[..cut]), None, "{cut}");
        }
        assert_eq!(head(b"HTTP/1.1 200 OK\r\ndate: x\r\n\r\n"), None);
    }
}
