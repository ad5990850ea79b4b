//! `net POINTS` and `check-net POINTS --radius R`: projective covering radii.

use crate::{Common, Failure, Outcome, Report, scientific};
use gradiometer::certify::net::{Geometry, Net, NetVerdict, check_net};
use gradiometer::landscape::net::{CoveringRadius, Evidence, NetOptions, covering_radius};
use gradiometer::study::read_points;
use gradiometer::study::run::number;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The points, and on which sphere.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct PointArguments {
    /// The points: a JSON list of vectors, or .npy with a point a row; their lengths do not matter.
    points: PathBuf,
    /// Takes w and -w for different directions.
    #[arg(long)]
    sphere: bool,
}

impl PointArguments {
    fn read(&self) -> Result<Net, Failure> {
        let points = read_points(&self.points)?;
        let geometry = if self.sphere { Geometry::Sphere } else { Geometry::Projective };
        Net::new(points.dimension(), points.coordinates(), geometry)
            .map_err(|error| Failure::Data(format!("{}: {error}", self.points.display())))
    }
}

/// What to measure.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Arguments {
    #[command(flatten)]
    points: PointArguments,
}

/// What to check.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct CheckArguments {
    #[command(flatten)]
    points: PointArguments,
    /// The covering radius claimed, in radians.
    #[arg(long, value_name = "RADIUS")]
    radius: f64,
    /// Most cells to bound.
    #[arg(long, value_name = "N", default_value_t = 10_000_000)]
    cells: usize,
}

fn data(path: &Path) -> impl Fn(String) -> Failure + '_ {
    move |error| Failure::Data(format!("{}: {error}", path.display()))
}

/// The covering radius as a certified interval.
///
/// # Errors
/// [`Failure`] for a bad file or a closed output.
pub fn run(arguments: &Arguments, common: &Common) -> Result<Outcome, Failure> {
    let net = arguments.points.read()?;
    let radius = covering_radius(&net, &NetOptions::default())
        .map_err(|error| data(&arguments.points.points)(error.to_string()))?;
    let CoveringRadius { lower, upper, witness, evidence, work } = radius;
    let method = match evidence {
        Evidence::Cover(_) => "cover",
        Evidence::Subdivision => "subdivision",
        _ => "trivial bound",
    };
    let json = json!({
        "dimension": net.dimension(),
        "points": net.len(),
        "covering_radius": {"lower": number(lower), "upper": number(upper)},
        "witness": witness,
        "projective": !arguments.points.sphere,
        "method": method,
        "work": work,
        "evidence": "certified",
    });
    let text = format!(
        "{} directions in dimension {}\ncovering radius between {lower:.15} and {upper:.15} rad (width {})\n\
         proved by {method}, work {work}; evidence: certified\n",
        net.len(),
        net.dimension(),
        scientific(upper - lower, 2)
    );
    Report { text, json }.print(common)?;
    Ok(Outcome::Holds)
}

/// Whether the covering radius is at most the one claimed.
///
/// # Errors
/// [`Failure`] for a bad file or a closed output.
pub fn check(arguments: &CheckArguments, common: &Common) -> Result<Outcome, Failure> {
    let net = arguments.points.read()?;
    let fail = data(&arguments.points.points);
    // The finder's cover is a hint; the checker believes none of it.
    let found =
        covering_radius(&net, &NetOptions::default()).map_err(|error| fail(error.to_string()))?;
    let cover = match &found.evidence {
        Evidence::Cover(cover) => Some(cover),
        _ => None,
    };
    let verdict = check_net(&net, arguments.radius, cover, arguments.cells)
        .map_err(|error| fail(error.to_string()))?;
    let (outcome, name, detail): (_, _, Value) = match &verdict {
        NetVerdict::Proved { upper } => {
            (Outcome::Holds, "proved", json!({"upper": number(*upper)}))
        }
        NetVerdict::Refuted { witness, distance } => {
            (Outcome::Refuted, "refuted", json!({"witness": witness, "distance": distance.lo()}))
        }
        NetVerdict::Inconclusive { value } => (
            Outcome::Inconclusive,
            "inconclusive",
            json!({"lower": value.lo(), "upper": value.hi()}),
        ),
        _ => (Outcome::Inconclusive, "inconclusive", Value::Null),
    };
    let json = json!({
        "verdict": name,
        "radius": arguments.radius,
        "detail": detail,
        "evidence": "certified",
    });
    let text = format!("{name}: covering radius <= {} rad; {detail}\n", arguments.radius);
    Report { text, json }.print(common)?;
    Ok(outcome)
}
