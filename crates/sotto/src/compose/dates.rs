//! Weekday, date and time as a person reads them.
//!
//! The short style is for text messages and stays within GSM 03.38, whose only accented small
//! letters of Spanish are é and ñ and ü: "sab" has no accent there, "mié" has.

use gate::Language;
use jiff::{
    Zoned,
    civil::{Date, Weekday},
};

/// How much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// "Tue", "Dec 1".
    Short,
    /// "Tuesday", "December 1".
    Long,
}

/// "Tue" or "Tuesday", "mar" or "martes".
#[must_use]
pub fn weekday(day: Date, language: Language, style: Style) -> &'static str {
    weekday_name(day.weekday(), language, style)
}

/// As [`weekday`], for a day of the week.
#[must_use]
pub fn weekday_name(day: Weekday, language: Language, style: Style) -> &'static str {
    let (en_short, en, es_short, es) = match day {
        Weekday::Monday => ("Mon", "Monday", "lun", "lunes"),
        Weekday::Tuesday => ("Tue", "Tuesday", "mar", "martes"),
        Weekday::Wednesday => ("Wed", "Wednesday", "mié", "miércoles"),
        Weekday::Thursday => ("Thu", "Thursday", "jue", "jueves"),
        Weekday::Friday => ("Fri", "Friday", "vie", "viernes"),
        Weekday::Saturday => ("Sat", "Saturday", "sab", "sábado"),
        Weekday::Sunday => ("Sun", "Sunday", "dom", "domingo"),
    };
    match (language, style) {
        (Language::English, Style::Short) => en_short,
        (Language::English, Style::Long) => en,
        (Language::Spanish, Style::Short) => es_short,
        (Language::Spanish, Style::Long) => es,
    }
}

/// "Dec 1" or "December 1", "1 dic" or "1 de diciembre".
#[must_use]
pub fn date(day: Date, language: Language, style: Style) -> String {
    let (en_short, en, es_short, es) = match day.month() {
        1 => ("Jan", "January", "ene", "enero"),
        2 => ("Feb", "February", "feb", "febrero"),
        3 => ("Mar", "March", "mar", "marzo"),
        4 => ("Apr", "April", "abr", "abril"),
        5 => ("May", "May", "may", "mayo"),
        6 => ("Jun", "June", "jun", "junio"),
        7 => ("Jul", "July", "jul", "julio"),
        8 => ("Aug", "August", "ago", "agosto"),
        9 => ("Sep", "September", "sep", "septiembre"),
        10 => ("Oct", "October", "oct", "octubre"),
        11 => ("Nov", "November", "nov", "noviembre"),
        _ => ("Dec", "December", "dic", "diciembre"),
    };
    let number = day.day();
    match (language, style) {
        (Language::English, Style::Short) => format!("{en_short} {number}"),
        (Language::English, Style::Long) => format!("{en} {number}"),
        (Language::Spanish, Style::Short) => format!("{number} {es_short}"),
        (Language::Spanish, Style::Long) => format!("{number} de {es}"),
    }
}

/// "2:30 pm", "2:30 p. m."; with `name_zone`, "2:30 pm CST".
#[must_use]
pub fn time(at: &Zoned, language: Language, name_zone: bool) -> String {
    let time = clock(at.time(), language);
    if name_zone { format!("{time} {}", at.strftime("%Z")) } else { time }
}

/// "2:30 pm", "2:30 p. m.".
#[must_use]
pub fn clock(time: jiff::civil::Time, language: Language) -> String {
    let hour = match time.hour() % 12 {
        0 => 12,
        hour => hour,
    };
    let half = match (language, time.hour() < 12) {
        (Language::English, true) => "am",
        (Language::English, false) => "pm",
        (Language::Spanish, true) => "a. m.",
        (Language::Spanish, false) => "p. m.",
    };
    format!("{hour}:{:02} {half}", time.minute())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date as on;

    #[test]
    fn each_language_and_style() {
        let at = "2026-12-01T14:30[America/Chicago]".parse::<Zoned>().unwrap();
        let cases = [
            (Language::English, Style::Short, "Tue Dec 1, 2:30 pm"),
            (Language::English, Style::Long, "Tuesday December 1, 2:30 pm"),
            (Language::Spanish, Style::Short, "mar 1 dic, 2:30 p. m."),
            (Language::Spanish, Style::Long, "martes 1 de diciembre, 2:30 p. m."),
        ];
        for (language, style, expected) in cases {
            let day = at.date();
            let said = format!(
                "{} {}, {}",
                weekday(day, language, style),
                date(day, language, style),
                time(&at, language, false)
            );
            assert_eq!(said, expected);
        }
        assert_eq!(time(&at, Language::English, true), "2:30 pm CST");
    }

    #[test]
    fn midnight_noon_and_minutes() {
        let cases = [(0, 0, "12:00 am"), (0, 5, "12:05 am"), (11, 59, "11:59 am")];
        let more = [(12, 0, "12:00 pm"), (13, 1, "1:01 pm"), (23, 59, "11:59 pm")];
        for (hour, minute, expected) in cases.into_iter().chain(more) {
            let at = jiff::civil::time(hour, minute, 0, 0);
            assert_eq!(clock(at, Language::English), expected);
        }
    }

    #[test]
    fn the_short_style_stays_within_the_gsm_alphabet() {
        for offset in 0..400 {
            let day = on(2027, 1, 1).saturating_add(jiff::Span::new().days(offset));
            for language in [Language::English, Language::Spanish] {
                let said = format!(
                    "{} {}",
                    weekday(day, language, Style::Short),
                    date(day, language, Style::Short)
                );
                let encoding = smpp::segment::Encoding::of(&said);
                assert_eq!(encoding, smpp::segment::Encoding::Gsm7, "{said}");
            }
        }
    }
}
