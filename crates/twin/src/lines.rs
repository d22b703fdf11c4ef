//! Reading lines off a connection with a bound on their length.

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Why no line could be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LineError {
    /// The other side closed the connection, or it broke.
    #[error("connection: {0}")]
    Io(#[from] std::io::Error),
    /// No CRLF within the bound.
    #[error("line longer than {0} octets")]
    TooLong(usize),
    /// A CR or LF of its own inside a line: the stuff of message smuggling (RFC 5321 §2.3.8).
    #[error("bare CR or LF")]
    Bare,
}

/// A connection that speaks in CRLF-ended lines.
#[derive(Debug)]
pub(crate) struct Lines<S> {
    io: S,
    buffer: BytesMut,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Lines<S> {
    pub(crate) fn new(io: S) -> Self {
        Self { io, buffer: BytesMut::with_capacity(4096) }
    }

    /// The connection back, and whether the other side had sent more than was read.
    pub(crate) fn into_inner(self) -> (S, bool) {
        (self.io, !self.buffer.is_empty())
    }

    /// The next line without its CRLF, at most `most` octets long.
    pub(crate) async fn line(&mut self, most: usize) -> Result<BytesMut, LineError> {
        let mut looked = 0;
        loop {
            let fresh = self.buffer.get(looked..).unwrap_or_default();
            if let Some(found) = fresh.windows(2).position(|pair| pair == b"\r\n") {
                let length = looked + found;
                if length > most {
                    return Err(LineError::TooLong(most));
                }
                let line = self.buffer.split_to(length);
                self.buffer.advance(2);
                let bare = line.iter().any(|octet| matches!(octet, b'\r' | b'\n'));
                return if bare { Err(LineError::Bare) } else { Ok(line) };
            }
            if self.buffer.len() > most + 1 {
                return Err(LineError::TooLong(most));
            }
            // A CR at the very end may be the first half of a CRLF.
            looked = self.buffer.len().saturating_sub(1);
            if self.io.read_buf(&mut self.buffer).await? == 0 {
                return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
            }
        }
    }

    pub(crate) async fn write(&mut self, text: &[u8]) -> Result<(), LineError> {
        self.io.write_all(text).await?;
        Ok(self.io.flush().await?)
    }

    /// Swallows whatever comes and says nothing, until the other side closes: a half-open peer.
    pub(crate) async fn play_dead(&mut self) {
        loop {
            self.buffer.clear();
            match self.io.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(input: &[u8], most: usize) -> Vec<Result<String, String>> {
        let (near, mut far) = tokio::io::duplex(64);
        let input = input.to_vec();
        let feed = async move {
            // The reader may stop early, which is an error only here.
            let _ = far.write_all(&input).await;
        };
        let take = async {
            let mut lines = Lines::new(near);
            let mut got = Vec::new();
            loop {
                match lines.line(most).await {
                    Ok(line) => got.push(Ok(String::from_utf8_lossy(&line).into_owned())),
                    Err(LineError::Io(_)) => return got,
                    Err(error) => {
                        got.push(Err(error.to_string()));
                        return got;
                    }
                }
            }
        };
        tokio::join!(feed, take).1
    }

    #[tokio::test]
    async fn lines_end_with_crlf_and_with_nothing_else() {
        let ok = |text: &str| Ok(text.to_owned());
        let err = |text: &str| Err(text.to_owned());
        assert_eq!(read(b"EHLO x\r\n\r\nQUIT\r\n", 10).await, [ok("EHLO x"), ok(""), ok("QUIT")]);
        assert_eq!(read(b"a\nb\r\n", 10).await, [err("bare CR or LF")]);
        assert_eq!(read(b"a\rb\r\n", 10).await, [err("bare CR or LF")]);
        assert_eq!(read(b"0123456789\r\n", 10).await, [ok("0123456789")]);
        assert_eq!(read(b"0123456789a\r\n", 10).await, [err("line longer than 10 octets")]);
        assert_eq!(read(&[b'x'; 4096], 100).await, [err("line longer than 100 octets")]);
        assert_eq!(read(b"no end", 10).await, []);
    }
}
