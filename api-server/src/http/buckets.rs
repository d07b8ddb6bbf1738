//! Token buckets by key, in bounded memory. A bucket is one number: the time at which it will be full
//! again. Time is an argument.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

/// So many requests in so long; all of them at once, if nobody asked before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quota {
    pub(crate) requests: u32,
    pub(crate) window: Duration,
}

impl Quota {
    pub(crate) const fn new(requests: u32, window_s: u64) -> Self {
        assert!(requests > 0 && window_s > 0, "a quota that lets nothing through");
        Self { requests, window: Duration::from_secs(window_s) }
    }

    fn window_us(self) -> u64 {
        u64::try_from(self.window.as_micros()).unwrap_or(u64::MAX)
    }

    /// What one request takes from the window.
    fn share_us(self) -> u64 {
        (self.window_us() / u64::from(self.requests)).max(1)
    }
}

/// What a bucket says of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Requests that are left now.
    pub(crate) left: u64,
    /// Seconds until the bucket is full again.
    pub(crate) full_in_s: u64,
    /// Seconds to wait, if there was nothing to take.
    pub(crate) wait_s: Option<u64>,
}

/// At most two generations of keys. A bucket that is used moves to the young one; when that is full the
/// old one is let go. So a bucket is forgotten, and full again, only after so many others were used.
#[derive(Debug)]
pub(crate) struct Buckets<K> {
    young: HashMap<K, u64>,
    old: HashMap<K, u64>,
    generation_max: usize,
}

impl<K: Eq + Hash> Buckets<K> {
    pub(crate) fn new(generation_max: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), generation_max }
    }

    pub(crate) fn take(&mut self, key: K, quota: Quota, now_us: u64) -> Taken {
        let known = self.young.get(&key).copied().or_else(|| self.old.remove(&key));
        let full_us = known.unwrap_or(0).max(now_us);
        let (window_us, share_us) = (quota.window_us(), quota.share_us());
        let then_us = full_us.saturating_add(share_us);
        let short_us = then_us.saturating_sub(now_us).saturating_sub(window_us);
        let (kept_us, wait_s) = match short_us {
            0 => (then_us, None),
            short_us => (full_us, Some(seconds(short_us).max(1))),
        };
        if self.young.len() >= self.generation_max && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, kept_us);
        let used_us = kept_us - now_us;
        Taken {
            left: window_us.saturating_sub(used_us) / share_us,
            full_in_s: seconds(used_us),
            wait_s,
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

const fn seconds(us: u64) -> u64 {
    us.div_ceil(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;
    const QUOTA: Quota = Quota::new(6, 60);

    #[test]
    fn a_bucket_gives_its_quota_and_fills_again() {
        let mut buckets = Buckets::new(10);
        for left in (0..6).rev() {
            let taken = buckets.take("alice", QUOTA, SECOND);
            assert_eq!((taken.left, taken.wait_s), (left, None));
        }
        let refused = buckets.take("alice", QUOTA, SECOND);
        assert_eq!(refused, Taken { left: 0, full_in_s: 60, wait_s: Some(10) });
        // What is refused costs nothing.
        assert_eq!(buckets.take("alice", QUOTA, 6 * SECOND).wait_s, Some(5));
        assert_eq!(buckets.take("alice", QUOTA, 11 * SECOND).wait_s, None);
        assert!(buckets.take("alice", QUOTA, 11 * SECOND).wait_s.is_some());
        assert_eq!(buckets.take("bob", QUOTA, 11 * SECOND).left, 5);
        assert_eq!(buckets.take("alice", QUOTA, 500 * SECOND).left, 5);
    }

    #[test]
    fn no_more_than_the_quota_passes_in_any_window_after_the_first() {
        let mut buckets = Buckets::new(10);
        let passed: Vec<u64> = (0..3_000)
            .map(|tenth| tenth * SECOND / 10)
            .filter(|&now| buckets.take((), QUOTA, now).wait_s.is_none())
            .collect();
        // All that a bucket holds, and what flows in meanwhile.
        for (at, first) in passed.iter().enumerate() {
            let within = passed[at..].iter().take_while(|now| *now - first < 60 * SECOND).count();
            assert!(within <= 12, "{within} from {first}");
        }
        assert!(passed.len() <= 6 + 30, "{}", passed.len());
    }

    #[test]
    fn memory_is_bounded_and_those_who_go_on_asking_are_not_forgotten() {
        let mut buckets = Buckets::new(100);
        for _ in 0..6 {
            buckets.take(0, QUOTA, SECOND);
        }
        for other in 1..10_000 {
            buckets.take(other, QUOTA, SECOND);
            assert!(buckets.len() <= 200);
            if other % 50 == 0 {
                assert!(buckets.take(0, QUOTA, SECOND).wait_s.is_some(), "forgotten at {other}");
            }
        }
    }
}
