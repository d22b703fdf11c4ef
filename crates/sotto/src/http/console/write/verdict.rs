//! What stands beside the words: by which channel they would go and why, what a stranger would
//! see, what each check says, and what can be done.

use gate::{Channel, Draft, Kind, Reason, Step};
use guard::{Guard, Level};
use jiff::Timestamp;

use super::{CHANNELS, Wish, Writer, wording};
use crate::compose::prices::{self, Price};
use crate::db::Tx;
use crate::facts;
use crate::http::console::reading::{
    Piece, Stranger, Tell, level_tone, level_words, pieces, size, tells,
};
use crate::http::console::words::{channel_words, words_of};
use crate::intake::{self, Decided, IntakeError, Seen, Wanted};
use crate::office::Office;
use crate::people::contact_points;

/// A channel, and what would become of it there; a text says why it cannot even be written.
type OfWay = (Channel, Result<Decided, String>);

/// Everything beside the words.
pub(super) struct Verdict {
    /// Nothing is written yet.
    pub empty: bool,
    /// No channel was asked for.
    pub auto: bool,
    /// The channels, with what each would do with it.
    pub ways: Vec<Way>,
    /// Which was taken, and why.
    pub because: String,
    /// The checks, in the gate's order.
    pub marks: Vec<Mark>,
    /// What stands in the way.
    pub reasons: Vec<Stop>,
    /// The words as they would go, cut where something was found.
    pub reading: Vec<Piece>,
    /// What they tell.
    pub tells: Vec<Tell>,
    /// How much, in words.
    pub level: &'static str,
    pub level_tone: &'static str,
    /// What a stranger gets.
    pub stranger: Stranger,
    /// How long it is, for a text.
    pub size: Option<String>,
    /// A wording that passes.
    pub safe: Option<String>,
    /// It would pass in the portal, and is not aimed there.
    pub to_portal: bool,
    /// What goes by the channel while the body goes to the portal.
    pub notice: Option<String>,
    /// What the button says; none where it cannot be sent.
    pub send: Option<String>,
    pub subject_wanted: bool,
}

/// One channel.
pub(super) struct Way {
    pub word: &'static str,
    pub words: &'static str,
    /// What it would do with it: "fits", "can't: …".
    pub answer: String,
    pub tone: &'static str,
    /// It is the one taken.
    pub taken: bool,
    /// It was asked for.
    pub chosen: bool,
}

/// One check.
pub(super) struct Mark {
    pub words: &'static str,
    pub tone: &'static str,
    pub says: &'static str,
}

/// Why it cannot go.
pub(super) struct Stop {
    pub step: &'static str,
    pub code: &'static str,
    pub because: String,
    pub remedy: String,
}

/// The channel that would carry it best: the first that carries the words themselves, the
/// patient's own preference before the others; else the first that can bring a notice of it.
pub(super) fn best(
    tx: &mut Tx<'_>,
    office: &Office,
    writer: &Writer,
    wish: &Wish,
) -> Result<Channel, IntakeError> {
    let all = each(tx, office, writer, wish)?;
    let order = order(tx, office, writer)?;
    Ok(pick(&all, &order))
}

/// The channels in the patient's order.
fn order(tx: &mut Tx<'_>, office: &Office, writer: &Writer) -> Result<Vec<Channel>, IntakeError> {
    let preferred = contact_points::preferred_channel(tx, office.practice(), writer.subject.id)?;
    let others = CHANNELS.into_iter().filter(|channel| Some(*channel) != preferred);
    Ok(preferred.into_iter().filter(|channel| CHANNELS.contains(channel)).chain(others).collect())
}

fn each(
    tx: &mut Tx<'_>,
    office: &Office,
    writer: &Writer,
    wish: &Wish,
) -> Result<Vec<OfWay>, IntakeError> {
    CHANNELS
        .into_iter()
        .map(|channel| {
            let asked = wish.request(tx, office, writer, channel);
            let decided = asked.and_then(|request| intake::decide(tx, office, request));
            match decided {
                Ok(decided) => Ok((channel, Ok(decided))),
                // The template has a place that nothing fills, or no wording for this channel.
                Err(IntakeError::Compose(error)) => Ok((channel, Err(error.to_string()))),
                Err(error) => Err(error),
            }
        })
        .collect()
}

fn pick(all: &[OfWay], order: &[Channel]) -> Channel {
    let found = |wanted: fn(&Seen<'_>) -> bool| {
        order.iter().copied().find(|channel| {
            all.iter().any(|(one, decided)| {
                one == channel && decided.as_ref().is_ok_and(|decided| wanted(&decided.seen()))
            })
        })
    };
    found(|seen| matches!(seen, Seen::Clear { .. }))
        .or_else(|| found(|seen| matches!(seen, Seen::Split { .. })))
        .or_else(|| order.first().copied())
        .unwrap_or(Channel::Portal)
}

