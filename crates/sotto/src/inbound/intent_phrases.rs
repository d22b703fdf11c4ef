//! How patients say what they want, English and Spanish: hints for the weights, and the rules for
//! what a text wants besides. Data; read by `grammar`.

use super::grammar::{Cue, Pattern};

/// A statement that the number or the person is another's.
pub(super) const WRONG: Cue = Cue(80);
/// A number or a person that is wrong or changed in another sense.
pub(super) const NOT_WRONG: Cue = Cue(81);
/// Messages wanted again.
pub(super) const OPT_IN: Cue = Cue(82);
/// Another time.
pub(super) const RESCHEDULE: Cue = Cue(83);
/// Will not come.
pub(super) const DECLINE: Cue = Cue(84);
/// Will come.
pub(super) const CONFIRM: Cue = Cue(85);
/// Who is this.
pub(super) const HELP: Cue = Cue(86);
/// A question about health.
pub(super) const CLINICAL: Cue = Cue(87);
/// Thanks.
pub(super) const THANKS: Cue = Cue(88);
/// A question about the office.
pub(super) const ADMIN: Cue = Cue(89);

/// Every list with its cue.
pub(super) fn lists() -> impl Iterator<Item = (Cue, &'static [Pattern])> {
    [
        (WRONG, WRONG_NUMBER),
        (NOT_WRONG, NOT_WRONG_NUMBER),
        (OPT_IN, OPT_INS),
        (RESCHEDULE, RESCHEDULES),
        (DECLINE, DECLINES),
        (CONFIRM, CONFIRMS),
        (HELP, HELPS),
        (CLINICAL, CLINICALS),
        (THANKS, THANKSES),
        (ADMIN, ADMINS),
    ]
    .into_iter()
}

const THANKSES: &[Pattern] = &[
    "thanks|gracias|zthanks|grateful|obliged|blessings|agradezco|agradecida|agradecido",
    "appreciate it|you|that|yall|this|your|everything|the",
    "god bless",
    "dios .. bendiga",
    "que dios",
    "have a|an good|great|nice|wonderful|blessed|awesome",
];

