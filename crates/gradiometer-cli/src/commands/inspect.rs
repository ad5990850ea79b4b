//! `inspect TEACHER`: assumptions and complexity.

use super::certify::{Clock, spinner};
use super::{TensorArguments, not_negative};
use crate::{Common, Failure, Outcome, Report, Table, scientific};
use gradiometer::files::number;
use gradiometer::hermite::exponent::{
    DegreePart, Exponent, InformationExponent, Part, named_exponent,
};
use gradiometer::hermite::named::Named;
use gradiometer::instances::Complexity;
use gradiometer::instances::complexity::weight_epsilon;
use gradiometer::landscape::LandscapeError;
use gradiometer::landscape::certificate::{
    CertificateOptions, FoundCertificate, find_certificate_while,
};
use gradiometer::mechanisms::radhakrishnan::{
    Gradients, gram, in_own_span, mass_matrix, structural_floor, work,
};
use gradiometer::model::{Network, Teacher};
use gradiometer::run::TeacherReport;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

/// Random starting points of the search for the certificate's worst place.
const STARTS: usize = 24;

/// What to inspect.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The teacher: .json, .toml, .safetensors, .npz, or - with --format.
    teacher: PathBuf,
    /// Skip the search for a dual certificate, which takes seconds from rank four on.
    #[arg(long)]
    no_certificate: bool,
    /// Seconds that the search for a dual certificate may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = not_negative, allow_negative_numbers = true)]
    time_limit: f64,
    /// The activation, of which the exponents are given then: softplus, tanh, gelu, sigmoid, leaky_relu,
    /// quadratic, he1 to he20, relu, absolute, erf.
    #[arg(long, value_name = "NAME", value_parser = activation)]
    activation: Option<Named>,
    #[command(flatten)]
    tensors: TensorArguments,
}

fn activation(text: &str) -> Result<Named, String> {
    Named::of(text).ok_or_else(|| format!("give one of {}", Named::NAMES))
}

/// Runs the command.
///
/// # Errors
/// [`Failure`] for a bad file or a closed output.
pub fn run(arguments: &Arguments, common: &Common) -> Result<Outcome, Failure> {
    let teacher = arguments.tensors.teacher(&arguments.teacher, common)?;
    let bar = spinner(common);
    bar.set_message(format!("the complexity of {} neurons", teacher.neurons()));
    bar.enable_steady_tick(TICK);
    let complexity = Complexity::of(&teacher);
    bar.finish_and_clear();
    let complexity = complexity
        .map_err(|error| Failure::Data(format!("{}: {error}", arguments.teacher.display())))?;
    if let Some(named) = arguments.activation {
        return exponents(&teacher, &complexity, named, arguments, common);
    }
    let mut json = json!(TeacherReport::from(&complexity));
    let mut text = text(&complexity);
    bar.set_message("the average gradient outer product");
    bar.enable_steady_tick(TICK);
    let (summary, lines) = alignment(teacher.network());
    bar.finish_and_clear();
    json["agop"] = summary;
    text += &lines;
    if !arguments.no_certificate {
        if !common.json {
            // What is known already does not wait for the search.
            Report { text: std::mem::take(&mut text), json: Value::Null }.print(common)?;
        }
        let (summary, lines) = certificate_summary(teacher, arguments.time_limit, common);
        json["certificate"] = summary;
        text += &lines;
    }
    Report { text, json }.print(common)?;
    Ok(Outcome::Holds)
}

/// Multiplications up to which the alignment is computed, some ten seconds of them.
const MOST_WORK: f64 = 2e10;

/// How the weights are aligned with the average gradient outer product (11.10.3 and 11.10.5), or
/// why that is not known.
fn alignment(network: &Network) -> (Value, String) {
    let missing = |reason: String| {
        (json!({"missing": reason}), format!("no average gradient outer product: {reason}\n"))
    };
    let (m, d) = (network.neurons(), network.dimension());
    let needed = work(m, m.min(d));
    if needed > MOST_WORK {
        return missing(format!(
            "not computed: it takes {needed:.0e} multiplications, more than the {MOST_WORK:.0e} of a quick look"
        ));
    }
    let found = in_own_span(network).and_then(|network| Ok((Gradients::of(&network)?, network)));
    let (gradients, network) = match found {
        Ok(found) => found,
        Err(error) => return missing(error.to_string()),
    };
    let own = gradients.ansatz(&gram(&network));
    let limit = gradients.ansatz(&mass_matrix(&network));
    let floor = structural_floor(&network);
    let json = json!({
        "alignment": number(own.half),
        "alignment_first_power": number(own.one),
        "alignment_raw": number(own.raw_half),
        "limit": number(limit.half),
        "floor": floor,
        "evidence": "computed",
    });
    let floor = floor.map_or_else(
        || "none, as output weights have both signs".to_owned(),
        |floor| format!("{} for balanced layers, trained or not", scientific(floor, 4)),
    );
    let text = format!(
        "cos(W^T W, M^(1/2)), M the average gradient outer product: {}; of a student trained to this function {}; floor {floor} (computed)\n",
        scientific(own.half, 4),
        scientific(limit.half, 4)
    );
    (json, text)
}

