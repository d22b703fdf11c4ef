//! The words of a text message as the rules read them: small letters, no accents, contractions
//! joined, short forms written out, slips of the thumb mended, signs as words.

use super::spelling::{SPELLING, Spelling};

/// Enough for any text message or transcript line; bounds the work on hostile input.
const MOST_WORDS: usize = 600;
/// No word of either language is longer; the rest of a longer run says nothing.
const MOST_LETTERS: usize = 40;

/// A text as words.
#[derive(Debug)]
pub(super) struct Words {
    tokens: Vec<Token>,
    /// The text holds a question mark.
    pub(super) asks: bool,
}

/// One word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// As mended.
    pub(super) word: String,
    /// Its number in the word list; none for a word that is not there.
    pub(super) id: Option<u16>,
    /// The value, where the word is a number.
    pub(super) number: Option<u32>,
    /// What the writer set behind it.
    pub(super) pause: Pause,
}

/// A sign between two words; the weightiest, where several stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pause {
    /// Nothing but space.
    None,
    /// A comma, dash or the like.
    Comma,
    /// A full stop, an exclamation mark or a line's end.
    End,
    /// A question mark.
    Question,
}

impl Pause {
    const fn of(c: char) -> Self {
        match c {
            '?' => Self::Question,
            '.' | '!' | '\n' | ';' => Self::End,
            ',' | ':' | '-' | '(' | ')' | '/' => Self::Comma,
            _ => Self::None,
        }
    }
}

impl Words {
    /// Splits, writes out and mends.
    pub(super) fn new(text: &str) -> Self {
        let spelling: &Spelling = &SPELLING;
        let mut words = Self { tokens: Vec::new(), asks: false };
        let mut word = String::new();
        let mut before = ' ';
        for c in guard::fold(text).chars() {
            // `STOP!!!1!`: the thumb left the shift key.
            if c == '1' && before == '!' {
                continue;
            }
            before = c;
            if c.is_ascii_alphanumeric() {
                if divides(&word, c) {
                    words.take(&mut word, spelling);
                }
                if word.len() < MOST_LETTERS {
                    word.push(c);
                }
                continue;
            }
            match c {
                '\'' | '`' => {
                    if !word.is_empty() {
                        word.push('\'');
                    }
                    continue;
                }
                '"' => continue,
                '*' | '$' | '@' | '!' if hides_a_letter(&word, c) => {
                    word.push(c);
                    continue;
                }
                _ => {}
            }
            words.take(&mut word, spelling);
            words.asks |= c == '?';
            if let Some(last) = words.tokens.last_mut() {
                last.pause = last.pause.max(Pause::of(c));
            }
            if let Some(sign) = sign(c) {
                words.push(sign, spelling);
            }
            if words.tokens.len() >= MOST_WORDS {
                break;
            }
        }
        words.take(&mut word, spelling);
        words
    }

    /// The words.
    pub(super) fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// How many words.
    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// The words with one space between.
    pub(super) fn joined(&self) -> String {
        let words: Vec<&str> = self.tokens.iter().map(|t| t.word.as_str()).collect();
        words.join(" ")
    }

    fn take(&mut self, word: &mut String, spelling: &Spelling) {
        let parts = written_apart(word);
        let plain = word.replace('\'', "");
        let whole = parts.unwrap_or(&plain).trim_end_matches(['*', '$', '@', '!']);
        if whole.is_empty() {
            word.clear();
            return;
        }
        if parts.is_some() {
            whole.split(' ').for_each(|part| self.push(part, spelling));
            word.clear();
            return;
        }
        let last = self.tokens.last().map(|t| t.word.as_str());
        if let Some(joined) = last.and_then(|last| contraction(last, whole)) {
            self.tokens.pop();
            self.push(joined, spelling);
        } else {
            match spelling.mended(whole) {
                Some(mended) => mended.split(' ').for_each(|part| self.push(part, spelling)),
                None => self.push(whole, spelling),
            }
        }
        word.clear();
    }

    fn push(&mut self, word: &str, spelling: &Spelling) {
        self.tokens.push(Token {
            id: spelling.id(word),
            number: word.parse().ok(),
            word: word.to_owned(),
            pause: Pause::None,
        });
    }
}

/// `10min`, `3pm` and `101F` are two words; `st0p`, `b4` and `2morrow` are one.
fn divides(word: &str, next: char) -> bool {
    !word.is_empty()
        && next.is_ascii_alphabetic()
        && word.bytes().all(|b| b.is_ascii_digit())
        && !(word.len() == 1 && matches!(next, 'm' | 'd' | 'n' | 's' | 't' | 'l' | 'u' | 'c'))
        || (word.len() > 3
            && next.is_ascii_digit()
            && word.bytes().all(|b| b.is_ascii_alphabetic())
            && !matches!(next, '0' | '1' | '3'))
}

