//! Does a text speak of danger to life? Asked before all else (RULEBOOK CLIN-01, CLIN-03).
//!
//! Recall before precision: a false alarm costs a call. Negation never clears a hit ("no chest
//! pain" is still looked at by a person). Written from public warning signs: CDC, AHA, the 988
//! Lifeline and MedlinePlus (public domain).

use super::emergency_phrases;
use super::grammar::{self, Hit};
use super::intent::classify;
use super::revocation::other_letters;
use super::words::Words;

/// The kind of danger, for the task that staff get. Never said to the patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Suicide or self-harm, said or hinted.
    SelfHarm,
    /// Harm to others, or violence now.
    Violence,
    /// Overdose or poison.
    Poison,
    /// Chest pain or pressure, a heart attack.
    Chest,
    /// No breath, choking.
    Breathing,
    /// Signs of a stroke.
    Stroke,
    /// Bleeding, or no movement, in pregnancy; waters broken.
    Pregnancy,
    /// A wound that opens or bleeds after an operation.
    AfterSurgery,
    /// Heavy bleeding.
    Bleeding,
    /// Unconscious, seizure, collapse, blue.
    Unconscious,
    /// Swelling of face or throat, anaphylaxis.
    Allergy,
    /// A very young infant who is ill.
    Newborn,
    /// Severe pain in the belly.
    Abdomen,
    /// Sugar very high or very low.
    Diabetic,
    /// The word itself: emergency, 911, ambulance.
    Said,
}

/// The danger that a text speaks of, as [`classify`] reads it.
#[must_use]
pub fn find(text: &str) -> Option<Family> {
    classify(text).danger
}

/// The danger that an answer in a form speaks of. Its question asked for a word or two, a medicine
/// ("Aspirin") or why they come ("back pain"): so few alarm by a phrase of danger only ("chest pain",
/// "overdose"); what says more is read as a text is.
#[must_use]
pub fn find_in_answer(answer: &str) -> Option<Family> {
    let danger = find(answer)?;
    let words = Words::new(answer);
    let tells = words.len() > A_LABEL
        || among(&grammar::find(&words)).is_some()
        || in_another_language(answer);
    tells.then_some(danger)
}

/// So many words name a thing and tell nothing of it.
const A_LABEL: usize = 3;

/// The first family that the phrases found speak of. A figure of speech clears what it overlaps ("kill for a coffee"); a
/// history or a form clears a noun ("my stroke in 2019", "emergency contact"). A negation clears
/// nothing but the bare word of emergency.
pub(super) fn among(hits: &[Hit]) -> Option<Family> {
    let excused = hits.iter().any(|hit| hit.cue == emergency_phrases::EXCUSE);
    let figures: Vec<&Hit> =
        hits.iter().filter(|hit| hit.cue == emergency_phrases::FIGURE).collect();
    hits.iter()
        .filter_map(|hit| {
            let noun = hit.cue.0 >= emergency_phrases::NOUN;
            let number =
                if noun { hit.cue.0.wrapping_sub(emergency_phrases::NOUN) } else { hit.cue.0 };
            let family = *ALL.get(usize::from(number))?;
            let excusable = noun || family == Family::Said;
            let figured =
                figures.iter().any(|f| f.at.start < hit.at.end && hit.at.start < f.at.end);
            let cleared = figured || (excusable && excused);
            (!cleared).then_some(family)
        })
        .min()
}

/// A figure of speech stands in the text, and no danger beside it.
pub(super) fn only_a_figure(hits: &[Hit]) -> bool {
    hits.iter().any(|hit| hit.cue == emergency_phrases::FIGURE) && among(hits).is_none()
}

/// Calls for help, or names a danger, in a script or with letters that English and Spanish do not have.
pub(super) fn in_another_language(text: &str) -> bool {
    other_letters(text).is_some_and(|text| OTHER_LANGUAGES.iter().any(|call| text.contains(call)))
}

