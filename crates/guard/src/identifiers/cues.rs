//! Words that tell what stands beside them, by role. A word may have several roles.

use super::gazetteer::{FIRST_ROLE, Tag};

pub(super) const fn role(number: u32) -> Tag {
    1 << (FIRST_ROLE + number)
}

/// An ordinary English word.
pub(super) const WORD: Tag = role(0);
/// A rarer English word that is also a name.
pub(super) const RARE_WORD: Tag = role(1);
/// `Mr`, `Dra`, `Nurse`.
pub(super) const TITLE: Tag = role(2);
/// Never part of a name.
pub(super) const STOP: Tag = role(3);
/// `Hospital`, `Clinic`: what a facility is.
pub(super) const FACILITY: Tag = role(4);
/// `Street`, `Ave`.
pub(super) const STREET: Tag = role(5);
/// A month.
pub(super) const MONTH: Tag = role(6);
/// After an eponym: `disease`, `score`.
pub(super) const THING: Tag = role(7);
/// What people do: `reports`, `lives`.
pub(super) const VERB: Tag = role(8);
/// What people have: `chart`, `mother`.
pub(super) const OWNED: Tag = role(9);
/// Before a name: `patient`, `wife`.
pub(super) const PERSON: Tag = role(10);
/// Directly before a name: `named`.
pub(super) const NAMED: Tag = role(11);
/// A state's name.
pub(super) const STATE: Tag = role(12);
/// A state's two letters.
pub(super) const STATE_CODE: Tag = role(13);
/// Inside a name: `de`, `van`.
pub(super) const PARTICLE: Tag = role(14);
/// After a name: `Jr`, `III`.
pub(super) const SUFFIX: Tag = role(15);
/// Before a place: `in`, `from`.
pub(super) const WHERE: Tag = role(16);
/// `lives`, `resident`: the place follows its preposition.
pub(super) const DWELLS: Tag = role(17);
/// After a place: `area`, `branch`.
pub(super) const AREA: Tag = role(18);
/// Says nothing about which facility it is: `our`, `outpatient`.
pub(super) const GENERIC: Tag = role(19);
/// A given or family name that mostly stands for a disease, sign or score.
pub(super) const EPONYM: Tag = role(20);
/// May have a letter behind it: `Vitamin D`.
pub(super) const LETTERED: Tag = role(21);
/// A preposition before a person: `by`, `with`, `for`.
pub(super) const PERSON_PREPOSITION: Tag = role(22);
/// `md`, `np` behind a name.
pub(super) const CREDENTIAL: Tag = role(23);
/// Before a month that is no person: `in`, `since`.
pub(super) const WHEN: Tag = role(24);
/// What ties a month to a person: `admitted`, `born`.
pub(super) const EVENT: Tag = role(25);
/// Speaks of an identifying number: `mrn`, `plan`, `vin`.
pub(super) const NUMBER_CUE: Tag = role(26);
/// `works`, `employed`, `attends`: an employer or school follows.
pub(super) const WORKS: Tag = role(27);
/// A day of the week.
pub(super) const WEEKDAY: Tag = role(28);
/// A greeting: a name follows.
pub(super) const GREETING: Tag = role(29);
/// A number in words, zero to nine.
pub(super) const DIGIT_WORD: Tag = role(30);
/// An ordinal in words.
pub(super) const ORDINAL: Tag = role(31);
/// Tells that what is beside it is a woman, man or child: `male`, `yo`.
pub(super) const HUMAN: Tag = role(32);
/// National bodies and big companies: their name is nobody's.
pub(super) const NATIONAL: Tag = role(33);
/// Speaks of an age: `old`, `aged`, `turned`.
pub(super) const AGE: Tag = role(34);

/// Care that is given somewhere: `seen`, `admitted`.
pub(super) const CARE: Tag = role(35);
/// Parts of a hospital that say nothing about which one: `ICU`.
pub(super) const WARD: Tag = role(36);

/// Something secret: `password`.
pub(super) const SECRET: Tag = role(37);

/// Gives a way into an account: `log`, `sign`, `reset`.
pub(super) const WAY_IN: Tag = role(41);

/// Somebody's home is spoken of: what is brought there, and who asks whether it is still right.
pub(super) const HOME: Tag = role(42);

/// A number in words that stands for two digits.
pub(super) const TENS: Tag = role(38);

/// A sign of an address, spelled out: `dot`. Only a hint: see [`super::gazetteer::HINTS`].
pub(super) const SPELLED_SIGN: Tag = role(40);

