//! `analyze --teacher T --student S --lambda L`: both sides of every lemma at one point.

use super::certify::{Clock, counter, spinner};
use super::{TensorArguments, not_negative, positive, standard_input_once};
use crate::{Common, Failure, Outcome, Report, Table, scientific};
use gradiometer::certify::{
    Certificate, Limits, Report as CheckerReport, Verdict, check_certificate,
};
use gradiometer::files::digits::{lower_end, upper_end};
use gradiometer::files::number;
use gradiometer::files::read_certificate_of;
use gradiometer::landscape::certificate::{CertificateOptions, Threads, prove_certificate};
use gradiometer::landscape::descent::{GradientScaling, LargestStep, Spectrum, spectrum};
use gradiometer::landscape::optimum::Optimum;
use gradiometer::landscape::residual::Pairings;
use gradiometer::model::SeparatedTeacher;
use gradiometer::population::Layers;
use gradiometer::report::sides;
use gradiometer::run::format::AWAY;
use gradiometer::theory::{Analysis, Claim, Context, Dual, Finding, Statement, TheoryError};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Boxes that the proof of a certificate may take here; `certify` has no such limit.
const BOXES: u64 = 3_000_000;
/// Threads of the proof; no verdict depends on them.
const THREADS: usize = 2;
/// Neurons of the student up to which the Hessian's spectrum is computed unasked.
const SPECTRUM: usize = 300;

/// Where to look.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// The teacher: .json, .toml, .safetensors, .npz, or - with --format.
    #[arg(long, value_name = "FILE")]
    teacher: PathBuf,
    /// The student, in any of the same formats.
    #[arg(long, value_name = "FILE")]
    student: PathBuf,
    /// The weight decay of L + (lambda/2)(|a|^2 + |W|^2), positive: PyTorch's weight_decay under the
    /// mean squared error, twice that under half of the squared error.
    #[arg(long, value_name = "LAMBDA", value_parser = not_negative, allow_negative_numbers = true)]
    lambda: f64,
    /// A certificate from `certify --out`, checked again here; by default one is found and proved.
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// Angle, in radians, of the localisation bound 7.3.
    #[arg(long, value_name = "ANGLE", default_value_t = AWAY, value_parser = positive, allow_negative_numbers = true)]
    angle: f64,
    /// Compute the extreme eigenvalues of the Hessian even for large students (about 200
    /// Hessian-vector products); small students always get them.
    #[arg(long)]
    spectrum: bool,
    /// The descent direction of 7.8 (a vector for each neuron) and the errors of the average
    /// neurons of 7.6 in the JSON.
    #[arg(long)]
    vectors: bool,
    /// Pieces of the sphere that the proof of a certificate may check; beyond, it is sampled.
    #[arg(long, value_name = "N", default_value_t = BOXES)]
    boxes: u64,
    /// Seconds after which statements are left out, and named; a proof gets half of them.
    #[arg(long, value_name = "SECONDS", value_parser = not_negative, allow_negative_numbers = true)]
    time_limit: Option<f64>,
    /// Refinements of the regularised optimum [default: 4 up to rank 3, and 0 above, where they take
    /// minutes].
    #[arg(long, value_name = "N")]
    refinements: Option<usize>,
    #[command(flatten)]
    tensors: TensorArguments,
}

/// What is shown beside the claims.
struct Beside {
    optimum: Value,
    point: Value,
    remarks: Vec<String>,
}

/// Runs the command: refuted if a claim is violated, inconclusive if one could not be decided.
///
/// # Errors
/// [`Failure`] for bad files, a teacher without certificate, or a closed output.
pub fn run(arguments: &Arguments, common: &Common) -> Result<Outcome, Failure> {
    let keep = |_: &Claim| true;
    run_selected(arguments, common, &keep)
}

