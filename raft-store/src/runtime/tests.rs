use std::sync::atomic::{AtomicU32, Ordering};

use tokio::time::sleep;

use super::*;

fn simulated<T>(future: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap().block_on(future)
}

/// Counts once a virtual second, on a task that a task of the machine has spawned.
fn counting(machine: &Machine) -> Arc<AtomicU32> {
    let count = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&count);
    let start = async move {
        drop(Runtime::spawn(async move {
            loop {
                sleep(Duration::from_secs(1)).await;
                counted.fetch_add(1, Ordering::Relaxed);
            }
        }));
    };
    drop(tokio::spawn(machine.clone().run(start)));
    count
}

#[test]
fn a_paused_machine_runs_nothing_until_it_resumes() {
    simulated(async {
        let machine = Machine::default();
        let count = counting(&machine);
        sleep(Duration::from_millis(2_500)).await;
        assert_eq!(count.load(Ordering::Relaxed), 2);
        machine.pause();
        sleep(Duration::from_secs(10)).await;
        assert_eq!(count.load(Ordering::Relaxed), 2);
        machine.resume();
        sleep(Duration::from_millis(100)).await;
        assert_eq!(count.load(Ordering::Relaxed), 3);
    });
}

#[test]
fn a_machine_without_power_never_runs_again() {
    simulated(async {
        let machine = Machine::default();
        let count = counting(&machine);
        sleep(Duration::from_millis(1_500)).await;
        machine.cut_power();
        machine.resume();
        sleep(Duration::from_secs(10)).await;
        assert_eq!(count.load(Ordering::Relaxed), 1);
        assert!(!machine.is_on());
    });
}

#[test]
fn a_seeded_thread_draws_the_same_numbers() {
    let draw = || (Runtime::thread_rng().next_u64(), Runtime::thread_rng().next_u32());
    seed(Some(7));
    let first = draw();
    seed(Some(7));
    assert_eq!(draw(), first);
    seed(Some(8));
    assert_ne!(draw(), first);
    seed(None);
}