/// Every role with its words.
pub(super) const ROLES: &[(Tag, &str)] = &[
    (SPELLED_SIGN, "dot punto"),
    (
        TITLE,
        "mister mr mrs ms miss mx dr dra sr sra srta prof professor nurse doctor doctora rev reverend pastor rabbi imam \
         father sister officer sgt lt capt captain judge sir señora senora señor senor doña dona",
    ),
    (
        STOP,
        "christmas thanksgiving easter halloween holidays please your you this we the at on is has had was were are be been from reply call a an and or our it i if \
         he she they his her their them him who whom which what when where why how that these those there here \
         monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thurs fri \
         su tiene llame esta le el los las una un por para con sin que se es son usted dob mrn ssn id pt just time \
         thank thanks reminder not no yes to in of for with by as into per via after before since until during s/p \
         see seen stop start started text today tomorrow yesterday visit hi hello hey hola dear hx dx tx rx sx bp hr \
         best guidelines guideline recommendations recommended management treatment current latest what contraindications \
         efficacy evaluation prognosis considerations considering differential diagnosis updates updated need new \
         happy merry good noted also then but both either each all any some can could should would may might must \
         does did do let re regarding about asap fyi history patient patients phone fax email address zip lab labs \
         admitted discharged presented diagnosed treated ok okay team staff portal appointment results male female",
    ),
    (
        FACILITY,
        "hospital hospitals hosp clinic clinics clinica center centre ctr cntr infirmary hospice pharmacy medical med \
         health healthcare institute sanatorium rehab rehabilitation permanente office offices practice associates \
         dental dentistry pediatrics dermatology cardiology orthopedics ortho urgent nursing manor school elementary \
         university college academy church temple synagogue mosque shelter prison jail penitentiary correctional \
         daycare preschool kindergarten campus airport mall factory plant inc llc corp apartments estates towers \
         memorial methodist presbyterian baptist regional general children's childrens womens women's veterans county \
         hospitales centro consultorio escuela colegio universidad iglesia facility facilities system group library medicine \
         courthouse base barracks farm farms ranch village villas lodge terrace gardens homes foundation society \
         laboratories laboratory bakery restaurant diner hotel motel brewery logistics construction industries",
    ),
    (
        STREET,
        "street st avenue ave av road rd boulevard blvd lane ln drive dr court ct way place pl terrace ter circle cir \
         parkway pkwy highway hwy square sq trail trl loop plaza alley pike turnpike tpke route run row crossing \
         broadway calle avenida camino apt apartment unit suite box expressway pass path point ridge creek hollow rr",
    ),
    (
        MONTH,
        "january february march april may june july august september october november december jan feb mar apr jun \
         jul aug sep sept oct nov dec enero febrero marzo abril mayo junio julio agosto septiembre setiembre octubre \
         noviembre diciembre ene abr ago dic",
    ),
    (
        THING,
        "disease diseases syndrome syndromes disorder score scores scale scales criteria criterion sign signs test \
         tests testing palsy maneuver manoeuvre position catheter catheters procedure classification index trial \
         trials study studies reflex stage stages grade tumor tumour lymphoma lymphomas fracture fractures tube drain \
         line protocol law node nodes cell cells body bodies esophagus oesophagus thyroiditis ulcer ulcers contracture \
         phenomenon anemia chorea virus fever encephalitis spotted stool stroke heart risk consensus knee ankle bowel \
         prep postnatal sleepiness chromosome definition rule rules diet antigen assay stain block operation repair \
         resection bypass graft graft's arthritis nephropathy neuropathy ophthalmopathy gangrene granulomatosis \
         macroglobulinemia aphasia area areas sarcoma nephritis purpura spots plaques membrane membranes duct ducts \
         gland glands muscle tendon ligament canal space pouch triad pentad tetrad tetralogy equation formula method \
         model probability pain coma depression assessment inventory questionnaire survey system nomogram guideline \
         guidelines recommendations journal medicine equivalents angle view series cyst cysts hernia dystrophy \
         vaccine formation malformation ataxia dementia psychosis encephalopathy myopathy vasculitis wrap pump port \
         needle forceps retractor suture technique approach incision lines nodules deformity disability effect \
         response curve kit device monitor brand insulin infection bacteria parasite mosquito tick tea oil cohort \
         declaration statement report consortium group collaborative guidance regimen chemotherapy therapy shot \
         criterium brace guide wort murmur murmurs category triage angina enfermedad sindrome escala prueba signo cancer pneumonia pox flu influenza positivity negative",
    ),
    (
        VERB,
        "is was has had reports reported says said states stated denies denied complains complained presents presented \
         lives lived moved called calls wants wanted needs feels felt takes took started stopped underwent received \
         came went did does who came visited arrived left returned will can could should would asked asks told works \
         worked died passed fell developed requests requested missed confirmed cancelled canceled mentioned noted \
         prefers taking using having complaining asking needing refusing wanting presenting refuses refused tolerated weighs remains continues continued seems appears got gets brought sees saw \
         resides stayed drives texted emailed wrote signed agreed turned smokes drinks vive tiene dice llamo esta fue \
         vino necesita quiere",
    ),
    (
        OWNED,
        "chart charts record records labs lab mother father mom dad wife husband son daughter brother sister family \
         parents parent spouse partner guardian caregiver visit visits appointment appointments case notes note blood \
         medication medications meds medicine prescription prescriptions refill results result a1c symptoms pain \
         surgery surgeries history file files account insurance plan bp glucose sugar weight treatment treatments \
         care condition diagnosis birthday dob age address phone number email house home doctor pcp nurse physician \
         pressure kidney kidneys liver lungs skin vitals scan mri ct x-ray ultrasound biopsy asthma diabetes copd \
         hypertension pregnancy dose dosing regimen therapy response creatinine potassium inr ekg ecg echo office \
         recovery discharge admission consult referral progress last next recent current latest new",
    ),
    (
        PERSON,
        "patient pt patients client resident wife husband spouse partner mother father mom dad son daughter brother \
         sister aunt uncle cousin niece nephew grandmother grandfather grandma grandpa granddaughter grandson \
         guardian caregiver roommate neighbor friend boyfriend girlfriend fiance fiancee attending pcp surgeon \
         physician provider resident intern fellow hygienist therapist counselor pharmacist midwife doula \
         paciente esposa esposo hijo hija madre padre hermano hermana abuela abuelo mama papa baby boy girl twin \
         infant newborn child toddler teen mr's lady gentleman colleague coworker boss employer supervisor teacher",
    ),
    (
        NAMED,
        "named called name nombre llamado llamada llama aka alias nicknamed surname firstname lastname signed cc attn",
    ),
    (
        STATE,
        "alabama alaska arizona arkansas california colorado connecticut delaware florida georgia hawaii idaho illinois \
         indiana iowa kansas kentucky louisiana maine maryland massachusetts michigan minnesota mississippi missouri \
         montana nebraska nevada ohio oklahoma oregon pennsylvania tennessee texas utah vermont virginia wisconsin \
         wyoming new_hampshire new_jersey new_mexico north_carolina north_dakota rhode_island south_carolina \
         south_dakota west_virginia puerto_rico guam mexico canada england ireland scotland france germany italy spain \
         china india japan korea vietnam philippines nigeria kenya ghana ethiopia somalia egypt iraq iran syria \
         midwest northeast southeast southwest northwest caribbean appalachia pakistan bangladesh nepal cuba haiti jamaica brazil colombia venezuela peru ecuador guatemala honduras \
         nicaragua panama russia ukraine poland america usa australia africa asia europe",
    ),
    (
        STATE_CODE,
        "al ak az ar ca co ct de fl ga hi id il in ia ks ky la me md ma mi mn ms mo mt ne nv nh nj nm ny nc nd oh ok \
         or pa ri sc sd tn tx ut vt va wa wv wi wy dc pr",
    ),
    (
        PARTICLE,
        "de la las los del van der den von zu bin ibn al el di da dos das du le abu abd ben bint ter ten y st san santa mc mac o della",
    ),
    (SUFFIX, "jr sr ii iii iv esq junior"),
    (WHERE, "in from near at outside around @ en desde to of through throughout"),
    (
        DWELLS,
        "lives live living lived resident residents resides reside residing native moved moves relocated relocating \
         grew born raised home hometown residence domiciled commutes traveled travels visiting vive residente \
         homeless staying shelter transferred from_",
    ),
    (
        AREA,
        "area areas branch neighborhood neighbourhood suburb suburbs location site metro district region outskirts clinic office hospital hospitals clinics campus native resident residents",
    ),
    (
        GENERIC,
        "the our your a an this that his her my their any every each primary urgent emergency outpatient inpatient \
         walk-in same-day local nearby nearest community-based home public mental behavioral women's men's family \
         contact call visit hi hello from at in world national federal american royal international global surgical \
         diagnostic imaging pain sleep wound memory diabetes cancer heart dialysis infusion fertility transplant \
         travel student school senior adult pediatric maternal reproductive sexual oral dental eye vision occupational \
         integrated acute long-term skilled assisted nursing convenient affiliated academic tertiary teaching trauma \
         level care health medical med system group network clinical research data call to for of and by when what \
         both another other new old pcp's doctor's patient patient's your_ on is fitness recovery community ambulatory \
         specialty main front back billing post surgery testing screening vaccination vaccine immunization covid covid-19 \
         poison control crisis human total overall good poor better bone gut brain lung kidney liver blood gastrointestinal",
    ),
    (
        NATIONAL,
        "fda cdc nih who acog aha acc ada aap aafp acp acr asco nccn uspstf usmstf esc easl aasld idsa cms hhs osha \
         nice gold gina kdigo jnc sccm ats ers medicare medicaid world national american european british canadian \
         royal international federal joint cochrane uptodate pubmed jama nejm lancet bmj society association \
         organization commission college academy council task united department institutes centers",
    ),
    (
        EPONYM,
        "parkinson crohn foley hashimoto apgar glasgow wells epley trendelenburg bell lyme norwalk ebola addison \
         cushing graves wilson hodgkin alzheimer huntington paget raynaud sjogren marfan turner down klinefelter \
         chaddock babinski gleason framingham mcgill murphy kernig brudzinski romberg tinel phalen lachman homan \
         homans barrett meniere bartholin baker dupuytren peyronie kaposi burkitt wegener kawasaki takayasu behcet \
         guillain barre charcot marie tooth tourette asperger rett reye ferriman gallwey child pugh ranson \
         ann arbor breslow clark duke dukes braden morse norton waterlow katz lawton barthel rankin beck hamilton \
         edinburgh epworth berlin mallampati cormack lehane curb centor mcisaac alvarado bishop ballard silverman \
         downes tanner bristol rome milan ottawa schatzker garden salter harris weber gustilo boston los toronto \
         rockall blatchford glasgow-blatchford forrest osler janeway roth austin carey coombs schirmer snellen \
         ishihara rorschach wechsler conner vanderbilt moro rinne valsalva heimlich hawkins neer mcmurray spurling \
         allen ehlers danlos stevens johnson lambert eaton miller fisher sydenham wernicke korsakoff broca cotard \
         capgras munchausen stockholm fanconi gilbert crigler najjar rotor dubin gaucher fabry pompe tay niemann pick \
         krabbe hurler hunter sanfilippo morquio zellweger lesch nyhan tangier hartnup menkes whipple ogilvie \
         mallory weiss zenker boerhaave meckel hirschsprung plummer vinson budd chiari caroli mirizzi courvoisier \
         virchow troisier krukenberg cullen grey conn liddle bartter gitelman alport goodpasture berger kimmelstiel \
         kussmaul cheyne stokes biot ewing kegel hegar montgomery braxton hicks leopold bandl sheehan asherman \
         mayer rokitansky swyer noonan edwards patau angelman prader willi lynch gardner peutz cowden li fraumeni \
         lou gehrig lewy creutzfeldt jakob ramsay hunt horner argyll robertson adie marcus gunn bitot koplik forchheimer \
         pastia stimson sims fowler mohs whitmore still felty reiter caplan pott osgood schlatter legg calve perthes \
         kohler freiberg scheuermann sever colles smith galeazzi monteggia jones lisfranc maisonneuve bankart hill \
         sachs jefferson hangman chance swan ganz hickman broviac jackson pratt penrose blake kocher pfannenstiel \
         roux billroth nissen dor toupet heller puestow hartmann bankart latarjet broselow hoover coxsackie west zika",
    ),
    (
        LETTERED,
        "vitamin hepatitis hep type factor group class stage grade plan suite room building unit option part door gate \
         lot floor wing press with dial text entrance section hall level phase influenza protein bed strep score \
         blood medicare child pugh schedule step category column appendix box table figure gene allele serotype \
         apartment apt dr immunoglobulin toxin subtype annex tower block zone the botulinum lane",
    ),
    (
        PERSON_PREPOSITION,
        "by with for per from about on like regarding re of and see versus consult con para por similar is",
    ),
    (
        CREDENTIAL,
        "md np rn do pa pa-c dds dmd od phd lcsw dpm pt aprn lpn dnp crna cnm pharmd dvm facp faap msw lmft psyd fnp fnp-c lvn ma bsn msn",
    ),
    (
        WHEN,
        "in since last this next early late mid by until of during through before after between from every each past and to on en desde pasado proximo hasta de",
    ),
    (
        EVENT,
        "born birth birthday dob admitted admission discharged discharge died death deceased expired surgery operated \
         hospitalized hospitalised hospitalization delivered readmitted transplanted nacio nacida nacido operada \
         operado ingresado ingresada fallecio alta cirugia",
    ),
    (
        NUMBER_CUE,
        "hospital ssn ss ss# soc social security seguro itin ein mrn mr mr# medical record records rec chart emr ehr expediente historia member \
         subscriber policy group plan hpbn hpb hpi beneficiary insurance medicare medicaid insurer hmo ppo ins poliza \
         afiliado mbi hicn patient pt acct account acc cuenta iban routing checking bank license licence licencia lic certificate cert \
         dea npi dl passport pasaporte vin plate plates placa placas tag registration serial device udi lot serie s/n sn implant pacemaker model \
         cvv cvv2 cvc card password passcode passwd passwrd pwd pw clave contrasena pin nip username user login usuario handle claim \
         accession specimen encounter case study site authorization auth reclamo confirmation reference ref order \
         confirmacion referencia id id# ids badge employee visit csn fin har invoice prior pa rx prescription ticket \
         participant subject enrollment sample sequence biometric fingerprint tracking unit bag donor mrn# dni curp cedula nss \
         tarjeta number numero no instagram twitter facebook tiktok snapchat whatsapp telegram skype barcode kit trial vehicle truck car mr cht exp exped med sub frame reclamacion",
    ),
    (
        WORKS,
        "works work worked working employed employee attends attended attending teaches teacher student studies enrolled job employer enlisted stationed incarcerated inmate nurse teacher cashier janitor driver cook firefighter lineman mechanic lawyer engineer manager aide receptionist welder clerk barista bartender",
    ),
    (
        WEEKDAY,
        "monday tuesday wednesday thursday friday saturday sunday lunes martes miercoles jueves viernes sabado domingo",
    ),
    (GREETING, "hi hello dear hola hey estimado estimada morning afternoon evening dias tardes"),
    (
        DIGIT_WORD,
        "zero oh one two three four five six seven eight nine cero uno dos tres cuatro cinco seis siete ocho nueve double triple",
    ),
    (
        ORDINAL,
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth \
         fifteenth sixteenth seventeenth eighteenth nineteenth twentieth thirtieth twenty-first twenty-second twenty-third twenty-fourth \
         twenty-fifth twenty-sixth twenty-seventh twenty-eighth twenty-ninth thirty-first twenty thirty primero",
    ),
    (
        HUMAN,
        "male female man woman boy girl old yo y/o m f yr-old year-old years-old lady gentleman child teen teenager infant patient pt adult elderly hombre mujer nino nina case person",
    ),
    (
        TENS,
        "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty \
         sixty seventy eighty ninety once doce trece catorce quince veinte treinta cuarenta cincuenta sesenta setenta \
         ochenta noventa",
    ),
    (
        HOME,
        "mail mailing mailed package pkg packet parcel envelope courier driver driver's drivers fedex ups usps deliver delivered \
         delivering delivery drop dropped dropping ship shipped shipping ride van van's transport transport's nurse aide aide's \
         oxygen truck supply kit kits bed's box live lives living residence lists verify verifying volunteers basket label \
         headed lmk packs bounced updating buzzers wheels neighbor commode employee \
         chofer camioneta enfermera paquete silla andador mandamos enviaremos domicilio vive casa corrija revise \
         llevamos manda mandar mudo still moved born house home tank",
    ),
    (
        WAY_IN,
        "log sign login logon log-in log-on sign-in locking locked reset pass secret passphrase unlocked acct",
    ),
    (
        SECRET,
        "password passcode passwd passwrd pasword pswd pin nip pwd pw contrasena clave username user login usuario",
    ),
    (
        CARE,
        "seen treated admitted evaluated operated diagnosed hospitalized hospitalised visited visit surgery discharged \
         transferred performed done checkup check-up follow-up followup followed cared appointment underwent presented \
         biopsy consult consulted procedure reviewed managed examined scanned delivered born care ultrasound imaging \
         mri ct operation stay inpatient infusion dialysis chemo radiation rehab transplant transplanted referred",
    ),
    (
        WARD,
        "er ed icu micu sicu nicu picu cicu ccu pacu or osh pcp snf ltac ob gi ent uc ir pt ot hd po iv im sc prn bid \
         tid qid icd hiv dm htn ckd copd chf cad afib mi cva bmi lvef ef hr bp rr inr ldl hdl tsh uop noon midnight \
         home baseline bedside birth admission discharge",
    ),
    (
        AGE,
        "old aged age turned turning turns nonagenarian centenarian supercentenarian nineties edad years year yo y/o yr yrs anos birthday",
    ),
];
