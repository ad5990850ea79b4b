//! What was learned of each teacher neuron, in words and numbers: for the terminal and for pages.

use super::text::percent;
use gradiometer_model::recovery::{Learned, Recovery, STRAY_SHARE};

/// The columns of the table of what was learned.
pub const FEATURES: [&str; 9] = [
    "teacher",
    "learned",
    "amplitude",
    "mass",
    "within",
    "opposing",
    "neurons",
    "average",
    "nearest",
];

/// Its row for a teacher neuron; `number` writes a number with so many significant digits.
///
/// # Panics
/// If there are not so many teacher neurons.
pub fn feature_row(
    recovery: &Recovery,
    teacher: usize,
    number: impl Fn(f64, usize) -> String,
) -> [String; 9] {
    let feature = &recovery.features[teacher];
    [
        format!("u{teacher}"),
        if recovery.is_learned(feature) { "yes" } else { "no" }.to_owned(),
        number(feature.amplitude, 4),
        number(feature.mass, 4),
        percent(feature.share_within),
        number(feature.opposing_mass, 3),
        feature.neurons.to_string(),
        number(feature.average_angle, 3),
        number(feature.nearest_angle, 3),
    ]
}

/// The verdict in a sentence or two, with its numbers.
pub fn learned_sentence(recovery: &Recovery, number: impl Fn(f64, usize) -> String) -> String {
    let Recovery { angle, total_mass, mass_away, .. } = *recovery;
    let count = recovery.features.len();
    let learned = recovery.features.iter().filter(|f| recovery.is_learned(f)).count();
    let share = 100.0 * STRAY_SHARE;
    if !(total_mass > 0.0) {
        return "Not learned: the student has no mass.".to_owned();
    }
    let numbers = format!(
        "The worst average neuron is {} rad from its teacher neuron, the mean angle of the mass is {} rad, and {} of the \
         mass is farther than {angle} rad from every teacher neuron (learned: at most {angle} rad, {angle} rad and {share} %).",
        number(recovery.worst_angle(), 3),
        number(recovery.mean_angle, 3),
        if mass_away > 0.0 { percent(mass_away / total_mass) } else { "none".to_owned() }
    );
    match recovery.learned() {
        Learned::Fully => format!("All {count} teacher neurons are learned. {numbers}"),
        Learned::Partly if learned == count => {
            format!(
                "Partly learned: each of the {count} teacher neurons is, the whole is not. {numbers}"
            )
        }
        Learned::Partly => {
            format!("Partly learned: {learned} of {count} teacher neurons are. {numbers}")
        }
        Learned::Not => format!("Not learned: none of the {count} teacher neurons is. {numbers}"),
    }
}
