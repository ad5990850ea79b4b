use super::*;
use crate::normal::Rule;
use gradiometer_testing::{close, rounding};

fn target(terms: &[(&[usize], f64)]) -> PolynomialTarget {
    let terms = terms.iter().map(|(d, c)| Term { degrees: d.to_vec(), coefficient: *c });
    PolynomialTarget::new(terms.collect()).unwrap()
}

/// `E f(z)` over two coordinates by a product rule, exact for polynomials of degree below 24.
fn mean(f: impl Fn(&[f64]) -> f64) -> f64 {
    let rule = Rule::gauss_hermite(12).unwrap();
    let outer = rule.nodes().iter().map(|&x| rule.mean(rule.nodes().iter().map(|&y| f(&[x, y]))));
    rule.mean(outer)
}

#[test]
fn moments_are_those_of_the_values() {
    let f =
        target(&[(&[0, 0], 0.2), (&[1, 0], 0.5), (&[2, 0], -0.4), (&[1, 1], 0.3), (&[0, 3], 0.7)]);
    close(mean(|z| f.value(z)), f.constant(), rounding(64, 1.0));
    close(mean(|z| f.value(z).powi(2)), f.label_energy(), rounding(512, 1.0));
    for (i, c) in f.linear().iter().enumerate() {
        close(mean(|z| f.value(z) * z[i]), *c, rounding(64, 1.0));
    }
    let hessian = f.hessian();
    for i in 0..2 {
        for j in 0..2 {
            let delta = f64::from(u8::from(i == j));
            let own = mean(|z| f.value(z) * (z[i] * z[j] - delta));
            close(own, hessian[(i, j)], rounding(512, 1.0));
        }
        let moment = mean(|z| f.value(z).powi(2) * z[i] * z[i]);
        close(moment, f.directional_moments()[i], rounding(4096, 1.0));
    }
    let square = f.squared();
    for z in [[0.3, -1.2], [2.0, 0.7]] {
        close(square.value(&z), f.value(&z).powi(2), rounding(4096, 1.0));
    }
}

#[test]
fn a_harmonic_target_is_one() {
    for k in 1..=6 {
        let f = PolynomialTarget::harmonic(k).unwrap();
        close(f.label_energy(), 1.0, rounding(64, 1.0));
        let (r, angle) = (1.3_f64, 0.7_f64);
        let z = [r * angle.cos(), r * angle.sin()];
        let norm = (2.0_f64.powi(i32::try_from(k).unwrap() - 1) * factorial(k)).sqrt();
        let value = r.powi(i32::try_from(k).unwrap()) * (k as f64 * angle).cos() / norm;
        close(f.value(&z), value, rounding(512, 1.0));
        // All of it is in harmonic degree k, in any dimension.
        let energies = f.harmonic_energies(7).unwrap();
        close(energies[k], 1.0, rounding(512, 1.0));
    }
}

#[test]
fn harmonic_energies_add_up_and_follow_the_dimension() {
    let f =
        target(&[(&[0, 0], 0.2), (&[2, 0], 0.5), (&[0, 2], 0.5), (&[4, 0], 0.3), (&[1, 3], 0.1)]);
    for d in [2, 3, 10, 1000] {
        let energies = f.harmonic_energies(d).unwrap();
        close(energies.iter().sum::<f64>(), f.label_energy(), rounding(512, 1.0));
        assert!(energies.iter().all(|e| *e > -64.0 * f64::EPSILON), "{d} {energies:?}");
    }
    // In the plane z_1^2 + z_2^2 is radial; in many dimensions it is nearly all of degree 2.
    let radial = target(&[(&[2, 0], 1.0), (&[0, 2], 1.0)]);
    close(radial.harmonic_energies(2).unwrap()[0], 2.0, rounding(512, 1.0));
    assert!(radial.harmonic_energies(1000).unwrap()[2] > 1.99);
    let fourth = target(&[(&[4], 1.0)]);
    let energies = fourth.harmonic_energies(3).unwrap();
    // x^4 = (8/35) P_4 + (4/7) P_2 + 1/5: Fischer norms of the parts over 4! give 8/35, 4/7, 1/5.
    for (k, share) in [(4, 8.0 / 35.0), (2, 4.0 / 7.0), (0, 0.2)] {
        close(energies[k], share, rounding(512, 1.0));
    }
}

#[test]
fn wrong_tables_are_refused() {
    let term = |degrees: &[usize], coefficient| Term { degrees: degrees.to_vec(), coefficient };
    assert!(PolynomialTarget::new(vec![]).is_err());
    assert!(PolynomialTarget::new(vec![term(&[], 1.0)]).is_err());
    assert!(PolynomialTarget::new(vec![term(&[1, 0], 1.0), term(&[1], 1.0)]).is_err());
    assert!(PolynomialTarget::new(vec![term(&[1], f64::NAN)]).is_err());
    assert!(PolynomialTarget::harmonic(0).is_err());
    assert!(PolynomialTarget::harmonic(2).unwrap().harmonic_energies(1).is_err());
}
