//! Section 5: the regularised optimum, against any measure.

use super::statement::{Statement, equal, with_right};
use super::{Context, Form, VerifyError};
use gradiometer_landscape::lemmas::{Claim, DualCertificate, Measure};
use gradiometer_model::generate::gaussian_student;

pub(super) const STATEMENTS: [Statement; 3] = [
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
