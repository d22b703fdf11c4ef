//! Names as they are compared: without case, accents, apostrophes and hyphens.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use crate::people::person::Person;

/// The parts of a name: `O’Brien-García` is `obrien` and `garcia`.
#[must_use]
pub fn parts(text: &str) -> Vec<String> {
    fold(text).split_whitespace().map(str::to_owned).collect()
}

/// Everything a patient may be found by as a name: each part of each of their names, and each name
/// that has several parts also without the gaps, for `delacruz`.
#[must_use]
pub fn names(person: &Person) -> Vec<String> {
    let fields = [Some(&person.given), Some(&person.family), person.preferred.as_ref()];
    let mut all = Vec::new();
    for field in fields.into_iter().flatten() {
        let parts = parts(field);
        if parts.len() > 1 {
            all.push(parts.concat());
        }
        all.extend(parts);
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// Letters and digits in lower case and without marks, blanks for everything else but apostrophes,
/// which join.
fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // Taken apart first: there are capitals that are lower case only once they are plain ones.
    let plain = text.chars().filter(|c| !is_apostrophe(*c)).nfkd();
    for c in plain.flat_map(char::to_lowercase).nfkd().filter(|c| !is_combining_mark(*c)) {
        match c {
            'ß' => out.push_str("ss"),
            'æ' => out.push_str("ae"),
            'œ' => out.push_str("oe"),
            'þ' => out.push_str("th"),
            'ø' => out.push('o'),
            'ł' => out.push('l'),
            'đ' | 'ð' => out.push('d'),
            'ı' => out.push('i'),
            c if c.is_alphanumeric() => out.push(c),
            _ => out.push(' '),
        }
    }
    out
}

const fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’' | '‘' | 'ʼ' | 'ʻ' | '`' | '´' | '′')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fold_alike_however_they_are_written() {
        for (text, folded) in [
            ("García", "garcia"),
            ("GARCI\u{301}A", "garcia"),
            ("O'Brien", "obrien"),
            ("O’Brien", "obrien"),
            ("Smith-Jones", "smith jones"),
            ("de la Cruz", "de la cruz"),
            ("Nuñez", "nunez"),
            ("Müller-Weiß", "muller weiss"),
            ("Øystein Bjørn", "oystein bjorn"),
            ("Łukasz", "lukasz"),
            ("St. John", "st john"),
            ("Nguyễn Thị", "nguyen thi"),
            ("İpek", "ipek"),
            ("王芳", "王芳"),
            (" \t ", ""),
        ] {
            assert_eq!(parts(text).join(" "), folded, "{text}");
        }
    }

    #[test]
    fn a_name_of_several_parts_is_also_one() {
        let person = Person {
            given: "Ana María".into(),
            family: "de la Cruz".into(),
            preferred: Some("Annie".into()),
            ..Person::default()
        };
        assert_eq!(
            names(&person),
            ["ana", "anamaria", "annie", "cruz", "de", "delacruz", "la", "maria"]
        );
    }

    proptest::proptest! {
        #[test]
        fn what_is_folded_folds_to_itself(text in "\\PC{0,40}") {
            let once = parts(&text);
            proptest::prop_assert_eq!(parts(&once.join(" ")), once);
        }
    }
}
