//! Who learned whom: nearest teachers, average neurons and an optimal assignment (statements 7.6 and 8.4).

use crate::geometry::{dot, normalise_into, projective_angle};
use crate::{Network, Teacher};
use std::f64::consts::FRAC_PI_2;

/// A student seen from a teacher.
///
/// Angles are projective, in radians, and `pi/2` where there is nothing to measure: for a zero neuron's nearest
/// teacher, a teacher that no neuron is nearest to, or one that is left without a neuron by the assignment.
#[derive(Clone, Debug, PartialEq)]
pub struct Matching {
    /// Mass `c_j = a_j |w_j|` of each student neuron.
    pub masses: Vec<f64>,
    /// Index of the teacher nearest to each student neuron: `j` lies in `T_i`.
    pub nearest: Vec<usize>,
    /// `delta_j`, the angle to it.
    pub angles: Vec<f64>,
    /// Angle between `u_i` and the average neuron `sum_{j in T_i} a_j s_j w_j`, `s_j = sign(w_j . u_i)`, for each teacher.
    pub average_angles: Vec<f64>,
    /// Angle between `u_i` and the one student neuron assigned to it, neurons of mass zero left out, so that the
    /// sum of these angles is least.
    pub assigned_angles: Vec<f64>,
    /// The neuron assigned to each teacher, if there were enough.
    pub assigned: Vec<Option<usize>>,
}

impl Matching {
    /// Matches a student with a teacher of the same dimension, in time `O(m m* d + m m*^2)`.
    ///
    /// # Panics
    /// If the dimensions differ.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_model::{Matching, Network, Teacher};
    /// let teacher = Teacher::new(Network::new(2, vec![1.0], vec![1.0, 0.0]).unwrap()).unwrap();
    /// let student = Network::new(2, vec![1.0, 1.0], vec![1.0, 0.5, -1.0, 0.5]).unwrap();
    /// let matching = Matching::new(&teacher, &student);
    /// assert_eq!(matching.average_angles, vec![0.0]); // (1, 1/2) and (1, -1/2) average to the teacher
    /// assert!((matching.assigned_angles[0] - 0.5_f64.atan()).abs() <= 4.0 * f64::EPSILON);
    /// ```
    pub fn new(teacher: &Teacher, student: &Network) -> Self {
        assert_eq!(teacher.dimension(), student.dimension(), "one dimension");
        let (d, m, count) = (student.dimension(), student.neurons(), teacher.neurons());
        let mut averages = vec![0.0; count * d];
        let (mut masses, mut nearest, mut angles) = (Vec::new(), Vec::new(), Vec::new());
        // Angle of every neuron to every teacher, a neuron a row.
        let mut table = Vec::with_capacity(m * count);
        let mut unit = vec![0.0; d];
        for (w, a) in student.rows().zip(student.second_layer()) {
            let length = normalise_into(w, &mut unit);
            masses.push(a * length);
            let zero = !(length > 0.0);
            let row = table.len();
            for i in 0..count {
                table.push(if zero {
                    FRAC_PI_2
                } else {
                    projective_angle(teacher.direction(i), &unit)
                });
            }
            let mut best = 0;
            for i in 1..count {
                if table[row + i] < table[row + best] {
                    best = i;
                }
            }
            nearest.push(best);
            angles.push(table[row + best]);
            let side = if dot(w, teacher.direction(best)) < 0.0 { -a } else { *a };
            for (v, x) in averages[best * d..(best + 1) * d].iter_mut().zip(w) {
                *v += side * x;
            }
        }
        let average_angles = (0..count)
            .map(|i| {
                let length = normalise_into(&averages[i * d..(i + 1) * d], &mut unit);
                if length > 0.0 { projective_angle(teacher.direction(i), &unit) } else { FRAC_PI_2 }
            })
            .collect();
        let eligible: Vec<usize> = (0..m).filter(|j| masses[*j].abs() > 0.0).collect();
        let cost = |i: usize, k: usize| table[eligible[k] * count + i];
        let chosen = assign(count, eligible.len(), cost);
        let assigned: Vec<Option<usize>> = chosen.iter().map(|k| k.map(|k| eligible[k])).collect();
        let assigned_angles = assigned
            .iter()
            .enumerate()
            .map(|(i, j)| j.map_or(FRAC_PI_2, |j| table[j * count + i]))
            .collect();
        Self { masses, nearest, angles, average_angles, assigned_angles, assigned }
    }

