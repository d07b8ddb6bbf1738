//! What a script asks of the best seats.

use rowlock_raft_store::inventory::{Cart, Together};

use super::{number, small};

/// `4` wants the best four; `adjacent`, `row`, `accessible`, `cat=1`, `sec=0`, `max=5000` say how;
/// `seat=7` and `area=0x3` come on top.
pub(super) fn cart(wishes: &[&str]) -> Cart {
    let mut cart = Cart::default();
    for wish in wishes {
        let best = cart.best.get_or_insert_default();
        match wish.split_once('=') {
            None if *wish == "adjacent" => best.together = Together::Adjacent,
            None if *wish == "row" => best.together = Together::SameRow,
            None if *wish == "accessible" => best.accessible = true,
            None => best.quantity = small(wish),
            Some(("cat", category)) => best.categories.push(u8::try_from(small(category)).unwrap()),
            Some(("sec", section)) => best.sections.push(u16::try_from(small(section)).unwrap()),
            Some(("max", price)) => best.price_max = Some(number(price)),
            Some(("seat", seat)) => cart.seats.push(small(seat)),
            Some(("area", places)) => {
                let (area, count) = places.split_once('x').expect("area=<area>x<count>");
                cart.areas.push((u16::try_from(small(area)).unwrap(), small(count)));
            }
            Some((other, _)) => panic!("a cart has no {other}"),
        }
    }
    cart.best = cart.best.filter(|best| best.quantity > 0);
    cart
}
