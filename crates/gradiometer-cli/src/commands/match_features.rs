//! `match --teacher T --student S`: which features a network has learned.

use super::{TensorArguments, standard_input_once};
use crate::{Common, Failure, Outcome, Report, Table, scientific};
use gradiometer::files::Reading;
use gradiometer::model::recovery::{AT, Clusters, Learned, Recovery};
use gradiometer::model::{ModelError, Network};
use gradiometer::report::{FEATURES, feature_row, learned_sentence, percent};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// What to compare.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    gradiometer match --student runs/quickstart/checkpoints/final.safetensors\n  \
    gradiometer match --teacher runs/quickstart/teacher.safetensors --student net.safetensors")]
pub struct Arguments {
    /// The teacher; without one, the student's neurons are grouped by direction.
    #[arg(long)]
    teacher: Option<PathBuf>,
    /// The student, any network: .json, .toml, .safetensors or .npz.
    #[arg(long)]
    student: PathBuf,
    /// Radians within which a neuron counts as being at a direction.
    #[arg(long, value_name = "ANGLE", default_value_t = AT, value_parser = angle)]
    angle: f64,
    /// Groups to form at most, where there is no teacher.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    clusters: usize,
    #[command(flatten)]
    tensors: TensorArguments,
}

fn angle(text: &str) -> Result<f64, String> {
    let angle: f64 = text.parse().map_err(|error| format!("{error}"))?;
    if (0.0..=std::f64::consts::FRAC_PI_2).contains(&angle) {
        Ok(angle)
    } else {
        Err("angles between directions lie between 0 and pi/2 radians".to_owned())
    }
}

/// Runs the command: done, whatever was learned.
///
/// # Errors
/// [`Failure`] for a bad file, dimensions that differ or a closed output.
pub fn run(arguments: &Arguments, common: &Common) -> Result<Outcome, Failure> {
    let student = arguments.tensors.reading(&arguments.student, common)?;
    let teacher = arguments.teacher.as_ref().map(|path| {
        standard_input_once(&[path, &arguments.student])?;
        arguments.tensors.reading(path, common).map(|reading| (path, reading))
    });
    let teacher = teacher.transpose()?;
    let biases =
        student.biases.is_some() || teacher.as_ref().is_some_and(|(_, t)| t.biases.is_some());
    let network = |path: &Path, reading: Reading| {
        if biases { reading.folded(path) } else { Ok(reading.network) }
    };
    let student = network(&arguments.student, student)?;
    let mut report = match teacher {
        None => clustered(&Clusters::new(&student, arguments.angle, arguments.clusters), arguments),
        Some((path, reading)) => {
            let teacher = gradiometer::files::teacher(path, network(path, reading)?)?;
            check_dimensions(teacher.dimension(), &student, arguments)?;
            matched(&Recovery::new(&teacher, &student, arguments.angle))
        }
    };
    if biases {
        report.json["biases"] = true.into();
        report.text.push_str(
            "Neurons are compared with their biases: angles are those between (w, b), inputs (x, 1).\n",
        );
    }
    report.print(common)?;
    Ok(Outcome::Holds)
}

fn check_dimensions(teacher: usize, student: &Network, at: &Arguments) -> Result<(), Failure> {
    let dimension = student.dimension();
    if dimension == teacher {
        return Ok(());
    }
    let error = ModelError::DimensionMismatch { teacher, student: dimension };
    Err(Failure::Data(format!("{}: {error}", at.student.display())))
}

/// `fully`, `partly`, `not`.
const fn name(learned: Learned) -> &'static str {
    match learned {
        Learned::Fully => "fully",
        Learned::Partly => "partly",
        Learned::Not => "not",
    }
}

/// The table of what was learned of each teacher neuron.
pub(crate) fn table(recovery: &Recovery) -> Table {
    let mut table = Table::new(&FEATURES).with_verdicts(1);
    for teacher in 0..recovery.features.len() {
        table.row(feature_row(recovery, teacher, scientific).into());
    }
    table
}

fn matched(recovery: &Recovery) -> Report {
    let features: Vec<Value> = recovery
        .features
        .iter()
        .enumerate()
        .map(|(i, f)| {
            json!({
                "teacher": i,
                "learned": recovery.is_learned(f),
                "amplitude": f.amplitude,
                "mass": f.mass,
                "share_within": f.share_within,
                "mass_beyond": f.mass_beyond,
                "opposing_mass": f.opposing_mass,
                "neurons": f.neurons,
                "average_angle": f.average_angle,
                "nearest_angle": f.nearest_angle,
            })
        })
        .collect();
    let json = json!({
        "learned": name(recovery.learned()),
        "angle": recovery.angle,
        "features": features,
        "worst_angle": recovery.worst_angle(),
        "mean_angle": recovery.mean_angle,
        "total_mass": recovery.total_mass,
        "mass_away": recovery.mass_away,
        "evidence": "computed",
    });
    let text = format!(
        "{}\n{}\nThe mass of a neuron is a |w|, its sign that of a; `within` is the share of the mass nearest to the teacher neuron that is within {} rad of it. Angles are in radians, of the average and of the nearest neuron.\nevidence: computed\n",
        table(recovery).text(),
        learned_sentence(recovery, scientific),
        recovery.angle
    );
    Report { text, json }
}

/// Entries of a direction that a row shows at most.
const ENTRIES: usize = 3;

fn clustered(found: &Clusters, arguments: &Arguments) -> Report {
    let mut table = Table::new(&[
        "cluster",
        "mass",
        "share",
        "opposing",
        "neurons",
        "spread",
        "largest entries of its direction",
    ]);
    let mut rows = Vec::new();
    for (k, cluster) in found.clusters.iter().enumerate() {
        let whole = cluster.mass.abs() + 2.0 * cluster.opposing_mass;
        let mut order: Vec<usize> = (0..cluster.direction.len()).collect();
        order.sort_by(|i, j| {
            cluster.direction[*j].abs().total_cmp(&cluster.direction[*i].abs()).then(i.cmp(j))
        });
        let entries =
            order.iter().take(ENTRIES).map(|i| format!("{:.3} x{i}", cluster.direction[*i]));
        table.row(vec![
            k.to_string(),
            scientific(cluster.mass, 4),
            percent(whole / found.total_mass),
            scientific(cluster.opposing_mass, 3),
            cluster.neurons.to_string(),
            scientific(cluster.spread, 3),
            entries.collect::<Vec<_>>().join(", "),
        ]);
        rows.push(json!({
            "direction": cluster.direction,
            "mass": cluster.mass,
            "share": whole / found.total_mass,
            "opposing_mass": cluster.opposing_mass,
            "neurons": cluster.neurons,
            "spread": cluster.spread,
        }));
    }
    let (mass, count) = found.rest;
    let rest = if count > 0 {
        format!(
            "{count} lighter neurons, {} of the mass, are in none of the {} clusters; --clusters N forms more.\n",
            percent(mass / found.total_mass),
            found.clusters.len()
        )
    } else {
        String::new()
    };
    let text = format!(
        "{}{rest}Neurons within {} rad of the heaviest one of a cluster, a direction and its opposite being one feature.\nevidence: computed\n",
        table.text(),
        arguments.angle
    );
    let json = json!({
        "angle": arguments.angle,
        "clusters": rows,
        "rest": {"mass": mass, "neurons": count},
        "total_mass": found.total_mass,
        "evidence": "computed",
    });
    Report { text, json }
}
