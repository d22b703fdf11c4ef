//! Classes of words that stand for each other in a pattern. Data; read by `grammar`.

/// Name and words, in the written-out forms of `short_forms`.
pub(super) const CLASSES: &[(&str, &str)] = &[
    (
        "neg",
        "not dont didnt isnt arent wasnt cant wont never no without aint havent hasnt couldnt wouldnt shouldnt ni nunca nada sin ya",
    ),
    ("not", "not dont didnt isnt arent wasnt cant wont never aint havent hasnt couldnt wouldnt"),
    (
        "someone",
        "i im ive ill me my he hes she shes they theyre we him her his them mom dad grandma grandpa husband wife child baby boyfriend girlfriend brother sister friend roommate partner neighbor neighbour aunt uncle somebody someone guy man woman patient mother mi el ella su hermano hermana tia tio vecino vecina amigo amiga suegra suegro",
    ),
    (
        "kin",
        "mom dad grandma grandpa husband wife child baby boyfriend girlfriend brother sister friend roommate partner neighbor",
    ),
    (
        "other",
        "him her them someone somebody everyone everybody people you myself mom dad husband wife child baby boyfriend girlfriend ex boss neighbor coworker",
    ),
    // ── the body
    ("chest", "chest breastbone sternum ribcage heart pecho corazon torax"),
    (
        "hurt",
        "pain pains hurt hurts hurting ache aches aching achy tight tightness tightening tightens pressure heavy heaviness squeezing squeeze squeezed crushing crushed crush burning burn burns stabbing stab stabs discomfort killing elephant elefant weight vise vice brick anvil clenching fist pressing caving hurtin hurtn dolor dolores duele duelen doliendo dolio aprieta apretado apretando oprime oprimido presion opresion punzada punzadas punzante arde ardor pesado pesadez aplasta",
    ),
    (
        "limb",
        "arm arms leg legs hand hands foot feet side face body mouth lip brazo brazos pierna piernas mano manos lado cara boca cuerpo",
    ),
    (
        "dead",
        "numb numbness weak weakness paralyzed paralysed paralysis limp tingling tingly tingles dead heavy asleep dormido dormida adormecido adormecida entumecido entumecida debil paralizado paralizada",
    ),
    (
        "droop",
        "droop drooping droops droopy drooped dropping drooping sagging sagged saggy sag lopsided crooked uneven slack slid torcida chueca caida caido colgando torcido chueco",
    ),
    (
        "swelled",
        "swollen puffy puffing puffed puff huge ballooning ballooned fat enormous bigger hinchado hinchada hinchando hincha hincho hinchan inflamado inflamada inflamando hinchados",
    ),
    (
        "throat",
        "throat airway tongue lips lip face eyes eye mouth neck garganta lengua labios labio cara ojos ojo boca cuello",
    ),
    (
        "close",
        "closing closed closes close tight tightening tightness swollen swelling constricting constricted cierra cerrando cerrado cerro cerrada hinchada hinchando",
    ),
    (
        "wound",
        "incision incisions stitches stitch staples staple wound sutures suture scar surgical surgery operation cut section csection herida heridas puntos cirugia operacion cesarea grapas sutura",
    ),
    (
        "opened",
        "open opened opening opens split splitting burst busted ripped popped popping pop tore torn apart gaping gushing dehisced unraveled abrio abrieron abierta abierto abriendo revento reventaron soltaron rompieron",
    ),
    ("pus", "pus oozing ooze oozes draining foul smelly smells stinks supura supurando"),
    (
        "blood",
        "blood bloody bleeding bled zblood sangre sangra sangro sangrando sangrado sangro ensangrentado hemorrhage",
    ),
    (
        "muchblood",
        "bad badly heavy heavily lot lots ton everywhere gushing pouring spurting nonstop soaking soaked profusely much uncontrollably buckets streaming pooling mucho mucha abundante fuerte bastante chorro chorros demasiado",
    ),
    (
        "stopping",
        "stop stopping quit quitting slow slowing end ending let stops para parar deja dejar detiene controlar",
    ),
    (
        "vomit",
        "vomit vomiting vomited vomits puke puking puked throwing threw throw vomitando vomito vomitar vomita cough coughing coughed tosiendo toser spitting spit escupiendo hacking",
    ),
    (
        "severe",
        "severe worst terrible unbearable excruciating horrible extreme intense awful agonizing agony insane sharp horrendous brutal debilitating doubled insoportable fuerte fuertisimo fuertisimos fuertes horribles terribles tremendo intenso severo peor agudo",
    ),
    ("severest", "worst unbearable excruciating agonizing agony severe insoportable"),
    (
        "gut",
        "stomach gut guts side appendix pelvis abdomen estomago panza barriga vientre abdomen tripa",
    ),
    (
        "pain",
        "pain pains ache cramps cramping cramp hurts hurt hurting dolor dolores duele calambres colicos",
    ),
    (
        "faint",
        "fainted faint fainting fainted collapsed collapse collapsing unconscious unresponsive desmayo desmaye desmayando desmayado desmayada desmayarme desvanecio desmayarse inconsciente colapso",
    ),
    (
        "wake",
        "wake waking awake woken arouse rouse despierta despertar desperto despertarlo despertarla despierte reacciona responde responding respond responds",
    ),
    (
        "blue",
        "blue purple gray grey bluish azul azules morado morada morados moradito moradita azulado",
    ),
    (
        "pills",
        "pills zdrug meds painkillers opioids sleeping zpill medicinas medicamentos bottle fentanyl heroin vial patches medicamento medicina remedios vicodins benzos doses dose",
    ),
    (
        "toxin",
        "bleach antifreeze cleaner detergent poison gasoline battery batteries magnet magnets pods pod drano lye ammonia windex kerosene rat pesticide chemical chemicals turpentine nail polish cloro pila veneno lejia gasolina raticida limpiador detergente shampoo jabon marijuana edible edibles gummies gummy weed vape mushrooms cleaning",
    ),
    (
        "swallow",
        "swallowed swallow swallowing drank drink drunk drinking ate eat eaten eating took taken take ingested got licked trago trague tomo tome tragado tomado comio bebio bebi tragaron inhaled injected",
    ),
    ("self", "myself my me"),
    (
        "die",
        "die dying dead death suicide kill morir morirme morirse muerto muerta muerte matarme suicidarme suicidio desaparecer dieing",
    ),
    (
        "harmself",
        "kill hurt harm cut cutting shoot hang hanging drown end hurting killing harming off burn stab poison cutting",
    ),
    (
        "want",
        "want wanna wish wanting wanted hope thinking think thought thoughts plan planning going like feel feeling consider considering about ready need gonna trying tried try rather might keep quiero quisiera pienso pensando pense voy ganas deseo penso quise intente intento he desea",
    ),
    (
        "weapon",
        "gun knife pistol rifle firearm weapon machete pistola arma cuchillo navaja revolver hatchet bat",
    ),
    (
        "beat",
        "hit hits hitting beat beats beating beaten punched punching punches slapped slapping slaps kicked kicking kicks choked choking strangled strangling strangle chokes shoved shoves pushed pushes attacked attacking attacks threw raped rape raping molested assaulted abused abusing abuses abusive abuse hurts hurting threatened threatening threatens threaten stalking stalks grabbed burned locked golpea golpeo golpeando golpes pega pego pegando pegandome amenaza amenazo amenazando violo violaron ahorco ahorca ahorcando abusa abuso abusando maltrata golpear pegar lastima estrangula",
    ),
    (
        "abuser",
        "husband wife boyfriend girlfriend partner ex dad mom stepdad stepfather stepmom uncle brother fiance roommate caregiver son he she man guy hes shes pareja padrastro novio ex hombre el tio papa caretaker nurse aide",
    ),
    (
        "pregnant",
        "pregnant pregnancy prenatal trimester embarazada embarazo encinta expecting gestation",
    ),
    (
        "pregsign",
        "bleeding blood bloody bled spotting cramp cramps cramping pain pains leaking leak gush headache swollen contractions contracting contraction fell fall accident dizzy fever hurt hurts vision sangrando sangre sangro sangrado dolor manchando mancha liquido contracciones hinchada cai caida fiebre calambres water clots",
    ),
    (
        "babystill",
        "moving moved move moves movement movements kick kicking kicked kicks mueve movio mueva movimiento movimientos patea pateado patadas moverse felt feel feeling siento",
    ),
    (
        "fever",
        "fever temp temperature feverish fiebre calentura temperatura hot burning caliente feber",
    ),
    ("tiny", "newborn infant preemie neonate recien nacido nacida"),
    (
        "babyill",
        "limp lethargic floppy blue purple gray grey unresponsive jaundiced yellow listless dehydrated seizure breath bluish flacido morado morada azul amarillo amarilla pale",
    ),
    ("sudden", "sudden suddenly abruptly repente subito subita now all subitamente instantly"),
    ("see", "see vision sight seeing eyesight ver veo vista vision ve"),
    ("speak", "speak talk talking speaking speech words word hablar habla hablo hablando"),
    (
        "garbled",
        "slurred slurring slurs slurry slur garbled gibberish jumbled nonsense mumbling weird funny strange wrong off enredado enreda enredada raro balbucea trabada incoherent",
    ),
    (
        "sugarlow",
        "low crashed crashing crash dropping dropped plummeting tanking baja bajo bajisima lo bottomed",
    ),
    ("sugarhigh", "high hi alta alto altisima skyrocketing sky through"),
    ("sugar", "sugar sugars dexcom glucometer meter libre cgm"),
    ("air", "breath air oxygen aire respirar respira respiracion aliento"),
    // ── messages
    (
        "text",
        "text texting texted reminders email emails emailing automated robo robotexts robotext spam robocalls correspondence communications communication mailing junk messaging letters correos correo mensajeria robocall recorded marketing",
    ),
    (
        "stop",
        "stop quit cease discontinue halt end terminate stopped desist knock kill stops suspend refrain stopping",
    ),
    (
        "bother",
        "texting text sending send sends contacting contact bothering bother harassing harass bugging bug spamming spam emailing email pinging ping messaging hitting hit blowing hounding pestering annoying nagging blasting reminding buzzing disturbing disturb writing calling notifying notify alerting reaching bombarding",
    ),
    (
        "send",
        "text send contact message msg spam bother bug write email harass notify disturb ping remind texted reach annoy texting sending contacting emailing include",
    ),
    ("me", "me us this my again anymore here him her it the any no these those anything stuff"),
    (
        "list",
        "list lists database system contacts records distribution roster file text mailing call files thing program service register directory lista listas sistema registro base",
    ),
    (
        "remove",
        "remove take delete scratch erase drop pull get cut cross strike wipe removed deleted removing scrub purge lose kick purge withdraw block",
    ),
    ("want_es", "quiero deseo necesito quisiera gustaria queremos quero pedi interesa solicite"),
    (
        "stop_es",
        "deje dejen deja dejar dejenme dejeme dejarme paren pare parar basta cesen eviten eviten detengan suspendan quiten para dejas",
    ),
    (
        "bother_es",
        "mandar mandarme mandando mandarnos enviar enviarme enviando escribir escribirme escribiendo molestar molestarme molestando textear textearme texteando llamar llamarme llamando chingar fregar joder acosar mandandome enviandome escribiendome estar hostigar contactarme contactar moleste",
    ),
    (
        "send_es",
        "mande manden mandes envie envien envies escriba escriban escribas moleste molesten molestes llame llamen llames contacten contacte texteen textee mandan envian escriben texteen sigan jodan chinguen estes esten manda notifiquen",
    ),
    // ── the visit
    (
        "visit",
        "appointment visit checkup cleaning physical exam session consult consultation cita consulta turno visita slot followup procedure surgery mammogram checkin apointment screening colonoscopy therapy mri",
    ),
    (
        "day",
        "monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri sat sun lunes martes miercoles jueves viernes sabado domingo",
    ),
    ("soon", "today tomorrow tonight hoy manana morning afternoon week"),
    ("come", "come make be attend get go coming making going show there ir llegar asistir venir"),
    (
        "cancel",
        "cancel cancelled cancela cancelar cancele cancelen cancelo cancelemos scrap scratch",
    ),
    ("thing", "it that this mine one"),
];