/// As [`run`], for the claims that `keep` selects.
///
/// # Errors
/// As for [`run`].
pub fn run_selected(
    arguments: &Arguments,
    common: &Common,
    keep: &dyn Fn(&Claim) -> bool,
) -> Result<Outcome, Failure> {
    let fail = |error: String| Failure::Data(format!("{}: {error}", arguments.teacher.display()));
    standard_input_once(&[&arguments.teacher, &arguments.student])?;
    let teacher = arguments.tensors.teacher(&arguments.teacher, common)?;
    let teacher = teacher.separated().map_err(|error| fail(error.to_string()))?;
    let student = arguments.tensors.network(&arguments.student, common)?;
    let certificate = match &arguments.certificate {
        Some(path) => Some(read_certificate_of(path, &teacher)?),
        None => None,
    };
    let clock = Clock::new(arguments.time_limit);
    let (certificate, report) = checked(&teacher, certificate, arguments, clock, common)?;
    let fail = |error: TheoryError| {
        let (teacher, student) = (arguments.teacher.display(), arguments.student.display());
        Failure::Data(format!("{teacher}, {student}: {error}"))
    };
    let dual = Dual::checked(&teacher, &certificate, &report).map_err(fail)?;
    let mut context =
        Context::given(&teacher, &student, arguments.lambda, dual, arguments.angle).enclosed();
    if let Some(refinements) = arguments.refinements {
        context = context.refined(refinements);
    }
    let bar = spinner(common);
    let mut proceed = |statement: &Statement| {
        bar.set_message(format!("statement {}", statement.id));
        bar.tick();
        clock.proceed(1.0)
    };
    let analysis = Analysis::new_while(&context, &mut proceed).map_err(fail);
    bar.finish_and_clear();
    let analysis = analysis?;
    let mut beside = beside(&context, &analysis, arguments).map_err(fail)?;
    beside.remarks.extend(limits(&analysis));
    let dual = &analysis.dual;
    let claims: Vec<Claim> = analysis.claims.iter().copied().filter(|c| keep(c)).collect();
    let is_whole = analysis.not_evaluated.is_empty();
    let outcome = match Finding::of_all(claims.iter().map(|claim| claim.finding)) {
        Finding::Refuted => Outcome::Refuted,
        Finding::Inconclusive => Outcome::Inconclusive,
        _ if !is_whole => Outcome::Inconclusive,
        _ => Outcome::Holds,
    };
    let json = json!({
        "gap": gap_json(&analysis),
        "lambda": arguments.lambda,
        "not_evaluated": analysis.not_evaluated,
        "left_out": analysis.left_out,
        "claims": claims.iter().map(claim_json).collect::<Vec<_>>(),
        "certificate": {
            "rho": dual.rho().value,
            "p_norm": dual.norm(),
            "from_degree": dual.weights().first_degree(),
            "evidence": dual.evidence().name(),
        },
        "optimum": beside.optimum,
        "point": beside.point,
    });
    let mut table = Table::new(&["id", "part", "left", "right", "ratio", "verdict", "evidence"])
        .with_verdicts(5);
    for claim in &claims {
        let [left, right] = sides(claim, 5);
        table.row(vec![
            claim.id.to_owned(),
            claim.part.to_owned(),
            left,
            right,
            scientific(claim.ratio(), 3),
            claim.verdict(),
            claim.evidence.name().to_owned(),
        ]);
    }
    let text = format!(
        "{}\ncertificate: rho = {}, |p| = {}, {}\n{}{}\n",
        gap_in_words(&analysis),
        lower_end(dual.rho().value, 4),
        upper_end(dual.norm(), 4),
        dual.evidence(),
        table.text(),
        beside.remarks.join("\n"),
    );
    Report { text, json }.print(common)?;
    Ok(outcome)
}

/// The intervals of the optimality gap, rounded outward.
fn gap_in_words(analysis: &Analysis) -> String {
    let between = |(lower, upper): (f64, f64)| {
        format!("between {} and {}", lower_end(lower, 6), upper_end(upper, 6))
    };
    let proved = analysis.gap_proved.map_or_else(String::new, |gap| {
        format!("; proved by a dual point at the optimum's atoms {}", between(gap))
    });
    format!(
        "optimality gap zeta {} ({}); by the certificate alone {}{proved}",
        between(analysis.gap),
        analysis.gap_evidence.name(),
        between(analysis.gap_by_certificate),
    )
}

