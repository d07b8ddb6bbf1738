//! Waiting rooms: what is asked of them, and what can be seen of them.

use super::wishes::{seats, timed, wish};
use super::*;
use crate::inventory::QueueCommand;
use crate::inventory::queue::{
    Admission, Phase as QueuePhase, PlaceView, QueueReply, QueueRules, Standing as Place,
};
use crate::testing::model::line::{Doors, LineAsk, Spot as LineSpot, Stage, Terms, sha};

/// What is asked, before it is known when.
#[derive(Clone, Debug)]
pub(super) enum LineWish {
    /// Whatever brings it on.
    Next {
        user: u64,
        dice: u8,
    },
    Open {
        from: u64,
        opens: u64,
        reveal: u64,
        doors: Doors,
    },
    Set {
        doors: Doors,
    },
    Join {
        user: u64,
    },
    Leave {
        user: u64,
    },
    Fix {
        value: u8,
    },
    Reveal {
        secret: u8,
    },
    Step,
    Close,
}

fn doors() -> impl Strategy<Value = Doors> {
    let rates = prop_oneof![1 => Just((0_u32, 1_u32)), 2 => Just((120, 0)), 3 => Just((600, 2))];
    let pass_ms = prop_oneof![Just(10_000_u64), Just(40_000)];
    (rates, pass_ms, prop::bool::weighted(0.1)).prop_map(|((per_minute, inside), pass_ms, shut)| {
        Doors { per_minute, inside, pass_ms, shut }
    })
}

pub(super) fn line_wish() -> impl Strategy<Value = LineWish> {
    let user = || 1_u64..5;
    let window = prop_oneof![
        3 => (50_u64..400, 400_u64..12_000, 0_u64..4_000), 1 => (0_u64..1, 0_u64..1, 0_u64..1)
    ];
    prop_oneof![
        10 => (user(), 0_u8..6).prop_map(|(user, dice)| LineWish::Next { user, dice }),
        2 => (window, doors()).prop_map(|((from, opens, reveal), doors)| {
            LineWish::Open { from, opens, reveal, doors }
        }),
        1 => doors().prop_map(|doors| LineWish::Set { doors }),
        6 => user().prop_map(|user| LineWish::Join { user }),
        3 => user().prop_map(|user| LineWish::Leave { user }),
        2 => (1_u8..3).prop_map(|value| LineWish::Fix { value }),
        2 => prop_oneof![4 => Just(1_u8), 1 => Just(2)]
            .prop_map(|secret| LineWish::Reveal { secret }),
        6 => Just(LineWish::Step),
        3 => Just(LineWish::Close),
    ]
}

/// Histories that are about the waiting room of the second event, and what the admitted do.
pub(super) fn line_steps() -> BoxedStrategy<Vec<(i64, Wish)>> {
    let hold = (1_u64..4, 0_u64..60, seats());
    let verb = (0_u8..8).prop_map(|dice| Verb::Next { dice });
    timed(prop_oneof![
        8 => line_wish().prop_map(|wish| Wish::Line { event: 1, wish }),
        1 => Just(Wish::Ask(Ask::Publish { event: 1 })),
        4 => hold.prop_map(|(user, key, seats)| {
            Wish::Ask(Ask::Hold { event: 1, user, key, basket: plain_basket(seats) })
        }),
        6 => (0_u8..3, verb)
            .prop_map(|(pick, verb)| Wish::Of { event: 1, pick, by: By::Owner, verb }),
        1 => wish(),
    ])
}

impl Pair {
    pub(super) fn line_ask(&self, event: usize, now_ms: u64, wish: LineWish) -> Ask {
        let line = self.model.shows[event].line.as_ref();
        let now_ms = self.model.clock_ms.max(now_ms);
        let wish = match wish {
            LineWish::Next { user, dice } => match line.map(|line| line.stage_at(now_ms)) {
                None | Some(Stage::Closed) => LineWish::Join { user },
                Some(Stage::Drawing) if dice < 3 => LineWish::Fix { value: 1 },
                Some(Stage::Drawing) => LineWish::Reveal { secret: 1 },
                Some(Stage::Entering) if dice < 2 => LineWish::Leave { user },
                Some(Stage::Entering) => LineWish::Join { user },
                Some(Stage::Admitting) if dice < 2 => LineWish::Join { user },
                Some(Stage::Admitting) => LineWish::Step,
            },
            LineWish::Open { .. }
            | LineWish::Set { .. }
            | LineWish::Join { .. }
            | LineWish::Leave { .. }
            | LineWish::Fix { .. }
            | LineWish::Reveal { .. }
            | LineWish::Step
            | LineWish::Close => wish,
        };
        let ask = match wish {
            LineWish::Next { .. } | LineWish::Step => LineAsk::Step,
            LineWish::Open { from, opens, reveal, doors } => {
                let from_ms = now_ms + from;
                let opens_ms = from_ms + opens;
                let (reveal_ms, sealed) = (opens_ms + reveal, sha(&[&[1; 32]]));
                LineAsk::Open(Terms { from_ms, opens_ms, reveal_ms, sealed, doors })
            }
            LineWish::Set { doors } => LineAsk::Set(doors),
            LineWish::Join { user } => LineAsk::Join { user },
            LineWish::Leave { user } => LineAsk::Leave { user },
            LineWish::Fix { value } => LineAsk::Fix { value: vec![value] },
            LineWish::Reveal { secret } => LineAsk::Reveal { secret: [secret; 32] },
            LineWish::Close => LineAsk::Close,
        };
        Ask::Line { event, ask }
    }

