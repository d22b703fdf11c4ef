//! What a bystander sees or hears: the lock screen's line, the inbox's line, the spoken words.

use serde::Serialize;

use crate::channel::Channel;
use crate::guard::Guard;

/// Characters of a message that a phone shows on its locked screen.
pub const LOCK_SCREEN_CHARS: usize = 110;
/// Characters of a body that a mail program shows beside the subject.
pub const SNIPPET_CHARS: usize = 90;

/// What reaches eyes and ears before the recipient has opened anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Preview {
    /// A text message on a locked screen.
    LockScreen {
        /// The line, cut as a phone cuts it.
        line: String,
    },
    /// An email in a list of mails.
    Inbox {
        /// The subject: always level 0 (RULEBOOK EML-03).
        subject: String,
        /// The beginning of the body.
        snippet: String,
    },
    /// A call or voicemail, as spoken.
    Spoken {
        /// All of it: a loudspeaker does not stop.
        text: String,
    },
    /// The portal shows nothing outside its sign-in.
    Nothing,
}

impl Guard {
    /// What a bystander would see or hear of this text on this channel.
    ///
    /// The subject of an email is the text's first line when a blank line follows it and it reveals
    /// nothing; else a fixed one.
    #[must_use]
    pub fn preview(&self, channel: Channel, text: &str) -> Preview {
        match channel {
            Channel::Sms => Preview::LockScreen { line: cut(text, LOCK_SCREEN_CHARS) },
            Channel::Email => self.inbox(text),
            Channel::Portal => Preview::Nothing,
            Channel::Voicemail
            | Channel::RinglessVoicemail
            | Channel::LiveVoiceVerified
            | Channel::LiveVoiceUnverified => Preview::Spoken { text: one_line(text) },
        }
    }

    fn inbox(&self, text: &str) -> Preview {
        let (subject, body) = match text.split_once("\n\n") {
            Some((first, rest)) if !first.trim().is_empty() && !first.contains('\n') => {
                (without_label(first.trim()), rest)
            }
            _ => ("", text),
        };
        let harmless = !subject.is_empty()
            && self.check(subject, &crate::Context::default()).findings.is_empty();
        let (subject, body) =
            if harmless { (subject, body) } else { ("New message from your care team", text) };
        Preview::Inbox { subject: subject.to_owned(), snippet: cut(body, SNIPPET_CHARS) }
    }
}

/// `Subject: Your visit` → `Your visit`.
fn without_label(line: &str) -> &str {
    match line.split_once(':') {
        Some((label, rest))
            if label.eq_ignore_ascii_case("subject") || label.eq_ignore_ascii_case("asunto") =>
        {
            rest.trim()
        }
        _ => line,
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// At most so many characters on one line, the last an ellipsis where it was longer.
fn cut(text: &str, limit: usize) -> String {
    let mut line = String::new();
    for (count, c) in one_line(text).chars().enumerate() {
        if count == limit {
            line.pop();
            line.push('…');
            break;
        }
        line.push(c);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_channel_shows_its_own_part() {
        let guard = Guard::standard();
        let long = "word ".repeat(60);
        let Preview::LockScreen { line } = guard.preview(Channel::Sms, &long) else {
            panic!("a text message shows on the lock screen")
        };
        assert_eq!((line.chars().count(), line.ends_with('…')), (LOCK_SCREEN_CHARS, true));
        assert_eq!(
            guard.preview(Channel::Voicemail, "a\n b"),
            Preview::Spoken { text: "a b".into() }
        );
        assert_eq!(guard.preview(Channel::Portal, "x"), Preview::Nothing);
        assert_eq!(
            guard.preview(Channel::Email, "Your visit\n\nSee you Monday."),
            Preview::Inbox { subject: "Your visit".into(), snippet: "See you Monday.".into() }
        );
        let Preview::Inbox { subject, .. } = guard.preview(Channel::Email, "Your HIV test\n\nHi")
        else {
            panic!("an email shows in the inbox")
        };
        assert_eq!(subject, "New message from your care team");
    }
}
