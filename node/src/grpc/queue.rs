//! Waiting rooms on the wire, both ways.

use bytes::Bytes;
use rowlock_proto::v1;
use rowlock_proto::v1::passes_ended::Why;
use rowlock_proto::{EventId, UserId};
use rowlock_raft_store::inventory::queue::{
    Admission, PassEnd, Phase, PlaceView, QueueRules, QueueView, Standing,
};
use rowlock_raft_store::inventory::{QueueChange, QueueCommand, Refusal};

use super::command::{event, malformed};

fn raw(bytes: [u8; 16]) -> Bytes {
    Bytes::copy_from_slice(&bytes)
}

fn bytes32(what: &str, bytes: &[u8]) -> Result<[u8; 32], Refusal> {
    bytes.try_into().map_err(|_| malformed(format!("{what} is not 32 bytes")))
}

fn admission(wire: v1::Admission) -> Admission {
    let v1::Admission { rate_per_minute, shopping_max, pass_ms, paused } = wire;
    Admission { rate_per_minute, shopping_max, pass_ms, paused }
}

const fn admission_out(admission: Admission) -> v1::Admission {
    let Admission { rate_per_minute, shopping_max, pass_ms, paused } = admission;
    v1::Admission { rate_per_minute, shopping_max, pass_ms, paused }
}

fn rules(wire: v1::QueueRules) -> Result<QueueRules, Refusal> {
    let doors = wire.admission.ok_or_else(|| malformed("a queue without its admission"))?;
    Ok(QueueRules {
        draw_opens_ms: wire.draw_opens_ms,
        opens_ms: wire.opens_ms,
        reveal_by_ms: wire.reveal_by_ms,
        commitment: bytes32("the commitment", &wire.commitment)?,
        public_source: wire.public_source,
        token_ms: wire.token_ms,
        admission: admission(doors),
    })
}

fn rules_out(rules: QueueRules) -> v1::QueueRules {
    v1::QueueRules {
        draw_opens_ms: rules.draw_opens_ms,
        opens_ms: rules.opens_ms,
        reveal_by_ms: rules.reveal_by_ms,
        commitment: Bytes::copy_from_slice(&rules.commitment),
        public_source: rules.public_source,
        token_ms: rules.token_ms,
        admission: Some(admission_out(rules.admission)),
    }
}

pub(super) fn command(wire: v1::QueueCommand) -> Result<QueueCommand, Refusal> {
    use v1::queue_command::Kind;
    let event = event(&wire.event)?;
    let kind = wire.kind.ok_or_else(|| malformed("a command of no kind to a queue"))?;
    Ok(match kind {
        Kind::Open(wire) => QueueCommand::Open { event, rules: Box::new(rules(wire)?) },
        Kind::SetAdmission(wire) => {
            QueueCommand::SetAdmission { event, admission: admission(wire) }
        }
        Kind::Join(_) => QueueCommand::Join { event },
        Kind::Leave(_) => QueueCommand::Leave { event },
        Kind::FixPublicValue(value) => {
            QueueCommand::FixPublicValue { event, value: value.to_vec() }
        }
        Kind::Reveal(secret) => {
            QueueCommand::Reveal { event, secret: bytes32("the secret", &secret)? }
        }
        Kind::Close(_) => QueueCommand::Close { event },
    })
}

pub(super) fn queue(view: QueueView) -> v1::Queue {
    let phase = match view.phase {
        Phase::Entering => v1::QueuePhase::Entering,
        Phase::Drawing => v1::QueuePhase::Drawing,
        Phase::Admitting => v1::QueuePhase::Admitting,
        Phase::Closed => v1::QueuePhase::QueueClosed,
    };
    let known = |bytes: Option<[u8; 32]>| bytes.map(|it| Bytes::copy_from_slice(&it));
    v1::Queue {
        event: raw(view.event.to_bytes()),
        rules: Some(rules_out(view.rules)),
        phase: phase.into(),
        drawn: view.drawn.entries,
        public_value: view.drawn.public_value.into(),
        secret: known(view.drawn.secret).unwrap_or_default(),
        seed: known(view.drawn.seed).unwrap_or_default(),
        entries: view.entries,
        waiting: view.waiting,
        shopping: view.shopping,
        admitted: view.admitted,
    }
}

pub(super) fn place(view: PlaceView) -> v1::QueuePlace {
    let standing = match view.standing {
        Standing::InDraw => v1::QueueStanding::InDraw,
        Standing::Waiting => v1::QueueStanding::Waiting,
        Standing::Admitted => v1::QueueStanding::Admitted,
        Standing::Over => v1::QueueStanding::Over,
        Standing::Left => v1::QueueStanding::Left,
    };
    v1::QueuePlace {
        event: raw(view.event.to_bytes()),
        user: raw(view.user.to_bytes()),
        entry: view.entry,
        standing: standing.into(),
        position: view.position,
        ahead: view.ahead,
        wait_ms: view.wait_ms,
        admitted_until_ms: view.admitted_until_ms,
    }
}

fn entry((user, entry): (UserId, u32)) -> v1::QueueEntry {
    v1::QueueEntry { user: raw(user.to_bytes()), entry }
}

fn entries(users: Vec<(UserId, u32)>) -> Vec<v1::QueueEntry> {
    users.into_iter().map(entry).collect()
}

pub(super) fn changed(event: EventId, change: QueueChange) -> v1::QueueChanged {
    use v1::queue_changed::Kind;
    let kind = match change {
        QueueChange::Opened { rules } => Kind::Opened(rules_out(*rules)),
        QueueChange::AdmissionSet { admission } => Kind::AdmissionSet(admission_out(admission)),
        QueueChange::Joined { user, entry: number } => Kind::Joined(entry((user, number))),
        QueueChange::Left { user, entry: number } => Kind::Left(entry((user, number))),
        QueueChange::EntriesClosed { entries } => Kind::EntriesClosed(entries),
        QueueChange::PublicValueFixed { value } => Kind::PublicValueFixed(value.into()),
        QueueChange::Drawn { secret, public_value, seed } => Kind::Drawn(v1::QueueDrawn {
            secret: secret.map(|it| Bytes::copy_from_slice(&it)).unwrap_or_default(),
            public_value: public_value.into(),
            seed: Bytes::copy_from_slice(&seed),
        }),
        QueueChange::Admitted { users, until_ms } => {
            Kind::Admitted(v1::QueueAdmitted { entries: entries(users), until_ms })
        }
        QueueChange::PassesEnded { users, why } => {
            let why = match why {
                PassEnd::Over => Why::TimeOver,
                PassEnd::Left => Why::GivenBack,
                PassEnd::Bought => Why::Bought,
            };
            Kind::PassesEnded(v1::PassesEnded { entries: entries(users), why: why.into() })
        }
        QueueChange::Closed => Kind::Closed(v1::Done {}),
    };
    v1::QueueChanged { event: raw(event.to_bytes()), kind: Some(kind) }
}