const WRONG_NUMBER: &[Pattern] = &[
    "wrong|incorrect number|person|phone|guy|patient|contact|one|lady|man|woman|dude|girl|individual|address|party|house|people|recipient|digits|gal|family|place|tel",
    "^ ?sorry|oops wrong ?number $",
    "number ?you ?have ?is ?not wrong|incorrect|equivocado",
    "texting|texted|calling|called|reached|dialed|contacted|messaging|sent|messaged ?this|to|you ?the ?in wrong|error|stranger",
    "@not|not|no|aint|isnt ?longer my|his|her|their|our|mi|su ?old|wifes number|phone|child|name|doctor|appointment|cell",
    "@not|not|no ?longer ?the right|correct person|number|phone|guy",
    "not|never who|the|whom|person you|person|one|she|who ?you ?is|are|were ?think|looking|trying|want|texting|meant|for|need",
    "mistaken identity|me",
    "mistaking|mistook|confusing|confused|mistaken|mixing me .. with|for|someone|somebody",
    "got|have|texting|sent|want|looking|need ?me ?the ?to ?for ?a ?some someone|somebody|another|different|other else|person|number|people",
    "dont|not|never|didnt know|heard|recognize|met ?of|any|a|who|no|an ?of ?any ?one ?who|that|a anyone|anybody|any|this|that|nobody|by|named|called|her|him|@kin|person|name|she|he|whoever|such",
    "dont|never know who that|she|he|they|this|your is|are|person|patient",
    "i dont know _ $|or|and|stop|remove",
    "who ?is|the|tf|are|is|even ?is|the|hell|are maria|jose|john|mary|juan|carlos|david|michael|sarah|jennifer|bob|mike|linda|ana|luis|jessica|brenda|karen|steve|james|robert",
    "nobody|noone|no|aint|isnt|not|theres|there|anyone ?one|is|person|no|body|here ?here|one|is|no|named|a ?by|with|named|that|called|goes|lives|a|patient ?that|the|lives ?name|named|here|this|at",
    "no|nobody ?one|such|body ?here by|named|called|person|patient|with ?that|the|here ?name",
    "doesnt|dont|not|never|no|isnt ?longer|he ?even live|lives|living|stay ?here|at|with|in here|this|anymore|at|me",
    "no longer|longer|not|doesnt|dont|isnt|stopped ?is|his|her|their|at|have|belong|has|use|using|belongs|mine|the ?at|to|her|his|have|him|this|my|number ?him|her|this|has number|phone|him|her|this",
    "this|the|that|your ?is|number|phone ?is|number not|isnt|no|aint|belongs|doesnt ?longer|belong|the|a ?to|for|number|phone ?for|someone|me|him|her|_ ?s ?_ number|phone|anymore|$|else|patient|belongs|me|to",
    "number|phone ?used ?now belongs|belonged|belong|reassigned|recycled|disconnected|changed|transferred ?to|hands|owners|owner",
    "changed|switched|has|got|have|had|cambio|cambie ?her|his|my|their|de|a|new ?a number|phone ?months|recently|ago",
    "ive|just|recently|i ?only|just|have|ive ?just had|got|gotten|have|getting|acquired|inherited|bought|received ?it|this|a|had ?new ?number|phone ?this|for|number ?number",
    "this|is|its|my ?a|is|my|is ?my ?brand new number|phone ?so|$|i|now|not|who|stop",
    "new phone|number .. dont|not|who|wrong|previous|old|owner",
    "previous|prior|last|old|former|past owner|user|person|number|holder",
    "whoever .. had|this|that|number|is|doesnt|gave|she|he",
    "not|never|im|isnt|arent|wasnt|dont ?been|am|even|a|have ?a|your|been|not|seen|gone|go|to|an ?a|your|to patient|client|member|office|clinic|there|doctor|customer|practice|place",
    "never|not|dont|didnt ?have ?even|ever been|have|had|made|make|go|see|schedule|scheduled|went|gone|set ?an|a|any|up|to|there ?an|appointment|patient|there|doctor|any appointment|there|patient|doctor|your|with|you|office|clinic|practice",
    "gave|give|given|giving|wrote ?you|u|the|out|down|yall ?the wrong|fake|bad|my number|phone",
    "im|i|am|this|not|its|thats|me ?is|am not|isnt|aint ?the|mr|mrs|ms|miss|a|even|a|her|his|my maria|jose|john|mary|him|her|her|he|she|that|me|person|mr|mrs|ms|guy|lady|mister|miss|who|phone",
    "that|it aint|isnt|not|wasnt me|us|my",
    "thats not|isnt me|my|us|him|her|mine",
    "i|you|we ?think|believe ?you ?meant ?u ?to ?ya got|have|texted|sent|want|meant ?the ?this ?to ?a wrong|someone|different|mistake|error ?else ?person",
    "sent|text|message|this|texted .. by|in|mistake|error|accident ?mistake|error",
    "dont|not|no|never ?got|have a|any|an ?of child|husband|wife|mom|dad|dog|cat|appointment|baby|kid|pet|son|@kin|kids ?with|named|here|there|by ?you|that|name ?a",
    "number equivocado|incorrecto|errado|equivocada",
    "equivocado|equivocada|equivocaron|equivoco|equivocastes|equivocaste|equivocando|equivocacion|equivocacion|equivoca|equivocan",
    "persona equivocada|incorrecta|que",
    "no|ni ?lo|la|le ?se|es ?a conozco|conoce|conocemos|conosco ?a|ningun|ninguna|esa|ese|nadie",
    "no|ya|aqui|nadie ?no|hay ?vive|vive ?hay|con|nadie|esta ?no|aqui|nadie|ningun|ninguna|ese|de|con ?vive|llamado|llamada|persona|nombre|que ?vive aqui|vive|llame|nombre|llama|existe|conmigo|vivo",
    "aqui no|nadie|vive vive|hay|esta|se|es|llama|existe|trabaja|tenemos",
    "no|ya ?no|este es|soy|somos ?no|es|el|la|mi|su|un|ella|ningun|ninguna|de ?el|la|es|su|mi|de ?de number|paciente|phone|persona|ella|senor|senora|quien|esa|maria|juan|jose|pacientes|mama|dueno",
    "este|esta|el|ese|es ?ya ?number ?phone no|ya|es ?es|no|pertenece|otro|otra|mio ?es|el|de|mio ?de|el number|phone|otra|otro|persona|senor|senora|lupe|maria|pedro|juan|mio|ella",
    "este number|phone ?ya|no|es|lo|ahora ?no|es|era ?es|pertenece|le|otra|de|mio",
    "no|nunca soy|somos|he|fui|tengo ?paciente|ido|sido|estado|cita|ningun ?de|con|a|aqui|paciente|ahi ?ustedes|ahi|cita|hijo|child|doctor|_",
    "nuevo|nueva|tengo|compre ?este|poco|acabo ?number ?dueno|number|tengo|phone|este|chip ?nuevo",
    "acabo de .. number|phone|este|linea",
    "no|yo ?no soy _ $|se|yo|por|ella|ni|esta",
    "buscan|busca|busco a otra|otro|alguien",
    "otra|otro persona|number|alguien",
    "antes|anterior .. number|dueno|dueno",
];

