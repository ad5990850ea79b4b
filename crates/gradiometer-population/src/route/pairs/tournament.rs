//! Pairs of blocks as in a round-robin tournament, on all threads, each block's visits in one order.
//!
//! The visits stand in a fixed sequence. First comes each block alone, then round by round the pairs, every round pairing all blocks off, at last
//! each block alone again. A thread that is free takes the next visit and waits until its blocks have had their earlier ones. There is no barrier between
//! rounds, since the visits that a block waits for were begun long before. What a block collects does not depend on the number of threads.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Looks at a block that is late, some microseconds of them, before the thread offers its core to others.
const PATIENCE: usize = 1 << 7;

/// The block or blocks that are visited.
#[derive(Debug)]
pub(super) enum Visit<'a, B> {
    /// A block for the first time.
    First(&'a mut B),
    /// Two blocks.
    Pair(&'a mut B, &'a mut B),
    /// A block for the last time.
    Last(&'a mut B),
}

/// A block, and how many visits it has had.
struct Player<B> {
    block: Mutex<B>,
    visits: AtomicUsize,
}

/// The sequence of visits of `count` blocks.
#[derive(Clone, Copy)]
struct Sequence {
    count: usize,
    /// `count` or one more: the block that meets the one after the last rests.
    even: usize,
}

impl Sequence {
    fn new(count: usize) -> Self {
        Self { count, even: if count <= 1 { count } else { count.next_multiple_of(2) } }
    }

    /// Rounds of meetings.
    fn rounds(self) -> usize {
        self.even.saturating_sub(1)
    }

    /// For the `n`-th visit: how many visits its blocks have had before, and these blocks, twice the same if it is alone; `None` when all is over.
    fn visit(self, n: usize) -> Option<(usize, usize, usize)> {
        let (even, rounds) = (self.even, self.rounds());
        let meetings = rounds * (even / 2);
        if n < even {
            return Some((0, n, n));
        }
        let n = n - even;
        if n < meetings {
            // The circle method: the last block meets the round's own, and those equally far on both sides of that one meet each other.
            let (round, k) = (n / (even / 2), n % (even / 2));
            let first = (round + k) % rounds;
            let second = if k == 0 { even - 1 } else { (round + rounds - k) % rounds };
            return Some((round + 1, first.min(second), first.max(second)));
        }
        let n = n - meetings;
        (n < even).then_some((rounds + 1, n, n))
    }
}

/// Raises the alarm if its thread panics, so that no other waits for it forever.
struct Watch<'a>(&'a AtomicBool);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