fn gap_json(analysis: &Analysis) -> Value {
    let ends = |(lower, upper): (f64, f64)| json!({"lower": number(lower), "upper": number(upper)});
    let mut gap = ends(analysis.gap);
    gap["evidence"] = analysis.gap_evidence.name().into();
    gap["by_certificate"] = ends(analysis.gap_by_certificate);
    gap["by_certificate"]["evidence"] = analysis.evidence_by_certificate.name().into();
    gap["proved"] = analysis.gap_proved.map_or(Value::Null, ends);
    gap
}

/// What limits left out, a line each.
fn limits(analysis: &Analysis) -> Vec<String> {
    let line = |line: &String| format!("limited: {line} (--refinements 4)");
    let mut lines: Vec<String> = analysis.left_out.iter().map(line).collect();
    if !analysis.not_evaluated.is_empty() {
        lines.push(format!(
            "limited: the time was up before the statements {} (--time-limit)",
            analysis.not_evaluated.join(", ")
        ));
    }
    lines
}

/// The certificate with the checker's report on it: the given one, or one that is found.
fn checked(
    teacher: &SeparatedTeacher,
    certificate: Option<Certificate>,
    arguments: &Arguments,
    clock: Clock,
    common: &Common,
) -> Result<(Certificate, CheckerReport), Failure> {
    let fail = |error: String| Failure::Data(format!("{}: {error}", arguments.teacher.display()));
    let (bar, mut show) = counter(common, clock, 0.5);
    let limits = Limits { boxes: arguments.boxes, ..Limits::default() };
    let runner = &mut Threads::new(THREADS, &mut show);
    let (certificate, report) = if let Some(certificate) = certificate {
        let report = check_certificate(&certificate, teacher, &Limits::default(), runner)
            .map_err(|error| fail(error.to_string()))?;
        (certificate, report)
    } else {
        let options = CertificateOptions::default();
        let checked = prove_certificate(teacher, &options, &limits, runner)
            .map_err(|error| fail(error.to_string()))?;
        (checked.found.certificate, checked.report)
    };
    bar.finish_and_clear();
    if let Verdict::Refuted(_) = report.verdict {
        return Err(Failure::Data(
            "the certificate is refuted; run check-certificate for the reason".to_owned(),
        ));
    }
    Ok((certificate, report))
}

fn claim_json(claim: &Claim) -> Value {
    let mut json = json!({
        "id": claim.id,
        "part": claim.part,
        "left": number(claim.left),
        "right": number(claim.right),
        "ratio": number(claim.ratio()),
        "rounding": number(claim.rounding),
        "verdict": claim.finding.name(),
        "hidden_by_rounding": claim.is_hidden,
        "evidence": claim.evidence.name(),
    });
    if let Some(obstacle) = claim.obstacle {
        json["reason"] = obstacle.into();
    }
    json
}

fn beside(
    context: &Context<'_>,
    analysis: &Analysis,
    arguments: &Arguments,
) -> Result<Beside, TheoryError> {
    let (point, direction) = (context.point()?, context.direction()?);
    let (teacher, student) = (context.teacher(), context.student());
    let is_whole = analysis.not_evaluated.is_empty();
    let optimum = if is_whole { Some(context.optimum()?) } else { None };
    let step = if is_whole { context.largest_step()? } else { None };
    let scaling = GradientScaling::new(point, analysis.gap.1);
    let spectrum = if is_whole && (student.neurons() <= SPECTRUM || arguments.spectrum) {
        spectrum_json(&spectrum(point, Layers::Both)?)
    } else {
        Value::Null
    };
    let remark = |optimum| optimum_remark(optimum, teacher, arguments.angle);
    let mut remarks: Vec<String> = optimum.map(remark).into_iter().collect();
    remarks.extend(point_remarks(step, &scaling, &spectrum));
    let mut more = json!({
        "loss": number(point.loss().value),
        "loss_error": number(point.loss().error),
        "zeta_plus": number(point.zeta_plus().value),
        "mass_excess": number(point.mass_excess().value),
        "imbalance": number(point.imbalance()),
        "gradient_scaling": {"id": "7.9", "constant": number(scaling.constant()), "evidence": "computed"},
        "largest_step": {
            "id": "7.10",
            "holds": step.map(|s| s.holds).map_or(Value::Null, number),
            "fails": step.map(|s| s.fails).map_or(Value::Null, number),
            "evidence": "computed",
        },
        "descent_product": number(direction.product()),
        "hessian_spectrum": spectrum,
        "residual_pairings": pairings_json(&point.split().pairings()),
    });
    if arguments.vectors {
        let rows = direction.vectors().chunks_exact(student.dimension());
        more["descent_direction"] = rows.collect();
        more["average_errors"] = (0..teacher.neurons()).map(|i| point.split().average(i)).collect();
    }
    let json = |optimum| optimum_json(optimum, teacher, arguments.angle);
    Ok(Beside { optimum: optimum.map_or(Value::Null, json), point: more, remarks })
}