const NOT_WRONG_NUMBER: &[Pattern] = &[
    "wrong address|day|time|date|insurance|pharmacy|name|birthday|doctor|location|office|bill|amount|dose|meds|link|form|entrance|building|medicine|one",
    "wrong .. on|in my|the bill|form|chart|portal|account",
    "gave|put|wrote|put|typed|entered|have .. wrong .. insurance|card|birthday|date|address|on|in|form|portal",
    "whats|what|something|anything|nothing|is|are wrong ?with",
    "changed|changing|change|new|update my|our|insurance|address ?phone ?address ?insurance ?email|number|phone|address|insurance|email|pharmacy|name",
    "my new number|phone|address|insurance|email ?is|so|for",
    "here ?is|are my new",
    "am|do i|we ?have ?the at|in|have|on|got|the right|wrong|correct",
    "is|do|did i|this|you|we ?have|get|the ?the right|correct|wrong|new number|place|person|address|office|phone|time",
    "call|reach|text .. at|on my|this|new|other|his|her|wifes number|phone|cell|instead",
];

const OPT_INS: &[Pattern] = &[
    "start|resume|restart|begin|continue|reactivate|reinstate|enable|reenable|activate|restore|unblock|subscribe|join|allow ?receiving|getting|sending|texting|my|the|me|to|for|again|up|these ?my|the|me|your|back|getting|to ?texting|sending ?appointment|up @text|again|me|back",
    "start|resume|begin|keep|continue|go|restart|can|could ?you ?sending|and|ahead ?start texting|sending|messaging|reminding|contacting|getting",
    "sign|put|add|get|opt|hook|turn|switch|enroll|count|subscribe|place|back me|us|us|my|them|it|text|these|this|the|those ?text ?number ?for ?back ?reminders back|up|in|on|list|again|for ?the|on|to|in|for|text ?list ?text",
    "optin",
    "opt|opting me|back|in|us ?back in|to",
    "resubscribe|unstop|subscribe|unsubscribed ?me|please|again|to",
    "turn|switch|put|have|get|need|want|like|send|receive|love ?to|my|the|me|them|these|us|on ?on|get|receive|have|start ?my|the|those|getting|your|receiving ?appointment @text ?back|again|on",
    "text ?me ?back|again on|again|me ?again",
    "want|like|need|wish|miss|love|prefer|ok|okay|fine|do ?id|to|i|the|with|do ?the|my|those|you|to|want|getting|your|receiving|get|receive|start ?get|receive|getting|texting|have|being ?your|the ?appointment @text ?again|back|me",
    "by|on accident|mistake|purpose|accidentally|oops .. stop|unsubscribe|optout",
    "stop|unsubscribe|optout|unsubscribed|stopped .. accident|accidentally|mistake|undo|oops|back|purpose|again|meant|accidently",
    "didnt|not|never mean|meant|want ?to stop|unsubscribe|optout|opt|leave|be",
    "undo .. stop|that|optout|it|unsubscribe",
    "can|could|may|you ?please ?you text ?me again|back|messages",
    "keep|continue|still ?want ?the ?sending ?to ?them ?text ?getting coming|sending|text|reminders|me",
    "changed my mind",
    "@want_es|volver|deseo|gustaria|puedo|pueden|puede|quiero|vuelvan|me|vuelva|si ?a|volver|otra|que|gustaria ?me|a|seguir ?recibir|mandar|mandarme|activar|empezar|enviar|manden|enviarme|recibirlos|mandandome|suscribirme|inscribirme ?otra ?los|mis|sus|a|de ?vez|nuevo @text|vez|nuevo|recibir|recibirlos|suscribirme|inscribirme",
    "suscribirme|suscribanme|inscribanme|suscribir|reactivar|reactiven|reactive|activar|activen|active|reanudar|reanuden|inscribirme|inscriban|apuntenme|apunteme|suscribeme|agreguenme|activenme ?me|mis|los|de|otra|a|mi|el",
    "otra|de vez|nuevo ?los|con ?@text",
    "no|si quiero|queria ?que ?quiero parar|cancelar|seguir|dejar|recibir .. mensajes|recibir|text|recibiendo",
];

