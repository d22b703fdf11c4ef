//! `/settings/forms`: what patients are asked before a visit, in versions. Whoever changes the settings
//! writes them, in both languages; each version stays with the answers to it.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::db::clinician::{self, ClinicianRow};
use crate::db::{Tx, site};
use crate::forms::definition::{Asked, Both, Form, Item, MOST, Type};
use crate::forms::{self, FormError, Version};
use crate::http::Doors;
use crate::http::console::page::{Filled, Frame, failed, html, not_now, see_other};
use crate::http::console::signed_in::{ChangeSettings, May, MayRecently};
use crate::http::errors::Problem;
use crate::http::form::Fields;
use crate::http::params::Path;
use crate::ids::{ClinicianId, FormId, SiteId};
use crate::office::Office;

/// A form in the list.
struct Line {
    id: String,
    title: String,
    version: i64,
    questions: usize,
    retired: bool,
    /// Before which visits, in words.
    asked: String,
}

#[derive(Template)]
#[template(path = "console/forms.html")]
struct List {
    frame: Frame,
    forms: Vec<Line>,
}

/// One question, as the page's fields have it.
#[derive(Default)]
struct Slot {
    nth: usize,
    link: String,
    kind: String,
    required: bool,
    text: Both,
    help: Both,
    /// One a line.
    options: Both,
}

#[derive(Template)]
#[template(path = "console/form_edit.html")]
struct Edit {
    frame: Frame,
    to: String,
    fresh: bool,
    version: i64,
    retired: bool,
    title: Both,
    help: Both,
    slots: Vec<Slot>,
    /// Before the first visit alone.
    first_only: bool,
    /// Where, and with whom: field, words, ticked.
    sites: Vec<(String, String, bool)>,
    clinicians: Vec<(String, String, bool)>,
    kinds: [(&'static str, &'static str); 4],
    /// What to do, and where.
    wrong: Option<(&'static str, String)>,
}

impl Edit {
    /// Whether any of these is ticked.
    fn some(boxes: &[(String, String, bool)]) -> bool {
        boxes.iter().any(|(_, _, on)| *on)
    }
}

/// `GET /settings/forms`.
pub async fn list(
    State(doors): State<Doors>,
    may: May<ChangeSettings>,
) -> Result<Response, Response> {
    let office = doors.office().clone();
    let read = move |tx: &mut Tx<'_>| {
        Ok::<_, FormError>((forms::all(tx, &office)?, Kinds::read(tx, &office)?))
    };
    let all = doors.db().read(read).await;
    let (all, kinds) = all.map_err(|error: FormError| failed(&error))?;
    let line = |one: Version| Line {
        asked: kinds.words(&one.form.asked),
        id: one.id.to_string(),
        title: one.form.title.en,
        version: one.version,
        questions: one.form.item.len(),
        retired: one.retired,
    };
    let forms = all.into_iter().map(line).collect();
    Ok(html(
        StatusCode::OK,
        &List { frame: Frame::of(&doors, &may.signed_in).at("/settings"), forms },
    ))
}

/// `GET /settings/forms/new`.
pub async fn new(
    State(doors): State<Doors>,
    may: May<ChangeSettings>,
) -> Result<Response, Response> {
    let form = Typed::of(&Form::default());
    let kinds = kinds(&doors).await?;
    Ok(form.page((Frame::of(&doors, &may.signed_in).at("/settings"), &kinds), None, None))
}

/// What visits of this practice differ in, as far as the schedule says.
struct Kinds {
    sites: Vec<(SiteId, String)>,
    clinicians: Vec<(ClinicianId, String)>,
}