    /// Mass of the neurons farther than `angle` from every teacher, `sum_{delta_j > angle} |c_j|`.
    pub fn mass_beyond(&self, angle: f64) -> f64 {
        let far = self.masses.iter().zip(&self.angles).filter(|(_, a)| **a > angle);
        far.fold(0.0, |sum, (c, _)| sum + c.abs())
    }
}

/// The column of each row in an assignment of least total cost; with fewer columns than rows, some rows go without.
///
/// Shortest augmenting paths with potentials \[Kuhn55\], `O(rows^2 max(rows, columns))`; missing columns cost nothing.
fn assign(rows: usize, columns: usize, cost: impl Fn(usize, usize) -> f64) -> Vec<Option<usize>> {
    let width = columns.max(rows);
    let cost =
        |row: usize, column: usize| if column < columns { cost(row, column) } else { FRAC_PI_2 };
    // Column 0 and row 0 are the artificial start of every path; real ones are shifted by one.
    let mut row_potential = vec![0.0; rows + 1];
    let mut column_potential = vec![0.0; width + 1];
    let mut row_of = vec![0; width + 1];
    for row in 1..=rows {
        row_of[0] = row;
        let mut slack = vec![f64::INFINITY; width + 1];
        let mut previous = vec![0; width + 1];
        let mut done = vec![false; width + 1];
        let mut here = 0;
        while row_of[here] != 0 || here == 0 {
            done[here] = true;
            let r = row_of[here];
            let (mut step, mut next) = (f64::INFINITY, 0);
            for column in 1..=width {
                if done[column] {
                    continue;
                }
                let reduced = cost(r - 1, column - 1) - row_potential[r] - column_potential[column];
                if reduced < slack[column] {
                    slack[column] = reduced;
                    previous[column] = here;
                }
                if slack[column] < step {
                    step = slack[column];
                    next = column;
                }
            }
            for column in 0..=width {
                if done[column] {
                    row_potential[row_of[column]] += step;
                    column_potential[column] -= step;
                } else {
                    slack[column] -= step;
                }
            }
            here = next;
            if row_of[here] == 0 {
                break;
            }
        }
        while here != 0 {
            row_of[here] = row_of[previous[here]];
            here = previous[here];
        }
    }
    let mut column_of = vec![None; rows];
    for column in 1..=columns {
        if row_of[column] != 0 {
            column_of[row_of[column] - 1] = Some(column - 1);
        }
    }
    column_of
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The least total cost by trying everything.
    fn brute_force(costs: &[Vec<f64>], row: usize, taken: &mut Vec<bool>) -> f64 {
        let Some(cost) = costs.get(row) else { return 0.0 };
        let mut best = f64::INFINITY;
        for column in 0..taken.len() {
            if !taken[column] {
                taken[column] = true;
                best = gradiometer_hermite::float::minimum(
                    best,
                    cost[column] + brute_force(costs, row + 1, taken),
                );
                taken[column] = false;
            }
        }
        best
    }

    proptest! {
        #[test]
        fn the_assignment_is_the_best_of_all(
            costs in proptest::collection::vec(proptest::collection::vec(0.0..1.6, 5), 1..5),
        ) {
            let chosen = assign(costs.len(), 5, |i, k| costs[i][k]);
            let columns: Vec<usize> = chosen.iter().flatten().copied().collect();
            let mut distinct = columns.clone();
            distinct.sort_unstable();
            distinct.dedup();
            prop_assert_eq!(distinct.len(), costs.len());
            let total: f64 = columns.iter().enumerate().map(|(i, k)| costs[i][*k]).sum();
            let best = brute_force(&costs, 0, &mut vec![false; 5]);
            prop_assert!((total - best).abs() <= 16.0 * f64::EPSILON * best, "{} against {}", total, best);
        }
    }

    #[test]
    fn too_few_neurons_leave_a_teacher_without() {
        let chosen = assign(3, 1, |i, _| [0.5, 0.1, 0.3][i]);
        assert_eq!(chosen, vec![None, Some(0), None]);
    }

    #[test]
    fn zero_neurons_are_far_from_everything() {
        let teacher = Teacher::new(Network::new(2, vec![1.0], vec![1.0, 0.0]).unwrap()).unwrap();
        let student = Network::new(2, vec![1.0], vec![0.0, 0.0]).unwrap();
        let matching = Matching::new(&teacher, &student);
        assert_eq!(matching.assigned, vec![None]);
        assert_eq!(matching.angles, vec![FRAC_PI_2]);
        assert_eq!(matching.average_angles, vec![FRAC_PI_2]);
    }
}
