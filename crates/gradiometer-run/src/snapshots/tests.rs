use super::*;
use crate::table::{snapshot_rows, snapshots_header};
use gradiometer_instances::generate::{TeacherRequest, near_teacher_student};
use gradiometer_landscape::descent::DescentDirection;
use gradiometer_landscape::point::Point;
use gradiometer_population::{Population, WeightDecay};
use gradiometer_train::{Flow, Moments, Phase, Record, StationaryPoint};

/// The integer part of the fourth root.
fn root(x: u128) -> u64 {
    u64::try_from(x.isqrt().isqrt()).unwrap()
}

#[test]
fn moments_are_the_integer_parts_of_quarter_octaves() {
    let mut expected: Vec<u64> = (0..80_u32).map(|k| root(1_u128 << k)).collect();
    expected.dedup();
    let mut found = vec![];
    let mut step = 0;
    while step < 1 << 19 {
        step = next_step(step);
        found.push(step);
    }
    assert_eq!(found, expected.iter().copied().filter(|s| *s <= 1 << 19).collect::<Vec<_>>());
    assert!(next_step(u64::MAX) == u64::MAX);
}

fn snapshot(neurons: usize) -> (Vec<Vec<String>>, State, gradiometer_model::SeparatedTeacher) {
    let request = TeacherRequest { separation: 0.6, ..TeacherRequest::new(6, 2, 3, 5) };
    let teacher = request.generate().unwrap();
    let student = near_teacher_student(&teacher, neurons, 0.4, 0.2, 3).unwrap();
    let state = State {
        student,
        phase: Phase::Stage3 { epoch: 2 },
        phase_steps: 4,
        steps: 9,
        lambda: 0.25,
        moments: Moments::default(),
        floor: StationaryPoint::default(),
        flow: Flow::default(),
    };
    let population = Population::new((*teacher).clone());
    let decay = WeightDecay::equal(0.25);
    let record = Record::measure(&population, &state.student, (state.phase, 9), (0.25, decay), &[]);
    let record = RunRecord::new(record, state.phase.into());
    let snapshots = Snapshots::new(&teacher, &state.student).unwrap();
    let header = snapshots_header(snapshots.rank()).join(",") + "\n";
    let text = header + &snapshot_rows(&snapshots.take(&record, &state));
    let rows = text.lines().map(|l| l.split(',').map(str::to_owned).collect()).collect();
    (rows, state, teacher)
}

/// Half a unit of the seventh digit.
const DIGITS: f64 = 5e-7;

#[test]
fn a_row_has_the_neuron_its_angle_and_its_share() {
    let (rows, state, teacher) = snapshot(5);
    assert_eq!(
        rows[0].join(","),
        "stage,epoch,step,lambda,neuron,teacher,angle,share,a,z_0,z_1,outside"
    );
    assert_eq!(rows.len(), 1 + state.student.neurons());
    let point = Point::new(&teacher, &state.student, 0.25).unwrap();
    let direction = DescentDirection::new(&point, CLOSE);
    assert!(direction.shares().iter().any(|q| q.abs() > 0.0));
    for (j, row) in rows[1..].iter().enumerate() {
        assert_eq!(row[..5].join(","), format!("stage3,2,9,2.5e-1,{j}"));
        let x: Vec<f64> = row[5..].iter().map(|cell| cell.parse().unwrap()).collect();
        let near = |found: f64, expected: f64| {
            assert!(
                (found - expected).abs() <= 2.0 * DIGITS * expected.abs(),
                "{found} {expected}"
            );
        };
        assert_eq!(row[5], point.split().nearest()[j].to_string());
        near(x[1], point.split().angles()[j]);
        near(x[2], direction.shares()[j] * point.split().signs()[j]);
        near(x[3], state.student.second_layer()[j]);
        // In S* and outside of it: the whole norm.
        near((x[4] * x[4] + x[5] * x[5] + x[6] * x[6]).sqrt(), norm(state.student.neuron(j)));
        let inside = FeatureSubspace::of(&teacher).unwrap().coordinates(state.student.neuron(j));
        near(x[4], inside[0]);
        near(x[5], inside[1]);
    }
}

/// All pairs of neurons would be looked at, and a run of very many in the plane not begin.
#[test]
fn features_of_very_many_neurons_are_left_out() {
    let target = |neurons, dimension| {
        let request = TeacherRequest { separation: 0.6, ..TeacherRequest::new(dimension, 2, 3, 5) };
        let weights = vec![1.0; dimension * neurons];
        let student = Network::new(dimension, vec![1.0; neurons], weights).unwrap();
        Snapshots::new(&request.generate().unwrap(), &student).unwrap().target.is_some()
    };
    assert!(target(4096, 2));
    assert!(!target(100_000, 2));
    // Few of them in many dimensions are taken in their span.
    assert!(target(20, 3000));
}

#[test]
fn of_many_neurons_the_heaviest_are_kept() {
    let (rows, state, _) = snapshot(400);
    let kept: Vec<usize> = rows[1..].iter().map(|row| row[4].parse().unwrap()).collect();
    assert_eq!(kept.len(), MOST_NUMBERS / 4);
    assert!(kept.is_sorted());
    let mass = |j: usize| state.student.mass(j).abs();
    let least = kept.iter().map(|j| mass(*j)).fold(f64::INFINITY, |x, y| if y < x { y } else { x });
    assert!((0..state.student.neurons()).all(|j| kept.contains(&j) || mass(j) <= least));
}