const RESCHEDULES: &[Pattern] = &[
    "reschedule|reprogramar|postpone|postponed|delay|raincheck|posponer|aplazar|rescheduling|posponerla|postergar",
    "rain check",
    "another|different|other|new|better|later|earlier|sooner|next|alternative|alternate day|time|date|slot|appointment|week|month|opening|spot|monday|tuesday|wednesday|thursday|friday|available|times|days|afternoon|morning|hour",
    "some|any|other|the other|any|following|next time|day|times|days|openings|slots|opening|available|week",
    "move|change|switch|push|bump|swap|moving|changing|transfer|shift|moved|trade|pushed|changed|slide|reset|redo ?my|the|it|our|this|that|back|to|up|his|her|me ?appointment|visit|time|day|back|childs|tuesday|monday|3|2|to|up|from appointment|time|visit|day|it|date|back|slot|to|up|out|from|earlier|later|me|another|pm|@visit",
    "can|could|may|possible|any|is|would|how|if|will|wondering ?about|i|we|you|it|there|to|chance ?do|come|be|see|squeeze|move|get|fit|make|switch|push|have|go ?it|in|me|us|for|a ?at|in|on|to instead|later|earlier|next|tomorrow|@day|afternoon|morning|different|sooner|#1-12|another",
    "instead|better|works|work|ok|possible|rather|prefer|open|available ?of|for|me|if|on ?@day|tomorrow|next|#1-12|pm|am|later|earlier",
    "@day|tomorrow|next|#1-12|pm|am|later|earlier|morning|afternoon|week ?pm|week|morning|afternoon|am instead|better|possible|works|open|available",
    "how|what|hows|maybe|could|can ?we ?i ?about|do @day|tomorrow|next|#1-12",
    "do|does|have|got|is|are|any ?you|there|he|she|yall|u ?have|got|be ?a ?any ?something|anything|openings|opening|available|slots|times|other|later|earlier|cancellations|cancellation|spots",
    "anything|something|openings|slots|spots|availability ?available|open|else ?in|on|later|earlier|sooner|next|else|@day|available|the|after|before|that|week|morning|afternoon",
    "running|run|be|im|ill|little|bit|going|gonna|probably|may|might|few|10|15|20|5|30 ?be ?about ?a ?to ?like ?minutes|little|bit|few ?bit|minutes late|behind",
    "stuck in|at|behind traffic|work|train|school",
    "late .. ok|okay|fine|possible|alright|see|still|problem|reschedule|wait|minutes",
    "cambiar|cambie|cambiarla|mover|moverla|moveria|cambien|cambio|mueva|muevan|pasar|recorrer|adelantar|atrasar ?de|mi|la|me|el|para|una ?de ?mi|la cita|hora|dia|fecha|otro|otra|turno|horario|consulta|cita|lunes|martes|miercoles|jueves|viernes|para|mas",
    "otro|otra|nueva|proxima|siguiente|diferente|distinta|distinto dia|hora|fecha|cita|semana|horario|momento|turno",
    "mas tarde|temprano|adelante",
    "llego|llegar|llegare|voy|vamos|llegando|retrasado|retrasada|llegaremos ?a|un|unos|#1-60|como ?llegar|poco|minutos|retrasado ?un|poco|minutos tarde|atrasado|atrasada|retrasado|retrasada|despues",
    "puede|puedo|puedo|podria|podemos|podriamos|hay|tiene|tienen|habra|seria|mejor ?ser|ir|ser|para|haber|posible|algo ?el|la|algo|a|las|para|en|mas|otro|otra|espacio|lugar|disponible|disponibilidad lunes|martes|miercoles|jueves|viernes|manana|otro|otra|#1-12|disponible|espacio|tarde|temprano|antes|despues|semana|proxima|sabado|lugar|dia",
];