/// Highest degree examined for an activation by name.
const HIGHEST_DEGREE: usize = 32;

/// What is known of a teacher with another activation: its directions and its exponents.
fn exponents(
    teacher: &Teacher,
    complexity: &Complexity,
    named: Named,
    arguments: &Arguments,
    common: &Common,
) -> Result<Outcome, Failure> {
    let network = teacher.network();
    let of = |from| {
        let layers = (network.second_layer(), network.first_layer());
        named_exponent(named, layers.0, layers.1, weight_epsilon(teacher), HIGHEST_DEGREE, from)
            .map_err(|error| Failure::Data(format!("{}: {error}", arguments.teacher.display())))
    };
    let (first, later) = (of(1)?, of(2)?);
    let parts = |found: &InformationExponent| -> Vec<Value> {
        let part = |p: &DegreePart| json!({"degree": p.degree, "norm": number(p.norm), "error": number(p.error)});
        found.parts.iter().map(part).collect()
    };
    let json = json!({
        "activation": format!("{named:?}").to_lowercase(),
        "dimension": complexity.dimension,
        "neurons": complexity.neurons,
        "rank": complexity.rank,
        "separation": complexity.separation.map(|s| s.angle),
        "information_exponent": first.exponent.known(),
        "preprocessed_exponent": later.exponent.known(),
        "information_exponent_parts": parts(&first),
        "preprocessed_exponent_parts": parts(&later),
        "evidence": "computed",
    });
    let mut table = Table::new(&["quantity", "value"]);
    let mut row = |name: &str, value: String| table.row(vec![name.to_owned(), value]);
    row("activation", format!("{named:?}").to_lowercase());
    row("input dimension d", complexity.dimension.to_string());
    row("neurons m*", complexity.neurons.to_string());
    row("rank r", complexity.rank.to_string());
    row("information exponent", exponent(first.exponent));
    row("after preprocessing", exponent(later.exponent));
    let text = format!("{}evidence: computed\n", table.text());
    Report { text, json }.print(common)?;
    Ok(Outcome::Holds)
}

/// Unknowns of an interpolation up to which a certificate is looked for.
const MOST_UNKNOWNS: usize = 4000;
/// Seconds beyond the limit that a search may take to end by itself.
const GRACE: f64 = 1.0;
/// How often the spinner turns.
const TICK: Duration = Duration::from_millis(100);

fn out_of_time(limit: f64) -> String {
    format!("none in {limit} s; --time-limit gives the search more, and `certify` has no limit")
}

