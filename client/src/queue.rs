//! Waiting rooms: their types, commands, queries and changes.

use bytes::Bytes;
use rowlock_proto::v1::command::Kind;
use rowlock_proto::v1::queue_command::Kind as Ask;
use rowlock_proto::v1::reply::Kind as Reply;
use rowlock_proto::{EventId, RequestKey, UserId, v1};

use crate::calls::done;
use crate::client::Client;
use crate::error::Error;
use crate::types::Answered;
use crate::wire::{self, Unreadable};

/// What is fixed when a queue is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueRules {
    /// From then on users may enter.
    pub draw_opens_ms: u64,
    /// Who entered before then is drawn, who enters later is served first in, first out.
    pub opens_ms: u64,
    /// Later than this the draw is made without the secret.
    pub reveal_by_ms: u64,
    /// SHA-256 of the secret, which has 32 bytes.
    pub commitment: [u8; 32],
    /// Where the public value will come from.
    pub public_source: String,
    /// How long the token is good that a server gives to a waiting user.
    pub token_ms: u64,
    pub admission: Admission,
}

/// How users are let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// 0: as many as there is room for.
    pub rate_per_minute: u32,
    /// How many may be shopping at once; 0: any number.
    pub shopping_max: u32,
    pub pass_ms: u64,
    pub paused: bool,
}

