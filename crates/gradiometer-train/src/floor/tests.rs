use super::*;
use gradiometer_model::Teacher;
use gradiometer_population::Population;

const LAMBDA: f64 = 0.01;

fn population() -> Population {
    let teacher = Network::new(2, vec![1.0, -0.8], vec![1.0, 0.0, 0.6, 0.8]).unwrap();
    Population::new(Teacher::new(teacher).unwrap())
}

fn regularised(objective: &Population) -> Regularised<'_, Population> {
    Regularised { objective, decay: WeightDecay::equal(LAMBDA), freeze_first_layer: false }
}

/// Three neurons of ordinary size.
fn student() -> Network {
    Network::new(2, vec![0.5, -0.7, 0.4], vec![0.5, 0.1, 0.2, 0.6, -0.3, 0.4]).unwrap()
}

#[test]
fn the_way_to_the_boundary_solves_its_quadratic() {
    let equal = |found: f64, exact: f64| {
        assert!((found - exact).abs() <= 4.0 * f64::EPSILON * exact, "{found} {exact}");
    };
    equal(to_boundary(&[0.6, 0.0], &[0.0, 1.0], 1.0, 1.0), 0.8);
    equal(to_boundary(&[0.5, 0.0], &[2.0, 0.0], 4.0, 1.0), 0.25);
    equal(to_boundary(&[0.5, 0.0], &[-1.0, 0.0], 1.0, 1.0), 1.5);
    equal(to_boundary(&[3.0, 0.0], &[1.0, 0.0], 1.0, 5.0), 2.0);
    equal(to_boundary(&[2.0, 0.0], &[1.0, 0.0], 1.0, 1.0), 0.0);
}

#[test]
fn a_step_moves_both_layers() {
    let from = Network::new(2, vec![1.0, 2.0], vec![3.0, 4.0, 5.0, 6.0]).unwrap();
    let to = moved(&from, &[0.5, -0.5, 1.0, 2.0, 3.0, -4.0]);
    assert_eq!((to.second_layer(), to.first_layer()), (&[1.5, 1.5][..], &[4.0, 6.0, 8.0, 2.0][..]));
    // sqrt(1 + 4 + 9 + 16 + 25 + 36), both layers.
    let exact = 91.0_f64.sqrt();
    assert!((parameters_norm(&from) - exact).abs() <= 4.0 * f64::EPSILON * exact);
}

#[test]
fn the_difference_of_the_decay_is_that_of_the_squares_with_six_roundings() {
    let decay = WeightDecay { second_layer: 2.0, first_layer: 4.0 };
    let from = Network::new(2, vec![1.0], vec![1.0, 0.0]).unwrap();
    for (a, w, value, size) in
        [(3.0, [1.0, 2.0], 16.0, 16.0), (0.0, [1.0, 2.0], 7.0, 9.0), (1.0, [3.0, 2.0], 24.0, 24.0)]
    {
        let to = Network::new(2, vec![a], w.to_vec()).unwrap();
        let found = decay_difference(&from, &to, decay);
        assert_eq!(found, Bounded { value, error: 6.0 * f64::EPSILON * size });
    }
    // What a plain sum loses: 1 + 2^-53 + 2^-53 + ... - 1.
    let neurons = 66;
    let zeros = Network::new(1, vec![0.0; neurons], vec![0.0; neurons]).unwrap();
    let mut a = vec![2.0_f64.powi(-26); neurons];
    a[0] = 2.0_f64.sqrt();
    let to = Network::new(1, a, vec![0.0; neurons]).unwrap();
    let decay = WeightDecay { second_layer: 1.0, first_layer: 0.0 };
    let found = decay_difference(&zeros, &to, decay).value;
    assert!(found - 1.0 >= 64.0 * f64::EPSILON / 2.0, "{:e}", found - 1.0);
}

#[test]
fn the_proposal_minimises_the_model_in_its_ball() {
    let population = population();
    let here = student();
    let descent = regularised(&population);
    let point = descent.evaluate(&here, false);
    let hessian = population.hessian_operator(&here, Layers::Both).unwrap();
    let model = |step: &[f64]| {
        let image = descent.apply(&hessian, here.neurons(), step).unwrap();
        dot(&point.gradient, step) + 0.5 * dot(step, &image)
    };
    let close = |x: f64, y: f64| {
        assert!((x - y).abs() <= 1024.0 * f64::EPSILON * y.abs(), "{x} {y}");
    };
    // In balls from a small one, which steepest descent leaves, to one in which curvature turns negative.
    let mut last = (0.0, 0);
    for radius in [1e-3, 0.05, 0.2, 1.0] {
        let found = descent.propose(&hessian, &point.gradient, radius).unwrap();
        close(found.decrease, -model(&found.step));
        assert!(found.decrease > last.0 && found.products >= last.1, "{radius}");
        assert!(found.at_boundary, "{radius}");
        close(norm(&found.step), radius);
        last = (found.decrease, found.products);
    }
    let least = descent.propose(&hessian, &point.gradient, 1e-3).unwrap();
    assert_eq!(least.products, 1);
    close(-dot(&least.step, &point.gradient), 1e-3 * norm(&point.gradient));
    let image = descent.apply(&hessian, here.neurons(), &least.step).unwrap();
    close(
        least.largest_curvature,
        (dot(&least.step, &image) / dot(&least.step, &least.step)).abs(),
    );
    assert!(last.1 > 1, "{last:?}");
}

