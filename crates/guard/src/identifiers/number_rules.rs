//! The cued numbers as a table: which words call for a rule, the shape of cue and value, what the
//! number is and what its finding says. `numbers` applies it.

use super::{What, what};
use crate::level::{Category, IdentifierKind, Level};

pub(super) const SSN: What = what(
    Category::IdentifierSsn,
    Level::Never,
    "identifier.ssn",
    "It is a social security number.",
    "Never send it; ask the patient to call.",
);
pub(super) const LAST_FOUR: What = what(
    Category::IdentifierSsn,
    Level::Sensitive,
    "identifier.ssn_last_four",
    "It is a part of a social security number.",
    "Ask the patient to call instead.",
);
pub(super) const CARD: What = what(
    Category::IdentifierOther,
    Level::Never,
    "identifier.card",
    "It is a payment card number or its code.",
    "Never send it; give the link of the payment page.",
);
pub(super) const PASSWORD: What = what(
    Category::IdentifierOther,
    Level::Never,
    "identifier.password",
    "It is a password or PIN.",
    "Never send it; let the patient set one in the portal.",
);
pub(super) const MRN: What = what(
    Category::IdentifierMrn,
    Level::Sensitive,
    "identifier.mrn",
    "It is a medical record number.",
    "Leave the number out.",
);

pub(super) const fn number(rule: &'static str, reason: &'static str) -> What {
    what(Category::IdentifierOther, Level::Sensitive, rule, reason, "Leave the number out.")
}

/// A value with at least one digit and three characters, as people write ids.
pub(super) const VALUE: &str = r"(#?(?:\d{3,4}(?: \d{2,4}){1,3}\b|[a-z]{1,4} \d{3}(?: \d{2,4}){1,3}\b|[a-z]\d{3,5} \d{4,6}\b|[a-z] \d{3}(?:-\d{2,4}){1,3}\b|[a-z]{2,4} \d{5,8}[a-z]?\b|(?:[a-z]{1,8}[-_/]?){0,2}\d[a-z0-9]{0,20}(?:[-_/.][a-z0-9]{1,12}){0,4}))";
/// What may stand between a cue and its value.
pub(super) const LINK: &str = r"(?:'s)?\b[ :#.=\-(]{0,5}(?:(?:numbers?|numero|num|no|nr|id|ids|identifier|is|was|es|de|ending|in|with|on|file|code|card|policy|plan|the|of|for|holder|record|account|listed|as|it|reads|says|shows|under|del|paciente|patient)\b[ :#.=\-(]{0,4}){0,5}";
pub(super) const DIGIT: &str = r"(?:zero|oh|one|two|three|four|five|six|seven|eight|nine|cero|uno|dos|tres|cuatro|cinco|seis|siete|ocho|nueve)";

/// A value that needs no set words between it and its cue, only the same sentence: `serial on your
/// pump is AX7-2209134`.
pub(super) const LOOSE: &str = r"[^.?!0-9$]{0,48}?[ :#,]((?:[a-z]{1,4}-?)?\d[a-z0-9]{0,14}(?:[- ][a-z]{0,3}\d{2,8}[a-z]?){0,4}(?:-[a-z]{1,3})?)\b";

/// The cued rules: the words that call for the rule, its cue and value as a pattern (`{LINK}` and
/// `{VALUE}` added where it has no group of its own), what it is, what its finding says, weak.
pub(super) type Row = (&'static str, &'static str, IdentifierKind, Option<What>, bool);

