//! Which features has a network learned: the student's mass at each teacher neuron, and without a
//! teacher the directions on which its mass sits.

use crate::geometry::{dot, normalise_into, normalised, projective_angle};
use crate::{Matching, Network, Teacher};
use gradiometer_hermite::float::{maximum_of, minimum};
use std::f64::consts::FRAC_PI_2;

/// Angle in radians up to which a neuron counts as being at a direction.
pub const AT: f64 = 0.1;

/// Share of all mass that may be elsewhere where features count as learned.
pub const STRAY_SHARE: f64 = 0.01;

/// Whether a teacher's features are learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learned {
    /// The worst average neuron and the mean angle of the mass are within the angle of
    /// [`Recovery`], at most [`STRAY_SHARE`] of the mass is farther than it from every teacher,
    /// and the mass at every teacher has its sign.
    Fully,
    /// Not fully, but at least one teacher neuron [is learned](Recovery::is_learned).
    Partly,
    /// No teacher neuron is learned.
    Not,
}

/// What a student has learned of one teacher neuron `i`: the student's neurons `T_i` that are
/// nearer to it than to every other one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Feature {
    /// `alpha_i`, the teacher's signed amplitude.
    pub amplitude: f64,
    /// Number of neurons in `T_i` with a mass.
    pub neurons: usize,
    /// Their signed mass, `sum_{j in T_i} c_j`, which tends to `alpha_i`.
    pub mass: f64,
    /// The share of `sum_{j in T_i} |c_j|` within the angle of [`Recovery`] of the teacher neuron;
    /// 0 where there is no mass.
    pub share_within: f64,
    /// Mass of `T_i` farther than the angle from the teacher neuron, `sum |c_j|`.
    pub mass_beyond: f64,
    /// Mass of the other sign than the teacher's, `sum |c_j|` over those `j` in `T_i`.
    pub opposing_mass: f64,
    /// Angle of the average neuron to the teacher neuron, radians.
    pub average_angle: f64,
    /// Angle of the nearest neuron with a mass to the teacher neuron, radians; `pi/2` without one.
    pub nearest_angle: f64,
}

/// What a student has learned of a teacher.
#[derive(Clone, Debug, PartialEq)]
pub struct Recovery {
    /// The angle in radians within which a neuron counts as being at a teacher neuron.
    pub angle: f64,
    /// One entry for each teacher neuron, in its order.
    pub features: Vec<Feature>,
    /// `|mu| = sum_j |c_j|`.
    pub total_mass: f64,
    /// Mass farther than the angle from every teacher neuron.
    pub mass_away: f64,
    /// Mean angle of the mass to its nearest teacher, radians; `pi/2` without any mass.
    pub mean_angle: f64,
}

impl Recovery {
    /// Compares a student with a teacher of the same dimension.
    ///
    /// # Panics
    /// If the dimensions differ.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_model::recovery::{AT, Learned, Recovery};
    /// use gradiometer_model::{Network, Teacher};
    /// let teacher = Network::new(2, vec![2.0, -1.0], vec![1.0, 0.0, 0.0, 1.0]).unwrap();
    /// let teacher = Teacher::new(teacher).unwrap();
    /// // Both signs at one place cancel in the average neuron and are no feature.
    /// let w = vec![1.0, 0.0, 0.8, 0.6, 0.8, 0.6, 0.0, 1.0];
    /// let student = Network::new(2, vec![2.0, 3.0, -3.0, -1.0], w).unwrap();
    /// let recovery = Recovery::new(&teacher, &student, AT);
    /// let [first, second] = [recovery.features[0], recovery.features[1]];
    /// assert_eq!((first.mass, first.mass_beyond, first.opposing_mass), (2.0, 6.0, 3.0));
    /// assert!(!recovery.is_learned(&first) && recovery.is_learned(&second));
    /// assert_eq!(recovery.learned(), Learned::Partly);
    /// ```
    pub fn new(teacher: &Teacher, student: &Network, angle: f64) -> Self {
        let matching = Matching::new(teacher, student);
        let features = (0..teacher.neurons()).map(|i| feature(teacher, &matching, i, angle));
        let total_mass: f64 = matching.masses.iter().map(|c| c.abs()).sum();
        let weighted = matching.masses.iter().zip(&matching.angles);
        let weighted: f64 = weighted.map(|(c, delta)| c.abs() * delta).sum();
        Self {
            angle,
            features: features.collect(),
            total_mass,
            mass_away: matching.mass_beyond(angle),
            mean_angle: if total_mass > 0.0 { weighted / total_mass } else { FRAC_PI_2 },
        }
    }

    /// Whether a teacher neuron is learned: its average neuron is within the angle, its mass has its
    /// sign, and of the mass nearest to it at most [`STRAY_SHARE`] of all mass is farther away.
    pub fn is_learned(&self, feature: &Feature) -> bool {
        feature.average_angle <= self.angle
            && feature.mass * feature.amplitude > 0.0
            && feature.mass_beyond <= STRAY_SHARE * self.total_mass
    }

