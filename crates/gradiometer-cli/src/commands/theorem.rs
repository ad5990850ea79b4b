//! `theorem TEACHER [--student S --lambda L]`: the local theorem of a teacher with its numbers, in words, and what it proves of a student.

use super::certify::{Clock, counter};
use super::{TensorArguments, not_negative, positive, standard_input_once};
use crate::{Common, Failure, Outcome, Report, Table, scientific};
use gradiometer::certify::{Limits, Method, Proof, check_certificate};
use gradiometer::files::digits::{lower_end, upper_end};
use gradiometer::files::{number, read_certificate_of};
use gradiometer::instances::FeatureSubspace;
use gradiometer::landscape::certificate::{CertificateOptions, Threads, prove_certificate};
use gradiometer::model::SeparatedTeacher;
use gradiometer::run::format::AWAY;
use gradiometer::theory::{Conclusions, Context, Dual, LocalTheorem, TheoryError};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::PathBuf;

/// Boxes that the proof of a certificate may take.
const BOXES: u64 = 3_000_000;
/// Shares of `|p|^2` that are shown as `C_0`.
const GAPS: [f64; 4] = [0.0, 0.25, 1.0, 4.0];
/// The share of a bound that the rounding of a measured value may take.
const ROUNDING: f64 = 1e-9;

/// Whose theorem, and for which student.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// The teacher: .json, .toml, .safetensors, .npz, or - with --format.
    teacher: PathBuf,
    /// A student, in any of the same formats: which conclusions are proved for it.
    #[arg(long, value_name = "FILE", requires = "lambda")]
    student: Option<PathBuf>,
    /// The weight decay of L + (lambda/2)(|a|^2 + |W|^2) at the student, positive.
    #[arg(long, value_name = "LAMBDA", value_parser = positive, allow_negative_numbers = true, requires = "student")]
    lambda: Option<f64>,
    /// A certificate from `certify --out`, checked again here; by default one is found and proved.
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// Angle, in radians, beyond which mass counts as far.
    #[arg(long, value_name = "ANGLE", default_value_t = AWAY, value_parser = positive, allow_negative_numbers = true)]
    angle: f64,
    /// Seconds after which the search for a proof ends.
    #[arg(long, value_name = "SECONDS", value_parser = not_negative, allow_negative_numbers = true)]
    time_limit: Option<f64>,
    #[command(flatten)]
    tensors: TensorArguments,
}

/// Runs the command: inconclusive without a proof, or where some teacher is not proved to have a close neuron.
///
/// # Errors
/// [`Failure`] for bad files, a teacher without certificate, or a closed output.
pub fn run(arguments: &Arguments, common: &Common) -> Result<Outcome, Failure> {
    let fail = |error: String| Failure::Data(format!("{}: {error}", arguments.teacher.display()));
    let mut inputs = vec![arguments.teacher.as_path()];
    inputs.extend(arguments.student.as_deref());
    standard_input_once(&inputs)?;
    let teacher = arguments.tensors.teacher(&arguments.teacher, common)?;
    let teacher = teacher.separated().map_err(|error| fail(error.to_string()))?;
    let report = checked(&teacher, arguments, common)?;
    let Some(proof) = report.verdict.proof() else {
        let json = json!({"verdict": report.verdict.name(), "evidence": "claimed"});
        let text = format!("no theorem: the certificate is not proved ({})\n", report.verdict);
        Report { text, json }.print(common)?;
        return Ok(Outcome::Inconclusive);
    };
    let theorem = LocalTheorem::new(&teacher, proof).map_err(|error| fail(error.to_string()))?;
    let rank = FeatureSubspace::of(&teacher).map_err(|error| fail(error.to_string()))?.rank();
    let mut text = in_words(&teacher, proof, &theorem, rank);
    let mut json = theorem_json(&teacher, proof, &theorem);
    let mut outcome = Outcome::Holds;
    if let (Some(path), Some(lambda)) = (&arguments.student, arguments.lambda) {
        let student = arguments.tensors.network(path, common)?;
        let fail = |error: String| Failure::Data(format!("{}: {error}", path.display()));
        let dual = Dual::proved(proof);
        let context = Context::given(&teacher, &student, lambda, dual, arguments.angle).enclosed();
        let conclusions = || Ok(theorem.conclusions(context.point()?, &context.quantities()?));
        let found = conclusions().map_err(|error: TheoryError| fail(error.to_string()))?;
        outcome = if found.is_contradicted(ROUNDING) {
            Outcome::Refuted
        } else if found.every_teacher_has_a_neuron() {
            Outcome::Holds
        } else {
            Outcome::Inconclusive
        };
        text += &student_in_words(&found, lambda, arguments.angle);
        json["student"] = student_json(&found, lambda, arguments.angle);
    }
    Report { text, json }.print(common)?;
    Ok(outcome)
}