/// The certificate that a search finds, or why there is none.
fn certificate_summary(teacher: Teacher, limit: f64, common: &Common) -> (Value, String) {
    // A value and a gradient for every neuron: what a search interpolates.
    let unknowns = teacher.neurons() * (teacher.dimension().min(teacher.neurons()) + 1);
    if unknowns > MOST_UNKNOWNS {
        let reason = format!(
            "not looked for: {unknowns} unknowns are more than the {MOST_UNKNOWNS} of a quick search; `certify` has no limit"
        );
        return (json!({"missing": reason}), format!("no dual certificate: {reason}\n"));
    }
    let bar = spinner(common);
    let (sender, receiver) = std::sync::mpsc::channel();
    // On a thread of its own, which the end of the program ends: one solve may outlast the limit.
    std::thread::spawn(move || {
        let (clock, mut stopped) = (Clock::new(Some(limit)), false);
        let mut proceed = || {
            let answer = clock.proceed(1.0);
            stopped |= answer.is_break();
            answer
        };
        let found = teacher.separated().map_err(|error| error.to_string()).and_then(|teacher| {
            let options = CertificateOptions { starts: STARTS, ..CertificateOptions::default() };
            find_certificate_while(&teacher, &options, &mut proceed).map_err(|error| match error {
                LandscapeError::Stopped => out_of_time(limit),
                error => error.to_string(),
            })
        });
        // Nobody may be waiting any more.
        let _late = sender.send((found, stopped));
    });
    let clock = Clock::new(Some(limit + GRACE));
    let (found, stopped) = loop {
        bar.set_message("looking for a certificate");
        bar.tick();
        match receiver.recv_timeout(TICK) {
            Ok(answer) => break answer,
            Err(RecvTimeoutError::Timeout) if clock.proceed(1.0).is_continue() => {}
            Err(_out_of_time) => break (Err(out_of_time(limit)), true),
        }
    };
    bar.finish_and_clear();
    let limited = if stopped { format!(", the best after {limit} s") } else { String::new() };
    match found {
        Ok(FoundCertificate { certificate, sampled_rho, .. }) => {
            let (norm, degree) = (certificate.p_norm(), certificate.weights().first_degree());
            let json = json!({
                "from_degree": degree,
                "rho": sampled_rho,
                "p_norm": norm,
                "limited": stopped,
                "evidence": "sampled",
            });
            let lines = format!(
                "dual certificate from degree {degree}: rho = {}, |p| = {}, |p|^2/rho = {} (sampled{limited}; `certify` seeks a proof)\n",
                scientific(sampled_rho, 4),
                scientific(norm, 4),
                scientific(norm * norm / sampled_rho, 4)
            );
            (json, lines)
        }
        Err(reason) => {
            (json!({"missing": reason}), format!("no dual certificate was found: {reason}\n"))
        }
    }
}

/// A number with its error, where six digits show it.
fn bounded(x: f64, error: f64) -> String {
    if error <= 1e-7 * x.abs() {
        scientific(x, 6)
    } else {
        format!("{} +- {}", scientific(x, 6), scientific(error, 2))
    }
}

fn exponent(exponent: Exponent) -> String {
    match exponent {
        Exponent::Known(degree) => degree.to_string(),
        Exponent::AtLeast(degree) => format!("at least {degree}"),
        Exponent::Undecided(degree) => format!("at least {degree}, undecided there"),
    }
}

fn text(c: &Complexity) -> String {
    let mut table = Table::new(&["quantity", "value"]);
    let mut row = |name: &str, value: String| table.row(vec![name.to_owned(), value]);
    row("input dimension d", c.dimension.to_string());
    row("neurons m*", c.neurons.to_string());
    row("rank r", c.rank.to_string());
    let separation = c.separation.map_or("none (one neuron)".to_owned(), |s| {
        format!("{} (neurons {} and {})", bounded(s.angle, s.error), s.first, s.second)
    });
    row("separation Delta [rad]", separation);
    row("Assumption 2 (Delta > 0)", if c.is_separated() { "holds" } else { "fails" }.to_owned());
    let condition = match (c.condition, c.condition_error) {
        (Some(condition), Some(error)) => bounded(condition, error),
        _ if c.smallest_part == Part::Zero => "infinite".to_owned(),
        _ => format!("at least {}", scientific(c.least_condition(), 3)),
    };
    row("condition kappa of H", condition);
    row("smallest |eigenvalue| of H", bounded(c.smallest_eigenvalue, c.smallest_eigenvalue_error));
    let verdict = match c.smallest_part {
        Part::NonZero => "holds",
        Part::Zero => "fails",
        Part::Undecided => "undecided: it may be rounding of the weights",
    };
    row("Assumption 3 (rank H = r)", verdict.to_owned());
    row("total mass |mu*|", scientific(c.total_mass, 6));
    let amplitudes = format!(
        "{} to {}",
        scientific(c.smallest_amplitude, 6),
        scientific(c.largest_amplitude, 6)
    );
    row("|amplitudes|", amplitudes);
    row("mean E f*", scientific(c.mean, 6));
    row("information exponent", exponent(c.information_exponent.exponent));
    row("after preprocessing", exponent(c.preprocessed_exponent.exponent));
    format!("{}evidence: computed\n", table.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alignment_is_left_out_where_it_takes_minutes() {
        let found = |neurons: usize, dimension: usize| {
            let weights = (0..neurons * dimension).map(|i| (i as f64).sin()).collect();
            alignment(&Network::new(dimension, vec![1.0; neurons], weights).unwrap()).0
        };
        // Few neurons in many dimensions are taken in their span.
        assert!(
            found(3, 2000)["alignment"].as_f64().unwrap()
                > found(3, 2000)["floor"].as_f64().unwrap()
        );
        let missing = found(30_000, 2)["missing"].as_str().unwrap().to_owned();
        assert!(missing.contains("multiplications"), "{missing}");
    }
}
