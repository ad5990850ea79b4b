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

use crate::format::stage_names;
use gradiometer_files::FilesError;
use gradiometer_files::rows::Rows;
use gradiometer_instances::FeatureSubspace;
use gradiometer_landscape::descent::{CLOSE, Shares};
use gradiometer_model::geometry::{dot, norm};
use gradiometer_model::{Matching, Teacher};
use gradiometer_train::{Record, State};
use std::fmt::Write as _;
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

/// The growing file.
#[derive(Debug)]
pub(crate) struct Snapshots<'a> {
    rows: Rows,
    teacher: &'a Teacher,
    subspace: FeatureSubspace,
}

impl<'a> Snapshots<'a> {
    /// A new file with its header.
    pub(crate) fn create(out: &Path, teacher: &'a Teacher) -> Result<Self, FilesError> {
        let subspace = subspace(out, teacher)?;
        let mut header: Vec<String> =
            ["stage", "epoch", "step", "lambda", "neuron", "teacher", "angle", "share", "a"]
                .map(str::to_owned)
                .to_vec();
        header.extend((0..subspace.rank()).map(|i| format!("z_{i}")));
        header.push("outside".to_owned());
        Ok(Self { rows: Rows::create(&out.join(FILE), &header)?, teacher, subspace })
    }

    /// The file of an interrupted run, cut to the length that it had at the checkpoint.
    pub(crate) fn reopen(
        out: &Path,
        teacher: &'a Teacher,
        length: u64,
    ) -> Result<Self, FilesError> {
        let subspace = subspace(out, teacher)?;
        Ok(Self { rows: Rows::reopen(&out.join(FILE), length)?, teacher, subspace })
    }

    /// The length, once everything so far is on disk.
    pub(crate) fn synchronised(&self) -> Result<u64, FilesError> {
        self.rows.synchronised()
    }

    /// One moment.
    pub(crate) fn push(
        &mut self,
        record: &Record,
        state: &State,
        start: bool,
    ) -> Result<(), FilesError> {
        let student = &state.student;
        let matching = Matching::new(self.teacher, student);
        let neurons = (&*matching.nearest, &*matching.angles, &*matching.masses);
        let a = student.second_layer();
        let Shares { shares, .. } = Shares::new(self.teacher.amplitudes(), a, neurons, CLOSE);
        let (stage, epoch) = stage_names(record.phase, start);
        let epoch = epoch.map_or(String::new(), |k| k.to_string());
        let mut text = String::new();
        for j in self.kept(&matching) {
            let w = student.neuron(j);
            let teacher = matching.nearest[j];
            let inside = self.subspace.coordinates(w);
            let rest: Vec<f64> =
                w.iter().zip(self.subspace.project(w)).map(|(x, p)| x - p).collect();
            let side = if dot(w, self.teacher.direction(teacher)) < 0.0 { -1.0 } else { 1.0 };
            let _infallible = write!(
                text,
                "{stage},{epoch},{},{:e},{j},{teacher},{:.6e},{:.6e},{:.6e}",
                record.step,
                record.lambda,
                matching.angles[j],
                side * shares[j],
                student.second_layer()[j]
            );
            for x in inside.iter().chain([&norm(&rest)]) {
                let _infallible = write!(text, ",{x:.6e}");
            }
            text.push('\n');
        }
        self.rows.push_text(&text)
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

fn subspace(out: &Path, teacher: &Teacher) -> Result<FeatureSubspace, FilesError> {
    FeatureSubspace::of(teacher).map_err(|source| FilesError::Model {
        path: out.join("teacher.safetensors"),
        field: "directions".to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests;
