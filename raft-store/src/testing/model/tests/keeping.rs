//! Wishes of which days pass: what is collected, and events that go into the archive.

use super::lines::line_wish;
use super::money::{exchange_wish, money_wish};
use super::wishes::{basket, verb};
use super::*;

const DAY_MS: i64 = 86_400_000;

pub(super) fn keep_steps() -> BoxedStrategy<Vec<(i64, Wish)>> {
    // The second is over one day; the first never is.
    let event = || prop_oneof![1 => Just(0_usize), 2 => Just(1)];
    let verb = prop_oneof![
        4 => Just(Verb::Release),
        8 => (0_u8..8).prop_map(|dice| Verb::Next { dice }),
        3 => verb(),
    ];
    let wish = prop_oneof![
        3 => event().prop_map(|event| Wish::Ask(Ask::Publish { event })),
        1 => (event(), 0_u8..6).prop_map(|(event, dice)| Wish::Ask(match dice {
            0 => Ask::Cancel { event },
            1 => Ask::Life { event, deed: Deed::End },
            2 => Ask::Life { event, deed: Deed::Pause { why: "rain".to_owned() } },
            _ => Ask::Life { event, deed: Deed::Resume },
        })),
        14 => (event(), 1_u64..4, 0_u64..40, basket()).prop_map(|(event, user, key, basket)| {
            Wish::Ask(Ask::Hold { event, user, key, basket })
        }),
        18 => (event(), any::<u8>(), verb)
            .prop_map(|(event, pick, verb)| Wish::Of { event, pick, by: By::Owner, verb }),
        10 => (event(), 1_u32..9)
            .prop_map(|(event, max)| Wish::Ask(Ask::Collect { event, max })),
        2 => (1_u32..4).prop_map(|max| Wish::Sweep { max }),
        2 => (1_u32..4).prop_map(|max| Wish::Ask(Ask::Tend { max })),
        2 => money_wish().prop_map(Wish::Money),
        1 => exchange_wish(),
        2 => line_wish().prop_map(|wish| Wish::Line { event: 1, wish }),
        2 => (event(), waitlists::wait_wish()).prop_map(|(event, wish)| Wish::Wait { event, wish }),
        2 => (event(), terms::terms_wish()).prop_map(|(event, wish)| Wish::Terms { event, wish }),
        1 => Just(Wish::Restart),
    ];
    let step = prop_oneof![
        50 => 0_i64..700,
        6 => 3_000_i64..11_000,
        2 => Just(601_000_i64),
        4 => Just(DAY_MS),
        1 => Just(31 * DAY_MS),
    ];
    prop::collection::vec((step, wish), 1..160).boxed()
}
