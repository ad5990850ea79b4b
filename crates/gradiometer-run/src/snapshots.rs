//! Where the neurons are along a run, thinned: what the pictures that move are drawn from.
//!
//! `snapshots.csv` has one row a neuron and moment: `stage, epoch, step, lambda, neuron, teacher,
//! angle, share, a`, the coordinates `z_0, z_1, ...` of `w` in an orthonormal basis of the
//! teacher's span `S*` and `outside`, the norm of the rest. `teacher` is the nearest one and
//! `angle` the angle to it, radians; `share` is `q_j s_j` of theory 7.8: the descent direction
//! moves `w` to `share u_teacher`. The basis is that of
//! `gradiometer_instances::FeatureSubspace::of` for `teacher.safetensors`.
//!
//! The moments are the start, the steps that are integer parts of powers of `2^(1/4)`, and the ends
//! of stages and, unless there are more than [`MOST_EPOCHS`], of epochs; each is also a record. Of
//! many neurons those of largest mass are kept, as many as fit [`MOST_NUMBERS`] numbers a moment.
//! Seven digits are kept: enough to draw, and to see an angle of `1e-6`.

use crate::features;
use crate::record::{Position, RunRecord, StageName};
use gradiometer_files::{FilesError, file};
use gradiometer_instances::FeatureSubspace;
use gradiometer_landscape::descent::{CLOSE, Shares};
use gradiometer_mechanisms::radhakrishnan::{Feature, Target};
use gradiometer_model::geometry::{dot, norm};
use gradiometer_model::{Matching, ModelError, Network, Teacher};
use gradiometer_train::State;
use std::path::Path;

/// The file's name.
pub const FILE: &str = "snapshots.csv";
/// Epochs up to which the end of each is a moment of its own.
pub const MOST_EPOCHS: u64 = 64;
/// Coordinates and the like kept of one moment.
pub const MOST_NUMBERS: usize = 2048;
/// Neurons kept of one moment, even in many dimensions.
pub const LEAST_NEURONS: usize = 16;

/// The first step after `step` that is the integer part of a power of `2^(1/4)`.
///
/// # Examples
/// ```
/// use gradiometer_run::snapshots::next_step;
/// assert_eq!([0, 1, 2, 4, 5].map(next_step), [1, 2, 3, 5, 6]);
/// assert_eq!(next_step(1 << 20), 1246974);
/// ```
pub fn next_step(step: u64) -> u64 {
    // Octave and quarter of the step, and the quarters of the next two octaves from there.
    let octave = step.max(1).ilog2();
    let quarters = (octave..=octave.saturating_add(1)).flat_map(|k| {
        [1.0, 1.189207115002721, std::f64::consts::SQRT_2, 1.681792830507429].map(|f| (k, f))
    });
    quarters
        .filter_map(|(k, factor)| {
            let scaled = f64::powi(2.0, i32::try_from(k).ok()?) * factor;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "the integer part is meant"
            )]
            Some(scaled as u64)
        })
        .find(|candidate| *candidate > step)
        .unwrap_or(u64::MAX)
}

/// Whether a step is such a one.
pub(crate) fn is_moment(step: u64) -> bool {
    step > 0 && next_step(step - 1) == step
}

/// The neurons at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Where in the algorithm.
    pub position: Position,
    /// Steps taken.
    pub step: u64,
    /// The weight decay in force.
    pub lambda: f64,
    /// The neurons that are kept, in their order.
    pub neurons: Vec<Neuron>,
    /// How far weights and gradients show the teacher; not in this file, but in that of
    /// [`crate::features`]. None where that takes more than [`features::MOST_WORK`].
    pub feature: Option<Feature>,
}

/// A neuron at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Neuron {
    /// Which of the student's.
    pub index: usize,
    /// The nearest teacher.
    pub teacher: usize,
    /// The angle to it, radians.
    pub angle: f64,
    /// `q_j s_j`.
    pub share: f64,
    /// `a_j`.
    pub second_layer: f64,
    /// Coordinates of `w_j` in the basis of `S*`.
    pub inside: Vec<f64>,
    /// Norm of the rest.
    pub outside: f64,
}

impl Neuron {
    /// `|w_j|`.
    pub fn length(&self) -> f64 {
        norm(&self.inside).hypot(self.outside)
    }

    /// `c_j = a_j |w_j|`.
    pub fn mass(&self) -> f64 {
        self.second_layer * self.length()
    }
}

impl Snapshot {
    /// The row of this moment in the file of [`crate::features`].
    pub fn features(&self) -> Option<features::Row> {
        let Self { position, step, lambda, feature, .. } = self;
        let row =
            |feature| features::Row { position: *position, step: *step, lambda: *lambda, feature };
        feature.map(row)
    }

    /// The share of the mass's squared length that is outside of the teacher's span,
    /// `sum_j |c_j| sin^2(angle of w_j to S*) / sum_j |c_j|`; NaN without mass.
    pub fn share_outside(&self) -> f64 {
        let (mut outside, mut all) = (0.0, 0.0);
        for neuron in self.neurons.iter().filter(|neuron| neuron.length() > 0.0) {
            let sine = neuron.outside / neuron.length();
            outside += neuron.mass().abs() * sine * sine;
            all += neuron.mass().abs();
        }
        outside / all
    }
}