/// The checker's report on the given certificate, or on one that is found.
fn checked(
    teacher: &SeparatedTeacher,
    arguments: &Arguments,
    common: &Common,
) -> Result<gradiometer::certify::Report, Failure> {
    let fail = |error: String| Failure::Data(format!("{}: {error}", arguments.teacher.display()));
    let (bar, mut show) = counter(common, Clock::new(arguments.time_limit), 1.0);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let runner = &mut Threads::new(threads, &mut show);
    let report = if let Some(path) = &arguments.certificate {
        let certificate = read_certificate_of(path, teacher)?;
        check_certificate(&certificate, teacher, &Limits::default(), runner)
            .map_err(|error| fail(error.to_string()))
    } else {
        let limits = Limits { boxes: BOXES, ..Limits::default() };
        prove_certificate(teacher, &CertificateOptions::default(), &limits, runner)
            .map(|checked| checked.report)
            .map_err(|error| fail(error.to_string()))
    };
    bar.finish_and_clear();
    report
}

/// The theorem as a paragraph.
fn in_words(
    teacher: &SeparatedTeacher,
    proof: &Proof,
    theorem: &LocalTheorem,
    rank: usize,
) -> String {
    let separation = teacher.separation().map_or_else(String::new, |separation| {
        format!(", pairwise at least {} rad apart up to sign", lower_end(separation.angle, 4))
    });
    let (rho, norm) = (theorem.rho(), theorem.norm());
    let by = match proof.method() {
        Method::BranchAndBound => "branch and bound over the sphere",
        Method::Lagrange => "Lagrange's bound for every direction and angle",
    };
    let mut text = format!(
        "Theorem. Let f* be the given network of {} neurons in R^{} whose directions u_i span {} dimensions{separation}. There is p in L2 \
         with |p| <= {} such that eta(w) = E[p(x) sigma(w.x)] satisfies eta(u_i) = sign(alpha_i) and |eta(w)| <= 1 - rho delta(w)^2 for every \
         unit vector w, rho = {} (degrees from {}; proved by {by} in outward-rounded interval arithmetic). Hence, for every lambda > 0 and \
         every network f of any width with L_lambda <= lambda |mu*| + C_0 lambda^2, with l_0 = (|p| + sqrt(|p|^2 + 4 C_0))/2 and \
         S_0 = C_0 + |p|^2/4:\n\
         (a) sqrt(L) <= l_0 lambda;\n\
         (b) sum_j |c_j| delta_j^2 <= S_0 lambda/rho: the mass farther than delta_0 from every teacher is at most S_0 lambda/(rho delta_0^2);\n\
         (c) the mass whose sign opposes that of eta is at most S_0 lambda;\n\
         (d) -|p| l_0 lambda <= |mu| - |mu*| <= C_0 lambda",
        teacher.neurons(),
        teacher.dimension(),
        rank,
        upper_end(norm, 5),
        lower_end(rho, 5),
        proof.certificate().weights().first_degree(),
    );
    let averages = match theorem.degree() {
        Some(degree) => format!(
            ";\n(e) |v_i| <= V_i lambda for every average neuron;\n\
             (f) for lambda < min_i |alpha_i|/V_i every teacher neuron has a neuron of f within \
             sqrt((S_0 lambda/rho)/(|alpha_i| - V_i lambda)); V_i is from test functions of the degrees from {degree}, proved likewise.\n\n"
        ),
        None => ".\nNo bound of the average neurons was proved: the teacher's directions are too close for these kernels.\n\n"
            .to_owned(),
    };
    text += &averages;
    let mut table =
        Table::new(&["C_0", "l_0", "S_0/rho", "largest V_i", "a close neuron for lambda below"]);
    for share in GAPS {
        let c_0 = share * norm * norm;
        let largest = largest_average(theorem, teacher.neurons(), c_0);
        table.row(vec![
            scientific(c_0, 4),
            upper_end(theorem.root_loss(c_0), 4),
            upper_end(theorem.localisation(c_0), 4),
            upper_end(largest, 4),
            lower_end(theorem.largest_lambda(c_0), 3),
        ]);
    }
    text += &table.text();
    text += "evidence: certified\n";
    text
}

