//! The life of an event, in scripts: `pause rain`, `resume`, `end`, `end at 60`, `tend 10`, `collect 10`; `life` and
//! `refunds` show what there is to see of it.

use std::fmt::Write as _;

use rowlock_raft_store::inventory::{CommandKind, LifeCommand, SYSTEM};

use super::{Script, name, number, seconds, small, time};

impl Script {
    pub(super) fn life(&mut self, verb: &str, rest: &[&str]) {
        let event = self.event;
        let command = match (verb, rest) {
            ("pause", reason) => LifeCommand::Pause { event, reason: reason.join(" ") },
            ("resume", []) => LifeCommand::Resume { event },
            ("end", []) => LifeCommand::End { event },
            ("end", ["at", at]) => LifeCommand::SetEnd { event, ends_ms: seconds(at) },
            ("tend", [max]) => LifeCommand::Tend { max: small(max) },
            ("collect", [max]) => LifeCommand::Collect { event, max: small(max) },
            ("life", []) => return self.show_life(),
            ("refunds", [after, limit]) => {
                return self.show_refunds(small(after), usize::try_from(number(limit)).unwrap());
            }
            _ => panic!("{verb} {rest:?} is not understood"),
        };
        self.apply(SYSTEM, None, CommandKind::Life(command));
    }

    fn show_life(&mut self) {
        let view = self.world.state.event(self.event).unwrap();
        let mut text = format!("{:?}", view.state);
        if !view.life.pause_reason.is_empty() {
            write!(text, ": {}", view.life.pause_reason).unwrap();
        }
        if view.life.sale_ends_ms > 0 {
            write!(text, ", sale ends at {}", time(view.life.sale_ends_ms)).unwrap();
        }
        for (is, what) in [(view.life.sold_out, "sold out"), (view.life.refunding, "refunding")] {
            if is {
                write!(text, ", {what}").unwrap();
            }
        }
        if view.life.archived_ms > 0 {
            write!(text, ", in the archive since {}", time(view.life.archived_ms)).unwrap();
        }
        self.say(text);
    }

    fn show_refunds(&mut self, after: u32, limit: usize) {
        let found = self.world.state.refunds_of(self.event, after, limit, true);
        let (lines, next) = found.unwrap();
        for line in lines {
            let of = name(line.booking);
            self.say(format!("{of}: {} of {} is owed, {}", line.amount, line.intent, line.reason));
        }
        self.say(if next == 0 { "no more".to_owned() } else { format!("more after {next}") });
    }
}