const DECLINES: &[Pattern] = &[
    "cant|couldnt|wont|not|unable|isnt|arent|dont|doesnt|no ?be|going|gonna|able|able|to|way|think|possibly|i|we ?to|be|able|gonna|can|will ?able ?to make|come|attend|go|get|be|keep|making|coming|attend|here|there|show|there|do|drive ?it|that|this|in|to|there|out|over ?@day|tomorrow|today|appointment|visit|$",
    "cant|wont|couldnt i|we|today|tomorrow|sorry|anymore|that|@day|make|come|do",
    "not|arent|isnt|wont ?be|going|gonna coming|showing|attending|today|tomorrow|there|able|possible|making",
    "cancel|scrap|scratch|drop|skip|skipping|miss|missing|forget|bail|bailing|dropping|canceling ?on|out ?my|the|this|that|it|tomorrow|today|our|his|her|on|both|all|of|childs|todays|me ?next|of|@day|on|my @visit|it|that|tomorrow|today|mine|@day|this|one|me|both|please|for|them|on",
    "need|have|want|like|must|going|got|please|can|could|wanna|would ?you|i|to|like|have|we ?to ?please ?go ahead|and cancel|skip|miss|pass|bail|decline",
    "please|sorry cancel|canceling",
    "cant|cannot|wont|couldnt|not ?able ?to stop|swing|drop|pop by|in|over",
    "no longer|dont|not ?need|coming|want|able|necessary|going|interested ?a|the|this|that|my|to ?to ?come @visit|come|coming|necessary|be|needed|it|in",
    "something|emergency|stuff|things|it ?just|has ?came|come|popped|suddenly up",
    "sitter|babysitter|ride|daycare|carpool|transportation|car|truck|van|work|boss ?just ?has ?is|wont|will ?called|fell|not ?me cancelled|bailed|cancel|quit|through|broke|died|dead|wont|not|down|flaked|start|wont|in|late|stranded",
    "no|without|lost|dont ?my|got|have ?a|the|any ride|car|sitter|transportation|babysitter|gas|childcare|way",
    "count|take me|us out",
    "give|let .. my|the slot|spot|appointment|someone|else",
    "no puedo|podemos|podre|podremos|voy|vamos|alcanzo|podra|ire|asistire|llegare|vendre|iremos|va|puede ?a ?ir|poder|llegar|asistir|venir|manana|hoy|@day|ese|esta|$",
    "cancelar|cancele|cancelen|cancela|cancelarla|cancelo|cancelemos ?mi|la|por|el|esta|esa ?cita|consulta|visita|mi|la|favor",
    "surgio|salio|paso ?algo|un|una|imprevisto",
    "no tengo|hay ?en ?con ?como transporte|carro|quien|ride|manera|dinero|forma|aventon|como",
    "no ?ya|me ?voy|necesito|quiero|podre ?a ?la cita|ir",
];

