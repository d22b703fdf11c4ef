//! What changed from one wording to another, word by word.

use std::mem;

/// A stretch of words that stayed, went or came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// In both.
    Stays(String),
    /// Only in the first.
    Goes(String),
    /// Only in the second.
    Comes(String),
}

/// The fewest words that go and come to make `after` of `before`. The stretches that stay and come
/// are `after`, those that stay and go are `before`, to the last blank.
#[must_use]
pub fn between(before: &str, after: &str) -> Vec<Change> {
    let (old, new) = (words(before), words(after));
    let common = common(&old, &new);
    let mut changes = Changes::default();
    let (mut from, mut to) = (0, 0);
    while let (Some(gone), Some(come)) = (old.get(from), new.get(to)) {
        if gone == come {
            changes.stays(gone);
            (from, to) = (from + 1, to + 1);
        } else if common.at(from + 1, to) >= common.at(from, to + 1) {
            changes.gone.push_str(gone);
            from += 1;
        } else {
            changes.come.push_str(come);
            to += 1;
        }
    }
    old.iter().skip(from).for_each(|word| changes.gone.push_str(word));
    new.iter().skip(to).for_each(|word| changes.come.push_str(word));
    changes.end()
}

/// A word with the blanks after it, as they stand.
fn words(text: &str) -> Vec<&str> {
    text.split_inclusive(char::is_whitespace).collect()
}

/// How many words the rest of both texts have in common at most, from each pair of places on.
struct Common {
    lengths: Vec<u16>,
    width: usize,
}

impl Common {
    fn at(&self, from: usize, to: usize) -> u16 {
        self.lengths.get(from * self.width + to).copied().unwrap_or(0)
    }
}

fn common(old: &[&str], new: &[&str]) -> Common {
    let width = new.len() + 1;
    let mut common = Common { lengths: vec![0; (old.len() + 1) * width], width };
    for (from, gone) in old.iter().enumerate().rev() {
        for (to, come) in new.iter().enumerate().rev() {
            let length = if gone == come {
                common.at(from + 1, to + 1).saturating_add(1)
            } else {
                common.at(from + 1, to).max(common.at(from, to + 1))
            };
            if let Some(place) = common.lengths.get_mut(from * width + to) {
                *place = length;
            }
        }
    }
    common
}

/// What goes and comes between two stretches that stay is told together: first what goes.
#[derive(Default)]
struct Changes {
    told: Vec<Change>,
    gone: String,
    come: String,
}

impl Changes {
    fn stays(&mut self, word: &str) {
        self.settle();
        match self.told.last_mut() {
            Some(Change::Stays(text)) => text.push_str(word),
            _ => self.told.push(Change::Stays(word.to_owned())),
        }
    }

    fn settle(&mut self) {
        let (gone, come) = (mem::take(&mut self.gone), mem::take(&mut self.come));
        self.told.extend((!gone.is_empty()).then_some(Change::Goes(gone)));
        self.told.extend((!come.is_empty()).then_some(Change::Comes(come)));
    }

    fn end(mut self) -> Vec<Change> {
        self.settle();
        self.told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(before: &str, after: &str) -> String {
        between(before, after)
            .into_iter()
            .map(|change| match change {
                Change::Stays(text) => text,
                Change::Goes(text) => format!("[-{text}-]"),
                Change::Comes(text) => format!("[+{text}+]"),
            })
            .collect()
    }

    #[test]
    fn words_that_go_and_come() {
        for (before, after, says) in [
            ("", "", ""),
            ("", "Call us.", "[+Call us.+]"),
            ("Call us.", "", "[-Call us.-]"),
            ("Please call us.", "Please call us.", "Please call us."),
            (
                "Please call us today.",
                "Please phone us today.",
                "Please [-call -][+phone +]us today.",
            ),
            ("Call {phone}.", "Call {phone}. STOP", "Call [-{phone}.-][+{phone}. STOP+]"),
            ("a b c d", "b c x d", "[-a -]b c [+x +]d"),
        ] {
            assert_eq!(shown(before, after), says);
        }
    }

    proptest::proptest! {
        #[test]
        fn both_texts_can_be_read_from_what_changed(before in "[ab\n ]{0,30}", after in "[ab\n ]{0,30}") {
            let (mut old, mut new) = (String::new(), String::new());
            for change in between(&before, &after) {
                match change {
                    Change::Stays(text) => { old.push_str(&text); new.push_str(&text); }
                    Change::Goes(text) => old.push_str(&text),
                    Change::Comes(text) => new.push_str(&text),
                }
            }
            proptest::prop_assert_eq!((old, new), (before, after));
        }
    }
}