pub(super) fn rows() -> Vec<Row> {
    use IdentifierKind::{Account, Biometric, Device, Licence, Mrn, Other, Plan, Ssn, Vehicle};
    let code =
        Some(number("identifier.code", "It is a number that stands for the patient's record."));
    let device = Some(number("identifier.device", "It is a device number."));
    let user_name = Some(number("identifier.user_name", "It is a user name."));
    vec![
        (
            "password passcode passwd passwrd pwd pw contrasena clave",
            r"\b(?:password|passcode|passwd|passwrd|pwd|pw|contrasena|clave)\b(?:(?: (?:for|to|of|on|del?|para|que)(?: [a-z']{1,12}){1,3})?(?: is| es| will be| sera|'s|:|=) ?[: ]?|[ :=]{1,3})([^ ]*[0-9!@#$%&*_][^ ]*|[a-z]+ (?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|one|two|three|four|five|six|seven|eight|nine)\b(?:[ -][a-z]+)?|[a-z]+-[a-z]+-[a-z0-9]+)",
            Other,
            Some(PASSWORD),
            false,
        ),
        (
            "password passcode contrasena clave",
            r"\b(?:that's|that is|esa es|este es) (?:the|your|la|tu|su) (?:new |temporary )?(password|passcode|contrasena|clave)\b",
            Other,
            Some(PASSWORD),
            false,
        ),
        (
            "password passcode contrasena clave",
            r"\b(?:password|passcode|contrasena|clave)\b(?: [a-z']{1,9}){0,5}[,:]? (?:capital |mayuscula )?((?:[a-z],? ){0,1}[a-z]{3,14},? (?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen)\b)",
            Other,
            Some(PASSWORD),
            false,
        ),
        (
            "seguro social ssn",
            r"\b(?:ssn|social security|social|seguro social)\b[^.0-9:]{0,40}[ :,]{1,3}((?:(?:cero|uno|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce|trece|catorce|quince|veinte|treinta|cuarenta|cincuenta|sesenta|setenta|ochenta|noventa|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|one|two|three|four|five|six|seven|eight|nine|zero|oh|y)[ ,-]{1,2}){4,}(?:cero|uno|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|one|two|three|four|five|six|seven|eight|nine|zero)\b)",
            Ssn,
            Some(SSN),
            false,
        ),
        (
            "pin",
            r"\b(?:pin|nip)\b(?: (?:number|code))?(?: (?:for|to|of|on)(?: [a-z']{1,12}){1,3})?(?: (?:is|was|es|reset|set|now|to|2)){1,4}[ :=]{1,3}(\d{4,8})\b",
            Other,
            Some(PASSWORD),
            false,
        ),
        (
            "ssn social soc",
            r"\b(?:ssn|soc(?:ial)?(?: sec(?:urity)?)?)\b[^0-9.]{0,40}?(\d(?: \d){8})\b",
            Ssn,
            Some(SSN),
            false,
        ),
        (
            "ssn social soc",
            r"\b(?:ssn|soc(?:ial)?(?: sec(?:urity)?)?)\b[a-z ]{0,32}[ :,]{1,3}({DIGIT}(?:[ ,.\-]{1,2}{DIGIT}){8})\b",
            Ssn,
            Some(SSN),
            false,
        ),
        (
            "social ssn",
            r"\b(?:ends?|ending) (?:in|with) (\d{4})\b[^0-9]{0,40}\b(?:last|final) (?:four|4)(?: digits)? of (?:your|the|his|her|my|ur)? ?(?:ssn|social)\b",
            Ssn,
            Some(LAST_FOUR),
            false,
        ),
        (
            "username user login usuario handle instagram twitter facebook tiktok snapchat whatsapp telegram skype",
            r"\b(?:username|user name|user id|login id|login name|login|usuario|user|handle|instagram|twitter|facebook|tiktok|snapchat|whatsapp|telegram|skype)\b(?:[ :=]{1,3}(?:is |es |handle |account |id )?)([a-z0-9]+(?: dot | underscore | dash )[a-z0-9]+(?: (?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|one|two|three|four|five|six|seven|eight|nine)){0,4}|@?[a-z0-9._@-]*[0-9_.@-][a-z0-9._@-]*[a-z0-9])",
            Other,
            user_name,
            false,
        ),
        (
            "social ssn",
            r"\b(\d{4}),? (?:is |are )?(?:the )?(?:last|final) (?:four|4)(?: digits)? of (?:your|the|his|her|my|ur)? ?(?:ssn|social)\b",
            Ssn,
            Some(LAST_FOUR),
            false,
        ),
        (
            "ssn social",
            r"\b(?:last|final|ultimos) (?:four|4|cuatro)(?: digits| digitos)?(?: of| de)?(?: your| ur| the| his| her| my| su)? ?(?:ssn|social(?: security)?|seguro(?: social)?)(?: number)?[^0-9]{0,16}(\d{4})\b",
            Ssn,
            Some(LAST_FOUR),
            false,
        ),
        (
            "ssn ss social",
            r"\b(?:ssn|ss ?#|ss|social(?: security)?|seguro social)(?: number)?,? ?(?:last (?:four|4)(?: digits)?|ending|ends|that ends|terminado|(?:que )?termina)(?: in| with| en| are| is|:)? ?(\d{4})\b",
            Ssn,
            Some(LAST_FOUR),
            false,
        ),
        (
            "ssn social",
            r"\b(?:ssn|social(?: security)?|seguro social)(?: number)?[ :#]{0,3}(?:is |es )?(?:[x*]{3}-?[x*]{2}-?)(\d{4})\b",
            Ssn,
            Some(LAST_FOUR),
            false,
        ),
        (
            "ssn ss social seguro itin nss",
            r"\b(?:ssn|ss ?#|ss|itin|nss|social security|social|seguro social|numero de seguro)\b[ :#.\-(]{0,3}(?:(?:number|numero|num|no|is|was|es|de|on|file)\b[ :#.\-]{0,3}){0,4}(\d{3}[ .\-]?\d{2}[ .\-]?\d{4})\b",
            Ssn,
            Some(SSN),
            false,
        ),
        (
            "ssn social seguro soc",
            r"\b(?:ssn|social security|social|soc(?: sec)?|seguro social)\b[ :#.\-]{0,3}(?:(?:number|numero|is|was|es)\b[ :#.\-]{0,3}){0,3}({DIGIT}(?:[ ,.\-]{1,2}{DIGIT}){8})\b",
            Ssn,
            Some(SSN),
            false,
        ),
        (
            "hospital mrn mrn# mr medical record records rec expediente historia emr ehr har csn fin",
            r"mrn|mr ?#|mr no\.?|medical (?:records?|id)|med(?:ical)? rec|emr|ehr|records? (?:number|no|id|#)|hospital (?:number|no|id)|expediente(?: medico| clinico)?|historia clinica|numero de expediente|csn|har|fin",
            Mrn,
            Some(MRN),
            false,
        ),
        ("chart", "charts?", Mrn, Some(MRN), true),
        (
            "member subscriber policy hpbn hpb hpi beneficiary poliza afiliado mbi hicn group health",
            r"member(?:ship)?|subscriber|policy(?:holder)?|group (?:number|no|id|#)|group #|health plan|hpbn|hpb|hpi|beneficiary|health id|poliza|afiliado|numero de afiliado|mbi|hicn|rx ?bin|rx ?grp",
            Plan,
            Some(number("identifier.plan", "It is a health plan number.")),
            false,
        ),
        (
            "insurance medicare medicaid insurer hmo ppo ins plan group seguro",
            r"insurance|medicare|medicaid|insurer|hmo|ppo|ins|plan|group|seguro medico|bcbs|aetna|cigna|humana|tricare",
            Plan,
            Some(number("identifier.plan", "It is a health plan number.")),
            true,
        ),
        (
            "patient pt paciente",
            r"(?:patient|pt)(?:'s)?(?: id| identifier| number| no| #)|numero de paciente",
            Other,
            Some(MRN),
            false,
        ),
        (
            "acct account acc cuenta iban routing checking bank invoice",
            r"acct|acc|account|cuenta|iban|routing|checking|invoice|guarantor",
            Account,
            Some(number("identifier.account", "It is an account number.")),
            true,
        ),
        (
            "license licence licencia lic certificate cert dea npi dl passport pasaporte dni curp cedula",
            r"(?:driver'?s?|driving|medical|nursing|state|pharmacy)? ?licen[sc]e(?: number| no| #)?|driver'?s? lic(?: number| no| #)?|dl|licencia(?: de conducir)?|certificate|cert|dea(?: number)?|npi|passport|pasaporte|dni|curp|cedula",
            Licence,
            Some(number("identifier.licence", "It is a licence number.")),
            true,
        ),
        (
            "vin plate plates placa placas tag registration vehicle",
            r"vin|licen[sc]e plates?|plates?(?: number| no| #)?|placas?|tag number|vehicle(?: registration| id)?|registration",
            Vehicle,
            Some(number("identifier.vehicle", "It is a vehicle number.")),
            true,
        ),
        (
            "serial device udi lot serie s/n sn implant pacemaker model barcode pump",
            r"serial(?: number| no\.?| #)?|device(?: id| number| no| #)?|udi|numero de serie|s/n|sn|lot(?: number| no| #)?|implant(?: id| number| serial)|pacemaker(?: id| number| serial)|icd serial",
            Device,
            device,
            true,
        ),
        (
            "cvv cvv2 cvc card",
            r"\b(?:cvv2?|cvc|card security code)\b[ :#]{0,3}(?:is |code )?(\d{3,4})\b",
            Other,
            Some(CARD),
            false,
        ),
        (
            "pin",
            r"\bpin\b[ :#]{0,2}(?:number |code )?(?:is |es )?[:#]?(\d{4,8})\b",
            Other,
            Some(PASSWORD),
            false,
        ),
        (
            "fingerprint biometric retina iris voiceprint",
            r"fingerprint|biometric|retina(?:l scan)?|iris scan|voiceprint|faceprint",
            Biometric,
            code,
            true,
        ),
        (
            "claim accession specimen encounter case study site authorization auth reclamo badge employee participant subject enrollment sample tracking donor kit prior",
            r"claim|accession|specimen|encounter|case|study|site id|authorization|auth|reclamo|badge|employee|participant|subject|enrollment|sample|tracking|donor|kit",
            Other,
            code,
            true,
        ),
        (
            "mrn mr medical record rec med expediente hospital chart cht exp r",
            r"\b(?:mrn|m\.r\.n\.?|medical record (?:number|no\.?|#)|med rec|expediente|exped|rec(?:ord)? ?(?:#|no\.|number)|hospital number|chart (?:number|#)){LOOSE}",
            Mrn,
            Some(MRN),
            true,
        ),
        (
            "mr cht exp chart",
            r"\b(?:(?:mr|cht)\.? ?#? ?|exp\. ?)(\d{3,9}-?\d{2,6}(?:-[a-z0-9]{1,4})?)\b",
            Mrn,
            Some(MRN),
            false,
        ),
        (
            "member subscriber group policy sub plan poliza afiliado subscriptor",
            r"\b(?:member|subscriber|sub id|group number|policy(?: number)?|plan id|poliza|afiliado){LOOSE}",
            Plan,
            Some(number("identifier.plan", "It is a health plan number.")),
            true,
        ),
        (
            "card ins insurance",
            r"\b(?:card|insurance|ins)\b[^$]{0,40}?[ :#]([a-z]{2,4} ?\d{4} ?\d{3,6})\b",
            Plan,
            Some(number("identifier.plan", "It is a health plan number.")),
            false,
        ),
        (
            "license licence licencia dl",
            r"\b(?:licen[sc]e|licencia|dl ?#?){LOOSE}",
            Licence,
            Some(number("identifier.licence", "It is a licence number.")),
            true,
        ),
        (
            "plate plates placa placas car vehicle truck",
            r"\b(?:plates?|placas?|(?:car|truck|vehicle) as)\b[^.?!0-9$]{0,24}?[ :#]([a-z0-9]{2,4}[ -][a-z0-9]{2,4})\b",
            Vehicle,
            Some(number("identifier.vehicle", "It is a vehicle number.")),
            false,
        ),
        (
            "serial frame",
            r"\b(?:serial(?: numbers?)?|frame (?:#|number|no\.)){LOOSE}",
            Device,
            Some(number("identifier.device", "It is a device number.")),
            true,
        ),
        (
            "claim reclamo reclamacion",
            r"\b(?:claim|reclamacion|reclamo){LOOSE}",
            Other,
            Some(number("identifier.code", "It is a number that stands for the patient's record.")),
            true,
        ),
        (
            "confirmation reference ref order confirmacion referencia rx prescription ticket",
            r"confirmation|reference|ref|order|confirmacion|referencia|rx|prescription|ticket",
            Other,
            None,
            true,
        ),
        (
            "id id# ids",
            r"\bids?\b[ :#=]{1,3}(?:numbers? |is |no\.? )?[:#]?(#?(?:[a-z]{1,8}-?)?\d[a-z0-9-]{3,20})",
            Other,
            code,
            false,
        ),
    ]
}
