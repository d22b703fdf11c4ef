//! What does a patient's text want? The names are the public contract's (DESIGN §5), the order of
//! several is RULEBOOK TEL-19.

use serde::{Deserialize, Serialize};

use super::words::{Pattern, Words};
use super::{emergency, revocation};

/// What a text wants. Ordered: the more urgent first (TEL-19).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    /// Danger to life (§13).
    Emergency,
    /// The number is not the patient's.
    WrongNumber,
    /// No more messages (TEL-10, TEL-11).
    OptOut,
    /// Messages again (TEL-18).
    OptIn,
    /// A question or complaint about health.
    QuestionClinical,
    /// Another time for the appointment, or late for it.
    Reschedule,
    /// Will not come.
    DeclineOrCancel,
    /// Will come.
    Confirm,
    /// Who is this, and how do I get help.
    Help,
    /// Any other question.
    QuestionAdmin,
    /// Thanks, and nothing else.
    Thanks,
    /// None of these.
    Other,
}

/// A text that is one reserved word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keyword {
    /// The STOP family.
    Stop,
    /// Bare CANCEL, END or QUIT: an opt-out, and a task about the appointment (TEL-16).
    Cancel,
    /// START, UNSTOP, JOIN.
    Start,
    /// HELP, INFO.
    Help,
    /// C.
    Confirm,
    /// R.
    Reschedule,
    /// X.
    CannotCome,
}

/// How sure the reading is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Nothing was recognised, or only the form of a question.
    Guess,
    /// A known wording.
    Likely,
    /// The text is a reserved word.
    Exact,
}

/// What a text was read as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Most urgent first; never empty.
    pub intents: Vec<Intent>,
    /// The reserved word that the whole text is.
    pub exact_keyword: Option<Keyword>,
    /// The danger, when the first intent is an emergency.
    pub danger: Option<emergency::Family>,
    /// How sure.
    pub confidence: Confidence,
}

impl Reading {
    /// The intent to act on first.
    #[must_use]
    pub fn primary(&self) -> Intent {
        self.intents.first().copied().unwrap_or(Intent::Other)
    }
}

/// Reads one inbound text. Pure; linear in the text; never fails.
#[must_use]
pub fn classify(text: &str) -> Reading {
    let words = Words::new(text);
    let danger = emergency::find(text);
    let exact_keyword = keyword(text, &words);
    let mut intents: Vec<Intent> = danger.map(|_| Intent::Emergency).into_iter().collect();
    match exact_keyword {
        Some(keyword) => intents.push(keyword.intent()),
        None => intents.extend(wordings(text, &words, danger.is_some())),
    }
    intents.sort_unstable();
    intents.dedup();
    let confidence = match (exact_keyword, intents.first()) {
        (Some(_), _) => Confidence::Exact,
        (None, None | Some(Intent::Other | Intent::QuestionAdmin)) => Confidence::Guess,
        (None, Some(_)) => Confidence::Likely,
    };
    if intents.is_empty() {
        intents.push(Intent::Other);
    }
    Reading { intents, exact_keyword, danger, confidence }
}

impl Keyword {
    /// The intent that the word stands for.
    #[must_use]
    pub fn intent(self) -> Intent {
        match self {
            Self::Stop | Self::Cancel => Intent::OptOut,
            Self::Start => Intent::OptIn,
            Self::Help => Intent::Help,
            Self::Confirm => Intent::Confirm,
            Self::Reschedule => Intent::Reschedule,
            Self::CannotCome => Intent::DeclineOrCancel,
        }
    }
}

fn keyword(text: &str, words: &Words) -> Option<Keyword> {
    match revocation::find(text) {
        Some(revocation::Revocation::Keyword) => return Some(Keyword::Stop),
        Some(revocation::Revocation::AmbiguousKeyword) => return Some(Keyword::Cancel),
        Some(revocation::Revocation::Wording) | None => {}
    }
    Some(match words.joined().as_str() {
        "start" | "unstop" | "join" | "comenzar" | "iniciar" => Keyword::Start,
        "help" | "info" | "ayuda" => Keyword::Help,
        "c" => Keyword::Confirm,
        "r" => Keyword::Reschedule,
        "x" => Keyword::CannotCome,
        _ => return None,
    })
}

/// Words of so many letters may hold one slip.
const FORGIVE_FROM: usize = 6;

