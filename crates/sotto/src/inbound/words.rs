//! The words of a text message, and phrase patterns over them that forgive spelling.

/// A text as words: small letters, no accents, contractions joined, short forms written out.
#[derive(Debug)]
pub(super) struct Words {
    tokens: Vec<String>,
}

/// A phrase: words divided by spaces. `a|b` either; `pain*` a beginning; `_` any one word; `..` up
/// to four words; `$` the end. A leading `&` takes the words in any order within eight.
pub(super) type Pattern = &'static str;

const GAP: usize = 4;
const WINDOW: usize = 8;
/// Enough for any text message or transcript line; bounds the work on hostile input.
const MOST_WORDS: usize = 600;

impl Words {
    /// Splits and writes out.
    pub(super) fn new(text: &str) -> Self {
        let folded = guard::fold(text).replace(['\'', '"'], "");
        let raw: Vec<&str> = folded
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|word| !word.is_empty())
            .take(MOST_WORDS)
            .collect();
        let mut tokens: Vec<String> = Vec::with_capacity(raw.len());
        for word in raw {
            let joined = tokens.last().and_then(|last| contraction(last, word));
            match joined {
                Some(joined) => {
                    tokens.pop();
                    tokens.push(joined.to_owned());
                }
                None => tokens.push(written_out(&squeezed(word)).to_owned()),
            }
        }
        Self { tokens }
    }

    /// How many words.
    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// The words with one space between.
    pub(super) fn joined(&self) -> String {
        self.tokens.join(" ")
    }

    /// The whole text is one of these, give or take "please" and "thanks".
    pub(super) fn are_only(&self, whole: &[&str]) -> bool {
        let kept: Vec<&str> = self
            .tokens
            .iter()
            .map(String::as_str)
            .filter(|t| {
                !matches!(*t, "please" | "thanks" | "thank" | "you" | "gracias" | "favor" | "por")
            })
            .collect();
        let kept = kept.join(" ");
        whole.contains(&kept.as_str()) || whole.contains(&self.joined().as_str())
    }

    /// The word stands in the text.
    pub(super) fn has_word(&self, word: &str) -> bool {
        self.tokens.iter().any(|t| t == word)
    }

    /// Any of the patterns, spelled right from `forgive` letters down, with one slip above.
    pub(super) fn match_any(&self, patterns: &[Pattern], forgive: usize) -> bool {
        patterns.iter().any(|pattern| self.matches(pattern, forgive))
    }

    fn matches(&self, pattern: Pattern, forgive: usize) -> bool {
        if let Some(near) = pattern.strip_prefix('&') {
            return self.near(near, forgive);
        }
        let slots: Vec<&str> = pattern.split(' ').collect();
        (0..self.tokens.len()).any(|at| self.follows(at, &slots, forgive))
    }

    fn follows(&self, at: usize, slots: &[&str], forgive: usize) -> bool {
        match slots {
            [] => true,
            ["$"] => at >= self.tokens.len(),
            [".."] => true,
            ["..", rest @ ..] => {
                (at..=at.saturating_add(GAP)).any(|next| self.follows(next, rest, forgive))
            }
            [slot, rest @ ..] => {
                self.tokens.get(at).is_some_and(|token| fits(token, slot, forgive))
                    && self.follows(at.saturating_add(1), rest, forgive)
            }
        }
    }

    fn near(&self, pattern: &str, forgive: usize) -> bool {
        let windows = self.tokens.len().saturating_sub(WINDOW).saturating_add(1);
        (0..windows).any(|start| {
            let window = self.tokens.iter().skip(start).take(WINDOW);
            pattern.split(' ').all(|slot| window.clone().any(|t| fits(t, slot, forgive)))
        })
    }
}

fn fits(token: &str, slot: &str, forgive: usize) -> bool {
    slot.split('|').any(|word| match word.strip_suffix('*') {
        _ if word == "_" => true,
        Some(beginning) => token.starts_with(beginning),
        None => {
            token == word || (word.len() >= forgive && one_slip(token.as_bytes(), word.as_bytes()))
        }
    })
}

/// One letter missing, added, changed or swapped with its neighbour.
fn one_slip(a: &[u8], b: &[u8]) -> bool {
    let head = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (a.get(head..).unwrap_or(&[]), b.get(head..).unwrap_or(&[]));
    match (a, b) {
        ([_, rest_a @ ..], [_, rest_b @ ..]) if rest_a == rest_b => true,
        ([_, rest @ ..], other) if rest == other => true,
        (other, [_, rest @ ..]) if rest == other => true,
        ([x1, x2, rest_a @ ..], [y1, y2, rest_b @ ..]) => x1 == y2 && x2 == y1 && rest_a == rest_b,
        _ => false,
    }
}

/// `stoppp` → `stop`, `pleeease` → `please`: three of a letter are one.
fn squeezed(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    let mut letters = word.chars().peekable();
    while let Some(letter) = letters.next() {
        let mut run = 1_usize;
        while letters.next_if_eq(&letter).is_some() {
            run = run.saturating_add(1);
        }
        let times = if run == 2 || letter.is_ascii_digit() { run } else { 1 };
        out.extend(std::iter::repeat_n(letter, times));
    }
    out
}

fn contraction(last: &str, word: &str) -> Option<&'static str> {
    Some(match (last, word) {
        ("can", "not" | "t") => "cant",
        ("will", "not") | ("won", "t") => "wont",
        ("do", "not") | ("don", "t") => "dont",
        ("does", "not") | ("doesn", "t") => "doesnt",
        ("is", "not") | ("isn", "t") => "isnt",
        ("did", "not") | ("didn", "t") => "didnt",
        ("could", "not") | ("couldn", "t") => "couldnt",
        ("are", "not") | ("aren", "t") => "arent",
        ("i", "am" | "m") => "im",
        ("opt", "out") => "optout",
        ("opt", "in") => "optin",
        ("un", "subscribe") => "unsubscribe",
        ("re", "schedule") => "reschedule",
        _ => return None,
    })
}

fn written_out(word: &str) -> &str {
    match word {
        "u" => "you",
        "ur" | "youre" => "your",
        "pls" | "plz" | "plse" => "please",
        "appt" | "apt" | "appts" | "apptmt" | "appointments" => "appointment",
        "thx" | "tks" | "ty" | "tysm" | "thnx" | "thanx" | "thankyou" => "thanks",
        "cannot" | "cnt" | "cant" => "cant",
        "tmrw" | "tmw" | "tomorow" | "tommorow" | "2morrow" => "tomorrow",
        "msgs" | "msg" | "txts" | "txt" | "texts" | "messages" | "sms" => "text",
        "texting" | "txting" | "messaging" => "texting",
        "wanna" => "want",
        "gonna" => "going",
        "q" | "k" if word == "q" => "que",
        "xq" => "porque",
        _ => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_forgive_spelling_and_gaps() {
        let words = Words::new("I can not  make it, PLEEEASE move my appt");
        assert_eq!(words.joined(), "i cant make it please move my appointment");
        assert!(words.match_any(&["cant make it"], 9));
        assert!(words.match_any(&["cant .. move"], 9));
        assert!(words.match_any(&["&appointment cant"], 9));
        assert!(!words.match_any(&["make cant"], 9));
        assert!(Words::new("my appoinment").match_any(&["appointment"], 6));
        assert!(!Words::new("my appoinment").match_any(&["appointment"], 20));
        assert!(Words::new("stopppp please").are_only(&["stop"]));
    }
}
