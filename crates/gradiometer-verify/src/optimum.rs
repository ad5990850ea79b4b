//! Section 5: the regularised optimum, against any measure.

use super::statement::{Statement, at_most, equal, with_right};
use super::{Context, Form, VerifyError};
use gradiometer_hermite::float::maximum;
use gradiometer_instances::generate::gaussian_student;
use gradiometer_landscape::lemmas::{Claim, DualCertificate, Measure};

pub(super) const STATEMENTS: [Statement; 5] = [
    Statement {
        id: "5.1",
        title: "weak duality: no student is below the dual value of a certificate",
        hypotheses: "a certificate",
        control: "|p|^2 halved",
        every: 1,
        evaluate: weak_duality,
    },
    Statement {
        id: "5.2",
        title: "lambda |mu*| - lambda^2 |p|^2/4 <= P(nu) for every measure nu",
        hypotheses: "a certificate p; nu is the student's measure",
        control: "|p|^2 halved",
        every: 1,
        evaluate: optimum_bound,
    },
    Statement {
        id: "5.3",
        title: "gap identity against any measure",
        hypotheses: "-",
        control: "as if the measure were the optimum",
        every: 1,
        evaluate: gap_identity,
    },
    Statement {
        id: "5.2",
        title: "lambda |mu*| - lambda^2 |p|^2/4 <= P(mu_lambda) <= lambda |mu*|",
        hypotheses: "a certificate p; rank at most 2, separation at least 0.3, 1e-6 <= lambda/|mu*| <= 1, the duality gap closed",
        control: "|p|^2 halved; |mu*| 1% smaller",
        every: 16,
        evaluate: bounds_of_the_optimum,
    },
    Statement {
        id: "5.3",
        title: "the gap at the regularised optimum is its three parts, and not negative",
        hypotheses: "rank at most 2, separation at least 0.3, 1e-6 <= lambda/|mu*| <= 1, the duality gap closed",
        control: "the teacher's measure in place of the optimum",
        every: 16,
        evaluate: gap_at_the_optimum,
    },
];

/// **5.1** `-zeta+ <= lambda^2 |p|^2/4`.
fn weak_duality(context: &Context<'_>, form: Form) -> Result<Vec<Claim>, VerifyError> {
    let Some((certificate, _)) = context.certificate()? else { return Ok(Vec::new()) };
    let claim = context.point()?.weak_duality(certificate);
    Ok(vec![with_right(claim, claim.right * form.choose(1.0, 0.5))])
}

/// **5.2**, the bound from below, which gives `zeta <= zeta+ + lambda^2 |p|^2/4`.
fn optimum_bound(context: &Context<'_>, form: Form) -> Result<Vec<Claim>, VerifyError> {
    let (point, Some((certificate, _))) = (context.point()?, context.certificate()?) else {
        return Ok(Vec::new());
    };
    let student = point.student();
    let masses = point.split().masses().to_vec();
    let nu = Measure::new(masses, student.first_layer(), student.dimension());
    let [below, _] = point.optimum_bounds(certificate, &nu, f64::INFINITY);
    let pull = point.lambda() * certificate.norm();
    // left + lambda^2 |p|^2/8 is the bound with half of |p|^2.
    let raise = form.choose(0.0, 0.125 * pull * pull);
    let claim = Claim::new(
        ("5.2", "from below"),
        below.left + raise,
        below.relation,
        below.right,
        below.rounding,
        below.evidence,
    );
    Ok(vec![claim])
}

/// **5.3** against the teacher's measure, a random one and the empty one.
fn gap_identity(context: &Context<'_>, form: Form) -> Result<Vec<Claim>, VerifyError> {
    let (point, instance) = (context.point()?, context.instance());
    let (teacher, d) = (&instance.teacher, instance.teacher.dimension());
    let root = teacher.total_mass().sqrt();
    let other = gaussian_student(d, 4, root, root, instance.seed)?;
    let measures = [
        Measure::new(teacher.amplitudes().to_vec(), teacher.directions(), d),
        Measure::new((0..4).map(|j| other.mass(j)).collect(), other.first_layer(), d),
        Measure::default(),
    ];
    let claims = measures.iter().map(|nu| {
        let gap = point.gap_identity(nu);
        match form {
            Form::Stated => gap.claim,
            Form::Control => with_right(gap.claim, gap.distance + gap.slack + gap.imbalance),
        }
    });
    Ok(claims.map(|c| equal(("5.3", "gap"), c.left, c.right, c.rounding)).collect())
}

/// **5.2** at the regularised optimum, both bounds; the second up to the duality gap.
fn bounds_of_the_optimum(context: &Context<'_>, form: Form) -> Result<Vec<Claim>, VerifyError> {
    let (Some((certificate, _)), Some(optimum)) = (context.certificate()?, context.optimum()?)
    else {
        return Ok(Vec::new());
    };
    let point = context.point()?;
    let [below, above] = point.optimum_bounds(certificate, &optimum.measure, optimum.duality_gap);
    let pull = point.lambda() * certificate.norm();
    let raise = form.choose(0.0, 0.125 * pull * pull);
    let lowered = form.choose(0.0, 0.01 * point.lambda() * point.teacher().total_mass());
    let claims = [(below, raise, 0.0), (above, 0.0, lowered)];
    Ok(claims
        .map(|(c, raise, lower)| {
            let name = (c.id, c.part);
            Claim::new(name, c.left + raise, c.relation, c.right - lower, c.rounding, c.evidence)
        })
        .to_vec())
}

/// **5.3** `L_lambda - P(mu_lambda) = |f_mu - f_{mu_lambda}|^2 + slack + imbalance`, where the defect that the identity has at any other measure vanishes: it
/// is at most the duality gap and at least `-lambda |nu| (sup |eta| - 1)`. And no student is below the optimum by more than the duality gap.
fn gap_at_the_optimum(context: &Context<'_>, form: Form) -> Result<Vec<Claim>, VerifyError> {
    let Some(optimum) = context.optimum()? else { return Ok(Vec::new()) };
    let (point, teacher) = (context.point()?, &context.instance().teacher);
    let own =
        Measure::new(teacher.amplitudes().to_vec(), teacher.directions(), teacher.dimension());
    let nu = form.choose(&optimum.measure, &own);
    let gap = point.gap_identity(nu);
    let beyond = maximum(optimum.largest_eta - 1.0, 0.0);
    let defect = optimum.duality_gap + beyond * point.lambda() * nu.total_mass();
    let rounding = gap.claim.rounding;
    let parts = gap.distance + gap.slack + gap.imbalance;
    Ok(vec![
        equal(("5.3", "at the optimum"), gap.claim.left, parts, rounding + defect),
        at_most(("5.3", "not negative"), -gap.claim.left, optimum.duality_gap, rounding),
    ])
}
