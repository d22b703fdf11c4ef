//! A client that writes and reads SMPP 3.4 octet by octet.

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

pub(super) const BIND_TRANSCEIVER: u32 = 0x09;
pub(super) const SUBMIT: u32 = 0x04;
pub(super) const DELIVER: u32 = 0x05;
pub(super) const ENQUIRE: u32 = 0x15;
pub(super) const RESP: u32 = 0x8000_0000;

pub(super) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

pub(super) struct RawEsme {
    io: Box<dyn Io>,
    sequence: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pdu {
    pub(super) command: u32,
    pub(super) status: u32,
    pub(super) sequence: u32,
    pub(super) body: Vec<u8>,
}

/// The fields of a `deliver_sm` that tests look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Delivered {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) esm_class: u8,
    pub(super) data_coding: u8,
    pub(super) text: Vec<u8>,
    pub(super) tlvs: Vec<(u16, Vec<u8>)>,
    pub(super) sequence: u32,
}

impl Delivered {
    pub(super) fn ascii(&self) -> String {
        String::from_utf8(self.text.clone()).unwrap()
    }

    pub(super) fn tlv(&self, tag: u16) -> Option<&[u8]> {
        self.tlvs.iter().find(|(t, _)| *t == tag).map(|(_, value)| value.as_slice())
    }
}

impl RawEsme {
    pub(super) async fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap())
    }

    pub(super) fn over(io: impl Io + 'static) -> Self {
        Self { io: Box::new(io), sequence: 0 }
    }

    pub(super) async fn bound(address: SocketAddr) -> Self {
        let mut esme = Self::connect(address).await;
        assert_eq!(esme.bind("sotto", "secret").await, 0);
        esme
    }

    /// Binds as a transceiver; gives the status.
    pub(super) async fn bind(&mut self, system_id: &str, password: &str) -> u32 {
        let mut body = Vec::new();
        for field in [system_id, password, ""] {
            body.extend_from_slice(field.as_bytes());
            body.push(0);
        }
        body.extend_from_slice(&[0x34, 0, 0, 0]);
        let sequence = self.send(BIND_TRANSCEIVER, &body).await;
        let answer = self.read().await.unwrap();
        assert_eq!((answer.command, answer.sequence), (BIND_TRANSCEIVER | RESP, sequence));
        answer.status
    }

    /// Sends a text; gives its sequence number.
    pub(super) async fn submit(&mut self, to: &str, text: &[u8]) -> u32 {
        self.submit_as(to, text, 0, 0).await
    }

    pub(super) async fn submit_as(
        &mut self,
        to: &str,
        text: &[u8],
        esm_class: u8,
        coding: u8,
    ) -> u32 {
        let mut body = vec![0];
        for number in [super::PRACTICE, to] {
            body.extend_from_slice(&[1, 1]);
            body.extend_from_slice(number.trim_start_matches('+').as_bytes());
            body.push(0);
        }
        body.extend_from_slice(&[esm_class, 0, 0, 0, 0, 1, 0, coding, 0]);
        body.push(u8::try_from(text.len()).unwrap());
        body.extend_from_slice(text);
        self.send(SUBMIT, &body).await
    }

    /// Sends a text and reads the answer: status and message id.
    pub(super) async fn submit_and_wait(&mut self, to: &str, text: &[u8]) -> (u32, String) {
        let sequence = self.submit(to, text).await;
        let answer = self.read().await.unwrap();
        assert_eq!((answer.command, answer.sequence), (SUBMIT | RESP, sequence));
        // SMPP 3.4 §4.4.2: an answer that refuses has no body.
        let id = if answer.body.is_empty() { String::new() } else { c_string(&answer.body).0 };
        (answer.status, id)
    }

    pub(super) async fn send(&mut self, command: u32, body: &[u8]) -> u32 {
        self.sequence += 1;
        self.write(command, 0, self.sequence, body).await;
        self.sequence
    }

    pub(super) async fn write(&mut self, command: u32, status: u32, sequence: u32, body: &[u8]) {
        let length = u32::try_from(16 + body.len()).unwrap();
        let mut octets = Vec::new();
        for word in [length, command, status, sequence] {
            octets.extend_from_slice(&word.to_be_bytes());
        }
        octets.extend_from_slice(body);
        self.io.write_all(&octets).await.unwrap();
    }

    pub(super) async fn write_raw(&mut self, octets: &[u8]) {
        self.io.write_all(octets).await.unwrap();
    }

    /// The next data unit; `None` once the connection has ended.
    pub(super) async fn read(&mut self) -> Option<Pdu> {
        let mut header = [0; 16];
        self.io.read_exact(&mut header).await.ok()?;
        let word = |at: usize| u32::from_be_bytes(header[at..at + 4].try_into().unwrap());
        let length = usize::try_from(word(0)).unwrap();
        if !(16..100_000).contains(&length) {
            return Some(Pdu { command: 0, status: 0, sequence: 0, body: header.to_vec() });
        }
        let mut body = vec![0; length - 16];
        self.io.read_exact(&mut body).await.ok()?;
        Some(Pdu { command: word(4), status: word(8), sequence: word(12), body })
    }

    /// The next delivery, acknowledged.
    pub(super) async fn delivery(&mut self) -> Delivered {
        let delivered = self.delivery_unanswered().await;
        self.write(DELIVER | RESP, 0, delivered.sequence, &[0]).await;
        delivered
    }

    pub(super) async fn delivery_unanswered(&mut self) -> Delivered {
        let pdu = self.read().await.unwrap();
        assert_eq!(pdu.command, DELIVER);
        parse(&pdu)
    }
}

fn parse(pdu: &Pdu) -> Delivered {
    let (_, rest) = c_string(&pdu.body);
    let (from, rest) = c_string(&rest[2..]);
    let (to, rest) = c_string(&rest[2..]);
    let (esm_class, rest) = (rest[0], &rest[3..]);
    let (_, rest) = c_string(rest);
    let (_, rest) = c_string(rest);
    let (data_coding, length) = (rest[2], usize::from(rest[4]));
    let (text, mut rest) = rest[5..].split_at(length);
    let mut tlvs = Vec::new();
    while rest.len() >= 4 {
        let tag = u16::from_be_bytes([rest[0], rest[1]]);
        let size = usize::from(u16::from_be_bytes([rest[2], rest[3]]));
        tlvs.push((tag, rest[4..4 + size].to_vec()));
        rest = &rest[4 + size..];
    }
    let (text, sequence) = (text.to_vec(), pdu.sequence);
    Delivered { from, to, esm_class, data_coding, text, tlvs, sequence }
}

fn c_string(octets: &[u8]) -> (String, &[u8]) {
    let end = octets.iter().position(|octet| *octet == 0).unwrap();
    (String::from_utf8(octets[..end].to_vec()).unwrap(), &octets[end + 1..])
}
