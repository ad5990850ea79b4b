use super::*;
use crate::point::Point;
use gradiometer_instances::{Directions, Instance, Place, Recipe};

/// Teachers of one to four neurons with either sign, some with as many dimensions as neurons;
/// students far, near, mixed, trained; two of three balanced; one of eleven with a zero neuron.
pub(crate) fn instance(seed: u64) -> Instance {
    build(&recipe(seed)).unwrap()
}

fn recipe(seed: u64) -> Recipe {
    let shapes = [(2, 1, 1), (3, 2, 2), (5, 2, 3), (3, 3, 3), (6, 3, 4), (4, 4, 4)];
    let (dimension, rank, neurons) = shapes[usize::try_from(seed % 6).unwrap()];
    let lambda = [1e-1, 1e-2, 1e-3][usize::try_from(seed / 30 % 3).unwrap()];
    Recipe {
        dimension,
        rank,
        neurons,
        directions: Directions::Spread { separation: if neurons > rank { 0.7 } else { 0.5 } },
        mixed_signs: true,
        amplitude: 2.0,
        amplitude_ratio: 4.0,
        place: match seed / 6 % 5 {
            0 => Place::Far,
            1 => Place::Near { angle: 0.3, defect: 0.1 },
            2 => Place::Near { angle: lambda, defect: -lambda },
            3 => Place::Mixed,
            _ => Place::Trained,
        },
        width: 10,
        student_scale: 0.3,
        lambda,
        balanced: !seed.is_multiple_of(3),
        zero_neurons: usize::from(seed.is_multiple_of(11)),
        cancelling: None,
        stray: None,
        seed,
    }
}

#[test]
fn nearly_every_seed_has_an_instance_and_all_places_occur() {
    let recipes: Vec<Recipe> = (0..400).map(Recipe::draw).collect();
    let built: Vec<Instance> = recipes.iter().filter_map(|r| build(r).ok()).collect();
    assert!(built.len() > 360, "{} of 400", built.len());
    for (seed, instance) in built.iter().enumerate() {
        assert!(
            Point::new(&instance.teacher, &instance.student, instance.lambda).is_ok(),
            "{seed}"
        );
    }
    let seen = |f: &dyn Fn(&Recipe) -> bool| recipes.iter().filter(|r| f(r)).count();
    assert!(seen(&|r| r.dimension == r.rank) > 50 && seen(&|r| r.dimension > 50) > 5);
    assert!(seen(&|r| r.neurons == 1) > 20 && seen(&|r| r.rank == 6) > 5);
    assert!(seen(&|r| matches!(r.directions, Directions::NearlyParallel { .. })) > 10);
    assert!(seen(&|r| matches!(r.place, Place::Collapsed { .. })) > 10);
    assert!(seen(&|r| r.amplitude > 1e4) > 10 && seen(&|r| 1e4 * r.amplitude < 1.0) > 10);
    assert!(seen(&|r| r.cancelling.is_some()) > 20 && seen(&|r| r.zero_neurons > 0) > 10);
}

#[test]
fn a_pulled_student_of_one_neuron_is_the_optimum() {
    // c = 1 - lambda/(2 k(1)), k(1) = 1/4 - 1/(2 pi).
    let recipe = Recipe {
        dimension: 3,
        rank: 1,
        neurons: 1,
        directions: Directions::Orthonormal,
        mixed_signs: false,
        amplitude: 1.0,
        amplitude_ratio: 1.0,
        place: Place::Pulled { by: 0.5 },
        width: 1,
        student_scale: 1.0,
        lambda: 0.01,
        balanced: true,
        zero_neurons: 0,
        cancelling: None,
        stray: None,
        seed: 1,
    };
    let instance = build(&recipe).unwrap();
    let expected = 1.0 - 0.005 / (0.25 - 0.5 / std::f64::consts::PI);
    assert!((instance.student.mass(0) - expected).abs() <= 64.0 * f64::EPSILON);
}

#[test]
fn moves_keep_balance_and_dimension() {
    let mut moved = 0;
    for seed in 0..200 {
        let Ok(instance) = draw(seed) else { continue };
        let point =
            |i: &Instance| Point::new(&i.teacher, &i.student, i.lambda).unwrap().is_balanced();
        let Ok(other) = instance.moved(0.1, seed) else { continue };
        moved += 1;
        assert!(other != instance, "{seed}");
        if point(&instance) {
            assert!(point(&other), "{seed}");
        }
    }
    assert!(moved > 150);
}