fn spectrum_json(found: &Spectrum) -> Value {
    json!({
        "smallest": number(found.smallest.value),
        "smallest_residual": number(found.smallest.residual),
        "largest": number(found.largest.value),
        "largest_residual": number(found.largest.residual),
        "evidence": "computed",
    })
}

fn pairings_json(pairings: &Pairings) -> Value {
    json!({
        "r1_r1": number(pairings.r1_r1),
        "r1_r2": number(pairings.r1_r2),
        "r1_r3": number(pairings.r1_r3),
        "r2_r2": number(pairings.r2_r2),
        "r2_r3": number(pairings.r2_r3),
        "r3_r3": number(pairings.r3_r3),
        "evidence": "computed",
    })
}

/// Lines below the table: what belongs to no inequality.
fn point_remarks(
    step: Option<LargestStep>,
    scaling: &GradientScaling,
    spectrum: &Value,
) -> Vec<String> {
    let step = step.map(|step| {
        let holds = scientific(step.holds, 4);
        format!("7.10: the largest step that lowers L_lambda by half its length times |grad|^2 is {holds} (computed)")
    });
    let constant = scientific(scaling.constant(), 4);
    let scaling = format!(
        "7.9: lambda^2 |grad|^2/zeta^4 = {constant} (computed, with the upper end of zeta)"
    );
    let ends = spectrum["smallest"].as_f64().zip(spectrum["largest"].as_f64());
    let spectrum = ends.map(|(smallest, largest)| {
        let (smallest, largest) = (scientific(smallest, 4), scientific(largest, 4));
        format!("Hessian of L_lambda: eigenvalues from {smallest} to {largest} (computed)")
    });
    step.into_iter().chain([scaling]).chain(spectrum).collect()
}

fn optimum_json(optimum: &Optimum, teacher: &SeparatedTeacher, angle: f64) -> Value {
    let (count, mass) = optimum.atoms_beyond(teacher, angle);
    let atoms: Vec<Value> = (0..optimum.measure.masses().len())
        .map(|b| {
            json!({"mass": optimum.measure.masses()[b], "direction": optimum.measure.direction(b)})
        })
        .collect();
    json!({
        "value": number(optimum.value()),
        "below_teacher": number(optimum.below_teacher.value),
        "duality_gap": number(optimum.duality_gap),
        "largest_eta": number(optimum.largest_eta),
        "converged": optimum.converged,
        "atoms": atoms,
        "atoms_beyond": {"angle": angle, "count": count, "mass": number(mass)},
        "evidence": "sampled",
    })
}

fn optimum_remark(optimum: &Optimum, teacher: &SeparatedTeacher, angle: f64) -> String {
    let (count, mass) = optimum.atoms_beyond(teacher, angle);
    format!(
        "regularised optimum: {} atoms, duality gap {} of its value; beyond {} rad of every teacher {} atoms of mass {} (sampled)",
        optimum.measure.masses().len(),
        scientific(optimum.duality_gap / optimum.value(), 2),
        scientific(angle, 2),
        count,
        scientific(mass, 3)
    )
}
