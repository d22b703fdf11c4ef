//! What a mail says, and how its connection was protected.

use mail_parser::MessageParser;
use rustls::ServerConnection;

use crate::record::TlsFacts;

/// What was read from a mail.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: Option<String>,
}

/// Reads a mail; one that cannot be parsed still gives its header lines.
pub(crate) fn parse(raw: &[u8]) -> Parsed {
    let mut parsed = Parsed { headers: headers(raw), ..Parsed::default() };
    if let Some(message) = MessageParser::default().parse(raw) {
        parsed.subject = message.subject().unwrap_or_default().to_owned();
        parsed.text = message.body_text(0).unwrap_or_default().into_owned();
        parsed.html = message
            .html_bodies()
            .find(|part| part.is_text_html())
            .and_then(|part| part.text_contents())
            .map(str::to_owned);
    }
    parsed
}

/// The header block, without the empty line after it.
pub(crate) fn header_block(raw: &[u8]) -> &[u8] {
    let end = raw.windows(4).position(|four| four == b"\r\n\r\n").map_or(raw.len(), |at| at + 2);
    raw.get(..end).unwrap_or(raw)
}

/// Unfolded fields in order, from the first bytes only: our own eyes, not the parser's.
fn headers(raw: &[u8]) -> Vec<(String, String)> {
    let block = String::from_utf8_lossy(header_block(raw));
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in block.split("\r\n").filter(|line| !line.is_empty()).take(1000) {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = fields.last_mut() {
                value.push_str(line);
            }
        } else if let Some((name, value)) = line.split_once(':') {
            fields.push((name.to_owned(), value.trim().to_owned()));
        }
    }
    fields
}

pub(crate) fn tls_facts(connection: &ServerConnection, implicit: bool) -> TlsFacts {
    let name = |value: Option<&str>| value.unwrap_or("unknown").to_owned();
    TlsFacts {
        version: name(connection.protocol_version().and_then(|v| v.as_str())),
        cipher: name(connection.negotiated_cipher_suite().and_then(|c| c.suite().as_str())),
        implicit,
        server_name: connection.server_name().map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_and_encoded_headers_are_read() {
        let raw = b"Subject: =?utf-8?q?Hola_Jos=C3=A9?=\r\nX-Long: one\r\n two\r\n\r\nBody\r\n";
        let parsed = parse(raw);
        assert_eq!(parsed.subject, "Hola José");
        assert_eq!(parsed.headers[1], ("X-Long".to_owned(), "one two".to_owned()));
        assert_eq!(parsed.text.trim(), "Body");
        assert!(parsed.html.is_none());
        assert_eq!(header_block(b"A: b\r\n\r\nc"), b"A: b\r\n");
    }

    #[test]
    fn html_is_kept_apart_from_text() {
        let raw = b"MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n\
            --b\r\nContent-Type: text/plain\r\n\r\nplain\r\n\
            --b\r\nContent-Type: text/html\r\n\r\n<p>rich</p>\r\n--b--\r\n";
        let parsed = parse(raw);
        assert_eq!(parsed.text.trim(), "plain");
        assert_eq!(parsed.html.as_deref().map(str::trim), Some("<p>rich</p>"));
    }

    proptest::proptest! {
        #[test]
        fn no_mail_stops_the_reader(raw in proptest::collection::vec(proptest::num::u8::ANY, 0..512)) {
            let _ = parse(&raw);
        }
    }
}