#[test]
fn a_proposal_inside_its_ball_solves_newtons_equation() {
    // Near the optimum of one neuron the Hessian is positive but for rounding.
    let teacher = Network::new(2, vec![1.0], vec![1.0, 0.0]).unwrap();
    let population = Population::new(Teacher::new(teacher).unwrap());
    let here = Network::new(2, vec![0.95], vec![0.95, 0.05]).unwrap();
    let descent = regularised(&population);
    let point = descent.evaluate(&here, true);
    let hessian = population.hessian_operator(&here, Layers::Both).unwrap();
    let found = descent.propose(&hessian, &point.gradient, 10.0).unwrap();
    assert!(!found.at_boundary && found.products <= 3);
    let image = descent.apply(&hessian, 1, &found.step).unwrap();
    let rest: Vec<f64> = image.iter().zip(&point.gradient).map(|(y, g)| y + g).collect();
    let goal = minimum(TUNING.unsolved, point.norm.sqrt()) * point.norm;
    assert!(norm(&rest) <= goal * (1.0 + f64::EPSILON.sqrt()), "{} {goal}", norm(&rest));
}

#[test]
fn tiny_neurons_that_want_to_vanish_do_so_together() {
    let population = population();
    let descent = regularised(&population);
    // Beside three ordinary neurons: below the limit of lambda/1000 over m, above it, and one that wants to grow.
    let limit = TUNING.tiny * LAMBDA / 6.0;
    let with = |masses: [f64; 3], angles: [f64; 3]| {
        let (mut a, mut w) = (student().second_layer().to_vec(), student().first_layer().to_vec());
        for (mass, angle) in masses.into_iter().zip(angles) {
            let size = mass.abs().sqrt();
            a.push(size.copysign(mass));
            w.extend([size * f64::cos(angle), size * f64::sin(angle)]);
        }
        Network::new(2, a, w).unwrap()
    };
    let cleared = |at: &Network| {
        let (mut next, mut here) = (at.clone(), descent.evaluate(at, false));
        descent.clear_tiny(&mut next, &mut here);
        let zero = |j: usize| next.mass(j).abs() <= 0.0;
        // The other neurons are as they were, and the point is that of the new student.
        for j in (0..at.neurons()).filter(|&j| !zero(j)) {
            assert_eq!(
                (next.second_layer()[j], next.neuron(j)),
                (at.second_layer()[j], at.neuron(j))
            );
        }
        let again = descent.evaluate(&next, here.accurate);
        assert_eq!(here.gradient, again.gradient);
        [zero(3), zero(4), zero(5)]
    };
    // The sign of the slope of each, by what the objective is worth without it.
    let grows = |at: &Network, j: usize| {
        let point = descent.evaluate(at, true);
        let gain = point.gradient[j] * at.second_layer()[j]
            + dot(&point.gradient[6 + 2 * j..8 + 2 * j], at.neuron(j));
        gain < 0.0
    };
    let angles = [2.0, 2.5, 0.0];
    let at = with([0.5 * limit, -0.9 * limit, 2.0 * limit], angles);
    let wants = [3, 4, 5].map(|j| !grows(&at, j));
    assert_eq!(cleared(&at), [wants[0], wants[1], false]);
    assert!(wants[0] || wants[1], "{wants:?}");
    // One that wants to grow stays, however small.
    let (mut growing, mut vanishing) = (0, 0);
    for step in 0..16 {
        for sign in [1.0, -1.0] {
            let angle = f64::from(step) * 0.4;
            let at = with([0.5 * sign * limit, limit * 1e3, limit * 1e3], [angle, 1.0, 4.0]);
            let grows = grows(&at, 3);
            assert_eq!(cleared(&at), [!grows, false, false], "{angle} {sign}");
            growing += usize::from(grows);
            vanishing += usize::from(!grows);
        }
    }
    assert!(growing > 0 && vanishing > 0, "{growing} {vanishing}");
}

