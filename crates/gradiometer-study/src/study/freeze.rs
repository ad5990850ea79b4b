//! 10.4: random features in the learned subspace against full training.

use super::{Measurement, Outcome, Size};
use gradiometer_hermite::float::maximum_of;
use gradiometer_model::generate::{Signs, TeacherRequest, symmetric_start};
use gradiometer_population::Population;
use gradiometer_train::{Algorithm, Stage3, Trainer};

const QUANTITIES: [&str; 3] = ["loss", "worst matched angle", "mean angle of the mass"];

pub(super) fn run(size: Size) -> Outcome {
    let (d, rank, teachers, neurons) = size.choose((6, 2, 3, 30), (30, 3, 4, 200));
    let (epochs, steps) = size.choose((6, 300), (10, 2000));
    let mut found = Vec::new();
    for freeze_first_layer in [true, false] {
        let stage3 = Stage3 { epochs, steps, freeze_first_layer, ..Stage3::default() };
        let algorithm = Algorithm { stage3: Some(stage3), ..Algorithm::default() };
        let mut values = vec![Vec::new(); QUANTITIES.len()];
        for seed in 0..10 {
            let request = TeacherRequest {
                separation: 0.5,
                smallest_eigenvalue: 0.2,
                signs: Signs::Mixed,
                amplitudes: (0.8, 1.2),
                ..TeacherRequest::new(d, rank, teachers, seed)
            };
            let population = Population::new(request.generate()?.into_inner());
            let start = symmetric_start(d, neurons, 1.0 / (neurons as f64).sqrt(), seed)?;
            let mut trainer = Trainer::new(&population, &algorithm, start)?;
            while !trainer.is_finished() {
                let _ended = trainer.advance(u64::MAX)?;
            }
            let record = trainer.record(&[]);
            let worst = maximum_of(record.average_angles);
            for (values, value) in
                values.iter_mut().zip([record.loss.value, worst, record.mean_angle])
            {
                values.push((seed, value));
            }
        }
        let frozen = f64::from(u8::from(freeze_first_layer));
        found.extend(QUANTITIES.into_iter().zip(values).map(|(quantity, values)| Measurement {
            setting: vec![("frozen", frozen), ("d", d as f64), ("m", neurons as f64)],
            quantity,
            values,
        }));
    }
    Ok(found)
}