const CONFIRMS: &[Pattern] = &[
    "confirm|confirmo|confirmado|confirmada|confirmamos|confirmed",
    "see|cya|seeing you|ya|u|yall|him|her|dr|then|them ?all ?then|there|@day|tomorrow|soon|at",
    "ill|will|well|we|i|shall|im|ima ?will|definitely|totally|def|planning|plan|gonna|going|be ?be|to|on ?be|planning there|in|coming|here|thr|attending|present|making|ready",
    "im|were|am|are|still coming|good|on|in|planning",
    "^ k|kk $",
    "count me|us in",
    "sounds|works|looks|thats|all|im|were|its|were ?for ?all good|great|perfect|fine|set|right|me|us|excellent|wonderful|ok|lovely",
    "that|time|it|this|which|@day works|work|fine",
    "looking forward",
    "on my|our way",
    "be there|thr",
    "wouldnt|wont|not miss ?it|for",
    "i can|will make|attend|come|do",
    "planning to|on be|come|it|attending|being",
    "ahi|alli|alla|aqui ?voy|vamos|nos|los ?a estare|estaremos|nos|voy|vamos|vemos|llego|estar|llegamos",
    "nos vemos",
    "hasta manana|el|luego|entonces|pronto|@day|entonces|la",
    "si|claro ?si|que|senor ?por|ahi|alli|asistire|puedo|confirmo|estare|gracias|claro|esta|vamos|iremos|voy|si",
    "voy|vamos|ire|iremos|asistire|estare|llegare|pienso ?a|presente|sin ?ir|estar|llegar|asistir|falta",
    "cuente|cuenten|claro|por|de|con|esta ?supuesto|acuerdo|gusto|bien conmigo|supuesto|acuerdo|gusto|bien",
];

const HELPS: &[Pattern] = &[
    "who|whos ?the ?is|are|r|tf|hell|is|sent|am ?the|tf|is|hell|i ?this|you|it|texting|sending|talking|dis|dat|that|u|messaging|these|contacting",
    "new phone|number who",
    "what|whats|que ?is|number|company|office|place|clinic|practice|in|the|business|organization|doctor|es ?the|hell|is|this|world ?is|this|about|for|esto|text",
    "is|are this|you|it|these ?text|a|even|really|guys ?a|even|really spam|scam|real|legit|bot|robot|human|person|automated|phishing|computer|ai|fake|legitimate",
    "how|where did|do|you|come ?you|u|yall ?come ?guys get|have|got|getting|find|know my|this|our|your ?number ?phone|number",
    "who|where|what ?do|is|are ?you|this|yall|are|it|office|place ?from|with|about|text",
    "identify yourself",
    "i need|want help|assistance|ayuda",
    "dont|not|no understand|know|entiendo|get|sure|follow|entendi|idea ?what|this|how|who ?this|to|you|is|the|text|how|that|im|sent",
    "how does|do|can|to this|i|it|you|these|reply ?thing|respond|use|reply|answer ?this|text ?work|thing",
    "quien|quienes|con ?quien es|eres|habla|son|me|manda|escribe|envia|hablo|mando|sera|mandaron|escriben|esta|este|estoy",
    "de|por|que|cual ?parte|donde|que|es|numero|clinica|compania|quien ?de ?quien ?es|son|me ?son|llaman|escriben|es|numero|clinica|hablan|oficina|esto|mandan",
    "como|donde consiguieron|obtuvieron|sacaron|tienen|agarraron|consiguio mi",
    "es|son|este ?esto ?un|una|number|es real|estafa|robot|verdad|fraude|spam|persona|maquina|bot",
];

