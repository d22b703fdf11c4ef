//! Words that no list holds but whose endings tell what they are: `-mab` a drug, `-itis` a
//! disease, `-ectomy` an operation, `-ologist` a specialty.

use std::ops::Range;

use crate::assessment::Finding;
use crate::level::{Category, Level};
use crate::terms::Text;
use crate::tokens::Kind;
use crate::values::{BY_PORTAL, Says};

const DRUG: Says = Says {
    category: Category::Medication,
    level: Level::Detail,
    rule: "medication.stem",
    reason: "Its ending is a drug's.",
    suggestion: "Say “your medicine” or “your prescription”, or send it by portal.",
};
const DISEASE: Says = Says {
    category: Category::Diagnosis,
    level: Level::Sensitive,
    rule: "diagnosis.stem",
    reason: "Its ending is a disease's.",
    suggestion: BY_PORTAL,
};
const OPERATION: Says = Says {
    category: Category::Procedure,
    level: Level::Detail,
    rule: "procedure.stem",
    reason: "Its ending is a procedure's.",
    suggestion: "Say “your visit” or “your appointment”.",
};
const SPECIALTY: Says = Says {
    category: Category::Specialty,
    level: Level::Detail,
    rule: "specialty.stem",
    reason: "Its ending is a medical specialty's.",
    suggestion: "Say “your appointment” with the clinician's surname only.",
};

/// USAN and INN stems; English and Spanish.
const DRUGS: &[&str] = &[
    "pril",
    "prilat",
    "sartan",
    "olol",
    "alol",
    "dipine",
    "dipino",
    "statin",
    "statina",
    "mab",
    "tinib",
    "ciclib",
    "parib",
    "rafenib",
    "cillin",
    "cilina",
    "mycin",
    "micina",
    "floxacin",
    "floxacino",
    "oxacin",
    "cycline",
    "ciclina",
    "azole",
    "azol",
    "prazole",
    "prazol",
    "conazole",
    "conazol",
    "nidazole",
    "nidazol",
    "tidine",
    "tidina",
    "gliptin",
    "gliptina",
    "gliflozin",
    "gliflozina",
    "glutide",
    "glutida",
    "glitazone",
    "glitazona",
    "glinide",
    "ovir",
    "avir",
    "tegravir",
    "buvir",
    "asvir",
    "navir",
    "vudine",
    "parin",
    "parina",
    "xaban",
    "gatran",
    "grel",
    "setron",
    "triptan",
    "gepant",
    "zepam",
    "zolam",
    "barbital",
    "oxetine",
    "oxetina",
    "pramine",
    "pramina",
    "triptyline",
    "triptilina",
    "racetam",
    "gabalin",
    "gabalina",
    "melteon",
    "orexant",
    "peridone",
    "peridona",
    "piprazole",
    "tiapine",
    "lukast",
    "terol",
    "phylline",
    "filina",
    "sonide",
    "asone",
    "asona",
    "solone",
    "solona",
    "olone",
    "dronate",
    "dronato",
    "thiazide",
    "tiazida",
    "semide",
    "semida",
    "caine",
    "caina",
    "profen",
    "profeno",
    "coxib",
    "fenac",
    "fenaco",
    "oxicam",
    "fibrate",
    "fibrato",
    "afil",
    "steride",
    "sterida",
    "lutamide",
    "relix",
    "codone",
    "codona",
    "morphone",
    "formin",
    "formina",
    "cept",
    "kinra",
    "cort",
    "bactam",
    "penem",
    "cef",
    "sulfa",
    "zosin",
    "tadine",
    "tadina",
    "rizine",
    "rizina",
];
/// Combining forms of diseases; English and Spanish.
const DISEASES: &[&str] = &[
    "itis",
    "osis",
    "emia",
    "aemia",
    "pathy",
    "patia",
    "algia",
    "plegia",
    "paresis",
    "penia",
    "megaly",
    "megalia",
    "rrhea",
    "rrea",
    "rrhagia",
    "sclerosis",
    "dystrophy",
    "distrofia",
    "trophia",
    "edema",
    "uria",
    "ectasis",
    "stenosis",
    "ptysis",
    "blastoma",
    "carcinoma",
    "sarcoma",
    "lymphoma",
    "adenoma",
    "myeloma",
    "melanoma",
    "glioma",
    "noma",
    "phobia",
    "fobia",
    "plasia",
    "cythemia",
    "lithiasis",
    "litiasis",
    "iasis",
    "thyroidism",
    "tiroidismo",
    "tension",
    "cele",
    "opia",
];
/// Operations and pictures; English and Spanish.
const OPERATIONS: &[&str] = &[
    "ectomy", "otomy", "ostomy", "oscopy", "scopy", "plasty", "pexy", "desis", "centesis",
    "tripsy", "ectomia", "otomia", "ostomia", "oscopia", "scopia", "plastia", "centesis",
    "tripsia", "ography", "ografia", "ogram", "ograma", "graphy",
];
const SPECIALTIES: &[&str] = &[
    "ology", "ologist", "ologists", "iatry", "iatrist", "iatric", "iatrics", "ologia", "ologo",
    "ologa", "iatria", "iatra", "odontist", "odontics",
];

