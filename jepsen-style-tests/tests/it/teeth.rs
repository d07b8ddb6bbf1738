//! Faults that are planted, one at a time: the simulation has to find each of them.
//!
//! Every one is looked for in up to [`SEEDS_MAX`] seeds, with the kinds of faults that bring it out.

use rowlock_jepsen::sim::{Kind, Plan, Sabotage, simulate};
use rowlock_raft_store::engine::memory::Lie;
use rowlock_raft_store::keys::Space;
use rowlock_raft_store::teeth::{self, Mistake, Tooth};

const SEEDS_MAX: u64 = 100;
/// Last byte of the keys of a vote and of an applied record.
const VOTE: u8 = 1;
const APPLIED: u8 = 3;

const CRASHES: &[Kind] = &[Kind::PowerCut, Kind::PowerCutAll, Kind::Kill];
const PARTITIONS: &[Kind] = &[Kind::IsolateLeader, Kind::PartitionHalves, Kind::Pause];
const RETRIES: &[Kind] = &[Kind::Reorder, Kind::PacketLoss, Kind::Kill];
const SNAPSHOTS: &[Kind] = &[Kind::Snapshot, Kind::LostDisk, Kind::Kill];
const CLOCKS: &[Kind] = &[Kind::ClockJump, Kind::LeaderTransfer];

/// The seed that shows it, and how.
fn found(name: &str, kinds: &[Kind], tooth: Option<Tooth>, sabotage: Option<Sabotage>) {
    for seed in 1..=SEEDS_MAX {
        let plan = Plan::about(seed, kinds);
        // Without the fault that is planted there is nothing to be found.
        assert_eq!(simulate(seed, &plan).violations, [], "seed {seed}");
        let plan = Plan { sabotage, ..plan };
        teeth::plant(tooth);
        let outcome = simulate(seed, &plan);
        teeth::plant(None);
        if let Some(violation) = outcome.violations.first() {
            let what: String = violation.what.chars().take(120).collect();
            println!("| {name} | {seed} | {} | {what}", violation.check);
            return;
        }
    }
    panic!("{name} was not found in {SEEDS_MAX} seeds");
}

fn product(name: &str, kinds: &[Kind], tooth: Tooth) {
    found(name, kinds, Some(tooth), None);
}

fn core(name: &str, kinds: &[Kind], mistake: Mistake) {
    product(name, kinds, Tooth::Core(mistake));
}

fn world(name: &str, kinds: &[Kind], sabotage: Sabotage) {
    found(name, kinds, None, Some(sabotage));
}

#[test]
fn a_sync_that_is_skipped_is_found() {
    world("sync skipped", CRASHES, Sabotage::Disk(Lie::SyncSkipped));
}

#[test]
fn a_vote_that_is_not_kept_is_found() {
    let lie = Lie::Forgotten { space: Space::Meta, end: VOTE };
    world("vote not kept", &[Kind::PowerCutAll, Kind::Reorder], Sabotage::Disk(lie));
}

#[test]
fn an_applied_index_apart_from_its_data_is_found() {
    let lie = Lie::Apart { space: Space::Meta, end: APPLIED };
    world("applied index apart from its data", CRASHES, Sabotage::Disk(lie));
}

#[test]
fn stale_reads_are_found() {
    world("stale read", PARTITIONS, Sabotage::StaleReads);
}

#[test]
fn an_old_id_on_an_empty_disk_is_found() {
    world("reused replica id", CRASHES, Sabotage::EmptyDisk);
}

#[test]
fn a_vote_that_counts_early_is_found() {
    product("vote not awaited", &[Kind::PowerCut, Kind::Reorder], Tooth::VoteNotAwaited);
}

#[test]
fn an_append_that_counts_early_is_found() {
    product("append not awaited", CRASHES, Tooth::AppendNotAwaited);
}

#[test]
fn a_read_that_is_not_confirmed_is_found() {
    product("read not confirmed", PARTITIONS, Tooth::ReadUnconfirmed);
}

#[test]
fn a_lost_request_that_is_called_unsent_is_found() {
    world("lost request called unsent", PARTITIONS, Sabotage::LostCalledUnsent);
}

#[test]
fn an_unchecked_clock_is_found() {
    product("clock not checked", CLOCKS, Tooth::ClockUnchecked);
}

#[test]
fn entries_that_are_applied_again_are_found() {
    product("applied again after a restart", CRASHES, Tooth::AppliedBehind);
}

#[test]
fn a_row_that_a_snapshot_loses_is_found() {
    product("row of a snapshot lost", SNAPSHOTS, Tooth::SnapshotRowLost);
}

#[test]
fn members_that_a_snapshot_forgets_are_found() {
    product("members forgotten with a snapshot", SNAPSHOTS, Tooth::MembersForgotten);
}

#[test]
fn a_taken_seat_that_is_given_again_is_found() {
    core("taken seat given again", &[Kind::Kill], Mistake::TakenIsFree);
}

#[test]
fn a_forgotten_key_is_found() {
    core("request key forgotten", RETRIES, Mistake::KeyForgotten);
}

#[test]
fn a_hold_that_ends_early_is_found() {
    core("hold ends early", CLOCKS, Mistake::DueTooEarly);
}

#[test]
fn a_fence_that_is_ignored_is_found() {
    core("payment fence ignored", PARTITIONS, Mistake::FenceIgnored);
}