const CLINICALS: &[Pattern] = &[
    "quit|quitting|stop|stopping|give ?up smoking|vaping|cigarettes|drinking",
    "should|can|could|may|do|must|is|when|how|will|would ?i|we|he|she|it|my|long|soon|child|ok|okay|safe|bad|he ?still|be|child|mom|dad|husband|wife|should|have|to|need|can|for|just|also ?me|to|be|able|i|go ?to take|stop|eat|drink|use|fast|exercise|shower|drive|mix|continue|skip|taking|go|return|swim|bathe|wear|lift|give|get|put|apply|start|have|fly|breastfeed|chew|smoke|run|walk|keep|double|increase|eating|using|drinking|worried|worry|concerned|see",
    "is|was|are|it ?it|that|this|these|bruising|swelling|some|bleeding|itching ?supposed|it|pain|a ?still|be normal|safe|ok|okay|serious|bad|contagious|expected|common|dangerous|infected|concerning|broken|weird|expected|interact|addictive",
    "what|how|why|cual|que .. mean|means|dose|dosage|mg|milligrams|doses|pills|zdrug|often|significa|dosis",
    "side|adverse effect|effects",
    "what should|do|can i|we|he|she|it .. do|take|use|about|give|for|mean|help|apply",
    "my|his|her|the|their|mi|childs ?left|right|lower|upper|whole|other ?back ?arm|knee|foot|head|throat|ear|shoulder|leg|rash|stomach|eye|hip|tooth|skin|hand|ankle|wrist|back|cough|neck|nose|finger|toe|incision|stitches|jaw|gums|elbow|feet|hands|knees|wound|site|scar|pain ?is|still|are|feels|keeps|looks|has|really|been|got ?so|still|really|been|very|all|super|getting|kinda|a ?bit|little hurts|hurt|hurting|aches|swollen|itches|itchy|bleeding|numb|infected|burning|sore|red|worse|killing|throbbing|stiff|pain|peeling|popping|tender|bruised|puffy|ache|aching|tingling|stuffy|runny|clogged|ringing|twitching|dry|cracked|bothering|acting|oozing|leaking|warm|painful",
    "im|i|been|hes|shes|feel|feeling|felt|she|he|we|ive|child|still|makes|making|gives|giving|am|have|had ?been|me|him|her|still|really|very|so|super|having|feeling|had|got|a ?so|bad|a|been ?bad sick|worse|dizzy|nauseous|weak|awful|terrible|funny|depressed|anxious|coughing|vomiting|itchy|constipated|tired|exhausted|nauseated|lightheaded|headaches|headache|cramps|diarrhea|rash|fever|cold|migraine|sneezing|congested|sore|runs|congestion|cough|nausea|bloated|sweating|itching|hives|achy|insomnia|shaky|swollen|jittery|heartburn|cramping|spotting|chills|bumps|symptoms|pain|gas|infection|uti",
    "get|got|have|are|did|is|when|do|any|what|whats|were|see|como|estan|salio|salieron|ya ?you|i|my|the|will|for|on|did|are|is|de|mis|sus|los|was|were|mi ?get|the|from|my|is|of|have|last|resultados ?my results|test|labs|a1c|biopsy|bloodwork|cholesterol|xray|mri|ultrasound|lab|pathology|resultados|analisis|examenes|positive|negative|pap|culture|strep|mammogram ?results ?in|back|show|say|ready",
    "do|does|should|will|must ?i|we|he|she ?have|need ?to need|have ?to|a|any ?be fast|fasting|blood|shot|vaccine|xray|antibiotics|zdrug|surgery|booster|stitches|tetanus|flu|mri",
    "getting|gotten|got|feeling|feels|worse|better than|worse|before",
    "not|isnt|arent|stopped|doesnt|dont|aint|didnt|wasnt ?seem ?really ?to ?be working|helping|work|help|better ?at|for",
    "zdrug|meds|inhaler|pills|medicine|shot|vaccine|dose ?is|are|just|still|im|been|has ?is|not|dont|are isnt|not|making|makes|cause|causing|gives|giving|gave|made|wont|dont|doesnt|upset|upsetting|keeps",
    "missed|forgot|skipped|skip|miss ?to|a|my|his|her|one|take|the ?take|give ?my|a|his|the|him|her|morning|night dose|pills|zdrug|meds|shot|insulin|medicine",
    "puedo|debo|puede|debe|deberia|podria|tengo|hay|tiene|se ?que|yo|mi|que|mas ?child|puede tomar|comer|beber|usar|dejar|seguir|ayunar|manejar|tomarme|banar|banarme|ir|darle|hacer|mojar|suspender|poner|ponerme|ayuno|bañarme|mezclar|tomarla",
    "es|esta|sera|son normal|grave|peligroso|contagioso|malo|seguro|normales|bien",
    "me|le|nos|sigo|estoy|ando ?siento|sigue|esta|estan|da|dan|tan|muy|bien|siente|sigo ?muy|bien|un|mucho|mucha|poco|con mal|peor|mareado|mareada|debil|duele|duelen|arde|pica|tos|fiebre|comezon|nauseas|mareo|mareos|doliendo|ardor|enfermo|enferma|dolor|vomito|diarrea|ansiedad|picazon|roncha|ronchas",
    "tengo|tiene|traigo|con|anda|le|dio|tuve ?mucho|mucha|un|una|la|dio ?mucha dolor|fiebre|tos|mareos|nauseas|sarpullido|diarrea|gripa|gripe|infeccion|comezon|ronchas|vomito|hinchazon|calentura|hinchado|hinchada|inflamado|inflamada|alergia|migrana|catarro|calambres",
    "efectos secundarios",
    "en ayunas|ayuno",
    "mis|los|sus|mi|el|de|unos ?examen ?de resultados|analisis|laboratorio|resultado|examenes|estudios",
    "olvido|olvide|olvidaron ?tomar|la|mi|tomarme|el|las ?la|mi|el|las pills|zdrug|insulina|medicina|dosis|medicamento",
    "bp|blood|sugar|temp|pressure|weight|pulse ?is|was|pressure|this ?was|is|today|this|at|reading|of #60-250",
    "allergic|interact|interaction|interactions to|with|between",
    "cuanto|cuantas|cuantos|cuando|cada .. tomar|tomo|debo|pastillas|cuanto|horas|dura|dosis",
];