/// Chinese, Russian, Ukrainian, Vietnamese, Korean, Japanese, Arabic, Hindi, and a few of other
/// languages: "help", "I cannot breathe", "chest pain", "suicide".
const OTHER_LANGUAGES: &[&str] = &[
    "救命",
    "胸痛",
    "胸口痛",
    "胸口疼",
    "喘不过气",
    "呼吸困难",
    "呼吸困難",
    "无法呼吸",
    "自杀",
    "自殺",
    "不想活",
    "救护车",
    "流血不止",
    "昏迷",
    "помогите",
    "не могу дышать",
    "боль в груди",
    "болит грудь",
    "самоубий",
    "не хочу жить",
    "скорую",
    "кровотечение",
    "не можу дихати",
    "допоможіть",
    "cấp cứu",
    "khó thở",
    "đau ngực",
    "tự tử",
    "không thở",
    "살려",
    "숨을 못",
    "숨이 안",
    "가슴이 아",
    "가슴 통증",
    "자살",
    "응급",
    "助けて",
    "息ができ",
    "胸が痛",
    "死にたい",
    "النجدة",
    "لا أستطيع التنفس",
    "ألم في الصدر",
    "انتحار",
    "बचाओ",
    "सांस नहीं",
    "सीने में दर्द",
    "скорая",
    "умираю",
    "задыхаюсь",
    "без сознания",
    "передозировк",
    "отравил",
    "швидку",
    "вмираю",
    "快死",
    "想死",
    "不能呼吸",
    "没有呼吸",
    "沒有呼吸",
    "大出血",
    "中风",
    "中風",
    "晕倒",
    "暈倒",
    "叫救",
    "muốn chết",
    "ngất xỉu",
    "chảy máu nhiều",
    "đột quỵ",
    "죽고 싶",
    "쓰러",
    "피가 멈추지",
    "救急車",
    "意識がな",
    "血が止まら",
    "الإسعاف",
    "اسعاف",
    "أريد أن أموت",
    "لا يتنفس",
    "نزيف",
    "فاقد الوعي",
    "سانس نہیں",
    "کمک کنید",
    "نفسم",
    "मरना चाह",
    "बेहोश",
    "खून नहीं रुक",
    "বাঁচাও",
    "নিঃশ্বাস",
    "ਬਚਾਓ",
    "ਸਾਹ ਨਹੀਂ",
    "nie mogę oddychać",
    "pogotowi",
    "ból w klatce",
    "הצילו",
    "אמבולנס",
    "לא נושם",
    "לא מצליחה לנשום",
    "לא מצליח לנשום",
    "βοήθεια",
    "ασθενοφόρο",
    "δεν μπορώ να αναπνεύσω",
    "ช่วยด้วย",
    "หายใจไม่ออก",
    "nefes alamıyor",
];

/// In the order in which one is named where a text speaks of several.
const ALL: [Family; 15] = [
    Family::SelfHarm,
    Family::Violence,
    Family::Poison,
    Family::Chest,
    Family::Breathing,
    Family::Stroke,
    Family::Pregnancy,
    Family::AfterSurgery,
    Family::Bleeding,
    Family::Unconscious,
    Family::Allergy,
    Family::Newborn,
    Family::Abdomen,
    Family::Diabetic,
    Family::Said,
];