fn wordings(text: &str, words: &Words, in_danger: bool) -> Vec<Intent> {
    let says = |patterns: &[Pattern]| words.match_any(patterns, FORGIVE_FROM);
    let mut intents = Vec::new();
    if words.match_any(WRONG_NUMBER, 5) || denies_the_name(text) {
        intents.push(Intent::WrongNumber);
    }
    // CLIN-04: in danger, only a plain request to stop counts.
    if revocation::find(text).is_some() && !(in_danger && words.len() > 8) {
        intents.push(Intent::OptOut);
    }
    if words.are_only(OPT_IN_ALONE) || says(OPT_IN) {
        intents.push(Intent::OptIn);
    }
    let asks_when_free = says(RESCHEDULE);
    let declines =
        (words.are_only(DECLINE_ALONE) || says(DECLINE) || shows(text, words, &['👎', '❌']))
            && !intents.contains(&Intent::OptOut);
    if asks_when_free {
        intents.push(Intent::Reschedule);
    }
    if declines {
        intents.push(Intent::DeclineOrCancel);
    }
    let confirms = (words.are_only(CONFIRM_ALONE)
        || says(CONFIRM)
        || shows(text, words, &['👍', '✅', '👌', '✔']))
        && !says(NOT_CONFIRM)
        && !declines;
    if confirms {
        intents.push(Intent::Confirm);
    }
    if words.are_only(HELP_ALONE) || says(HELP) {
        intents.push(Intent::Help);
    }
    let settled = !intents.is_empty();
    if is_clinical(text, words, settled) {
        intents.push(Intent::QuestionClinical);
    } else if (!settled || confirms) && is_question(text, words) {
        intents.push(Intent::QuestionAdmin);
    }
    if says(&["thanks", "thank you", "gracias", "appreciate it|you|that"])
        || shows(text, words, &['🙏'])
    {
        intents.push(Intent::Thanks);
    }
    intents
}