const ADMINS: &[Pattern] = &[
    "what|whats|when|whens|que|a|cual|cuando ?is|s|the|my|exact|es ?the|que|my|exact|room|suite|floor time|hora|day|date|address|location|hours|appointment|suite|fax|horario|number|copay|balance|fee|cost|price|direccion|dia|phone|website|visit|cita|price|deductible|building|floor",
    "where|donde|wheres ?are|is|do|can|exactly|should|estan|es|queda|esta ?you|i|the|we|your|your|la|it|you|ubicados ?located|park|office|go|clinic|get|send|at|check|oficina|upload|pay|find",
    "do|does|will|are|is|aceptan|toman|can|acepta ?you|u|my|yall|dr|i|doctor|the ?take|accept|have|open|my|in|bill|in|offer|validate|use|cover ?insurance|covered|network|medicaid|medicare|aetna|cigna|humana|blue|united|seguro|kaiser|saturdays|weekends|parking|interpreter|spanish|wheelchair",
    "how much|long|far|late|early|many ?is|does|will|do|should|are|would ?the|it|my|a|i|you ?copay|cost|take|visit|be|arrive|open|bill|arrive|get|run",
    "bring|wear|need|send|upload|fill|fax|mail|sign|complete|print|submit ?my|the|out|me|a|any|copy|in|over|up ?insurance|new|of ?card|id|forms|form|paperwork|documents|records|child|husband|wife|note|copy|letter|referral|xrays",
    "bill|billing|invoice|charge|charged|copay|payment|pay|insurance|coverage|balance|deductible|refund|receipt|statement|autopay|fsa|hsa|superbill|factura|seguro|pagar|pago|cobro|cobraron",
    "portal|login|password|log|website|link|app|account|username|code|mychart|zoom|telehealth|video|enlace|contrasena",
    "parking|directions|address|park|wheelchair|entrance|elevator|estacionamiento|direcciones|map|valet",
    "records|note|referral|form|forms|paperwork|letter|fmla|disability|fax|copy|nota|carta|formulario|papeles|expediente|justificante|jury|school|work ?note",
    "call|phone|llame|llamen|llamar|marcar|hablar|speak|talk ?con|me|to|with|us ?back|a|the|someone|asap|me|person|una|alguien|nurse|receptionist|front|billing",
    "need|want|like|make|book|schedule|set|get|hacer|necesito|quiero|sacar|agendar|programar ?an|to|up|a|me|my|una|hacer|sacar|make|schedule|book|see ?a|another|an|new|make|book|una|schedule|my|annual|sooner|the ?nueva appointment|physical|checkup|cita|someone|consult|visit|doctor|mammogram",
    "refill|prescription|resurtido|receta|pharmacy|farmacia|refills|walgreens|cvs|resurtir",
    "open|close|closed|hours|abren|abierto|cierran|cerrado|horario|lunch|holiday|holidays|saturday|sunday|walk|walkins",
    "remind|forgot|lost|recuerdame|recuerdeme|perdi ?my|me|what|the|when|mi|que|la ?the|time|address|appointment|time|when|link|day|where|card|cita|hora|dia|portal|direccion",
    "is|are|was|did|do|have ?my|the|you|we|i|yall ?still|get|receive|got|supposed|my ?my|the|on|open|have|get ?appointment|today|tomorrow|still|scheduled|appointment|prior|auth|referral|fax|forms|doctor",
];
