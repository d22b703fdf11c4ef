//! Texts as patients write them, and what they want.

use super::intent::{Confidence, Intent, Keyword, classify};

const TEXTS: &[(Intent, &[&str])] = &[
    (
        Intent::Confirm,
        &[
            "C",
            "c",
            "c.",
            " C ",
            "yes",
            "Yes!",
            "YES",
            "y",
            "yep",
            "yup",
            "Yeah",
            "ok",
            "Okay",
            "k",
            "sure",
            "confirm",
            "Confirmed",
            "confrim",
            "comfirm",
            "yes see you then",
            "see you then",
            "See you tomorrow!",
            "I'll be there",
            "ill be there",
            "We will be there",
            "be there at 3",
            "sounds good",
            "that works",
            "works for me",
            "👍",
            "👍🏽",
            "✅",
            "yes thanks",
            "Yes, thank you!",
            "thanks, see you then",
            "count me in",
            "I can make it",
            "got it, see you Monday",
            "all set",
            "yes I'll be there",
            "On my way",
            "sí",
            "si",
            "Sí, confirmo",
            "confirmo",
            "Confirmado",
            "ahí estaré",
            "allí estaré gracias",
            "nos vemos mañana",
            "claro que sí",
            "de acuerdo",
            "si ahi voy",
            "está bien",
            "perfecto",
            "looking forward to it",
            "yes please",
            "will do",
            "Yes I confirm my appointment",
            "C - yes",
        ],
    ),
    (
        Intent::Reschedule,
        &[
            "R",
            "r",
            "reschedule",
            "Reschedule please",
            "need to reschedule",
            "resched",
            "can we reschedule",
            "rescheduel",
            "running late, is 3 ok",
            "can I come at 4 instead",
            "can we do next Tuesday",
            "is there another time",
            "do you have anything later",
            "Do you have any openings Friday?",
            "can you move my appointment to Friday",
            "need a different day",
            "could we push it back an hour",
            "how about Thursday",
            "is 4 pm available",
            "Yes but can I come later",
            "can't make it, can we reschedule?",
            "need to change my appointment",
            "postpone please",
            "another day please",
            "quiero cambiar mi cita",
            "¿puedo cambiar la cita?",
            "otro día por favor",
            "otra hora",
            "necesito reprogramar",
            "puede ser más tarde",
            "reagendar",
            "something came up, can we do another day",
        ],
    ),
    (
        Intent::DeclineOrCancel,
        &[
            "X",
            "x",
            "no",
            "No.",
            "nope",
            "can't make it",
            "cant make it",
            "I cannot make it",
            "I can not come",
            "sitter cancelled, no way today",
            "won't be able to come",
            "I wont be there",
            "not coming",
            "unable to make it",
            "cancel my appointment",
            "please cancel my appt",
            "Please cancel",
            "I need to cancel",
            "have to cancel today",
            "I need to cancel tomorrow's appointment",
            "something came up",
            "not today",
            "no can do",
            "we are not coming",
            "my car broke down",
            "can't stop by today",
            "I'm sick, can't come",
            "gotta cancel sorry",
            "👎",
            "I won't make it",
            "no way I can make it",
            "no puedo ir",
            "No podré asistir",
            "no voy a poder ir",
            "cancelar mi cita",
            "quiero cancelar mi cita",
            "no asistiré",
            "hoy no",
            "me surgió algo",
            "no thanks",
            "too sick to come",
            "no tengo transporte",
            "sorry cant",
            "don't need the appointment anymore",
            "cancel it",
            "dont have a ride",
        ],
    ),
    (
        Intent::OptOut,
        &[
            "STOP",
            "stop",
            "Stop.",
            "stop!!",
            "STOPALL",
            "unsubscribe",
            "opt out",
            "optout",
            "end",
            "quit",
            "revoke",
            "CANCEL",
            "cancel",
            "Cancel.",
            "please stop",
            "stop texting me",
            "Stop sending me these messages",
            "do not text me",
            "remove me",
            "take me off your list",
            "no more texts",
            "leave me alone",
            "stpo",
            "🛑",
            "alto",
            "parar",
            "basta",
            "cancelar",
            "no me manden más mensajes",
            "ya no quiero recibir mensajes",
            "don't message me again",
            "yes stop texting me",
            "lose my number",
            "unsuscribe",
            "quit texting me",
        ],
    ),
    (
        Intent::OptIn,
        &[
            "START",
            "start",
            "UNSTOP",
            "join",
            "start texts",
            "resume",
            "sign me up",
            "opt in",
            "please start texting me again",
            "I want the texts again",
            "comenzar",
            "quiero recibir mensajes",
        ],
    ),
    (
        Intent::Help,
        &[
            "HELP",
            "help",
            "info",
            "INFO",
            "who is this",
            "Who is this?",
            "who's this",
            "whos this",
            "new phone who dis",
            "what is this",
            "ayuda",
            "quién es",
            "¿Quién es?",
            "quien eres",
            "who are you",
            "is this a scam",
            "I need help",
            "how did you get my number",
            "what is this about",
        ],
    ),
    (
        Intent::WrongNumber,
        &[
            "wrong number",
            "not my number",
            "this isn't my phone",
            "Wrong number.",
            "you have the wrong number",
            "wrong person",
            "this isn't Maria",
            "I'm not Maria",
            "This is not Maria",
            "I don't know any Maria",
            "nobody here by that name",
            "no one here named Maria",
            "número equivocado",
            "no soy Maria",
            "se equivocó de número",
            "wrong number stop texting me",
            "sorry wrong number",
            "not a patient here",
            "she doesn't live here anymore",
            "this is no longer his number",
            "worng number",
            "I just got this number",
            "Not Maria",
            "who is this? you have the wrong number",
        ],
    ),
    (
        Intent::Thanks,
        &[
            "thanks",
            "Thank you!",
            "thx",
            "ty",
            "gracias",
            "muchas gracias",
            "thanks so much",
            "appreciate it",
            "🙏",
            "Thank you, have a good day",
        ],
    ),
    (
        Intent::QuestionClinical,
        &[
            "should I stop taking metformin",
            "can I take ibuprofen with this",
            "is it normal to feel dizzy after the shot?",
            "what do my results mean",
            "are my lab results in",
            "do I need to fast before the test?",
            "my knee is swollen since the visit",
            "I have a rash",
            "can I eat before my blood work",
            "how many pills should I take",
            "my medicine makes me nauseous",
            "¿puedo tomar ibuprofeno?",
            "tengo fiebre y tos",
            "me duele la rodilla",
            "¿ya están mis resultados?",
            "I've been coughing for two weeks",
        ],
    ),
    (
        Intent::QuestionAdmin,
        &[
            "what time is my appointment",
            "I need a refill",
            "need a refill on my lisinopril",
            "where are you located?",
            "do you take Blue Cross",
            "is there parking",
            "what is the address",
            "how long will it take?",
            "what should I bring",
            "can I bring my daughter",
            "how much is the copay",
            "when is my appointment?",
            "What are your hours?",
            "can you send me the link",
            "please call me",
            "¿a qué hora es mi cita?",
            "¿dónde están?",
            "¿cuánto cuesta?",
            "need the address",
            "can I fill the forms online",
            "I have a question about my bill",
            "directions",
        ],
    ),
    (
        Intent::Emergency,
        &[
            "chest pain",
            "I can't breathe",
            "STOP I can't breathe",
            "I want to kill myself",
            "cancel my appointment, having chest pains",
            "my baby isnt breathing",
            "no quiero vivir",
            "he took too many pills",
            "wrong number but I need an ambulance",
            "help I've fallen and can't get up",
        ],
    ),
    (
        Intent::Other,
        &[
            "banana",
            "running late",
            "going to be late",
            "voy tarde",
            "lol",
            "",
            "the weather is nice",
            "Happy holidays",
        ],
    ),
];