const WRONG_NUMBER: &[Pattern] = &[
    "wrong number|person|phone|guy|patient|contact",
    "have .. wrong number|person",
    "number is wrong",
    "not the right person|number",
    "isnt the right person|number",
    "dont know any|anyone|anybody",
    "dont know who that|this",
    "dont know .. by that name",
    "i dont know _ or",
    "nobody here by|named|called",
    "no one here by|named|called",
    "no one by that name",
    "nobody by that name",
    "doesnt live here",
    "dont have .. patient by",
    "this is no longer .. number|phone",
    "not his|her|their number|phone",
    "isnt his|her|their number|phone",
    "no longer .. number",
    "changed .. number",
    "this number belongs",
    "ive had this number",
    "i just got this number",
    "im not a patient",
    "not a patient",
    "never been .. patient|office|clinic|there",
    "dont have an appointment .. you|with|ever",
    "texting the wrong|stranger",
    "mistaken identity",
    "who is maria|jose|john|mary",
    "numero equivocado",
    "persona equivocada",
    "se equivoco",
    "equivocado|equivocada",
    "no conozco a",
    "no vive aqui",
    "no es mi|su numero",
    "este no es .. numero|telefono",
    "aqui no vive|hay|esta ningun|nadie|ninguna",
    "no soy paciente",
    "no soy la persona",
];
const OPT_IN_ALONE: &[&str] = &[
    "start text",
    "start again",
    "optin",
    "resume",
    "subscribe",
    "resubscribe",
    "unstop please",
    "unblock",
    "join text",
    "text me again",
    "iniciar mensajes",
    "empezar",
    "reanudar",
    "suscribir",
    "inicio",
    "strat",
    "unstopp",
];
const OPT_IN: &[Pattern] = &[
    "start|resume|restart sending|texting|text",
    "start .. again .. text",
    "start .. text again",
    "sign me up",
    "opt me in|back",
    "optin",
    "subscribe me",
    "turn .. text .. back on",
    "text .. back on",
    "want .. text again|back",
    "get .. text again",
    "send .. text again",
    "resume .. text|reminders",
    "quiero recibir .. mensajes|recordatorios",
    "volver a recibir",
    "suscribirme",
    "reactivar|activar mensajes|mis|los",
];
const RESCHEDULE: &[Pattern] = &[
    "reschedule|rescheduled|rescheduling|resched|reschedul",
    "reprogramar|reprograme|reagendar|reagende|recalendarizar",
    "another|different|other|new|better|later|earlier|sooner day|time|date|slot|appointment|week",
    "some other time|day",
    "any other time|day|times|days|openings|slots",
    "move|change|switch|push|bump|swap .. appointment|time|visit|day|it|date|back|slot",
    "can|could we|i .. do|come .. instead|later|earlier|next|tomorrow|monday|tuesday|wednesday|thursday|friday|afternoon|morning|different",
    "postpone|delay|raincheck",
    "rain check",
    "running late|behind|10|15|20|5",
    "im late|late",
    "im going to be late",
    "be .. late",
    "stuck in traffic",
    "late .. is _ ok|okay|fine|possible|alright",
    "is _ ok|okay|fine|possible|alright instead",
    "is _ ok|possible|available|open",
    "is _ pm|am ok|okay|possible|available|open|better",
    "do you have|got .. anything|openings|opening|availability|later|earlier|slot|another|spot",
    "anything|something .. available|later|earlier|sooner|next|else",
    "next week instead|better|works",
    "later .. today|instead|same day",
    "instead of|next|tomorrow|today|at|on|monday|tuesday|wednesday|thursday|friday",
    "works|work better",
    "how about monday|tuesday|wednesday|thursday|friday|next|tomorrow",
    "how about _ pm|am",
    "what about monday|tuesday|wednesday|thursday|friday|next|tomorrow",
    "can i come at|in|on|later|earlier|tomorrow|monday|tuesday|wednesday|thursday|friday|next",
    "make it .. _ instead",
    "come .. later|earlier",
    "pick a new",
    "cambiar .. cita|hora|dia|fecha",
    "cambie .. cita|hora|dia",
    "otro dia",
    "otra hora|fecha|cita",
    "mas tarde|temprano",
    "voy .. tarde|retrasado|retrasada",
    "llego tarde",
    "llegare tarde",
    "voy a llegar tarde",
    "posponer|aplazar",
    "mover .. cita",
    "puede ser|puedo ir .. lunes|martes|miercoles|jueves|viernes|manana|otro|las",
    "tiene .. disponible|espacio",
    "la proxima semana",
    "mejor el|otro",
];
const DECLINE_ALONE: &[&str] = &[
    "no",
    "nope",
    "nah",
    "no sir",
    "no maam",
    "negative",
    "n",
    "no way",
    "no can do",
    "not today",
    "not coming",
    "wont",
    "cant",
    "cant today",
    "cant sorry",
    "sorry cant",
    "sorry no",
    "no sorry",
    "no not today",
    "pass",
    "cancelled",
    "canceled",
    "no puedo",
    "hoy no",
    "no gracias",
    "no asistire",
    "decline",
    "no thanks",
    "skip",
    "no ire",
    "no voy",
];
const DECLINE: &[Pattern] = &[
    "cant|couldnt|wont|not .. make it|that|this|tomorrow|today|my|the|monday|tuesday|wednesday|thursday|friday",
    "cant|wont come|attend|go|get|be|stop|do",
    "cant .. come|attend|make",
    "cant i|we",
    "wont be able",
    "wont be there|coming|in|attending",
    "wont .. there|making it",
    "wont make",
    "not able to",
    "unable to",
    "not be able",
    "not coming|able|attending|showing",
    "not going to|today|tomorrow",
    "not gonna",
    "arent coming|able|going",
    "isnt coming|going|able",
    "cancel|cancell|canceling|cancelling .. appointment|visit|it|that|today|tomorrow|mine|my|me|the|monday|tuesday|wednesday|thursday|friday|for|checkup|session",
    "need|have|want|like|must|going|gotta|to cancel",
    "please cancel",
    "cancel please",
    "can you|i cancel",
    "sitter|babysitter|ride .. cancelled|canceled|fell|bailed|cancel|quit|through",
    "no way today|tomorrow|i|im|we|that|to",
    "no can do",
    "something .. came up",
    "came up .. work",
    "not today|tomorrow|this week",
    "have to miss",
    "going to miss",
    "gonna miss",
    "must miss|skip",
    "have to skip",
    "skip .. appointment|this|it",
    "no longer need|coming|want .. appointment|visit",
    "no longer need|coming",
    "dont need .. appointment|visit|come",
    "dont want .. appointment|visit|come",
    "have to pass",
    "forget .. appointment|it",
    "too sick to|come",
    "car .. broke|broken|dead",
    "car wont start",
    "no ride",
    "dont have .. ride|car|transportation",
    "have to decline",
    "sin transporte",
    "no voy|vamos a|ir|poder",
    "no puedo|podemos|podre|podremos .. ir|llegar|asistir|venir|manana|hoy|lunes|martes|miercoles|jueves|viernes|ese|esta",
    "no podre|podra|puedo ir|asistir|llegar|manana",
    "no voy a poder",
    "no asistire|ire|llegare|vendre|iremos",
    "cancelar|cancele|cancelen .. cita|consulta|visita|mi|la",
    "quiero|necesito|favor|deseo|tengo que cancelar",
    "no alcanzo",
    "me surgio",
    "surgio algo",
    "no tengo .. transporte|carro|quien|ride",
];
const CONFIRM_ALONE: &[&str] = &[
    "y",
    "yes",
    "yep",
    "yup",
    "yeah",
    "ya",
    "yea",
    "yas",
    "yess",
    "yessir",
    "yes sir",
    "yes maam",
    "ok",
    "okay",
    "okey",
    "oki",
    "k",
    "que",
    "kk",
    "sure",
    "sure thing",
    "confirm",
    "confirmed",
    "confirming",
    "confrim",
    "comfirm",
    "conferm",
    "confirmd",
    "cofirm",
    "c confirm",
    "c yes",
    "yes c",
    "got it",
    "will do",
    "absolutely",
    "definitely",
    "of course",
    "correct",
    "affirmative",
    "roger",
    "alright",
    "all good",
    "good",
    "great",
    "perfect",
    "sounds good",
    "sounds great",
    "fine",
    "1",
    "si",
    "sii",
    "si si",
    "sip",
    "claro",
    "claro que si",
    "confirmo",
    "confirmado",
    "confirmada",
    "confirmar",
    "de acuerdo",
    "esta bien",
    "listo",
    "lista",
    "perfecto",
    "vale",
    "por supuesto",
    "si confirmo",
    "ahi estare",
    "alli estare",
    "okay yes",
    "ok yes",
    "ok c",
    "see ya",
    "see you",
    "yes see you",
];
const CONFIRM: &[Pattern] = &[
    "confirm|confirmed|confirming|confirms",
    "see you|ya|u then|there|monday|tuesday|wednesday|thursday|friday|saturday|tomorrow|soon|at|all|on|later|in",
    "cu then",
    "ill|will|well be there|in|coming",
    "be there|thr",
    "im|were coming",
    "ill come",
    "im in",
    "im good for",
    "count me in",
    "sounds good|great|perfect",
    "that|time|it|this works",
    "works for me|us|great|fine",
    "works fine|great|perfect",
    "looking forward",
    "on my way",
    "omw",
    "yes i|we|ill|im|will|that|see|please|sir|maam|thanks|thank|to|for|the|my|c|of|and|definitely|absolutely|can",
    "yep|yup|yeah ill|see|that|will|im|i|thanks",
    "planning to be|on",
    "i can|will make|attend|come",
    "wouldnt miss",
    "all set",
    "still coming|on|good",
    "we are coming",
    "got it .. see|there|thanks",
    "hasta manana|el|luego|entonces|pronto|lunes|martes|miercoles|jueves|viernes",
    "confirmo|confirmado|confirmada|confirmamos",
    "ahi|alli|alla estare|estaremos|nos|voy|vamos",
    "si ahi|alli|voy|ire|asistire|confirmo|estare|puedo|gracias|claro|senorita|senor|esta|vamos|por",
    "nos vemos",
    "si voy|ire|asistire",
    "claro que si",
    "voy a ir",
    "estare ahi|alli|presente",
    "cuente conmigo",
    "seguro que si",
    "con gusto",
];
const NOT_CONFIRM: &[Pattern] = &[
    "not|cant|wont|dont|didnt|no .. confirm|there|make|sure",
    "ill be late",
    "was|is .. confirmed",
    "did .. confirm",
    "can you confirm",
    "please confirm|send|tell",
    "see you in court",
    "confirm .. time|address|what|when|where",
    "no se",
    "no estoy segur*",
];
const HELP_ALONE: &[&str] = &[
    "help me",
    "i need help",
    "need help",
    "halp",
    "hlp",
    "help please",
    "more info",
    "information",
    "informacion",
    "necesito ayuda",
    "ayudame",
    "who dis",
    "who",
    "quien",
];
const HELP: &[Pattern] = &[
    "who is|are|r this|you|it|texting|sending",
    "whos this|that|texting",
    "who dis|this|sent",
    "who am i",
    "new phone",
    "what is this",
    "whats this",
    "what number|company|office|place|clinic|practice is",
    "what is this about|for|number",
    "is this .. spam|scam|real|legit|bot",
    "are you .. bot|real|robot|human",
    "how did you get|have",
    "who do you",
    "identify yourself",
    "where .. get .. my number",
    "quien es|eres|habla|son|me|manda|escribe|envia",
    "de quien|parte de quien",
    "que es esto",
    "de donde .. son|llaman|escriben|es",
    "de que .. numero|oficina|clinica",
];