/// The answer to what is written now.
pub(super) fn of(
    tx: &mut Tx<'_>,
    office: &Office,
    writer: &Writer,
    wish: &Wish,
) -> Result<Verdict, IntakeError> {
    let order = order(tx, office, writer)?;
    if wish.is_empty() {
        return Ok(nothing(wish, &order));
    }
    let all = each(tx, office, writer, wish)?;
    let auto = wish.channel == Wanted::Auto;
    let taken = match wish.channel {
        Wanted::Channel(channel) => channel,
        Wanted::Auto => pick(&all, &order),
    };
    let zone = writer.subject.timezone.clone().unwrap_or_else(|| office.profile().timezone.clone());
    let mut verdict = nothing(wish, &order);
    verdict.empty = false;
    verdict.ways = all
        .iter()
        .map(|(channel, decided)| {
            let (answer, tone) = in_short(decided);
            Way {
                word: channel.as_str(),
                words: channel_words(channel.as_str()),
                answer,
                tone,
                taken: *channel == taken,
                chosen: !auto && *channel == taken,
            }
        })
        .collect();
    verdict.because = if auto { why(&all, &order, taken) } else { "You chose it.".to_owned() };
    verdict.subject_wanted = taken == Channel::Email && wish.kind == Kind::FreeText;
    let portal_can = all.iter().any(|(channel, decided)| {
        *channel == Channel::Portal
            && decided.as_ref().is_ok_and(|one| matches!(one.seen(), Seen::Clear { .. }))
    });
    verdict.to_portal = portal_can && taken != Channel::Portal;
    let Some((_, decided)) = all.iter().find(|(channel, _)| *channel == taken) else {
        return Ok(verdict);
    };
    let decided = match decided {
        Ok(decided) => decided,
        Err(why) => {
            verdict.reasons = vec![Stop {
                step: Step::Template.in_words(),
                code: "",
                because: format!("{why}."),
                remedy: "Choose an appointment, another template, or type the words.".to_owned(),
            }];
            return Ok(verdict);
        }
    };
    let price = prices::of_texts(tx, office.practice())?;
    match decided.seen() {
        Seen::Clear { draft, not_before } => {
            verdict.marks = marks(&[], not_before);
            verdict.send = Some(send_words(taken, not_before, &zone));
            read(&mut verdict, office, writer, (draft, taken), price);
            verdict.safe = None;
        }
        Seen::Split { body, notice, not_before, because } => {
            verdict.marks = marks(because, not_before);
            verdict.reasons = because.iter().map(stop).collect();
            verdict.notice = Some(notice.content.body.clone());
            verdict.send = Some(split_words(taken, not_before, &zone));
            read(&mut verdict, office, writer, (body, taken), price);
        }
        Seen::Refuse { draft, refusal } => {
            let reasons: Vec<Reason> = refusal.reasons().cloned().collect();
            verdict.marks = marks(&reasons, None);
            verdict.reasons = reasons.iter().map(stop).collect();
            read(&mut verdict, office, writer, (draft, taken), price);
        }
    }
    Ok(verdict)
}

fn nothing(wish: &Wish, order: &[Channel]) -> Verdict {
    let chosen = match wish.channel {
        Wanted::Channel(channel) => Some(channel),
        Wanted::Auto => None,
    };
    let first = chosen.or_else(|| order.first().copied());
    Verdict {
        empty: true,
        auto: chosen.is_none(),
        ways: CHANNELS
            .into_iter()
            .map(|channel| Way {
                word: channel.as_str(),
                words: channel_words(channel.as_str()),
                answer: String::new(),
                tone: "plain",
                taken: Some(channel) == first,
                chosen: Some(channel) == chosen,
            })
            .collect(),
        because: String::new(),
        marks: Vec::new(),
        reasons: Vec::new(),
        reading: Vec::new(),
        tells: Vec::new(),
        level: level_words(Level::Administrative),
        level_tone: "plain",
        stranger: Stranger::none(),
        size: None,
        safe: None,
        to_portal: false,
        notice: None,
        send: None,
        subject_wanted: chosen == Some(Channel::Email),
    }
}