    /// The largest angle of an average neuron to its teacher, radians.
    pub fn worst_angle(&self) -> f64 {
        maximum_of(self.features.iter().map(|feature| feature.average_angle))
    }

    /// The verdict; NaN anywhere is not learned.
    pub fn learned(&self) -> Learned {
        let fully = self.worst_angle() <= self.angle
            && self.mean_angle <= self.angle
            && self.mass_away <= STRAY_SHARE * self.total_mass
            && self.features.iter().all(|feature| feature.mass * feature.amplitude > 0.0);
        if fully {
            Learned::Fully
        } else if self.features.iter().any(|feature| self.is_learned(feature)) {
            Learned::Partly
        } else {
            Learned::Not
        }
    }
}

fn feature(teacher: &Teacher, matching: &Matching, i: usize, angle: f64) -> Feature {
    let amplitude = teacher.amplitudes()[i];
    let mut feature = Feature {
        amplitude,
        neurons: 0,
        mass: 0.0,
        share_within: 0.0,
        mass_beyond: 0.0,
        opposing_mass: 0.0,
        average_angle: matching.average_angles[i],
        nearest_angle: FRAC_PI_2,
    };
    let (mut within, mut all) = (0.0, 0.0);
    for (j, c) in matching.masses.iter().enumerate() {
        if matching.nearest[j] != i || !(c.abs() > 0.0) {
            continue;
        }
        let delta = matching.angles[j];
        feature.neurons += 1;
        feature.mass += c;
        feature.nearest_angle = minimum(feature.nearest_angle, delta);
        all += c.abs();
        if delta <= angle {
            within += c.abs();
        } else {
            feature.mass_beyond += c.abs();
        }
        if c.signum() * amplitude.signum() < 0.0 {
            feature.opposing_mass += c.abs();
        }
    }
    if all > 0.0 {
        feature.share_within = within / all;
    }
    feature
}

/// Neurons of a network that lie within an angle of one direction.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    /// The unit direction of their average neuron `sum_j |a_j| s_j w_j`, `s_j` the side of the
    /// heaviest one.
    pub direction: Vec<f64>,
    /// Number of neurons.
    pub neurons: usize,
    /// Signed mass `sum_j c_j`.
    pub mass: f64,
    /// Mass of the sign that has less of it, `sum |c_j|`.
    pub opposing_mass: f64,
    /// The largest angle of one of them to the direction, radians.
    pub spread: f64,
}

/// The clusters of a network by direction, the heaviest first, and the mass that is in none.
#[derive(Clone, Debug, PartialEq)]
pub struct Clusters {
    /// The clusters.
    pub clusters: Vec<Cluster>,
    /// `|mu| = sum_j |c_j|` of the whole network.
    pub total_mass: f64,
    /// Mass and number of the neurons in no cluster.
    pub rest: (f64, usize),
}

impl Clusters {
    /// The neurons from the heaviest to the lightest: each joins the first cluster whose heaviest
    /// neuron is within `angle` radians, a direction and its opposite being one, or begins a new
    /// one, up to `most`. In time `O(m most d)`.
    ///
    /// # Examples
    /// ```
    /// use gradiometer_model::Network;
    /// use gradiometer_model::recovery::{AT, Clusters};
    /// let network = Network::new(2, vec![1.0, 0.5, -2.0], vec![1.0, 0.0, -1.0, 0.02, 0.0, 1.0]);
    /// let found = Clusters::new(&network.unwrap(), AT, 16);
    /// let masses: Vec<usize> = found.clusters.iter().map(|c| c.neurons).collect();
    /// assert_eq!(masses, [1, 2]); // the second neuron and the opposite of the first are one feature
    /// ```
    pub fn new(network: &Network, angle: f64, most: usize) -> Self {
        let mut order: Vec<(usize, f64)> = (0..network.neurons())
            .map(|j| (j, network.mass(j)))
            .filter(|(_, c)| c.abs() > 0.0)
            .collect();
        order.sort_by(|x, y| y.1.abs().total_cmp(&x.1.abs()).then(x.0.cmp(&y.0)));
        let total_mass = order.iter().map(|(_, c)| c.abs()).sum();
        let d = network.dimension();
        let (mut leaders, mut members): (Vec<f64>, Vec<Vec<(usize, f64)>>) = Default::default();
        let (mut rest, mut unit) = ((0.0, 0), vec![0.0; d]);
        for (j, c) in order {
            normalise_into(network.neuron(j), &mut unit);
            let at = leaders.chunks_exact(d).position(|u| projective_angle(u, &unit) <= angle);
            if let Some(at) = at {
                members[at].push((j, c));
            } else if members.len() < most {
                leaders.extend_from_slice(&unit);
                members.push(vec![(j, c)]);
            } else {
                rest = (rest.0 + c.abs(), rest.1 + 1);
            }
        }
        let clusters = leaders.chunks_exact(d).zip(members);
        let mut clusters: Vec<Cluster> =
            clusters.map(|(leader, members)| cluster(network, leader, &members)).collect();
        let whole = |c: &Cluster| c.mass.abs() + 2.0 * c.opposing_mass;
        clusters.sort_by(|x, y| whole(y).total_cmp(&whole(x)));
        Self { clusters, total_mass, rest }
    }
}