fn largest_average(theorem: &LocalTheorem, neurons: usize, c_0: f64) -> f64 {
    (0..neurons).map(|i| theorem.average(i, c_0)).fold(0.0, gradiometer::hermite::float::maximum)
}

fn theorem_json(teacher: &SeparatedTeacher, proof: &Proof, theorem: &LocalTheorem) -> Value {
    let norm = theorem.norm();
    let neurons: Vec<Value> = theorem.tests().map_or_else(Vec::new, |tests| {
        tests
            .iter()
            .map(|test| json!({"p_norm": number(test.norm()), "constant": number(test.constant())}))
            .collect()
    });
    let rows = GAPS.map(|share| {
        let c_0 = share * norm * norm;
        json!({
            "c_0": number(c_0),
            "l_0": number(theorem.root_loss(c_0)),
            "s_0": number(theorem.slack(c_0)),
            "localisation": number(theorem.localisation(c_0)),
            "largest_average": number(largest_average(theorem, teacher.neurons(), c_0)),
            "largest_lambda": number(theorem.largest_lambda(c_0)),
        })
    });
    json!({
        "verdict": "proved",
        "method": proof.method().name(),
        "rho": number(theorem.rho()),
        "p_norm": number(norm),
        "from_degree": proof.certificate().weights().first_degree(),
        "test_functions": {"from_degree": theorem.degree(), "neurons": neurons},
        "gaps": rows,
        "evidence": "certified",
    })
}

fn student_in_words(found: &Conclusions, lambda: f64, angle: f64) -> String {
    let mut text = format!(
        "\nFor this network and lambda = {lambda}: C_0 = {} ({}). Bounds, beside what is measured:\n",
        upper_end(found.c_0, 5),
        found.evidence
    );
    let mut table = Table::new(&["quantity", "measured", "proved at most"]);
    for row in &found.whole {
        let name = if row.name == "mass beyond the angle" {
            format!("mass beyond {angle} rad")
        } else {
            row.name.to_owned()
        };
        table.row(vec![name, scientific(row.measured, 4), upper_end(row.bound, 4)]);
    }
    for (i, neuron) in found.neurons.iter().enumerate() {
        table.row(vec![
            format!("|v_{i}|"),
            scientific(neuron.average, 4),
            if neuron.average_bound.is_finite() {
                upper_end(neuron.average_bound, 4)
            } else {
                "-".to_owned()
            },
        ]);
        table.row(vec![
            format!("angle of the neuron closest to teacher {i}"),
            scientific(neuron.closest, 4),
            neuron.closest_bound.map_or_else(
                || "not proved: lambda is too large for this C_0".to_owned(),
                |bound| upper_end(bound, 4),
            ),
        ]);
    }
    text += &table.text();
    let _infallible = writeln!(text, "evidence of these bounds: {}", found.evidence);
    text
}

fn student_json(found: &Conclusions, lambda: f64, angle: f64) -> Value {
    let whole: Vec<Value> = found
        .whole
        .iter()
        .map(|row| {
            json!({"quantity": row.name, "measured": number(row.measured), "bound": number(row.bound)})
        })
        .collect();
    let neurons: Vec<Value> = found
        .neurons
        .iter()
        .map(|neuron| {
            json!({
                "average": number(neuron.average),
                "average_bound": number(neuron.average_bound),
                "closest_angle": number(neuron.closest),
                "closest_angle_bound": neuron.closest_bound.map_or(Value::Null, number),
            })
        })
        .collect();
    json!({
        "lambda": lambda,
        "angle": angle,
        "c_0": number(found.c_0),
        "conclusions": whole,
        "neurons": neurons,
        "every_teacher_has_a_neuron": found.every_teacher_has_a_neuron(),
        "evidence": found.evidence.name(),
    })
}
