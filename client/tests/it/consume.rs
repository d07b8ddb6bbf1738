//! Following a feed under a name, against a node that keeps one consumer as a cluster would.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rowlock_client::consume::{Consumer, Handle};
use rowlock_client::types::{Change, ErrorCode, ShardId};
use rowlock_proto::v1;
use rowlock_proto::v1::consumer_command::Kind;
use tokio::sync::mpsc;
use tonic::Status;

use crate::fake::{self, Do, Scripts};

/// Changes that there are.
const NEWEST: u64 = 20;

/// The consumer, and from where on there is a feed.
#[derive(Default)]
struct Board {
    consumer: Option<v1::Consumer>,
    leases: u64,
    floor: u64,
}

impl Board {
    fn decide(&mut self, command: v1::ConsumerCommand) -> Result<v1::reply::Kind, ErrorCode> {
        let kind = command.kind.unwrap();
        if let Kind::Register(v1::RegisterConsumer { after }) = kind {
            let position = after.unwrap();
            self.consumer.get_or_insert(v1::Consumer { position, ..v1::Consumer::default() });
            return Ok(v1::reply::Kind::Consumer(self.consumer.clone().unwrap()));
        }
        let consumer = self.consumer.as_mut().ok_or(ErrorCode::ConsumerNotFound)?;
        match kind {
            Kind::Lease(lease) if consumer.lease == 0 || consumer.holder == lease.holder => {
                if consumer.lease == 0 {
                    self.leases += 1;
                    consumer.lease = self.leases;
                }
                consumer.holder = lease.holder;
            }
            Kind::Lease(_) => return Err(ErrorCode::ConsumerLeased),
            Kind::Acknowledge(done) if done.lease == consumer.lease => {
                assert!(done.revision >= consumer.position);
                consumer.position = done.revision;
            }
            Kind::Acknowledge(_) => return Err(ErrorCode::ConsumerFenced),
            Kind::Yield(_) => consumer.lease = 0,
            Kind::Register(_) | Kind::Unregister(_) => {}
        }
        Ok(v1::reply::Kind::Consumer(consumer.clone()))
    }
}

fn answer(board: &mut Board, call: v1::Call) -> v1::Answer {
    use v1::answer::Body;
    let Some(v1::call::Body::Command(command)) = call.body else { panic!("not a command") };
    let Some(v1::command::Kind::Consumer(command)) = command.kind else { panic!("another kind") };
    let body = match board.decide(command) {
        Ok(kind) => Body::Reply(v1::Reply { kind: Some(kind) }),
        Err(code) => {
            Body::Refusal(v1::Refusal { code: code.number().into(), ..v1::Refusal::default() })
        }
    };
    v1::Answer { id: call.id, at: None, body: Some(body) }
}

fn scripts(board: &Arc<Mutex<Board>>) -> Scripts {
    let (calls, feed) = (Arc::clone(board), Arc::clone(board));
    Scripts {
        feed: Box::new(move |request| {
            if request.after < feed.lock().unwrap().floor {
                return Err(Status::failed_precondition("compacted"));
            }
            let change = |revision| v1::Change { revision, ..v1::Change::default() };
            let batch = |revision| v1::WatchBatch {
                changes: vec![change(revision)],
                ..v1::WatchBatch::default()
            };
            Ok((request.after + 1..=NEWEST).map(batch).collect())
        }),
        ..Scripts::calls(move |calls_now| {
            let mut board = calls.lock().unwrap();
            Do::Answer(calls_now.into_iter().map(|call| answer(&mut board, call)).collect())
        })
    }
}

/// Tells what it handled; fails once at `fails_at`.
struct Told {
    to: mpsc::UnboundedSender<u64>,
    fails_at: u64,
}

impl Handle for Told {
    type Error = &'static str;

    async fn changes(&mut self, _: ShardId, changes: &[Change]) -> Result<(), Self::Error> {
        for change in changes {
            self.to.send(change.revision).unwrap();
            if change.revision == self.fails_at {
                self.fails_at = 0;
                return Err("once");
            }
        }
        Ok(())
    }

    async fn read_anew(&mut self, _: ShardId, _: Option<u64>) -> Result<u64, Self::Error> {
        self.to.send(1_000).unwrap();
        Ok(12)
    }
}

fn consumer(holder: &str) -> Consumer {
    let (name, holder) = ("mail".to_owned(), holder.to_owned());
    Consumer { name, holder, lease: Duration::from_secs(30) }
}

/// What a holder handles until it has handled `last`.
async fn handled(
    client: &rowlock_client::Client,
    holder: &str,
    fails_at: u64,
    last: u64,
) -> Vec<u64> {
    let (to, mut told) = mpsc::unbounded_channel();
    let mut handler = Told { to, fails_at };
    let mut seen = Vec::new();
    let stop = async {
        while let Some(revision) = told.recv().await {
            seen.push(revision);
            if revision == last {
                return;
            }
        }
    };
    client.consume(ShardId(0), &consumer(holder), &mut handler, stop).await;
    seen
}

#[tokio::test]
async fn what_failed_comes_again_and_another_takes_over_where_the_first_stopped() {
    let board = Arc::new(Mutex::new(Board::default()));
    let client = fake::cluster(vec![scripts(&board)]).await;
    let first = handled(&client, "api-1", 3, 7).await;
    assert_eq!(first, [1, 2, 3, 3, 4, 5, 6, 7]);
    let left_at = board.lock().unwrap().consumer.clone().unwrap();
    // Whether the last one was done when it was told to stop is not known.
    assert!((6..=NEWEST).contains(&left_at.position) && left_at.lease == 0, "{left_at:?}");
    board.lock().unwrap().consumer.as_mut().unwrap().position = 6;
    let second = handled(&client, "api-2", 0, NEWEST).await;
    assert_eq!(second, (7..=NEWEST).collect::<Vec<_>>());
    assert_eq!(board.lock().unwrap().leases, 2);
}

#[tokio::test]
async fn changes_that_are_gone_are_read_from_the_state() {
    let board = Arc::new(Mutex::new(Board { floor: 10, ..Board::default() }));
    let client = fake::cluster(vec![scripts(&board)]).await;
    let seen = handled(&client, "api-1", 0, 14).await;
    assert_eq!(seen, [1_000, 13, 14]);
    assert!(board.lock().unwrap().consumer.clone().unwrap().position >= 13);
}

#[tokio::test]
async fn who_is_fenced_works_no_more() {
    let board = Arc::new(Mutex::new(Board::default()));
    let client = fake::cluster(vec![scripts(&board)]).await;
    let (to, mut told) = mpsc::unbounded_channel();
    let mut handler = Told { to, fails_at: 0 };
    let fence = async {
        while told.recv().await != Some(NEWEST) {}
        // Another took over before any of it was acknowledged.
        let mut board = board.lock().unwrap();
        let consumer = board.consumer.as_mut().unwrap();
        (consumer.lease, consumer.holder) = (99, "api-2".to_owned());
        consumer.position = 1;
    };
    client.consume(ShardId(0), &consumer("api-1"), &mut handler, fence).await;
    let left = board.lock().unwrap().consumer.clone().unwrap();
    assert_eq!((left.lease, left.position), (99, 1), "the late one changed nothing");
}