/// "This isn't Maria", "I'm not Mr. Lee": a name, so a capital, follows the denial.
fn denies_the_name(text: &str) -> bool {
    let folded = guard::fold(text).replace('\'', "");
    let all_capitals = !text.chars().any(char::is_lowercase);
    let plain: Vec<&str> =
        folded.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()).collect();
    let capitals: Vec<bool> = text
        .replace(['\'', '’'], "")
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .map(|w| w.starts_with(char::is_uppercase))
        .collect();
    if all_capitals || capitals.len() != plain.len() {
        return false;
    }
    const DENIALS: &[&[&str]] = &[
        &["this", "is", "not"],
        &["this", "isnt"],
        &["im", "not"],
        &["i", "am", "not"],
        &["not"],
        &["no", "soy"],
        &["yo", "no", "soy"],
        &["i", "dont", "know"],
        &["there", "is", "no"],
        &["theres", "no"],
        &["no", "hay", "ninguna"],
        &["no", "conozco", "a"],
        &["esta", "no", "es"],
        &["este", "no", "es"],
        &["no", "es"],
    ];
    DENIALS.iter().any(|denial| {
        plain.windows(denial.len()).enumerate().any(|(at, window)| {
            let next = at.saturating_add(denial.len());
            let alone = denial.len() > 1 || at == 0;
            let name = plain.get(next).is_some_and(|w| !is_calendar_word(w) && *w != "i");
            window == *denial && alone && name && capitals.get(next) == Some(&true)
        })
    })
}

