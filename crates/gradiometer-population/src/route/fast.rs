//! Which of the fast routes an evaluation takes: sorting, a tree or all pairs, perhaps in the span.

use super::pairs::{self, Buffers};
use super::span::{self, Span};
use super::tree::Tree;
use super::{low_degrees, planar};
use crate::atoms::{Atoms, Problem, find_twins};
use crate::kernel::InstructionSet;
use crate::value::{EvaluationRoute, FastMethod, Gradient, Precision, Reached};
use gradiometer_hermite::{Bounded, Degrees};
use gradiometer_model::{Network, Teacher};

/// How a fast evaluation computes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Means {
    /// The instruction set of the kernels.
    pub(crate) set: InstructionSet,
    /// What pairs are computed in; the other methods stay in doubles.
    pub(crate) precision: Precision,
    /// What one pair of unit masses may be wrong by where a tree replaces directions by nodes, in
    /// units of `1/(2 pi)`; zero for no tree.
    pub(crate) truncation: f64,
}

/// Whether a student of this shape, and any smaller one, is evaluated by all pairs and in its own
/// coordinates.
pub(crate) const fn always_takes_pairs(student: &Network) -> bool {
    student.dimension() > 3 && student.neurons() < span::LEAST_NEURONS
}

/// Loss and gradient, with error bounds, by the fastest route.
pub(crate) fn evaluate(
    problem: &Problem<'_>,
    means: Means,
    buffers: &mut Buffers,
    gradient: &mut Gradient,
) -> Reached {
    let Problem { teacher, student, degrees } = *problem;
    let (mut loss, route) = if let Some(span) = Span::of(teacher, student) {
        let mut inner = Gradient::default();
        let (loss, method) = as_given(&span.teacher, &span.student, means, buffers, &mut inner);
        let route = EvaluationRoute::InSpan { rank: span.rank(), method };
        (span.lift(&inner, loss, gradient), route)
    } else {
        let (loss, method) = as_given(teacher, student, means, buffers, gradient);
        (loss, EvaluationRoute::Fast(method))
    };
    if degrees == Degrees::All {
        low_degrees::add(teacher.network(), student, &mut loss, gradient);
    }
    Reached { loss, route }
}

/// Degrees from 2 in the given coordinates.
fn as_given(
    teacher: &Teacher,
    student: &Network,
    means: Means,
    buffers: &mut Buffers,
    gradient: &mut Gradient,
) -> (Bounded, FastMethod) {
    let teacher = teacher.network();
    let atoms = Atoms { teacher, student, twin_signs: &[] };
    if planar::applies(&atoms) {
        return (planar::evaluate(&atoms, gradient), FastMethod::Sorted);
    }
    let mut twin_signs = std::mem::take(&mut buffers.twin_signs);
    find_twins(student, &mut twin_signs);
    let atoms = Atoms { twin_signs: &twin_signs, ..atoms };
    let tree = if student.dimension() == 3 {
        Tree::<3>::worthwhile(atoms, means.truncation)
    } else {
        None
    };
    let evaluated = if let Some(tree) = tree {
        (tree.evaluate(means.set, gradient), tree.method())
    } else {
        let Means { set, precision, .. } = means;
        let loss = pairs::evaluate(&atoms, set, precision, buffers, gradient);
        (loss, FastMethod::Pairs { set, precision })
    };
    buffers.twin_signs = twin_signs;
    evaluated
}