/// "fits", or the first thing in the way.
fn in_short(decided: &Result<Decided, String>) -> (String, &'static str) {
    let decided = match decided {
        Ok(decided) => decided,
        Err(_) => return ("has no such template".to_owned(), "stop"),
    };
    match decided.seen() {
        Seen::Clear { not_before: None, .. } => ("fits".to_owned(), "ok"),
        Seen::Clear { not_before: Some(_), .. } => {
            ("fits, and waits for the morning".to_owned(), "wait")
        }
        Seen::Split { .. } => ("only a notice".to_owned(), "wait"),
        Seen::Refuse { refusal, .. } => {
            let first = refusal.first();
            let step = first.step.map_or("no address on file", Step::in_words);
            (format!("no: {}", lowered(step)), "stop")
        }
    }
}

fn lowered(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |c| c.to_lowercase().chain(letters).collect())
}

/// Why this channel and no other.
fn why(all: &[OfWay], order: &[Channel], taken: Channel) -> String {
    let seen = |channel| {
        all.iter().find(|(one, _)| *one == channel).and_then(|(_, decided)| decided.as_ref().ok())
    };
    let carries = seen(taken).is_some_and(|one| !matches!(one.seen(), Seen::Refuse { .. }));
    if !carries {
        return "No channel can carry it as it is.".to_owned();
    }
    let passed_over: Vec<&str> = order
        .iter()
        .take_while(|channel| **channel != taken)
        .map(|channel| channel_words(channel.as_str()))
        .collect();
    if passed_over.is_empty() {
        "It comes first with this patient, and fits.".to_owned()
    } else {
        format!("{} can't carry it.", passed_over.join(" and "))
    }
}

fn marks(reasons: &[Reason], not_before: Option<Timestamp>) -> Vec<Mark> {
    Step::ALL
        .iter()
        .map(|step| {
            let stops = reasons.iter().any(|reason| reason.step.unwrap_or(Step::Number) == *step);
            let waits = *step == Step::QuietHours && not_before.is_some();
            let (tone, says) = match (stops, waits) {
                (true, _) => ("stop", "stands in the way"),
                (false, true) => ("wait", "makes it wait"),
                (false, false) => ("ok", "passes"),
            };
            Mark { words: step.in_words(), tone, says }
        })
        .collect()
}

fn stop(reason: &Reason) -> Stop {
    let mut because = reason.because.clone();
    if !because.ends_with('.') {
        because.push('.');
    }
    Stop {
        step: reason.step.unwrap_or(Step::Number).in_words(),
        code: reason.code.as_str(),
        because: sentence(&because),
        remedy: reason.remedy.clone(),
    }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |c| c.to_uppercase().chain(letters).collect())
}

fn at(not_before: Timestamp, zone: &jiff::tz::TimeZone) -> String {
    words_of(not_before, zone)
}

fn send_words(
    channel: Channel,
    not_before: Option<Timestamp>,
    zone: &jiff::tz::TimeZone,
) -> String {
    let what = match channel {
        Channel::Sms => "Send text",
        Channel::Email => "Send email",
        _ => "Send by portal",
    };
    match not_before {
        Some(instant) => format!("{what}; it waits until {}, their time", at(instant, zone)),
        None => what.to_owned(),
    }
}

fn split_words(
    channel: Channel,
    not_before: Option<Timestamp>,
    zone: &jiff::tz::TimeZone,
) -> String {
    let by = if channel == Channel::Email { "email" } else { "text" };
    match not_before {
        Some(instant) => {
            format!("Send by portal, notify by {by} at {}, their time", at(instant, zone))
        }
        None => format!("Send by portal, notify by {by}"),
    }
}

/// What the words tell, to whom, and how to say it safely.
fn read(
    verdict: &mut Verdict,
    office: &Office,
    writer: &Writer,
    (draft, taken): (&Draft, Channel),
    price: Option<Price>,
) {
    let guard = Guard::standard();
    let mut context = facts::context(office, Some(&writer.subject), &draft.address);
    context.fields.clone_from(&draft.content.fields);
    let text = &draft.content.body;
    let assessment = guard.check(text, &context);
    verdict.level = level_words(assessment.level);
    verdict.level_tone = level_tone(assessment.level);
    verdict.reading = pieces(text, &assessment);
    verdict.tells = tells(text, &assessment);
    let seen = verdict.notice.as_deref().unwrap_or(text);
    let subject = draft.content.subject.as_deref();
    verdict.stranger = Stranger::of(office, guard.preview(taken, seen), subject);
    if taken == Channel::Sms {
        verdict.size = Some(size(seen, price));
    }
    if draft.content.template.is_none() {
        let offer = guard.rewrite(text, &assessment, &context, taken);
        verdict.safe = offer.and_then(wording).filter(|safe| safe != text);
    }
}