fn is_calendar_word(word: &str) -> bool {
    matches!(
        word,
        "monday"
            | "tuesday"
            | "wednesday"
            | "thursday"
            | "friday"
            | "saturday"
            | "sunday"
            | "january"
            | "february"
            | "march"
            | "april"
            | "may"
            | "june"
            | "july"
            | "august"
            | "september"
            | "october"
            | "november"
            | "december"
            | "lunes"
            | "martes"
            | "miercoles"
            | "jueves"
            | "viernes"
            | "ok"
            | "sure"
            | "today"
            | "tomorrow"
            | "until"
            | "dr"
            | "covid"
            | "english"
            | "spanish"
    )
}

/// A sign, alone or with a few words.
fn shows(text: &str, words: &Words, signs: &[char]) -> bool {
    words.len() <= 3 && text.chars().any(|c| signs.contains(&c))
}

const CLINICAL_QUESTION: &[Pattern] = &[
    "should|can|could|may|do i .. take|stop|eat|drink|use|fast|exercise|shower|drive|mix|continue|skip",
    "am i supposed to .. take|eat|fast|drink|stop|use",
    "is it .. normal|safe|ok|okay|serious|bad|contagious .. to|take|that|if",
    "is that|this normal|serious|bad|contagious",
    "what .. mean|results|dose|dosage",
    "how many|much .. take|pills|mg|milligrams|doses",
    "side effect|effects",
    "what should i .. do|take|use",
    "need .. refill|refills|prescription|antibiotic|medication|meds|medicine",
    "refill .. my|on|for|please|request",
    "my .. hurts|hurt|aches|swollen|itches|bleeding|numb|infected|burning",
    "im .. in pain|sick|nauseous|dizzy|bleeding|vomiting|itchy",
    "i .. feel|feeling .. sick|worse|dizzy|nauseous|weak|awful|terrible|bad|funny|weird|depressed|anxious",
    "been .. coughing|vomiting|sick|dizzy|bleeding|throwing",
    "get|got|have .. results|test|labs",
    "are .. results|labs|tests .. in|back|ready",
    "do i need .. fast|fasting|blood|shot|vaccine|xray|antibiotics",
    "before|after .. surgery|procedure|test|bloodwork",
    "getting worse",
    "not working .. medicine|meds|pills|medication",
    "medicine|meds|pills|medication|inhaler .. isnt|not|making|makes|cause",
    "puedo|debo|tengo que .. tomar|comer|beber|usar|dejar|seguir|ayunar|manejar",
    "es normal|grave|peligroso|contagioso",
    "me siento|sigo .. mal|peor|mareado|mareada|debil",
    "me duele|duelen|arde|pica",
    "tengo .. dolor|fiebre|tos|mareos|nauseas|sarpullido|diarrea",
    "necesito .. receta|medicina|medicamento|resurtido|antibiotico",
    "resultados .. examen|analisis|laboratorio|listos",
    "cuantas|cuanto .. pastillas|tomar|tomo|debo",
    "efectos secundarios",
    "en ayunas",
    "mis .. resultados",
];