async fn kinds(doors: &Doors) -> Result<Kinds, Response> {
    let office = doors.office().clone();
    let read = doors.db().read(move |tx: &mut Tx<'_>| Kinds::read(tx, &office)).await;
    read.map_err(|error| failed(&error))
}

impl Kinds {
    fn read(tx: &mut Tx<'_>, office: &Office) -> Result<Self, FormError> {
        let sites = site::list(tx, office.practice())?;
        let clinicians = clinician::active(tx, office.practice())?;
        let name = |one: &ClinicianRow| {
            let parts = [&one.prefix, &one.given_name, &Some(one.family_name.clone())];
            parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ")
        };
        Ok(Self {
            sites: sites.into_iter().map(|one| (one.id, one.name)).collect(),
            clinicians: clinicians.iter().map(|one| (one.id, name(one))).collect(),
        })
    }

    /// What is ticked, of what there is.
    fn asked(&self, fields: &Fields) -> Asked {
        let at = |id: &SiteId| fields.ticked(&format!("site-{id}"));
        let with = |id: &ClinicianId| fields.ticked(&format!("clinician-{id}"));
        Asked {
            first_only: fields.text("before") == "first",
            sites: self.sites.iter().map(|(id, _)| *id).filter(at).collect(),
            clinicians: self.clinicians.iter().map(|(id, _)| *id).filter(with).collect(),
        }
    }

    fn words(&self, asked: &Asked) -> String {
        let mut words = if asked.first_only {
            "asked in the 14 days before a first visit".to_owned()
        } else {
            "asked in the 14 days before each visit".to_owned()
        };
        let at = self.sites.iter().filter(|(id, _)| asked.sites.contains(id));
        let at: Vec<&str> = at.map(|(_, name)| name.as_str()).collect();
        let with = self.clinicians.iter().filter(|(id, _)| asked.clinicians.contains(id));
        let with: Vec<&str> = with.map(|(_, name)| name.as_str()).collect();
        if !asked.sites.is_empty() {
            words.push_str(&format!(" at {}", at.join(" or ")));
        }
        if !asked.clinicians.is_empty() {
            // Whoever works here no more has no name in the list.
            let with = if with.is_empty() {
                "nobody who works here now".into()
            } else {
                with.join(" or ")
            };
            words.push_str(&format!(" with {with}"));
        }
        words
    }
}

/// `GET /settings/forms/{form}`.
pub async fn page(
    State(doors): State<Doors>,
    may: May<ChangeSettings>,
    Path(id): Path<String>,
) -> Result<Response, Response> {
    let version = find(&doors, &id).await?;
    let form = Typed::of(&version.form);
    let kinds = kinds(&doors).await?;
    Ok(form.page((Frame::of(&doors, &may.signed_in).at("/settings"), &kinds), Some(&version), None))
}

async fn find(doors: &Doors, id: &str) -> Result<Version, Response> {
    let nowhere = || not_now(&Problem::not_found("form"));
    let id: FormId = id.parse().map_err(|_| nowhere())?;
    let office = doors.office().clone();
    let found = doors.db().read(move |tx: &mut Tx<'_>| forms::newest(tx, &office, id)).await;
    found.map_err(|error: FormError| failed(&error))?.ok_or_else(nowhere)
}

/// `POST /settings/forms/new`.
pub async fn add(
    State(doors): State<Doors>,
    MayRecently { may, .. }: MayRecently<ChangeSettings>,
    Filled(fields): Filled<Fields>,
) -> Result<Response, Response> {
    kept(&doors, &may, (None, &fields)).await
}

/// `POST /settings/forms/{form}`: a new version; with `retire` it is not asked any more.
pub async fn keep(
    State(doors): State<Doors>,
    MayRecently { may, .. }: MayRecently<ChangeSettings>,
    Path(id): Path<String>,
    Filled(fields): Filled<Fields>,
) -> Result<Response, Response> {
    let before = find(&doors, &id).await?;
    kept(&doors, &may, (Some(before), &fields)).await
}

/// Keeps it, or shows it again with what to do.
async fn kept(
    doors: &Doors,
    may: &May<ChangeSettings>,
    (before, fields): (Option<Version>, &Fields),
) -> Result<Response, Response> {
    let kinds = kinds(doors).await?;
    let typed = Typed { asked: kinds.asked(fields), ..Typed::read(fields) };
    let frame = Frame::of(doors, &may.signed_in).at("/settings");
    let form = typed.form();
    if let Err(unfit) = form.check() {
        return Ok(typed.page((frame, &kinds), before.as_ref(), Some((unfit.0, unfit.1))));
    }
    let (office, actor, permit) = (doors.office().clone(), may.actor(), may.permit.clone());
    let (of, retired) = (before.map(|one| one.id), fields.text("act") == "retire");
    let keep = move |tx: &mut Tx<'_>| {
        forms::keep(tx, &office, (of, &form, retired), (&actor, Some(&permit)))
    };
    let kept: Result<FormId, FormError> = doors.db().write(keep).await;
    kept.map_err(|error| failed(&error))?;
    Ok(see_other("/settings/forms"))
}

/// The page's fields, read or about to be shown.
struct Typed {
    title: Both,
    help: Both,
    slots: Vec<Slot>,
    asked: Asked,
}

impl Typed {
    fn of(form: &Form) -> Self {
        let lines = |options: &[Both], pick: fn(&Both) -> &String| {
            options.iter().map(|one| pick(one).as_str()).collect::<Vec<_>>().join("\n")
        };
        let slot = |item: &Item| Slot {
            nth: 0,
            link: item.link_id.clone(),
            kind: item.kind.as_str().to_owned(),
            required: item.required,
            text: item.text.clone(),
            help: item.help.clone(),
            options: Both {
                en: lines(&item.answer_option, |one| &one.en),
                es: lines(&item.answer_option, |one| &one.es),
            },
        };
        Self {
            title: form.title.clone(),
            help: form.help.clone(),
            slots: form.item.iter().map(slot).collect(),
            asked: form.asked.clone(),
        }
    }

    fn read(fields: &Fields) -> Self {
        let both = |name: &str| Both {
            en: fields.text(&format!("{name}-en")).to_owned(),
            es: fields.text(&format!("{name}-es")).to_owned(),
        };
        let slots = (1..=MOST).map(|nth| Slot {
            nth: 0,
            link: fields.text(&format!("link-{nth}")).to_owned(),
            kind: fields.text(&format!("kind-{nth}")).to_owned(),
            required: fields.ticked(&format!("required-{nth}")),
            text: both(&format!("text-{nth}")),
            help: both(&format!("help-{nth}")),
            options: both(&format!("options-{nth}")),
        });
        // A question without words is none.
        let slots = slots.filter(|slot| !(slot.text.en.is_empty() && slot.text.es.is_empty()));
        Self {
            title: both("title"),
            help: both("help"),
            slots: slots.collect(),
            asked: Asked::default(),
        }
    }

    /// What is defined by it. A question that is new gets a name that no other has.
    fn form(&self) -> Form {
        let known = self.slots.iter().filter_map(|slot| slot.link.parse::<usize>().ok());
        let mut last = known.max().unwrap_or(0);
        let mut item = Vec::with_capacity(self.slots.len());
        for slot in &self.slots {
            let taken = |one: &Item| one.link_id == slot.link;
            let link_id = match slot.link.parse::<usize>() {
                Ok(_) if !item.iter().any(taken) => slot.link.clone(),
                _ => {
                    last += 1;
                    last.to_string()
                }
            };
            let kind = Type::ALL.into_iter().find(|(_, word)| *word == slot.kind);
            let kind = kind.map_or(Type::Text, |(kind, _)| kind);
            let lines = |text: &str| -> Vec<String> {
                let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
                lines.map(str::to_owned).collect()
            };
            let (en, mut es) = (lines(&slot.options.en), lines(&slot.options.es));
            es.resize(es.len().max(en.len()), String::new());
            let mut en = en;
            en.resize(es.len(), String::new());
            let options = en.into_iter().zip(es).map(|(en, es)| Both { en, es });
            item.push(Item {
                link_id,
                kind,
                required: slot.required,
                text: slot.text.clone(),
                help: slot.help.clone(),
                answer_option: if kind == Type::Choice { options.collect() } else { Vec::new() },
            });
        }
        let asked = self.asked.clone();
        Form { title: self.title.clone(), help: self.help.clone(), item, asked }
    }

    /// The page, with three empty questions after those there are.
    fn page(
        self,
        (frame, kinds): (Frame, &Kinds),
        before: Option<&Version>,
        wrong: Option<(usize, &'static str)>,
    ) -> Response {
        let empty = (0..3).map(|_| Slot::default());
        let slots = self.slots.into_iter().chain(empty).take(MOST);
        let slots = slots.zip(1..).map(|(slot, nth)| Slot { nth, ..slot }).collect();
        let status =
            if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
        let at = |nth| if nth == 0 { "title-en".to_owned() } else { format!("text-{nth}-en") };
        let id = before.map_or_else(|| "new".to_owned(), |one| one.id.to_string());
        let asked = &self.asked;
        let site = |(id, name): &(SiteId, String)| {
            (format!("site-{id}"), name.clone(), asked.sites.contains(id))
        };
        let clinician = |(id, name): &(ClinicianId, String)| {
            (format!("clinician-{id}"), name.clone(), asked.clinicians.contains(id))
        };
        let page = Edit {
            first_only: asked.first_only,
            sites: kinds.sites.iter().map(site).collect(),
            clinicians: kinds.clinicians.iter().map(clinician).collect(),
            frame,
            to: format!("/settings/forms/{id}"),
            fresh: before.is_none(),
            version: before.map_or(0, |one| one.version),
            retired: before.is_some_and(|one| one.retired),
            title: self.title,
            help: self.help,
            slots,
            kinds: [
                ("text", "in words"),
                ("choice", "one of a list"),
                ("boolean", "yes or no"),
                ("date", "a date"),
            ],
            wrong: wrong.map(|(nth, words)| (words, at(nth))),
        };
        html(status, &page)
    }
}
