//! Waiting rooms in transcripts: what is asked of them, and what is told of them.
//!
//! ```text
//! > queue open draw=1 opens=10 reveal=20 rate=60 shopping=2 pass=30 secret=7
//! > anna queues            > anna unqueues         > queue? anna
//! > queue value beacon     > queue reveal 7        > queue step
//! > queue admit rate=30 paused                     > queue close
//! ```

use rowlock_proto::ids::{EventId, UserId};
use rowlock_raft_store::inventory::queue::{
    Admission, PassEnd, PlaceView, QueueRules, QueueView, Standing,
};
use rowlock_raft_store::inventory::{QueueChange, QueueCommand, QueueReply};
use sha2::{Digest as _, Sha256};

use super::script::{number, seconds, small, time};

fn secret(text: &str) -> [u8; 32] {
    [u8::try_from(number(text)).expect("a byte"); 32]
}

fn admission(words: &[&str]) -> Admission {
    let mut admission = Admission::default();
    for word in words {
        match word.split_once('=') {
            None if *word == "paused" => admission.paused = true,
            Some(("rate", rate)) => admission.rate_per_minute = small(rate),
            Some(("shopping", most)) => admission.shopping_max = small(most),
            Some(("pass", pass)) => admission.pass_ms = seconds(pass),
            _ => panic!("an admission has no {word}"),
        }
    }
    admission
}

/// What a user does about its own place.
pub(crate) fn own(event: EventId, verb: &str) -> QueueCommand {
    match verb {
        "queues" => QueueCommand::Join { event },
        _ => QueueCommand::Leave { event },
    }
}

pub(crate) fn command(event: EventId, words: &[&str]) -> QueueCommand {
    match words {
        ["open", rest @ ..] => {
            let mut rules = QueueRules {
                draw_opens_ms: 0,
                opens_ms: 0,
                reveal_by_ms: u64::MAX,
                commitment: [0; 32],
                public_source: "beacon".to_owned(),
                token_ms: 3_600_000,
                admission: Admission::default(),
            };
            let mut of_admission = Vec::new();
            for word in rest {
                match word.split_once('=') {
                    Some(("draw", at)) => rules.draw_opens_ms = seconds(at),
                    Some(("opens", at)) => rules.opens_ms = seconds(at),
                    Some(("reveal", at)) => rules.reveal_by_ms = seconds(at),
                    Some(("secret", of)) => {
                        rules.commitment = Sha256::digest(secret(of)).into();
                    }
                    _ => of_admission.push(*word),
                }
            }
            rules.admission = admission(&of_admission);
            QueueCommand::Open { event, rules: Box::new(rules) }
        }
        ["admit", rest @ ..] => QueueCommand::SetAdmission { event, admission: admission(rest) },
        ["value", value] => {
            QueueCommand::FixPublicValue { event, value: value.as_bytes().to_vec() }
        }
        ["reveal", of] => QueueCommand::Reveal { event, secret: secret(of) },
        ["step"] => QueueCommand::Step { event },
        ["close"] => QueueCommand::Close { event },
        _ => panic!("queue {words:?} is not understood"),
    }
}

pub(crate) fn place(view: &PlaceView) -> String {
    let entry = view.entry;
    match view.standing {
        Standing::InDraw => format!("entry {entry}: in the draw"),
        Standing::Waiting => {
            let wait = view.wait_ms.map_or("?".to_owned(), time);
            format!(
                "entry {entry}: position {}, {} ahead, {wait} to wait",
                view.position, view.ahead
            )
        }
        Standing::Admitted => {
            format!("entry {entry}: admitted until {}", time(view.admitted_until_ms))
        }
        Standing::Over => format!("entry {entry}: over"),
        Standing::Left => format!("entry {entry}: left"),
    }
}

pub(crate) fn reply(reply: &QueueReply) -> String {
    match reply {
        QueueReply::Place(view) => place(view),
        QueueReply::Stepped { admitted, ended, more } => {
            let more = if *more { ", more to do" } else { "" };
            format!("{admitted} admitted, {ended} passes ended{more}")
        }
    }
}

pub(crate) fn view(view: &QueueView) -> String {
    format!(
        "{:?}: {} entries, {} drawn, {} wait, {} shop, {} were admitted",
        view.phase, view.entries, view.drawn.entries, view.waiting, view.shopping, view.admitted
    )
}

pub(crate) fn change(change: &QueueChange, name: impl Fn(UserId) -> String) -> String {
    let names = |users: &[(UserId, u32)]| {
        let named = users.iter().map(|&(user, entry)| format!("{} ({entry})", name(user)));
        named.collect::<Vec<_>>().join(" ")
    };
    match change {
        QueueChange::Opened { rules } => {
            format!("queue opened, sale from {}", time(rules.opens_ms))
        }
        QueueChange::AdmissionSet { admission } => {
            let paused = if admission.paused { ", paused" } else { "" };
            let (rate, most) = (admission.rate_per_minute, admission.shopping_max);
            format!("{rate} a minute, {most} at once{paused}")
        }
        QueueChange::Joined { user, entry } => format!("{} has entry {entry}", name(*user)),
        QueueChange::Left { user, entry } => format!("{} gave up entry {entry}", name(*user)),
        QueueChange::EntriesClosed { entries } => format!("{entries} entries are to be drawn"),
        QueueChange::PublicValueFixed { value } => {
            format!("public value {}", String::from_utf8_lossy(value))
        }
        QueueChange::Drawn { secret, .. } => {
            format!("drawn {} the secret", if secret.is_some() { "with" } else { "without" })
        }
        QueueChange::Admitted { users, until_ms } => {
            format!("until {} admitted: {}", time(*until_ms), names(users))
        }
        QueueChange::PassesEnded { users, why } => {
            let why = match why {
                PassEnd::Over => "over",
                PassEnd::Left => "given back",
                PassEnd::Bought => "bought",
            };
            format!("passes {why}: {}", names(users))
        }
        QueueChange::Closed => "queue closed".to_owned(),
    }
}
