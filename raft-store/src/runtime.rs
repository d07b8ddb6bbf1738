//! The runtime under Raft: tokio, with what a simulation needs to be in charge of.
//!
//! - *Randomness*: Raft draws election timeouts. A thread can be seeded ([`seed`]), and then draws
//!   the same ones each time.
//! - *Machines*: a task belongs to the [`Machine`] of the task that started it. A machine that is
//!   paused runs none of its tasks, and one that is dead never again does, wherever each of them
//!   stood: what a SIGSTOP and a power cut do to a process.
//! - *Order*: tokio's watch channel wakes those who wait on it in a random order; this one, openraft's
//!   own, in the order in which they came.
//!
//! Outside a simulation there is no seed and no machine, and a task is tokio's own.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use openraft::OptionalSend;
use openraft_rt::AsyncRuntime;
use openraft_rt_sim::SimWatch;
use openraft_rt_tokio::{TokioInstant, TokioMpsc, TokioMutex, TokioOneshot, TokioRuntime};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng as _, TryRng};

thread_local! {
    static SEEDED: RefCell<Option<StdRng>> = const { RefCell::new(None) };
    static CURRENT: RefCell<Option<Machine>> = const { RefCell::new(None) };
}

/// From here on this thread's Raft groups draw from `seed`, or at random again.
pub fn seed(seed: Option<u64>) {
    SEEDED.set(seed.map(StdRng::seed_from_u64));
}

/// Where Raft's random numbers come from.
#[derive(Debug)]
pub struct Random;

impl Random {
    fn draw<T>(draw: impl FnOnce(&mut dyn Rng) -> T) -> T {
        SEEDED.with_borrow_mut(|seeded| match seeded {
            Some(seeded) => draw(seeded),
            None => draw(&mut rand::rng()),
        })
    }
}

impl TryRng for Random {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(Self::draw(|rng| rng.next_u32()))
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(Self::draw(|rng| rng.next_u64()))
    }
    fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), Infallible> {
        Self::draw(|rng| rng.fill_bytes(into));
        Ok(())
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Power {
    On,
    Paused,
    Off,
}

#[derive(Debug)]
struct Gate {
    power: Power,
    /// Tasks that were woken while the machine was paused.
    waiting: Vec<Waker>,
}

/// The machine that tasks run on, as far as a simulation decides it. Clones are the same machine.
#[derive(Clone, Debug)]
pub struct Machine {
    gate: Arc<Mutex<Gate>>,
}

impl Default for Machine {
    fn default() -> Self {
        Self { gate: Arc::new(Mutex::new(Gate { power: Power::On, waiting: Vec::new() })) }
    }
}

/// Puts back who was current before, also when a task panics.
struct Restore(Option<Machine>);

impl Drop for Restore {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

impl Machine {
    fn lock(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// No task runs until [`Machine::resume`].
    pub fn pause(&self) {
        let mut gate = self.lock();
        if gate.power == Power::On {
            gate.power = Power::Paused;
        }
    }

    pub fn resume(&self) {
        let woken = {
            let mut gate = self.lock();
            if gate.power == Power::Paused {
                gate.power = Power::On;
            }
            std::mem::take(&mut gate.waiting)
        };
        woken.into_iter().for_each(Waker::wake);
    }

    /// No task ever runs again.
    pub fn cut_power(&self) {
        let mut gate = self.lock();
        gate.power = Power::Off;
        gate.waiting.clear();
    }

    pub fn is_on(&self) -> bool {
        self.lock().power == Power::On
    }

    /// `future` on this machine, and so all that it spawns.
    pub async fn run<F: Future>(self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(move |context| self.poll(future.as_mut(), context)).await
    }

    fn poll<F: Future>(&self, future: Pin<&mut F>, context: &mut Context<'_>) -> Poll<F::Output> {
        {
            let mut gate = self.lock();
            match gate.power {
                Power::On => {}
                Power::Paused => {
                    gate.waiting.push(context.waker().clone());
                    return Poll::Pending;
                }
                Power::Off => return Poll::Pending,
            }
        }
        let _restore = Restore(CURRENT.replace(Some(self.clone())));
        future.poll(context)
    }
}

/// `future` on the machine of whoever calls this, if there is one.
pub fn on_this_machine<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let machine = CURRENT.with_borrow(Clone::clone);
    async move {
        match machine {
            None => future.await,
            Some(machine) => machine.run(future).await,
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Runtime(TokioRuntime);

impl AsyncRuntime for Runtime {
    type JoinError = <TokioRuntime as AsyncRuntime>::JoinError;
    type JoinHandle<T: OptionalSend + 'static> = <TokioRuntime as AsyncRuntime>::JoinHandle<T>;
    type Sleep = <TokioRuntime as AsyncRuntime>::Sleep;
    type Instant = TokioInstant;
    type TimeoutError = <TokioRuntime as AsyncRuntime>::TimeoutError;
    type Timeout<R, T: Future<Output = R> + OptionalSend> =
        <TokioRuntime as AsyncRuntime>::Timeout<R, T>;
    type ThreadLocalRng = Random;
    type Mpsc = TokioMpsc;
    type Watch = SimWatch;
    type Oneshot = TokioOneshot;
    type Mutex<T: OptionalSend + 'static> = TokioMutex<T>;

    fn spawn<T>(future: T) -> Self::JoinHandle<T::Output>
    where
        T: Future + OptionalSend + 'static,
        T::Output: OptionalSend + 'static,
    {
        match CURRENT.with_borrow(Clone::clone) {
            None => TokioRuntime::spawn(future),
            Some(machine) => TokioRuntime::spawn(machine.run(future)),
        }
    }

    fn sleep(duration: Duration) -> Self::Sleep {
        TokioRuntime::sleep(duration)
    }
    fn sleep_until(deadline: Self::Instant) -> Self::Sleep {
        TokioRuntime::sleep_until(deadline)
    }
    fn timeout<R, F: Future<Output = R> + OptionalSend>(
        duration: Duration,
        future: F,
    ) -> Self::Timeout<R, F> {
        TokioRuntime::timeout(duration, future)
    }
    fn timeout_at<R, F: Future<Output = R> + OptionalSend>(
        deadline: Self::Instant,
        future: F,
    ) -> Self::Timeout<R, F> {
        TokioRuntime::timeout_at(deadline, future)
    }
    fn is_panic(join_error: &Self::JoinError) -> bool {
        TokioRuntime::is_panic(join_error)
    }
    fn thread_rng() -> Random {
        Random
    }
    fn new(threads: usize) -> Self {
        Self(TokioRuntime::new(threads))
    }
    fn block_on<F: Future<Output = T>, T>(&mut self, future: F) -> T {
        self.0.block_on(future)
    }
}

#[cfg(test)]
mod tests;