fn cluster(network: &Network, leader: &[f64], members: &[(usize, f64)]) -> Cluster {
    let mut sum = vec![0.0; leader.len()];
    let mut by_sign = [0.0, 0.0];
    for (j, c) in members {
        let w = normalised(network.neuron(*j));
        let side = c.abs().copysign(dot(&w, leader));
        sum.iter_mut().zip(&w).for_each(|(total, x)| *total += side * x);
        by_sign[usize::from(*c < 0.0)] += c.abs();
    }
    let direction = normalised(&sum);
    let angles =
        members.iter().map(|(j, _)| projective_angle(&direction, &normalised(network.neuron(*j))));
    Cluster {
        neurons: members.len(),
        mass: by_sign[0] - by_sign[1],
        opposing_mass: minimum(by_sign[0], by_sign[1]),
        spread: maximum_of(angles),
        direction,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradiometer_testing::{close, rounding};

    fn plane(a: &[f64], angles: &[f64]) -> Network {
        let w = angles.iter().flat_map(|t| [t.cos(), t.sin()]).collect();
        Network::new(2, a.to_vec(), w).unwrap()
    }

    #[test]
    fn a_copy_is_learned_and_opposite_signs_that_cancel_are_not() {
        let teacher = Teacher::new(plane(&[1.0, -2.0], &[0.0, 1.5])).unwrap();
        let copy = Recovery::new(&teacher, teacher.network(), AT);
        assert_eq!((copy.learned(), copy.mass_away.to_bits()), (Learned::Fully, 0));
        // The average neurons are the teachers, but mass of both signs lies half a radian away.
        let bundle = plane(&[1.0, -2.0, 9.0, -9.0], &[0.0, 1.5, 0.5, 0.5]);
        let bundle = Recovery::new(&teacher, &bundle, AT);
        assert!(bundle.worst_angle() <= AT, "{bundle:?}");
        assert_eq!(bundle.learned(), Learned::Partly);
        close(bundle.mass_away, 18.0, rounding(4, 18.0));
        // One stray neuron of two per cent of the mass is enough.
        let stray = plane(&[1.0, -2.0, 0.06], &[0.0, 1.5, 0.5]);
        assert_ne!(Recovery::new(&teacher, &stray, AT).learned(), Learned::Fully);
        let slight = plane(&[1.0, -2.0, 0.006], &[0.0, 1.5, 0.5]);
        assert_eq!(Recovery::new(&teacher, &slight, AT).learned(), Learned::Fully);
    }

    #[test]
    fn a_student_without_mass_has_learned_nothing() {
        let teacher = Teacher::new(plane(&[1.0], &[0.3])).unwrap();
        let zero = Network::new(2, vec![0.0], vec![1.0, 0.0]).unwrap();
        let recovery = Recovery::new(&teacher, &zero, AT);
        assert_eq!(recovery.learned(), Learned::Not);
        assert_eq!(recovery.features[0].neurons, 0);
        assert!(Clusters::new(&zero, AT, 4).clusters.is_empty());
    }

    #[test]
    fn a_teacher_of_the_wrong_sign_is_not_learned() {
        let teacher = Teacher::new(plane(&[1.0], &[0.3])).unwrap();
        let wrong = plane(&[-1.0], &[0.3]);
        assert_eq!(Recovery::new(&teacher, &wrong, AT).learned(), Learned::Not);
    }

    #[test]
    fn clusters_hold_all_the_mass_and_those_beyond_the_limit_are_the_rest() {
        let network = plane(&[1.0, -0.25, 3.0, 0.5, 0.125], &[0.0, 0.05, 1.0, 2.0, 2.5]);
        let all = Clusters::new(&network, AT, 8);
        let sum: f64 = all.clusters.iter().map(|c| c.mass.abs() + 2.0 * c.opposing_mass).sum();
        close(sum, all.total_mass, rounding(8, all.total_mass));
        assert_eq!(all.clusters.len(), 4);
        assert_eq!((all.clusters[1].neurons, all.clusters[1].opposing_mass), (2, 0.25));
        let few = Clusters::new(&network, AT, 2);
        assert_eq!((few.clusters.len(), few.rest), (2, (0.625, 2)));
    }
}