#[test]
fn texts_are_read_as_people_mean_them() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for (expected, texts) in TEXTS {
        for text in *texts {
            count += 1;
            let reading = classify(text);
            if reading.primary() != *expected {
                wrong.push(format!("{text:?}: {:?}, expected {expected:?}", reading.intents));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count >= 150);
}

#[test]
fn a_stop_without_the_word_and_harm_by_what_happened() {
    for (wanted, texts) in [
        (
            Intent::OptOut,
            &[
                "I would like to be left alone",
                "texting isn't for me dear, send a card",
                "just dont",
                "i withdraw",
                "how many times must i ask",
                "ya me cansé, no me busquen más",
            ][..],
        ),
        (
            Intent::Emergency,
            &[
                "everyone would be better off. just wanted to say thanks",
                "promise me someone takes the cat",
                "can't do another night of this",
                "car accident, we're ok, but she keeps asking what day it is",
            ],
        ),
        (
            Intent::Other,
            &[
                "ok i'm gonna stop bugging you, sorry for all the questions",
                "unsubscribed from my gym today, felt great",
            ],
        ),
    ] {
        for text in texts {
            assert_eq!(classify(text).primary(), wanted, "{text:?}");
        }
    }
}

#[test]
fn several_intents_come_in_the_order_of_the_rule() {
    let reading = classify("wrong number, stop texting me");
    assert_eq!(reading.intents.get(..2), Some(&[Intent::WrongNumber, Intent::OptOut][..]));
    let reading = classify("can't make it, can we reschedule?");
    assert_eq!(reading.intents, [Intent::Reschedule, Intent::DeclineOrCancel]);
}

#[test]
fn a_decline_is_never_an_opt_out() {
    for text in [
        "sitter cancelled, no way today",
        "cancel my appointment",
        "please cancel",
        "no",
        "X",
        "no puedo ir",
    ] {
        assert!(!classify(text).intents.contains(&Intent::OptOut), "{text}");
    }
}

#[test]
fn traps() {
    use Intent::*;
    for (text, intent) in [
        ("I'll stop in on Friday", Confirm),
        ("can you stop my metformin", QuestionClinical),
        ("please remove the stitches", QuestionClinical),
        ("cancel my appt", DeclineOrCancel),
        ("I want to quit smoking", QuestionClinical),
        ("don't stop texting me", Other),
        ("kindly take my cell off whatever list this is", OptOut),
        ("what time is my chest x-ray", QuestionAdmin),
        ("my chest hurts should I come", Emergency),
        ("not an emergency but my chest feels tight", Emergency),
        ("I'd kill for a coffee", Other),
        ("my phone died", Other),
        ("dying to know how it went", Other),
        ("this isn't Maria's phone", WrongNumber),
        ("who is this", Help),
        ("ya no puedo mas, quiero morir", Emergency),
        ("he put his hands around my neck", Emergency),
        ("\u{1f44d}\u{1f3fd}", Confirm),
        ("\u{1f64f}", Thanks),
        ("\u{1f6d1}", OptOut),
        ("\u{1f198}", Emergency),
    ] {
        let reading = classify(text);
        assert_eq!(reading.primary(), intent, "{text}: {:?}", reading.intents);
    }
}

#[test]
fn the_language_is_told() {
    use super::intent::Language;
    assert_eq!(classify("no puedo ir a la cita").language, Language::Spanish);
    assert_eq!(classify("can't make it").language, Language::English);
}

#[test]
fn reserved_words_are_exact() {
    for (text, keyword) in [
        ("STOP", Some(Keyword::Stop)),
        ("cancel", Some(Keyword::Cancel)),
        ("Unstop", Some(Keyword::Start)),
        ("INFO", Some(Keyword::Help)),
        ("c!", Some(Keyword::Confirm)),
        ("please stop", None),
    ] {
        let reading = classify(text);
        assert_eq!(reading.exact_keyword, keyword, "{text}");
        assert_eq!(reading.confidence == Confidence::Exact, keyword.is_some(), "{text}");
    }
}

#[test]
fn a_medicine_alone_is_no_emergency() {
    for text in ["Aspirin", "ibuprofen", "Tylenol", "aspirina", "Naproxen"] {
        assert_eq!(classify(text).primary(), Intent::QuestionClinical, "{text}");
    }
}

#[test]
fn nothing_to_name_is_no_stop() {
    for text in [
        "None",
        "none.",
        "None, thanks",
        "nada",
        "ninguno",
        "None of those",
        "zero",
        "nothing at all",
    ] {
        assert!(!classify(text).intents.contains(&Intent::OptOut), "{text}");
    }
    for text in
        ["no more", "enough", "remove", "none of your texts, stop", "nothing more from you people"]
    {
        assert!(classify(text).intents.contains(&Intent::OptOut), "{text}");
    }
}

#[test]
fn the_danger_is_told() {
    let reading = classify("STOP I can't breathe");
    assert_eq!(reading.danger, Some(super::emergency::Family::Breathing));
    assert_eq!(reading.primary(), Intent::Emergency);
}

#[test]
fn an_answer_names_a_thing_or_tells_of_danger() {
    use super::emergency::find_in_answer;
    for harmless in [
        "Aspirin",
        "ibuprofen",
        "aspirina",
        "Tylenol",
        "back pain",
        "headaches",
        "Neck pain",
        "No",
        "none",
        "A check-up",
        "un chequeo",
        "About the same",
    ] {
        assert_eq!(find_in_answer(harmless), None, "{harmless}");
    }
    for danger in [
        "chest pain",
        "overdose",
        "dolor de pecho",
        "can't breathe",
        "胸痛",
        "I want to die",
        "I took the whole bottle of aspirin last night",
        "my face is drooping on one side since this morning",
    ] {
        assert!(find_in_answer(danger).is_some(), "{danger}");
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_read(text in proptest::prelude::any::<String>()) {
        let reading = classify(&text);
        proptest::prop_assert!(!reading.intents.is_empty());
        proptest::prop_assert!(reading.intents.is_sorted());
    }
}