/// The snapshots that a file holds, for a teacher of that rank.
///
/// # Errors
/// [`FilesError`] that names the file and the line.
pub fn read(path: &Path, rank: usize) -> Result<Vec<Snapshot>, FilesError> {
    let bytes = file::read(path)?;
    let text = file::text(path, &bytes)?;
    let mut snapshots: Vec<Snapshot> = Vec::new();
    for (number, line) in text.lines().enumerate().skip(1) {
        let row = neuron(line, rank).ok_or_else(|| FilesError::Field {
            path: path.to_owned(),
            field: format!("line {}", number + 1),
            problem: format!(
                "is no neuron with {rank} coordinates in the teacher's span; run `train` again, or restore the file"
            ),
        })?;
        let (position, step, lambda, neuron) = row;
        match snapshots.last_mut() {
            Some(last) if (last.position, last.step) == (position, step) => {
                last.neurons.push(neuron);
            }
            _ => {
                let neurons = vec![neuron];
                snapshots.push(Snapshot { position, step, lambda, neurons, feature: None });
            }
        }
    }
    Ok(snapshots)
}

/// A row: position, step, `lambda` and the neuron.
fn neuron(line: &str, rank: usize) -> Option<(Position, u64, f64, Neuron)> {
    let cells: Vec<&str> = line.split(',').collect();
    if cells.len() != 10 + rank {
        return None;
    }
    let number = |at: usize| cells[at].parse::<f64>().ok().filter(|x| x.is_finite());
    let epoch = if cells[1].is_empty() { None } else { Some(cells[1].parse().ok()?) };
    let position = Position { stage: StageName::of_name(cells[0])?, epoch };
    let neuron = Neuron {
        index: cells[4].parse().ok()?,
        teacher: cells[5].parse().ok()?,
        angle: number(6)?,
        share: number(7)?,
        second_layer: number(8)?,
        inside: (0..rank).map(|i| number(9 + i)).collect::<Option<_>>()?,
        outside: number(9 + rank)?,
    };
    Some((position, cells[2].parse().ok()?, number(3)?, neuron))
}

/// What it takes to take snapshots.
#[derive(Debug)]
pub(crate) struct Snapshots<'a> {
    teacher: &'a Teacher,
    subspace: FeatureSubspace,
    /// None where features are not worth their time.
    target: Option<Target>,
}

impl<'a> Snapshots<'a> {
    /// Of a teacher and students of the size of this one.
    pub(crate) fn new(teacher: &'a Teacher, student: &Network) -> Result<Self, ModelError> {
        let subspace = FeatureSubspace::of(teacher)?;
        let work = Target::work(teacher.network(), subspace.rank(), student.neurons());
        let affordable = work <= features::MOST_WORK;
        let target = affordable.then(|| Target::new(teacher.network(), subspace.basis()));
        Ok(Self { teacher, subspace, target })
    }

    /// Rank of the teacher.
    pub(crate) fn rank(&self) -> usize {
        self.subspace.rank()
    }

    /// The moment of a record.
    pub(crate) fn take(&self, record: &RunRecord, state: &State) -> Snapshot {
        let student = &state.student;
        let matching = Matching::new(self.teacher, student);
        let neurons = (&*matching.nearest, &*matching.angles, &*matching.masses);
        let a = student.second_layer();
        let Shares { shares, .. } = Shares::new(self.teacher.amplitudes(), a, neurons, CLOSE);
        let neuron = |index: usize| {
            let w = student.neuron(index);
            let teacher = matching.nearest[index];
            let rest: Vec<f64> =
                w.iter().zip(self.subspace.project(w)).map(|(x, p)| x - p).collect();
            let side = if dot(w, self.teacher.direction(teacher)) < 0.0 { -1.0 } else { 1.0 };
            Neuron {
                index,
                teacher,
                angle: matching.angles[index],
                share: side * shares[index],
                second_layer: student.second_layer()[index],
                inside: self.subspace.coordinates(w),
                outside: norm(&rest),
            }
        };
        Snapshot {
            position: record.position,
            step: record.steps,
            lambda: record.lambda,
            neurons: self.kept(&matching).into_iter().map(neuron).collect(),
            // Weights that have overflowed have none.
            feature: self.target.as_ref().and_then(|target| target.feature(student).ok()),
        }
    }

    /// The neurons of largest mass, in their order.
    fn kept(&self, matching: &Matching) -> Vec<usize> {
        let most = (MOST_NUMBERS / (self.subspace.rank() + 2)).max(LEAST_NEURONS);
        let mut order: Vec<usize> = (0..matching.masses.len()).collect();
        let size = |j: &usize| matching.masses[*j].abs();
        order.sort_by(|i, j| size(j).total_cmp(&size(i)).then(i.cmp(j)));
        order.truncate(most);
        order.sort_unstable();
        order
    }
}

#[cfg(test)]
mod tests;