/// The shortest word that an ending is taken from.
const SHORTEST: usize = 7;

/// Adds a finding for each unknown word with a telling ending.
pub(crate) fn find(text: Text<'_>, taken: &[Range<usize>], out: &mut Vec<Finding>) {
    for (at, token) in text.tokens.iter().enumerate() {
        if !token.is_unknown() || token.kind != Kind::Word {
            continue;
        }
        let word = text.folded.slice(token.span());
        let word = word.strip_suffix("'s").unwrap_or(word);
        let letters = word.bytes().all(|b| b.is_ascii_lowercase());
        // "itis" after a space: a disease spelled as it is spoken.
        if matches!(word, "itis" | "ectomy" | "oscopy") && at > 0 {
            out.push(DISEASE.at(token.span()));
            continue;
        }
        if !letters || word.len() < SHORTEST || taken.iter().any(|t| t.contains(&token.start)) {
            continue;
        }
        let last = word.as_bytes().last();
        let ends = |list: &[&str]| {
            list.iter().any(|ending| {
                ending.as_bytes().last() == last
                    && word.len() >= ending.len() + 3
                    && word.ends_with(ending)
            })
        };
        let says = if ends(DISEASES) {
            DISEASE
        } else if ends(OPERATIONS) {
            OPERATION
        } else if ends(SPECIALTIES) {
            SPECIALTY
        } else if ends(DRUGS) {
            DRUG
        } else {
            continue;
        };
        let named = text.folded.is_capital(token.start) && follows_a_title(text, at);
        if !named {
            out.push(says.at(token.span()));
        }
    }
}

/// "Hi Ismail", "Dr. Karpathy": a name with a telling ending.
fn follows_a_title(text: Text<'_>, at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|b| text.tokens.get(b));
    let word = before.map_or("", |t| text.folded.slice(t.span()));
    let capital = before.is_some_and(|t| text.folded.is_capital(t.start));
    capital && word.len() > 1 && !matches!(word, "your" | "the" | "our" | "su" | "subject" | "re")
}

#[cfg(test)]
mod tests {
    use crate::Context;
    use crate::guard::by_rules;

    #[test]
    fn endings_tell() {
        for (word, rule) in [
            ("zomolizumab", "medication.stem"),
            ("brinapril", "medication.stem"),
            ("tarsoconiosis", "diagnosis.stem"),
            ("myxoscopy", "procedure.stem"),
            ("phrenologist", "specialty.stem"),
        ] {
            let found =
                by_rules(&format!("about your {word} on Monday"), &Context::default()).findings;
            assert!(found.iter().any(|f| f.rule == rule), "{word}: {found:?}");
        }
    }

    #[test]
    fn ordinary_words_with_such_endings() {
        let text = "Thank you for your sympathy, the photography and the programs of our new technology; see the analysis on the telegram channel.";
        assert_eq!(by_rules(text, &Context::default()).findings, []);
    }
}
