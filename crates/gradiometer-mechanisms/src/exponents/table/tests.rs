use super::*;
use crate::exponents::{Expression, analyse};

/// Information and generative exponents, NaN for none.
fn exponents(text: &str) -> (Option<u32>, Option<u32>) {
    let found = Table::parse(text).unwrap().analyse(&Tuning::default());
    (found.information.known(), found.generative.known())
}

#[test]
fn tables_have_the_exponents_of_the_functions_that_they_are() {
    for (text, expected) in [
        // The identity, twice.
        ("0 0\n1 1", (Some(1), Some(1))),
        ("-1 -1\n0.5 0.5\n3 3", (Some(1), Some(1))),
        // ReLU, the modulus, and max(|z| - 1, 0).
        ("-1 0\n0 0\n1 1", (Some(1), Some(1))),
        ("-1 1\n0 0\n1 1", (Some(2), Some(2))),
        ("-2 1\n-1 0\n1 0\n2 1", (Some(2), Some(2))),
        // The modulus with knots that are not symmetric.
        ("-3 3\n-2 2\n0 0\n0.1 0.1", (Some(2), Some(2))),
        // Constants have none.
        ("0 3\n1 3\n2 3", (None, None)),
    ] {
        assert_eq!(exponents(text), expected, "{text}");
    }
}

#[test]
fn a_near_miss_is_not_even() {
    // Control: the modulus is even, and one part in 10^12 beside it is not.
    assert_eq!(exponents("-1 1\n0 0\n1 1"), (Some(2), Some(2)));
    let near = Table::parse("-1 1\n0 0\n1 1.000000000001").unwrap();
    let found = near.analyse(&Tuning::default());
    assert_eq!((found.information.known(), found.generative.known()), (Some(1), Some(1)));
    let c = found.coefficients[0].evidence.value();
    // Half of the change of the slope.
    // Relative rounding: the parts that cancel are summed exactly.
    let rounding = 8.0 * f64::EPSILON;
    assert!((c.0 / 5e-13 - 1.0).abs() < rounding && c.1 < rounding * c.0, "{c:?}");
}

#[test]
fn coefficients_and_sums_are_those_of_the_expression() {
    let relu = Table::parse("-1 0\n0 0\n2 2").unwrap();
    let modulus = Expression::parse("relu(z)").unwrap();
    for k in 1..8 {
        let by_integral = super::super::coefficient::integrated(
            &modulus,
            k,
            &super::super::coefficient::Tuning::default(),
        );
        let own = relu.coefficient(k);
        assert!(own.intersection(by_integral).is_some(), "{k}: {own:?} {by_integral:?}");
        assert!(own.radius() <= by_integral.radius(), "{k}");
        // The control: the next table's coefficient is another.
        let other = Table::parse("-1 0\n0 0\n2 2.01").unwrap().coefficient(k);
        let apart = other.intersection(by_integral).is_none();
        assert!(apart || own.magnitude() <= by_integral.radius(), "{k}");
    }
    // {relu <= y} is a half line: F_k = -h_{k-1}(y) phi(y)/sqrt k.
    for k in 1..6 {
        let found = relu.level_sum(k, 0.75);
        let exact = -(weighted_hermite(k - 1, Enclosure::from(0.75))
            / Enclosure::from(f64::from(k)).sqrt());
        assert!(found.intersection(exact).is_some(), "{k}");
    }
    // A part of the line, two intervals, and flat pieces at and above the level.
    let steps = Table::parse("-2 1\n-1 0\n1 0\n2 1\n3 1\n4 0").unwrap();
    let ends = |y: f64| steps.level_set(&BigRational::from_float(y).unwrap());
    assert_eq!(ends(-0.5).len(), 1);
    assert_eq!(ends(0.5).len(), 2);
    assert_eq!(ends(0.0).len(), 2);
    let all = analyse(&Expression::parse("abs(z)").unwrap(), &Tuning::default()).unwrap();
    let table = Table::parse("-1 1\n0 0\n1 1").unwrap().analyse(&Tuning::default());
    assert_eq!(all.information, table.information);
    assert!(table.lambda_squared_lower.unwrap() > 0.5 && !table.transform.is_empty());
}

#[test]
fn a_wrong_table_names_its_line() {
    for (text, line, part) in [
        ("0 0\n1 x\n", 2, "is no number"),
        ("# a table\n0 0\n\n1 2 3", 4, "has 3 numbers"),
        ("0 0\n0 1", 2, "is not above"),
        ("1,1\n0,0", 2, "is not above"),
        ("0 0\n1 1e999", 2, "is no number"),
        ("0 0", 1, "ends with 1 pair"),
        ("", 0, "ends with 0 pair"),
    ] {
        match Table::parse(text) {
            Err(MechanismError::Table { line: found, problem, mend }) => {
                assert!(found == line && problem.contains(part), "{text}: {found} {problem}");
                assert!(!mend.is_empty());
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}