impl Default for Admission {
    fn default() -> Self {
        Self { rate_per_minute: 1_000, shopping_max: 0, pass_ms: 15 * 60 * 1_000, paused: false }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueuePhase {
    /// Those who enter are in the draw.
    Entering,
    /// The draw is not made yet.
    Drawing,
    Admitting,
    Closed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    pub event: EventId,
    pub rules: QueueRules,
    pub phase: QueuePhase,
    /// Entries in the draw.
    pub drawn: u32,
    /// Empty: not fixed yet.
    pub public_value: Vec<u8>,
    pub secret: Option<[u8; 32]>,
    pub seed: Option<[u8; 32]>,
    /// Entries that were ever made.
    pub entries: u32,
    pub waiting: u32,
    pub shopping: u32,
    pub admitted: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueStanding {
    /// The draw is not made yet.
    InDraw,
    Waiting,
    /// May hold.
    Admitted,
    /// Had a pass.
    Over,
    /// Gave up while waiting.
    Left,
}

/// A user's place in a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuePlace {
    pub event: EventId,
    pub user: UserId,
    pub entry: u32,
    pub standing: QueueStanding,
    /// From 1; 0: not known, or not waiting.
    pub position: u32,
    pub ahead: u32,
    /// `None`: can't be said.
    pub wait_ms: Option<u64>,
    /// 0: not admitted.
    pub admitted_until_ms: u64,
}

/// A user with the number of its entry.
pub type QueueEntry = (UserId, u32);

/// What happened to a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueChange {
    Opened(Box<QueueRules>),
    AdmissionSet(Admission),
    Joined(QueueEntry),
    Left(QueueEntry),
    /// Entries below this number are drawn.
    EntriesClosed(u32),
    PublicValueFixed(Vec<u8>),
    /// Without a secret, it was not revealed in time.
    Drawn {
        secret: Option<[u8; 32]>,
        public_value: Vec<u8>,
        seed: [u8; 32],
    },
    Admitted {
        entries: Vec<QueueEntry>,
        until_ms: u64,
    },
    PassesEnded {
        entries: Vec<QueueEntry>,
        why: PassEnd,
    },
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassEnd {
    TimeOver,
    GivenBack,
    Bought,
}

impl Client {
    async fn ask_queue<T>(
        &self,
        event: EventId,
        principal: UserId,
        key: RequestKey,
        kind: Ask,
        read: fn(Reply) -> Result<T, Unreadable>,
    ) -> Result<Answered<T>, Error> {
        let event_bytes = wire::id(event.to_bytes());
        let kind = Kind::Queue(v1::QueueCommand { event: event_bytes, kind: Some(kind) });
        self.write(event.slot(), principal, key, kind, read).await
    }

    /// Guards the event: from now on holds need a pass.
    pub async fn open_queue(
        &self,
        event: EventId,
        rules: QueueRules,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<()>, Error> {
        self.ask_queue(event, principal, key, Ask::Open(rules_out(rules)), done).await
    }

    /// Changes how users are let in, from now on; pauses and resumes it.
    pub async fn set_queue_admission(
        &self,
        event: EventId,
        admission: Admission,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<()>, Error> {
        let kind = Ask::SetAdmission(admission_out(admission));
        self.ask_queue(event, principal, key, kind, done).await
    }

    /// `principal` enters. Again: the same place.
    pub async fn join_queue(
        &self,
        event: EventId,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<QueuePlace>, Error> {
        self.ask_queue(event, principal, key, Ask::Join(v1::Done {}), placed).await
    }

    /// `principal` gives up its place, or its pass.
    pub async fn leave_queue(
        &self,
        event: EventId,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<QueuePlace>, Error> {
        self.ask_queue(event, principal, key, Ask::Leave(v1::Done {}), placed).await
    }

    /// Fixes the public value of the draw, once, after entries have closed.
    pub async fn fix_public_value(
        &self,
        event: EventId,
        value: &[u8],
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<()>, Error> {
        let kind = Ask::FixPublicValue(Bytes::copy_from_slice(value));
        self.ask_queue(event, principal, key, kind, done).await
    }

    /// Reveals the secret of the draw, after the public value was fixed: the order stands.
    pub async fn reveal_secret(
        &self,
        event: EventId,
        secret: [u8; 32],
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<()>, Error> {
        let kind = Ask::Reveal(Bytes::copy_from_slice(&secret));
        self.ask_queue(event, principal, key, kind, done).await
    }

    /// Guards the event no more.
    pub async fn close_queue(
        &self,
        event: EventId,
        principal: UserId,
        key: RequestKey,
    ) -> Result<Answered<()>, Error> {
        self.ask_queue(event, principal, key, Ask::Close(v1::Done {}), done).await
    }

    pub async fn queue(&self, event: EventId) -> Result<Answered<Queue>, Error> {
        use rowlock_proto::v1::query::Kind;
        use rowlock_proto::v1::query_reply::Kind as Found;
        let kind = Kind::GetQueue(v1::GetQueue { event: wire::id(event.to_bytes()) });
        self.query(event.slot(), false, kind, |found| match found {
            Found::Queue(view) => Some(queue(view)),
            _ => None,
        })
        .await
    }

    /// A user's place. With `stale`, from any replica: waiting users ask often.
    pub async fn queue_place(
        &self,
        event: EventId,
        user: UserId,
        stale: bool,
    ) -> Result<Answered<QueuePlace>, Error> {
        use rowlock_proto::v1::query::Kind;
        use rowlock_proto::v1::query_reply::Kind as Found;
        let (event_bytes, user) = (wire::id(event.to_bytes()), wire::id(user.to_bytes()));
        let kind = Kind::GetQueuePlace(v1::GetQueuePlace { event: event_bytes, user });
        self.query(event.slot(), stale, kind, |found| match found {
            Found::QueuePlace(view) => Some(place(view)),
            _ => None,
        })
        .await
    }
}

fn bytes32(bytes: &[u8]) -> Result<[u8; 32], Unreadable> {
    bytes.try_into().map_err(|_| Unreadable("32 bytes"))
}

fn some_bytes32(bytes: &[u8]) -> Result<Option<[u8; 32]>, Unreadable> {
    if bytes.is_empty() { Ok(None) } else { bytes32(bytes).map(Some) }
}

const fn admission(wire: v1::Admission) -> Admission {
    let v1::Admission { rate_per_minute, shopping_max, pass_ms, paused } = wire;
    Admission { rate_per_minute, shopping_max, pass_ms, paused }
}

const fn admission_out(admission: Admission) -> v1::Admission {
    let Admission { rate_per_minute, shopping_max, pass_ms, paused } = admission;
    v1::Admission { rate_per_minute, shopping_max, pass_ms, paused }
}

fn rules(wire: v1::QueueRules) -> Result<QueueRules, Unreadable> {
    Ok(QueueRules {
        draw_opens_ms: wire.draw_opens_ms,
        opens_ms: wire.opens_ms,
        reveal_by_ms: wire.reveal_by_ms,
        commitment: bytes32(&wire.commitment)?,
        public_source: wire.public_source,
        token_ms: wire.token_ms,
        admission: admission(wire.admission.ok_or(Unreadable("queue without its admission"))?),
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

fn queue(wire: v1::Queue) -> Result<Queue, Unreadable> {
    let phase = match wire.phase() {
        v1::QueuePhase::Entering => QueuePhase::Entering,
        v1::QueuePhase::Drawing => QueuePhase::Drawing,
        v1::QueuePhase::Admitting => QueuePhase::Admitting,
        v1::QueuePhase::QueueClosed => QueuePhase::Closed,
        v1::QueuePhase::Unspecified => return Err(Unreadable("phase of a queue")),
    };
    Ok(Queue {
        event: wire::event_id(&wire.event)?,
        phase,
        drawn: wire.drawn,
        secret: some_bytes32(&wire.secret)?,
        seed: some_bytes32(&wire.seed)?,
        public_value: wire.public_value.into(),
        entries: wire.entries,
        waiting: wire.waiting,
        shopping: wire.shopping,
        admitted: wire.admitted,
        rules: rules(wire.rules.ok_or(Unreadable("queue without its rules"))?)?,
    })
}

fn place(wire: v1::QueuePlace) -> Result<QueuePlace, Unreadable> {
    let standing = match wire.standing() {
        v1::QueueStanding::InDraw => QueueStanding::InDraw,
        v1::QueueStanding::Waiting => QueueStanding::Waiting,
        v1::QueueStanding::Admitted => QueueStanding::Admitted,
        v1::QueueStanding::Over => QueueStanding::Over,
        v1::QueueStanding::Left => QueueStanding::Left,
        v1::QueueStanding::Unspecified => return Err(Unreadable("standing in a queue")),
    };
    Ok(QueuePlace {
        event: wire::event_id(&wire.event)?,
        user: wire::user_id(&wire.user)?,
        entry: wire.entry,
        standing,
        position: wire.position,
        ahead: wire.ahead,
        wait_ms: wire.wait_ms,
        admitted_until_ms: wire.admitted_until_ms,
    })
}

fn placed(reply: Reply) -> Result<QueuePlace, Unreadable> {
    match reply {
        Reply::QueuePlace(view) => place(view),
        Reply::Booking(_)
        | Reply::RefundDue(_)
        | Reply::PaymentBegun(_)
        | Reply::Refund(_)
        | Reply::Done(_)
        | Reply::Tended(_)
        | Reply::Waiter(_)
        | Reply::Session(_)
        | Reply::Scans(_)
        | Reply::Consumer(_)
        | Reply::Expired(_) => Err(Unreadable("reply without a place in a queue")),
    }
}

fn entry(wire: v1::QueueEntry) -> Result<QueueEntry, Unreadable> {
    Ok((wire::user_id(&wire.user)?, wire.entry))
}

/// The change, or `None` if it is of a kind that this client is too old to know.
pub(crate) fn change(wire: v1::QueueChanged) -> Result<Option<(EventId, QueueChange)>, Unreadable> {
    use v1::passes_ended::Why;
    use v1::queue_changed::Kind;
    let event = wire::event_id(&wire.event)?;
    let entries = |list: Vec<v1::QueueEntry>| {
        list.into_iter().map(entry).collect::<Result<Vec<QueueEntry>, Unreadable>>()
    };
    let Some(kind) = wire.kind else { return Ok(None) };
    let change = match kind {
        Kind::Opened(wire) => QueueChange::Opened(Box::new(rules(wire)?)),
        Kind::AdmissionSet(wire) => QueueChange::AdmissionSet(admission(wire)),
        Kind::Joined(wire) => QueueChange::Joined(entry(wire)?),
        Kind::Left(wire) => QueueChange::Left(entry(wire)?),
        Kind::EntriesClosed(entries) => QueueChange::EntriesClosed(entries),
        Kind::PublicValueFixed(value) => QueueChange::PublicValueFixed(value.into()),
        Kind::Drawn(wire) => QueueChange::Drawn {
            secret: some_bytes32(&wire.secret)?,
            seed: bytes32(&wire.seed)?,
            public_value: wire.public_value.into(),
        },
        Kind::Admitted(wire) => {
            QueueChange::Admitted { entries: entries(wire.entries)?, until_ms: wire.until_ms }
        }
        Kind::PassesEnded(wire) => {
            let why = match wire.why() {
                Why::TimeOver => PassEnd::TimeOver,
                Why::GivenBack => PassEnd::GivenBack,
                Why::Bought => PassEnd::Bought,
                Why::Unspecified => return Err(Unreadable("why a pass ended")),
            };
            QueueChange::PassesEnded { entries: entries(wire.entries)?, why }
        }
        Kind::Closed(_) => QueueChange::Closed,
    };
    Ok(Some((event, change)))
}
