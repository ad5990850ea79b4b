//! Blocks that meet each other as in a round-robin tournament, on all threads, each block's turns in one order.
//!
//! The turns stand in a fixed sequence: first each block alone, then round by round the pairs, every round pairing all blocks off, at last
//! each block alone again. A thread that is free takes the next turn and waits until its blocks have had their earlier turns. There is no barrier between
//! rounds, since the turns that a block waits for were taken long before; and what a block collects does not depend on the number of threads.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Looks at a block that is late, some microseconds of them, before the thread offers its core to others.
const PATIENCE: usize = 1 << 7;

/// What happens to the block or blocks of a turn.
#[derive(Debug)]
pub(crate) enum Turn<'a, B> {
    /// A block's first turn.
    First(&'a mut B),
    /// Two blocks meet.
    Meeting(&'a mut B, &'a mut B),
    /// A block's last turn.
    Last(&'a mut B),
}

/// A block, and how many turns it has had.
struct Player<B> {
    block: Mutex<B>,
    turns: AtomicUsize,
}

/// The sequence of turns of `count` blocks.
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

    /// For the `n`-th turn: how many turns its blocks have had before, and these blocks, twice the same if it is alone; `None` when all is over.
    fn turn(self, n: usize) -> Option<(usize, usize, usize)> {
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

/// Plays all turns on at most `threads` threads of the current pool; each has one of the scratches, which grow in number as needed.
pub(crate) fn play<B: Send, S: Default + Send>(
    blocks: impl IntoIterator<Item = B>,
    threads: usize,
    scratches: &mut Vec<S>,
    turn: impl Fn(&mut S, Turn<'_, B>) + Sync,
) {
    let players: Vec<Player<B>> = blocks
        .into_iter()
        .map(|block| Player { block: Mutex::new(block), turns: AtomicUsize::new(0) })
        .collect();
    let sequence = Sequence::new(players.len());
    let (next, alarm) = (AtomicUsize::new(0), AtomicBool::new(false));
    let lent = Mutex::new(std::mem::take(scratches));
    let run = || {
        let _watch = Watch(&alarm);
        let mut scratch = lock(&lent).pop().unwrap_or_default();
        while let Some((before, first, second)) =
            sequence.turn(next.fetch_add(1, Ordering::Relaxed))
        {
            let Some(left) = players.get(first) else { continue };
            let right = players.get(second).filter(|_| first != second);
            if !(wait(left, before, &alarm) && right.is_none_or(|p| wait(p, before, &alarm))) {
                break;
            }
            let mut block = lock(&left.block);
            match right {
                Some(right) => {
                    turn(&mut scratch, Turn::Meeting(&mut block, &mut lock(&right.block)));
                }
                None if before == 0 => turn(&mut scratch, Turn::First(&mut block)),
                None if first == second => turn(&mut scratch, Turn::Last(&mut block)),
                None => {}
            }
            drop(block);
            for player in std::iter::once(left).chain(right) {
                player.turns.store(before + 1, Ordering::Release);
            }
        }
        lock(&lent).push(scratch);
    };
    let threads = threads.min(sequence.count).min(rayon::current_num_threads());
    if threads <= 1 {
        // A scope wakes whoever might wait for its end, which takes longer than a small turn.
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

/// Waits until a block has had so many turns; false if a thread has panicked.
fn wait<B>(player: &Player<B>, turns: usize, alarm: &AtomicBool) -> bool {
    let mut looks = 0_usize;
    while player.turns.load(Ordering::Acquire) < turns {
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
    fn every_block_meets_every_other_once_and_each_has_one_turn_a_round() {
        for count in 0..12 {
            let sequence = Sequence::new(count);
            let (mut had, mut met) = (vec![0; count + 1], std::collections::BTreeSet::new());
            let (mut n, mut alone) = (0, 0);
            while let Some((before, first, second)) = sequence.turn(n) {
                assert!(first <= second && second <= count, "{count}: {first} {second}");
                for block in [first, second] {
                    assert_eq!(had[block], before, "{count}: turn {n}");
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

    /// What the blocks have seen: their turns, in order.
    fn play_on(threads: usize, count: usize) -> Vec<Vec<(usize, usize)>> {
        let mut seen = vec![Vec::new(); count];
        let blocks: Vec<_> = seen.iter_mut().enumerate().collect();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut scratches: Vec<usize> = Vec::new();
        pool.install(|| {
            play(blocks, threads, &mut scratches, |turns, turn| {
                *turns += 1;
                match turn {
                    Turn::First((i, seen)) => seen.push((*i, 0)),
                    Turn::Last((i, seen)) => seen.push((*i, 1)),
                    Turn::Meeting((i, one), (j, other)) => {
                        one.push((*j, 2));
                        other.push((*i, 3));
                    }
                }
            });
        });
        let turns: usize = scratches.iter().sum();
        assert_eq!(turns, count * (count + 3) / 2, "each turn was taken by one thread");
        seen
    }

    #[test]
    fn the_order_of_a_blocks_turns_is_that_of_one_thread() {
        for count in [0, 1, 2, 5, 8] {
            let one = play_on(1, count);
            for (i, seen) in one.iter().enumerate() {
                assert_eq!((seen.len(), seen[0], seen[count]), (count + 1, (i, 0), (i, 1)));
            }
            for _ in 0..20 {
                assert_eq!(play_on(3, count), one);
            }
        }
    }

    #[test]
    fn a_panic_ends_the_game() {
        let game = || play_with_a_panic(4);
        assert!(std::panic::catch_unwind(game).is_err());
    }

    fn play_with_a_panic(threads: usize) {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            play(0..8, threads, &mut Vec::<()>::new(), |(), turn| {
                assert!(!matches!(turn, Turn::Meeting(2, _)), "a defect");
            });
        });
    }
}
