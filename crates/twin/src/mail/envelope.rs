//! The envelope commands: MAIL FROM and RCPT TO with their parameters.

/// MAIL FROM.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sender {
    pub(crate) path: String,
    /// SIZE= (RFC 1870).
    pub(crate) size: Option<usize>,
    /// RET=FULL (RFC 3461).
    pub(crate) return_full: bool,
    /// ENVID= (RFC 3461).
    pub(crate) envelope_id: Option<String>,
}

/// RCPT TO.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Recipient {
    pub(crate) path: String,
    /// NOTIFY= (RFC 3461).
    pub(crate) notify: Option<String>,
    /// ORCPT= (RFC 3461).
    pub(crate) original: Option<String>,
}

impl Recipient {
    /// Whether the sender wants to hear of this (RFC 3461 §4.1; failures unless told otherwise).
    pub(crate) fn wants(&self, event: &str) -> bool {
        match &self.notify {
            None => event == "FAILURE",
            Some(list) => list.split(',').any(|word| word.eq_ignore_ascii_case(event)),
        }
    }
}

/// Reads what follows `MAIL `; `Err` is the answer to give.
pub(crate) fn sender(rest: &str) -> Result<Sender, &'static str> {
    let (path, parameters) = path(rest, "FROM:")?;
    let mut sender = Sender { path, ..Sender::default() };
    for (name, value) in parameters {
        match (name.as_str(), value) {
            ("SIZE", Some(size)) => {
                let size = size.parse().map_err(|_| "501 5.5.4 SIZE is not a number\r\n")?;
                sender.size = Some(size);
            }
            ("BODY", Some("7BIT" | "8BITMIME")) => {}
            ("RET", Some("HDRS")) => {}
            ("RET", Some("FULL")) => sender.return_full = true,
            ("ENVID", Some(id)) if id.len() <= 100 => sender.envelope_id = Some(id.to_owned()),
            // The sender's own sign-in name (RFC 4954 §5), of no interest here.
            ("AUTH", Some(_)) => {}
            _ => return Err("555 5.5.4 parameter not known\r\n"),
        }
    }
    Ok(sender)
}

/// Reads what follows `RCPT `; `Err` is the answer to give.
pub(crate) fn recipient(rest: &str) -> Result<Recipient, &'static str> {
    let (path, parameters) = path(rest, "TO:")?;
    if !path.contains('@') {
        return Err("501 5.1.3 recipient is no mailbox\r\n");
    }
    let mut recipient = Recipient { path, ..Recipient::default() };
    for (name, value) in parameters {
        match (name.as_str(), value) {
            ("NOTIFY", Some(list)) => recipient.notify = Some(list.to_ascii_uppercase()),
            ("ORCPT", Some(original)) => recipient.original = Some(original.to_owned()),
            _ => return Err("555 5.5.4 parameter not known\r\n"),
        }
    }
    Ok(recipient)
}

type Parameters<'a> = Vec<(String, Option<&'a str>)>;

fn path<'a>(rest: &'a str, keyword: &str) -> Result<(String, Parameters<'a>), &'static str> {
    const SYNTAX: &str = "501 5.5.4 syntax error in the path\r\n";
    let (head, tail) = rest.split_at_checked(keyword.len()).ok_or(SYNTAX)?;
    if !head.eq_ignore_ascii_case(keyword) {
        return Err(SYNTAX);
    }
    let tail = tail.trim_start().strip_prefix('<').ok_or(SYNTAX)?;
    let (path, parameters) = tail.split_once('>').ok_or(SYNTAX)?;
    if path.len() > 256 || path.chars().any(|c| c.is_whitespace() || c.is_control() || c == '<') {
        return Err(SYNTAX);
    }
    let parameters = parameters.split_ascii_whitespace().take(16).map(|word| {
        let (name, value) = word.split_once('=').map_or((word, None), |(n, v)| (n, Some(v)));
        (name.to_ascii_uppercase(), value)
    });
    Ok((path.to_owned(), parameters.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelopes_are_read_with_their_parameters() {
        let from = sender("FROM:<a@example.com> SIZE=100 BODY=8BITMIME RET=HDRS ENVID=x1").unwrap();
        assert_eq!((from.path.as_str(), from.size), ("a@example.com", Some(100)));
        assert_eq!(from.envelope_id.as_deref(), Some("x1"));
        assert_eq!(sender("FROM:<>").unwrap().path, "");
        let to = recipient("to: <b@example.com> NOTIFY=SUCCESS,failure ORCPT=rfc822;b").unwrap();
        assert!(to.wants("SUCCESS") && to.wants("FAILURE") && !to.wants("DELAY"));
        assert!(recipient("TO:<b@example.com>").unwrap().wants("FAILURE"));
        assert!(!recipient("TO:<b@example.com> NOTIFY=NEVER").unwrap().wants("FAILURE"));
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in ["", "FROM", "FROM:a@b", "FROM:<a b@c>", "FROM:<a", "FROM:<a> SIZE=x", "TO:<a>"]
        {
            assert!(sender(bad).is_err(), "{bad}");
        }
        for bad in ["TO:<>", "TO:<nobody>", "TO:<a@b> WHAT=1", "FRöM:<a@b>"] {
            assert!(recipient(bad).is_err(), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_input_stops_the_reader(text in "\\PC*") {
            let _ = (sender(&text), recipient(&text));
        }
    }
}
