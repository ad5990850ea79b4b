//! The floor that training reaches against the regularised optimum that the landscape's solver
//! finds.
#![expect(clippy::unwrap_used, reason = "a test's data is as the test expects")]

use gradiometer_instances::generate::{Signs, TeacherRequest, symmetric_start};
use gradiometer_landscape::optimum::{OptimumOptions, regularised_optimum};
use gradiometer_landscape::point::Point;
use gradiometer_model::{Network, SeparatedTeacher};
use gradiometer_population::Population;
use gradiometer_train::{Algorithm, FloorEnding, Floors, Stage3, Trainer};

/// What a student of enough neurons may be above the optimum, relative to its value. In rank 2 the
/// optimum has an atom beside each teacher.
const RANK_TWO: f64 = 1e-11;
/// In rank 3 it may be a density on curves, which so many neurons approach: a few parts in a
/// million of its value.
const RANK_THREE: f64 = 1e-5;
/// The optimum's lower bound rests on a search for the largest `|eta|`, which can miss a little: at
/// most this share of the value here.
const SEARCHED: f64 = 1e-12;

fn teacher(rank: usize, signs: Signs) -> SeparatedTeacher {
    let request = TeacherRequest {
        separation: 0.5,
        smallest_eigenvalue: 0.2,
        signs,
        amplitudes: (0.8, 1.2),
        ..TeacherRequest::new(6, rank, rank + 1, 1)
    };
    request.generate().unwrap()
}

fn trained(teacher: &SeparatedTeacher, stage3: Stage3) -> (Network, Option<FloorEnding>) {
    let population = Population::new(teacher.clone().into_inner());
    let algorithm = Algorithm { stage3: Some(stage3), ..Algorithm::default() };
    let m = 60_usize;
    let start = symmetric_start(teacher.dimension(), m, 1.0 / (m as f64).sqrt(), 2).unwrap();
    let mut trainer = Trainer::new(&population, &algorithm, start).unwrap();
    while !trainer.is_finished() {
        let _event = trainer.advance(u64::MAX).unwrap();
    }
    let state = trainer.into_state();
    (state.student, state.floor.ending)
}

#[test]
fn the_floor_is_the_regularised_optimum() {
    let options = OptimumOptions { rounds: 4, starts: 60, ..OptimumOptions::default() };
    for (rank, allowed) in [(2, RANK_TWO), (3, RANK_THREE)] {
        for signs in [Signs::Positive, Signs::Mixed] {
            let teacher = teacher(rank, signs.clone());
            for lambda in if rank == 2 { [1e-2, 1e-5] } else { [1e-2, 1e-3] } {
                let floor = Stage3 {
                    lambda,
                    epochs: 1,
                    steps: 0,
                    floors: Floors::Last,
                    ..Stage3::default()
                };
                let (student, ending) = trained(&teacher, floor);
                // Towards a density the last digits come slowly.
                assert!(rank == 3 || ending == Some(FloorEnding::Rounding), "{ending:?}");
                let optimum = regularised_optimum(&teacher, lambda, &options).unwrap();
                let gap = |student: &Network| {
                    optimum.gap(&Point::new(&teacher, student, lambda).unwrap())
                };
                let (lower, upper) = gap(&student);
                let case =
                    format!("rank {rank}, {signs:?}, lambda {lambda}: {lower:e} to {upper:e}");
                // The interval holds the true gap, which is not negative.
                assert!(upper >= -SEARCHED * optimum.value(), "{case}");
                println!("{case}, of {:e} {ending:?}", optimum.value());
                assert!(upper <= allowed * optimum.value(), "{case} of {:e}", optimum.value());
                // Negative control: some hundred steps of descent in place of the floor are well
                // above it.
                let descent = Stage3 { steps: 200, floors: Floors::None, ..floor };
                let (lower, _) = gap(&trained(&teacher, descent).0);
                assert!(lower > 10.0 * allowed * optimum.value(), "{case}: {lower:e} by descent");
            }
        }
    }
}