impl Family {
    /// Its number among the cues.
    pub(super) const fn number(self) -> u8 {
        self as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DANGER: &[(&str, Family)] = &[
        ("I have chest pain", Family::Chest),
        ("my chest feels so tight and heavy", Family::Chest),
        ("pressure in my chest since lunch", Family::Chest),
        ("chets pain", Family::Chest),
        ("no chest pain but pressure earlier", Family::Chest),
        ("pain in my left arm and jaw", Family::Chest),
        ("me duele el pecho", Family::Chest),
        ("tengo presión en el pecho", Family::Chest),
        ("dad is having a heart attack", Family::Chest),
        ("j'ai une douleur dans la poitrine", Family::Chest),
        ("li pa ka respire", Family::Breathing),
        ("hindi makahinga si lola", Family::Breathing),
        ("quero morrer", Family::SelfHarm),
        ("I can't breathe", Family::Breathing),
        ("cant breath", Family::Breathing),
        ("she is chocking", Family::Breathing),
        ("he's choking on food", Family::Breathing),
        ("short of breath walking", Family::Breathing),
        ("no puedo respirar", Family::Breathing),
        ("me falta el aire", Family::Breathing),
        ("her lips are turning blue", Family::Breathing),
        ("mom's face is drooping", Family::Stroke),
        ("his speech is garbled", Family::Stroke),
        ("slurred speech since this morning", Family::Stroke),
        ("worst headache of my life", Family::Stroke),
        ("sudden loss of vision in one eye", Family::Stroke),
        ("tiene la cara torcida", Family::Stroke),
        ("it won't stop bleeding", Family::Bleeding),
        ("coughing up blood", Family::Bleeding),
        ("vomiting blood", Family::Bleeding),
        ("soaking a pad every hour", Family::Bleeding),
        ("está sangrando mucho", Family::Bleeding),
        ("he passed out", Family::Unconscious),
        ("she wont wake up", Family::Unconscious),
        ("my son had a seizure", Family::Unconscious),
        ("se desmayó mi mamá", Family::Unconscious),
        ("my throat is closing", Family::Allergy),
        ("face and tongue swelling up", Family::Allergy),
        ("used my epipen", Family::Allergy),
        ("se me hincha la lengua", Family::Allergy),
        ("took too many pills", Family::Poison),
        ("toddler drank bleach", Family::Poison),
        ("I think he overdosed", Family::Poison),
        ("sobredosis", Family::Poison),
        ("I want to kill myself", Family::SelfHarm),
        ("everyone would be better off without me", Family::SelfHarm),
        ("i dont want to be here anymore", Family::SelfHarm),
        ("thinking about sucide", Family::SelfHarm),
        ("no reason to live", Family::SelfHarm),
        ("ya no quiero vivir", Family::SelfHarm),
        ("me quiero matar, quitarme la vida", Family::SelfHarm),
        ("I cut myself last night", Family::SelfHarm),
        ("my husband is hitting me", Family::Violence),
        ("I'm going to kill him", Family::Violence),
        ("he has a gun", Family::Violence),
        ("mi esposo me golpea", Family::Violence),
        ("I'm 20 weeks pregnant and bleeding", Family::Pregnancy),
        ("the baby hasn't moved today", Family::Pregnancy),
        ("baby is moving less than yesterday", Family::Pregnancy),
        ("my sugar is really low", Family::Diabetic),
        ("the meter just says HI", Family::Diabetic),
        ("bleeding and it is not stopping", Family::Bleeding),
        ("my baby won't wake", Family::Unconscious),
        ("I can't go on", Family::SelfHarm),
        ("ya no puedo más", Family::SelfHarm),
        ("she suddenly can't speak", Family::Stroke),
        ("my water broke", Family::Pregnancy),
        ("estoy embarazada y estoy sangrando", Family::Pregnancy),
        ("newborn has a fever", Family::Newborn),
        ("my 3 week old baby has a temp of 101", Family::Newborn),
        ("mi bebé tiene fiebre", Family::Newborn),
        ("my incision came open", Family::AfterSurgery),
        ("stitches popped and there's pus", Family::AfterSurgery),
        ("severe stomach pain", Family::Abdomen),
        ("worst pain of my life in my belly", Family::Abdomen),
        ("blood sugar is 40", Family::Diabetic),
        ("my sugar is 500", Family::Diabetic),
        ("this is an emergency", Family::Said),
        ("should I call 911", Family::Said),
        ("STOP I can't breathe", Family::Breathing),
        ("cancel my appointment, having chest pains", Family::Chest),
        ("救命,我喘不过气", Family::Said),
        ("у меня боль в груди", Family::Said),
    ];

    #[test]
    fn danger_and_its_kind_are_seen() {
        let missed: Vec<_> = DANGER
            .iter()
            .filter(|(text, family)| find(text) != Some(*family))
            .map(|(text, family)| (text, family, find(text)))
            .collect();
        assert_eq!(missed, []);
    }

    #[test]
    fn ordinary_texts_are_not_danger() {
        for text in [
            "yes see you then",
            "C",
            "R",
            "X",
            "STOP",
            "running late, is 3 ok",
            "sitter cancelled, no way today",
            "who is this",
            "wrong number",
            "thanks!",
            "can I bring my daughter to the appointment",
            "what time do you open",
            "sí, confirmo",
            "is parking free",
            "I need a refill on my metformin",
            "can I eat before the blood test",
            "do I need to fast",
            "my knee still hurts a bit",
            "cancel",
            "I can't make it Tuesday",
            "where is the office",
            "no puedo ir mañana",
            "¿a qué hora es mi cita?",
            "can't stop by today",
            "traffic is terrible, 10 min late",
            "my cold is better",
            "I can't move my appointment",
            "can't go on Tuesday",
            "I won't be here tomorrow",
            "cant talk right now",
            "no puedo más tarde",
            "no puedo mover la cita",
            "the sugar test is at 8:30",
            "ayuda por favor",
            "",
        ] {
            assert_eq!(find(text), None, "{text}");
        }
    }
}