/// Visits all blocks and pairs on at most `threads` threads of the current pool; each has one of the scratches, which grow in number as needed.
pub(super) fn for_each_pair_of_blocks<B: Send, S: Default + Send>(
    blocks: impl IntoIterator<Item = B>,
    threads: usize,
    scratches: &mut Vec<S>,
    visit: impl Fn(&mut S, Visit<'_, B>) + Sync,
) {
    let players: Vec<Player<B>> = blocks
        .into_iter()
        .map(|block| Player { block: Mutex::new(block), visits: AtomicUsize::new(0) })
        .collect();
    let sequence = Sequence::new(players.len());
    let (next, alarm) = (AtomicUsize::new(0), AtomicBool::new(false));
    let lent = Mutex::new(std::mem::take(scratches));
    let run = || {
        let _watch = Watch(&alarm);
        let mut scratch = lock(&lent).pop().unwrap_or_default();
        while let Some((before, first, second)) =
            sequence.visit(next.fetch_add(1, Ordering::Relaxed))
        {
            let Some(left) = players.get(first) else { continue };
            let right = players.get(second).filter(|_| first != second);
            if !(wait(left, before, &alarm) && right.is_none_or(|p| wait(p, before, &alarm))) {
                break;
            }
            let mut block = lock(&left.block);
            match right {
                Some(right) => {
                    visit(&mut scratch, Visit::Pair(&mut block, &mut lock(&right.block)));
                }
                None if before == 0 => visit(&mut scratch, Visit::First(&mut block)),
                None if first == second => visit(&mut scratch, Visit::Last(&mut block)),
                None => {}
            }
            drop(block);
            for player in std::iter::once(left).chain(right) {
                player.visits.store(before + 1, Ordering::Release);
            }
        }
        lock(&lent).push(scratch);
    };
    let threads = threads.min(sequence.count).min(rayon::current_num_threads());
    if threads <= 1 {
        // A scope wakes whoever might wait for its end, which takes longer than a small visit.
        run();
    } else {
        rayon::in_place_scope(|scope| {
            for _ in 1..threads {
                scope.spawn(|_| run());
            }
            run();
        });
    }
    *scratches = lent.into_inner().unwrap_or_else(PoisonError::into_inner);
}

/// The lock, also after a panic elsewhere, which is passed on in the end.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until a block has had so many visits; false if a thread has panicked.
fn wait<B>(player: &Player<B>, visits: usize, alarm: &AtomicBool) -> bool {
    let mut looks = 0_usize;
    while player.visits.load(Ordering::Acquire) < visits {
        if alarm.load(Ordering::Relaxed) {
            return false;
        }
        if looks < PATIENCE {
            looks += 1;
            std::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_meets_every_other_once_and_each_has_one_visit_a_round() {
        for count in 0..12 {
            let sequence = Sequence::new(count);
            let (mut had, mut met) = (vec![0; count + 1], std::collections::BTreeSet::new());
            let (mut n, mut alone) = (0, 0);
            while let Some((before, first, second)) = sequence.visit(n) {
                assert!(first <= second && second <= count, "{count}: {first} {second}");
                for block in [first, second] {
                    assert_eq!(had[block], before, "{count}: visit {n}");
                }
                had[first] += 1;
                if first == second {
                    alone += 1;
                } else {
                    had[second] += 1;
                    assert!(met.insert((first, second)), "{count}: {first} {second} meet again");
                }
                n += 1;
            }
            let even = sequence.even;
            assert_eq!((alone, met.len()), (2 * even, even * even.saturating_sub(1) / 2));
        }
    }

    /// What the blocks have seen: their visits, in order.
    fn rounds_on(threads: usize, count: usize) -> Vec<Vec<(usize, usize)>> {
        let mut seen = vec![Vec::new(); count];
        let blocks: Vec<_> = seen.iter_mut().enumerate().collect();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut scratches: Vec<usize> = Vec::new();
        pool.install(|| {
            for_each_pair_of_blocks(blocks, threads, &mut scratches, |visits, visit| {
                *visits += 1;
                match visit {
                    Visit::First((i, seen)) => seen.push((*i, 0)),
                    Visit::Last((i, seen)) => seen.push((*i, 1)),
                    Visit::Pair((i, one), (j, other)) => {
                        one.push((*j, 2));
                        other.push((*i, 3));
                    }
                }
            });
        });
        let visits: usize = scratches.iter().sum();
        assert_eq!(visits, count * (count + 3) / 2, "each visit was by one thread");
        seen
    }

    #[test]
    fn the_order_of_a_blocks_visits_is_that_of_one_thread() {
        for count in [0, 1, 2, 5, 8] {
            let one = rounds_on(1, count);
            for (i, seen) in one.iter().enumerate() {
                assert_eq!((seen.len(), seen[0], seen[count]), (count + 1, (i, 0), (i, 1)));
            }
            for _ in 0..20 {
                assert_eq!(rounds_on(3, count), one);
            }
        }
    }

    #[test]
    fn a_panic_ends_it() {
        let visited = || rounds_with_a_panic(4);
        assert!(std::panic::catch_unwind(visited).is_err());
    }

    fn rounds_with_a_panic(threads: usize) {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            for_each_pair_of_blocks(0..8, threads, &mut Vec::<()>::new(), |(), visit| {
                assert!(!matches!(visit, Visit::Pair(2, _)), "a defect");
            });
        });
    }
}
