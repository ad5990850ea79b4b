//! 11.12.6 and 11.12.7: message passing on the committee of two beside its state evolution, iteration by iteration.
//!
//! Gaussian weights, with no start at `alpha = 1` and from an overlap of 0.3 at `alpha = 2.5`. Without the Onsager term
//! the second does not follow; from no start at all it never specialises, whatever state evolution has as its
//! best solution.

use super::Size;
use super::comparison::{self, Experiment, Form, Pair, Row};
use super::measurement::Measurement;
use super::reading::{Conclusion, Found};
use super::session::{Failure, Plan};
use gradiometer_mechanisms::aubin2018::{Amp, AmpState, Committee, Overlap, Weights};
use gradiometer_mechanisms::sample;

const WEIGHTS: Weights = Weights::Gaussian;

/// What is left at a finite dimension, relative: the columns are orthonormalised, so that it is small.
fn finite_size(d: usize) -> f64 {
    5.0 / d as f64
}

/// An overlap after some iterations.
type Quantity = (&'static str, fn(&[AmpState]) -> f64, fn(&[Overlap]) -> f64);

const BLIND: [Quantity; 3] = [
    ("q_d after 1 iteration from nothing", |s| s[0].diagonal(), |e| e[0].diagonal()),
    ("q_d after 2 iterations from nothing", |s| s[1].diagonal(), |e| e[1].diagonal()),
    ("q_d after 4 iterations from nothing", |s| s[3].diagonal(), |e| e[3].diagonal()),
];
const INFORMED: [Quantity; 4] = [
    ("q_d after 1 iteration from .3", |s| s[0].diagonal(), |e| e[0].diagonal()),
    ("q_a after 2 iterations from .3", |s| s[1].off_diagonal(), |e| e[1].off_diagonal()),
    ("q_d after 4 iterations from .3", |s| s[3].diagonal(), |e| e[3].diagonal()),
    ("q_a after 4 iterations from .3", |s| s[3].off_diagonal(), |e| e[3].off_diagonal()),
];
const WITHOUT_ONSAGER: [Quantity; 1] = [(
    "q_a after 2 iterations from .3 without the Onsager term",
    |s| s[1].off_diagonal(),
    |e| e[1].off_diagonal(),
)];

fn experiment(amp: Amp, form: Form, seeds: usize, quantities: &'static [Quantity]) -> Experiment {
    let row = |(quantity, ..): &Quantity| Row {
        statement: "11.12.6",
        quantity,
        d: amp.dimension,
        form,
        finite_size: finite_size(amp.dimension),
    };
    let rows: Vec<Row> = quantities.iter().map(row).collect();
    Experiment::new(rows, seeds, move |seed| {
        let committee = Committee::new()?;
        let start = Overlap { plus: amp.start, minus: amp.start };
        let evolution = committee.evolution(WEIGHTS, amp.alpha, start, 4);
        let states = amp.run(&committee, 4, &mut sample::stream(seed))?;
        let pair = |(_, found, predicted): &Quantity| (found(&states), predicted(&evolution));
        Ok(quantities.iter().map(pair).collect::<Vec<Pair>>())
    })
}

/// 11.12.7: from nothing at `alpha = 2.5` the overlaps come to the branch without specialisation.
fn symmetric(d: usize, seeds: usize) -> Experiment {
    const ITERATIONS: usize = 30;
    let row = |quantity, form| Row {
        statement: "11.12.7",
        quantity,
        d,
        form,
        // Fluctuations along the unstable branch are larger than those of one iteration.
        finite_size: 20.0 / d as f64,
    };
    let rows = [
        row("q_d from nothing on the branch without specialisation", Form::Stated),
        row("q_d from nothing at the best solution", Form::Control),
    ];
    Experiment::new(rows, seeds, move |seed| {
        let committee = Committee::new()?;
        let amp = Amp { dimension: d, alpha: 2.5, start: 0.0, onsager: true };
        let states = amp.run(&committee, ITERATIONS, &mut sample::stream(seed))?;
        let reached = states[ITERATIONS - 1].diagonal();
        let branch = committee.unspecialised(WEIGHTS, 2.5)?.diagonal();
        let best = committee.fixed_point(WEIGHTS, 2.5)?.diagonal();
        Ok(vec![(reached, branch), (reached, best)])
    })
}

pub(super) fn plan(size: Size) -> Plan {
    let dimensions: &[usize] = size.choose(&[500], &[500, 1000, 2000]);
    let seeds = 40;
    let mut experiments = Vec::new();
    for d in dimensions {
        let blind = Amp { dimension: *d, alpha: 1.0, start: 0.0, onsager: true };
        let informed = Amp { alpha: 2.5, start: 0.3, ..blind };
        experiments.push(experiment(blind, Form::Stated, seeds, &BLIND));
        experiments.push(experiment(informed, Form::Stated, seeds, &INFORMED));
        let without = Amp { onsager: false, ..informed };
        experiments.push(experiment(without, Form::Control, seeds, &WITHOUT_ONSAGER));
    }
    experiments.push(symmetric(size.choose(500, 2000), seeds));
    comparison::plan(experiments)
}

pub(super) fn derive(found: Found<'_>) -> Vec<Measurement> {
    comparison::derive(found, &[])
}

pub(super) fn read(found: Found<'_>) -> Result<Vec<Conclusion>, Failure> {
    comparison::read(found, &[])
}
