//! The value of the regularised optimum between proved ends (theory 5.1).

use gradiometer_hermite::Enclosure;
use gradiometer_model::{Network, Teacher};

use crate::certificate::Certificate;
use crate::check::check_certificate;
use crate::error::CertifyError;
use crate::interpolant::Interpolant;
use crate::kernel::DegreeWeights;
use crate::limits::{Limits, Runner};
use crate::student::EnclosedStudent;

/// The `rho` that is claimed of the dual point: any positive one says that `|eta| <= 1`.
const FEASIBLE: f64 = 1.0 / 1024.0;

/// `lambda |mu*| - P(mu_lambda)` between ends that are proved: how far the regularised optimum lies below the teacher's own value.
///
/// A measure, given as a network of masses `c_j`, has at least the optimum's value: `P(mu) = L + lambda |mu|`. A function `p` with
/// `|E[p sigma(w.x)]| <= 1` for all unit `w` is feasible in the dual problem, where its value `lambda <p, y> - lambda^2 |p|^2/4` is at most
/// the optimum's (theory 5.1). Here `p` is the minimal-norm interpolant of the measure's own signs at its own directions, which the
/// checker proves feasible as it proves a certificate, and `<p, y> = sum_i alpha_i eta(u_i)`. If the optimum is a few atoms near the
/// measure's, both ends are near it; if that interpolant exceeds one somewhere, there is no answer: `None`.
///
/// # Errors
/// [`CertifyError`] if the dimensions differ, or a neuron of the measure has no mass.
///
/// # Examples
/// ```
/// use gradiometer_certify::{InTurn, Limits, optimal_gain};
/// use gradiometer_model::{Network, Teacher};
/// let teacher = Teacher::new(Network::new(2, vec![1.0], vec![1.0, 0.0]).unwrap()).unwrap();
/// // The optimum is c = 1 - lambda/(2 k(1)) on the teacher's direction, and lies lambda^2/(4 k(1)) below lambda |mu*|.
/// let (lambda, k) = (0.1, 0.25 - 0.5 / std::f64::consts::PI);
/// let optimum = Network::new(2, vec![1.0], vec![1.0 - 0.5 * lambda / k, 0.0]).unwrap();
/// let gain = optimal_gain(&teacher, lambda, &optimum, &Limits::default(), &mut InTurn).unwrap().unwrap();
/// assert!(gain.contains(0.25 * lambda * lambda / k) && gain.width() < 64.0 * f64::EPSILON);
/// ```
pub fn optimal_gain(
    teacher: &Teacher,
    lambda: f64,
    measure: &Network,
    limits: &Limits,
    runner: &mut dyn Runner,
) -> Result<Option<Enclosure>, CertifyError> {
    let at = EnclosedStudent::new(teacher, measure)?;
    // P(mu) >= P(mu_lambda).
    let least = (at.teacher_mass() - at.mass()) * lambda - at.loss();
    let Ok(atoms) = Teacher::new(measure.clone()) else { return Ok(None) };
    let weights = DegreeWeights::from_degree(2)?;
    let eta = match Interpolant::certificate(&atoms, &weights) {
        Ok(eta) => eta,
        Err(CertifyError::Interpolation { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let certificate = Certificate::from_interpolant(&eta, &weights, FEASIBLE)?;
    let report = check_certificate(&certificate, &atoms, limits, runner)?;
    let Some(proof) = report.verdict.proof() else { return Ok(None) };
    // lambda <p, y> - lambda^2 |p|^2/4 <= P(mu_lambda).
    let pairing: Enclosure = at
        .amplitudes()
        .iter()
        .zip(teacher.network().rows())
        .map(|(&alpha, u)| alpha.abs() - alpha * proof.interpolant().at(u).0)
        .sum();
    let lambda = Enclosure::from(lambda);
    let most = lambda * pairing + (lambda * proof.p_norm()).square() / 4.0;
    Ok(Some(Enclosure::new(least.lo(), most.hi())).filter(|gain| !gain.is_undefined()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::InTurn;

    fn gain(teacher: &Teacher, lambda: f64, rows: &[Vec<f64>], a: Vec<f64>) -> Option<Enclosure> {
        let measure = Network::from_rows(a, rows).unwrap();
        optimal_gain(teacher, lambda, &measure, &Limits::default(), &mut InTurn).unwrap()
    }

    fn axes() -> Teacher {
        let rows = [vec![1.0, 0.0, 0.0], vec![0.0, 1.0, 0.0]];
        Teacher::new(Network::from_rows(vec![1.0, -1.0], &rows).unwrap()).unwrap()
    }

    #[test]
    fn orthogonal_neurons_have_the_gain_of_each() {
        // Features of orthogonal directions are orthogonal, k(0) = 0 = k'(0).
        let k = 0.25 - 0.5 / std::f64::consts::PI;
        for lambda in [1e-1, 1e-3, 1e-6] {
            let c = 1.0 - 0.5 * lambda / k;
            let rows = [vec![1.0, 0.0, 0.0], vec![0.0, 1.0, 0.0]];
            let found = gain(&axes(), lambda, &rows, vec![c, -c]).unwrap();
            let exact = 0.5 * lambda * lambda / k;
            assert!(found.contains(exact), "{lambda}: {found} {exact:e}");
            assert!(found.width() < 64.0 * f64::EPSILON, "{lambda}: {found}");
        }
    }

    #[test]
    fn a_measure_beside_the_optimum_has_a_wider_interval_that_still_holds() {
        let (lambda, k) = (1e-2, 0.25 - 0.5 / std::f64::consts::PI);
        let exact = 0.5 * lambda * lambda / k;
        let mut last = 0.0;
        for off in [0.0, 1e-3, 1e-2, 1e-1] {
            let c = 1.0 - 0.5 * lambda / k + off;
            let rows = [vec![1.0, off, 0.0], vec![0.0, 1.0, off]];
            let found = gain(&axes(), lambda, &rows, vec![c, -c]).unwrap();
            assert!(found.contains(exact), "{off}: {found} {exact:e}");
            // Nothing comes for free: the worse the measure, the less is known.
            assert!(found.width() >= last, "{off}: {found}");
            last = found.width();
        }
        assert!(last > exact, "{last:e}");
    }

    #[test]
    fn what_exceeds_one_is_no_dual_point() {
        // Opposite signs at 0.05 rad in three dimensions: no interval arithmetic proves |eta| <= 1 of degree 2.
        let rows = [vec![1.0, 0.0, 0.0], vec![0.05_f64.cos(), 0.05_f64.sin(), 0.0]];
        let limits = Limits { boxes: 10_000, ..Limits::default() };
        let measure = Network::from_rows(vec![1.0, -1.0], &rows).unwrap();
        assert_eq!(optimal_gain(&axes(), 0.1, &measure, &limits, &mut InTurn).unwrap(), None);
        let plane = Network::from_rows(vec![1.0], &[vec![1.0, 0.0]]).unwrap();
        assert!(optimal_gain(&axes(), 0.1, &plane, &limits, &mut InTurn).is_err());
    }
}
