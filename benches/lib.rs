//! Instances that the benchmarks share.

use gradiometer::model::{Network, Teacher};

/// An irregular sequence in `[-1, 1]`.
fn wave(count: usize, seed: f64) -> Vec<f64> {
    (0..count).map(|i| (12.9898 * (i as f64 + 1.0) + 78.233 * seed).sin()).collect()
}

/// A teacher of five neurons with both signs.
///
/// # Panics
/// If `d` is zero.
pub fn teacher(d: usize) -> Teacher {
    Network::new(d, vec![1.0, -1.0, 1.2, 0.8, -0.7], wave(5 * d, 1.0))
        .and_then(Teacher::new)
        .unwrap_or_else(|error| panic!("{error}"))
}

/// A generic student.
///
/// # Panics
/// If `m` or `d` is zero.
pub fn student(m: usize, d: usize) -> Network {
    Network::new(d, wave(m, 2.0), wave(m * d, 3.0)).unwrap_or_else(|error| panic!("{error}"))
}