/// A question or complaint about health. Beside a wish for the appointment ("have a fever, can't
/// come") only an outright clinical question counts.
fn is_clinical(text: &str, words: &Words, settled: bool) -> bool {
    if words.match_any(CLINICAL_QUESTION, FORGIVE_FROM) {
        return !settled || !words.match_any(REASON, FORGIVE_FROM);
    }
    if settled {
        return false;
    }
    guard::check(text, &guard::Context::default()).findings.iter().any(|finding| {
        use guard::Category::*;
        match finding.category {
            Diagnosis | Medication | LabResult | MentalHealth | Sud | Reproductive | Hiv => true,
            Procedure => !words.match_any(LOGISTICS, FORGIVE_FROM),
            Specialty | Billing | IdentifierSsn | IdentifierMrn | IdentifierDob
            | IdentifierAddress | IdentifierOther => false,
        }
    })
}

/// A complaint that is only the reason not to come.
const REASON: &[Pattern] = &[
    "im .. sick",
    "feel|feeling .. sick|bad|awful|terrible",
    "me siento mal",
    "my .. hurts",
    "tengo fiebre|tos",
];
const LOGISTICS: &[Pattern] = &[
    "where|when|donde|cuando",
    "what time",
    "how long",
    "que hora",
    "insurance|cost|price|parking",
];

const ASKING: &[&str] = &[
    "what", "when", "where", "how", "why", "which", "who", "whats", "wheres", "whens", "do",
    "does", "is", "are", "can", "could", "will", "would", "should", "did", "am", "que", "donde",
    "cuando", "como", "cuanto", "cuanta", "cual", "puedo", "puede", "hay", "tiene", "tienen",
    "necesito", "aceptan",
];

fn is_question(text: &str, words: &Words) -> bool {
    let first = words.joined();
    let first = first.split(' ').next().unwrap_or("");
    text.contains(['?', '¿', '？'])
        || (words.len() > 1 && ASKING.contains(&first))
        || words.match_any(ADMIN, FORGIVE_FROM)
        || (words.len() <= 2
            && [
                "directions",
                "address",
                "hours",
                "parking",
                "cost",
                "insurance",
                "direccion",
                "horario",
            ]
            .iter()
            .any(|w| words.has_word(w)))
}

const ADMIN: &[Pattern] = &[
    "need|want|send|text|give|know .. address|directions|link|form|forms|bill|receipt|number|paperwork|copy|records|time|note",
    "i have .. question",
    "question about|regarding",
    "please call|have|text|send",
    "call me",
    "need .. appointment|schedule|talk|speak",
    "want .. appointment|schedule|talk|speak",
    "like to .. schedule|make|book|speak|talk",
    "book .. appointment",
    "make an appointment",
    "schedule an appointment",
    "forgot .. time|when|where|address|password|day",
    "lost .. link|address|card",
    "insurance .. changed|new|card",
    "new insurance|address|phone",
    "necesito .. cita|direccion|hablar|saber|copia",
    "quiero .. cita|saber|hablar",
    "hacer una cita",
    "una pregunta",
    "llameme|llamenme",
];
