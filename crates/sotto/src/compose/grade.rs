//! How hard a text is to read (ACC-06: plain language, grade 6 to 8).

use gate::Language;

/// Why a text is too hard to read, or `None`. English by Flesch and Kincaid's grade, at most 8;
/// Spanish by Fernández Huerta's scale, at least 60 (the eighth grade).
pub(super) fn too_hard(text: &str, language: Language) -> Option<String> {
    let sentences = text
        .split(['.', '!', '?', ':', ';', '\n'])
        .filter(|sentence| sentence.chars().any(char::is_alphabetic))
        .count();
    let words: Vec<_> = text
        .split(|c: char| !c.is_alphabetic() && c != '\'')
        .filter(|word| !word.is_empty())
        .collect();
    if sentences == 0 || words.is_empty() {
        return None;
    }
    let syllables: usize = words.iter().map(|word| syllables(word, language)).sum();
    let per_sentence = ratio(words.len(), sentences);
    let per_word = ratio(syllables, words.len());
    match language {
        Language::English => {
            let grade = 0.39 * per_sentence + 11.8 * per_word - 15.59;
            (grade > 8.0).then(|| format!("reads at grade {grade:.1}, and 8 is the most"))
        }
        Language::Spanish => {
            let ease = 206.84 - 60.0 * per_word - 1.02 * per_sentence;
            (ease < 60.0).then(|| format!("reads at {ease:.0} of 100, and 60 is the least"))
        }
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    let as_number = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    as_number(part) / as_number(whole)
}

/// Groups of vowels; in English without a silent last e.
fn syllables(word: &str, language: Language) -> usize {
    let word = word.to_lowercase();
    let vowel = |c: char| "aeiouyáéíóúü".contains(c);
    let mut count = 0;
    let mut before = false;
    for c in word.chars() {
        let now = vowel(c);
        if now && !before {
            count += 1;
        }
        before = now;
    }
    let silent =
        language == Language::English && count > 1 && word.ends_with('e') && !word.ends_with("le");
    if silent { count - 1 } else { count }.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_words_pass_and_office_words_do_not() {
        let plain = "You have a visit on Monday. Call us if you cannot come.";
        let hard = "Notification regarding rescheduling possibilities necessitates \
                    communication with administrative personnel immediately";
        assert_eq!(too_hard(plain, Language::English), None);
        assert!(too_hard(hard, Language::English).is_some());
        let plain = "Tiene una cita el lunes. Si no puede venir, llame a la oficina.";
        let hard = "La imposibilidad de comparecencia requiere comunicación inmediata \
                    con representantes administrativos correspondientes";
        assert_eq!(too_hard(plain, Language::Spanish), None);
        assert!(too_hard(hard, Language::Spanish).is_some());
    }
}
