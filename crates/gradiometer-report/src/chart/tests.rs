use super::*;

fn labels(ticks: &[(f64, String)]) -> Vec<&str> {
    ticks.iter().map(|t| t.1.as_str()).collect()
}

#[test]
fn ticks_are_round_and_few() {
    assert_eq!(labels(&linear_ticks(-0.04, 1.04, 5)), ["0", "0.5", "1.0"]);
    assert_eq!(labels(&linear_ticks(-3.0, 3.0, 6)), ["−3", "−2", "−1", "0", "1", "2", "3"]);
    let decades = log_ticks(-11.2, 0.3, 6);
    assert_eq!(
        decades.iter().map(|t| t.0.log10().round()).collect::<Vec<_>>(),
        [-10.0, -8.0, -6.0, -4.0, -2.0, 0.0]
    );
    assert_eq!(decades[5].1, "1");
    assert!(decades[0].1 == "10⁻¹⁰");
    // Less than two decades have plain numbers.
    assert_eq!(labels(&log_ticks(0.2, 1.1, 7)), ["2", "3", "5", "7", "10"]);
    for (low, high) in [(-2.3, -1.9), (0.0, 0.01), (3.0, 17.0)] {
        assert!(log_ticks(low, high, 6).len() <= 6 && linear_ticks(low, high, 6).len() <= 8);
    }
}

#[test]
fn an_axis_needs_a_number_that_has_a_place() {
    assert!(Axis::over(Scale::Log, "", [0.0, -1.0, f64::NAN]).is_none());
    assert!(Axis::over(Scale::Linear, "", []).is_none());
    let one = Axis::over(Scale::Log, "", [0.01]).unwrap();
    let (low, high) = one.ends();
    assert!(low < 0.01 && 0.01 < high);
    // What lies twenty-four decades below the top is not shown.
    let wide = Axis::over(Scale::Log, "", [1.0, 1e-300]).unwrap();
    assert!(wide.ends().0.log10() > -26.0);
}

fn chart() -> Chart {
    let x = Axis::over(Scale::Log, "steps", [1.0, 100.0]).unwrap();
    let y = Axis::over(Scale::Log, "loss", [1e-3, 1.0]).unwrap();
    Chart::new(("c", "Loss", "It falls."), x, y, &[(Key::Line("s s0"), "loss")])
}

#[test]
fn marks_lie_where_their_numbers_are() {
    let chart = chart();
    let ((left, bottom), (right, top)) = (chart.at((1.0, 1e-3)), chart.at((100.0, 1.0)));
    assert!(left < right && top < bottom);
    let middle = chart.at_x(10.0);
    assert!((middle - f64::midpoint(left, right)).abs() <= 64.0 * f64::EPSILON * right);
}

#[test]
fn what_is_no_number_leaves_no_mark() {
    let mut with = chart();
    with.line(0, &[(1.0, 1.0), (10.0, f64::NAN), (20.0, -1.0), (50.0, 0.1), (100.0, 0.01)]);
    with.dots("f0", &[(f64::NAN, 1.0), (1.0, f64::INFINITY), (2.0, 0.5)], 2.0);
    with.band(1, &[(1.0, 0.0, 0.5), (10.0, 0.1, f64::NAN), (100.0, 0.01, 0.1)]);
    let svg = with.finish();
    let text = svg.body();
    assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    assert_eq!(text.matches("<circle").count(), 1);
    // A lone point before the gap, then a piece of two.
    let line = text.lines().find(|l| l.contains("s s0") && l.contains("<path")).unwrap();
    assert_eq!((line.matches('M').count(), line.matches('L').count()), (2, 1));
    // One point alone is a dot.
    let mut alone = chart();
    alone.line(2, &[(2.0, 0.5)]);
    assert_eq!(alone.finish().body().matches("<circle").count(), 1);
}