#[test]
fn a_step_is_taken_if_it_is_better_and_says_how_much_of_it_came_true() {
    let population = population();
    let descent = regularised(&population);
    let from = student();
    let start = descent.evaluate(&from, false);
    let along = |share: f64| {
        let step: Vec<f64> = start.gradient.iter().map(|g| -share * g).collect();
        moved(&from, &step)
    };
    let value = |at: &Network| {
        let decay = WeightDecay::equal(LAMBDA).value(at).value;
        population.loss(at, TUNING.loss_accuracy).value + decay
    };
    let better = along(0.1);
    let (there, ratio) = descent.accept_step(&from, &mut start.clone(), &better, 0.5);
    let exact = (value(&from) - value(&better)) / 0.5;
    assert!(
        there.is_some() && (ratio - exact).abs() <= exact * f64::EPSILON.sqrt(),
        "{ratio} {exact}"
    );
    // Uphill: not taken, and nothing of it came true.
    let mut here = start.clone();
    let (there, ratio) = descent.accept_step(&from, &mut here, &along(-0.1), 0.5);
    assert!(there.is_none() && ratio <= 0.0);
    assert!(!here.accurate, "the fast evaluation told");
    // A change too small for the fast values: the accurate ones are asked, and where these tell, they decide.
    let mut here = start.clone();
    let (there, ratio) = descent.accept_step(&from, &mut here, &along(1e-12), 1e-14);
    assert!(here.accurate && there.is_some() && ratio > 0.0, "{ratio}");
    let mut here = start.clone();
    let (there, _) = descent.accept_step(&from, &mut here, &along(-1e-12), 1e-14);
    assert!(here.accurate && there.is_none());
    // The same student: no value tells, and no gradient is shorter.
    let (there, ratio) = descent.accept_step(&from, &mut start.clone(), &from, 1.0);
    assert!(there.is_none() && ratio <= 0.0);
}

#[test]
fn the_ball_grows_where_the_model_is_right_and_shrinks_where_it_is_not() {
    let population = population();
    let descent = regularised(&population);
    let stepped = |radius: f64| {
        let mut floor = StationaryPoint { radius, ..StationaryPoint::default() };
        let mut next = student();
        assert_eq!(descent.descend(&mut next, &mut floor, 1).unwrap(), 1);
        (floor, next)
    };
    // A short step is as predicted, and ends at the boundary.
    let (floor, next) = stepped(1e-3);
    assert_eq!((floor.radius, floor.products, floor.ending), (2e-3, 1, None));
    assert!(floor.curvature > 0.0 && floor.rounding > 0.0 && floor.rounding < f64::EPSILON.sqrt());
    let now = descent.evaluate(&next, false).norm;
    assert!((floor.gradient_norm - now).abs() <= 64.0 * f64::EPSILON * now);
    // A step of a hundred times the parameters is not: the student stays.
    let (floor, next) = stepped(100.0);
    // A quarter of the step's length, which is the radius up to rounding.
    assert!((floor.radius - 25.0).abs() <= 64.0 * f64::EPSILON * 25.0, "{floor:?}");
    assert_eq!(floor.ending, None);
    assert_eq!(next, student());
}

#[test]
fn a_search_begins_balanced_where_both_layers_decay_alike() {
    let population = population();
    let unequal = Regularised {
        decay: WeightDecay { second_layer: LAMBDA, first_layer: 2.0 * LAMBDA },
        ..regularised(&population)
    };
    let frozen = Regularised { freeze_first_layer: true, ..regularised(&population) };
    let none = Regularised { decay: WeightDecay::equal(0.0), ..regularised(&population) };
    let mut balanced = student();
    balanced.balance();
    for (descent, radius, expected) in [
        (regularised(&population), 0.0, &balanced),
        (regularised(&population), 0.1, &student()),
        (unequal, 0.0, &student()),
        (frozen, 0.0, &student()),
        (none, 0.0, &student()),
    ] {
        let mut floor = StationaryPoint { radius, ..StationaryPoint::default() };
        let mut begun = student();
        // No step: what is done before the first.
        assert_eq!(descent.descend(&mut begun, &mut floor, 0).unwrap(), 0);
        assert_eq!(begun, *expected, "{descent:?}");
    }
}

#[test]
fn products_with_the_hessian_have_each_layers_decay() {
    let population = population();
    let here = student();
    let hessian = population.hessian_operator(&here, Layers::Both).unwrap();
    let (m, mut descent) = (here.neurons(), regularised(&population));
    descent.decay = WeightDecay { second_layer: 0.5, first_layer: 2.0 };
    let x: Vec<f64> = (0..9_i32).map(|i| f64::from(i - 3)).collect();
    let plain = hessian.apply(&x).unwrap();
    let whole = descent.apply(&hessian, m, &x).unwrap();
    for i in 0..9 {
        let exact = plain[i] + if i < m { 0.5 } else { 2.0 } * x[i];
        assert!((whole[i] - exact).abs() <= 4.0 * f64::EPSILON * (1.0 + exact.abs()), "{i}");
    }
    descent.freeze_first_layer = true;
    let frozen = descent.apply(&hessian, m, &x).unwrap();
    assert_eq!(frozen[..m], whole[..m]);
    assert_eq!(frozen[m..], [0.0; 6]);
}