    pub(super) fn compare_lines(&self) {
        let now_ms = self.model.clock_ms;
        for (event, show) in self.model.shows.iter().enumerate() {
            let id = event_id(event);
            let seen = self.state.queue(id);
            let Some(line) = &show.line else {
                assert_eq!(seen, None);
                continue;
            };
            let seen = seen.unwrap();
            let stage = match seen.phase {
                QueuePhase::Entering => Stage::Entering,
                QueuePhase::Drawing => Stage::Drawing,
                QueuePhase::Admitting => Stage::Admitting,
                QueuePhase::Closed => Stage::Closed,
            };
            assert_eq!(stage, line.stage_at(now_ms));
            assert_eq!(seen.rules, rules(&line.terms));
            assert_eq!(seen.drawn.seed, line.seed);
            assert_eq!(seen.drawn.secret, line.secret);
            assert_eq!(seen.drawn.public_value, line.public);
            let counts = [seen.entries, seen.waiting, seen.shopping].map(|count| count as usize);
            assert_eq!(counts, [line.entries.len(), line.waiting(), line.inside()]);
            assert_eq!(seen.admitted, line.admitted);
            for user in 1..5 {
                let place = self.state.queue_place(id, UserId(user.into())).map(spot);
                assert_eq!(place, line.spot(event, user, now_ms));
            }
        }
    }
}

fn rules(terms: &Terms) -> QueueRules {
    QueueRules {
        draw_opens_ms: terms.from_ms,
        opens_ms: terms.opens_ms,
        reveal_by_ms: terms.reveal_ms,
        commitment: terms.sealed,
        public_source: "beacon".to_owned(),
        token_ms: 3_600_000,
        admission: admission(&terms.doors),
    }
}

fn admission(doors: &Doors) -> Admission {
    Admission {
        rate_per_minute: doors.per_minute,
        shopping_max: doors.inside,
        pass_ms: doors.pass_ms,
        paused: doors.shut,
    }
}

pub(super) fn line_command(event: usize, ask: LineAsk) -> (UserId, u64, CommandKind) {
    let event = event_id(event);
    let (by, command) = match ask {
        LineAsk::Open(terms) => (0, QueueCommand::Open { event, rules: Box::new(rules(&terms)) }),
        LineAsk::Set(doors) => {
            (0, QueueCommand::SetAdmission { event, admission: admission(&doors) })
        }
        LineAsk::Join { user } => (user, QueueCommand::Join { event }),
        LineAsk::Leave { user } => (user, QueueCommand::Leave { event }),
        LineAsk::Fix { value } => (0, QueueCommand::FixPublicValue { event, value }),
        LineAsk::Reveal { secret } => (0, QueueCommand::Reveal { event, secret }),
        LineAsk::Step => (0, QueueCommand::Step { event }),
        LineAsk::Close => (0, QueueCommand::Close { event }),
    };
    (UserId(by.into()), 0, CommandKind::Queue(command))
}

fn spot(view: PlaceView) -> LineSpot {
    let standing = match view.standing {
        Place::InDraw => "in draw",
        Place::Waiting => "waiting",
        Place::Admitted => "admitted",
        Place::Over => "over",
        Place::Left => "left",
    };
    let event = usize::try_from(view.event.0 - event_id(0).0).unwrap();
    let user = u64::try_from(view.user.0).unwrap();
    let PlaceView { entry, position, ahead, wait_ms, admitted_until_ms: until_ms, .. } = view;
    (event, user, entry, standing, position, ahead, wait_ms, until_ms)
}

pub(super) fn line_heard(reply: QueueReply) -> Said {
    match reply {
        QueueReply::Place(view) => Said::Spot(spot(*view)),
        QueueReply::Stepped { admitted, .. } => Said::Stepped(admitted),
    }
}