/// `f**k`, `sh!t`, `f@ck`: a sign inside a word.
fn hides_a_letter(word: &str, sign: char) -> bool {
    !word.is_empty()
        && word.len() < 4
        && sign != '!'
        && !word.ends_with(|c: char| c.is_ascii_digit())
}

/// "He'll" is not hell, nor "we'll" well.
fn written_apart(word: &str) -> Option<&'static str> {
    Some(match word {
        "he'll" => "he will",
        "she'll" => "she will",
        "we'll" => "we will",
        "they'll" => "they will",
        "it'll" => "it will",
        "you'll" => "you will",
        "that'll" => "that will",
        "she'd" | "he'd" | "we'd" => "would",
        _ => return None,
    })
}

fn contraction(last: &str, word: &str) -> Option<&'static str> {
    Some(match (last, word) {
        ("can", "not" | "t" | "nt") => "cant",
        ("will", "not") | ("won", "t") => "wont",
        ("do" | "does", "not") | ("don" | "doesn", "t") => "dont",
        ("is", "not") | ("isn", "t") => "isnt",
        ("did", "not") | ("didn", "t") => "didnt",
        ("could", "not") | ("couldn", "t") => "couldnt",
        ("are", "not") | ("aren", "t") => "arent",
        ("was", "not") | ("wasn", "t") => "wasnt",
        ("has", "not") | ("hasn", "t") => "hasnt",
        ("have", "not") | ("haven", "t") => "havent",
        ("would", "not") | ("wouldn", "t") => "wouldnt",
        ("should", "not") | ("shouldn", "t") => "shouldnt",
        ("i", "am" | "m") => "im",
        ("i", "ll") => "ill",
        ("i", "ve") => "ive",
        ("opt" | "opted" | "opting", "out") => "optout",
        ("opt" | "opted", "in") => "optin",
        ("x", "ray" | "rays") => "xray",
        ("un", "subscribe") => "unsubscribe",
        ("re", "schedule") => "reschedule",
        ("epi", "pen") => "epipen",
        _ => return None,
    })
}

/// What a sign says, as a word of the patterns.
fn sign(c: char) -> Option<&'static str> {
    Some(match c {
        '👍' | '✅' | '👌' | '✔' | '☑' | '🆗' | '💯' | '🤙' | '🫡' | '🙋' => {
            "zyes"
        }
        '👎' | '❌' | '✖' | '❎' | '😞' | '😔' | '🙁' | '☹' => "zno",
        '🛑' | '⛔' | '🚫' | '📵' | '🔕' | '✋' | '🖕' | '🙅' | '🤬' | '🤐' | '🔇' => {
            "zstop"
        }
        '🙏' | '❤' | '💕' | '🥰' | '💙' | '💜' | '💚' | '💛' | '🤗' | '💖' | '😘' | '🫶' | '♥'
        | '🩷' | '💗' | '💐' => "zthanks",
        '❓' | '❔' | '🤔' | '⁉' | '🤷' | '🧐' => "zask",
        '🆘' | '🚨' | '🚑' => "zsos",
        '📞' | '☎' | '📱' => "zphone",
        '🔫' | '🔪' | '💀' | '☠' | '⚰' | '🪦' => "zdeath",
        '🤒' | '🤧' | '😷' | '🤮' | '🤢' | '🤕' | '🥴' => "zill",
        '🩸' => "zblood",
        '💊' | '💉' => "zpill",
        '😂' | '🤣' | '😅' | '😆' | '😹' | '😁' | '😄' | '😜' => "zlaugh",
        '😭' | '😢' | '😥' | '😩' | '😫' => "zcry",
        '😊' | '🙂' | '☺' | '😀' | '😃' | '🎉' | '🥳' | '👏' | '🙌' => "zsmile",
        '😡' | '😠' | '😤' | '🙄' | '😒' | '🤦' => "zangry",
        '📅' | '🗓' | '⏰' | '🕒' | '🔄' | '🔁' => "zdate",
        '🚗' | '🏃' | '🚙' => "zcar",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_written_out_and_mended() {
        for (text, words) in [
            (
                "I can not  make it, PLEEEASE move my appt",
                "i cant make it please move my appointment",
            ),
            ("my appoinment", "my appointment"),
            ("st0p", "stop"),
            ("stopppp", "stop"),
            ("STOP!!!1!", "stop"),
            ("3pm tmrw?", "3 pm tomorrow"),
            ("👍🏽", "zyes"),
            ("kiero cancelar mi sita", "quiero cancelar mi cita"),
            ("si pero mas tarde", "si pero mas tarde"),
            ("my scalp", "my scalp"),
            ("", ""),
        ] {
            assert_eq!(Words::new(text).joined(), words, "{text}");
        }
        assert!(Words::new("who is this?").asks);
        assert!(Words::new(&"a ".repeat(9_000)).len() <= MOST_WORDS + 1);
    }
}
