//! `net POINTS` and `check-net POINTS --radius R`: projective covering radii.

use crate::{Common, Failure, Outcome, Report, say};
use gradiometer::certify::Verdict;
use gradiometer::certify::net::{Geometry, Net, Uncovered, check_net};
use gradiometer::files::digits::{lower_end, upper_end};
use gradiometer::files::number;
use gradiometer::files::{
    ClaimedCover, PointFormat, file, may_write_cover, read_cover, read_points_as, write_cover,
};
use gradiometer::landscape::net::{CoveringRadius, Evidence, NetOptions, covering_radius};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Most significant digits of an end of an interval.
const DIGITS: usize = 16;

/// The points, and on which sphere.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct PointArguments {
    /// The points: a JSON list of vectors, .npy with a point a row, a text table (.txt, .csv), or -
    /// with --format; their lengths do not matter, and zero vectors are left out.
    points: PathBuf,
    /// Format of the points: json, npy or text. By default their name says it.
    #[arg(long, value_name = "FORMAT", value_parser = point_format)]
    format: Option<PointFormat>,
    /// Treat w and -w as different directions (by default they are the same).
    #[arg(long)]
    sphere: bool,
}

fn point_format(text: &str) -> Result<PointFormat, String> {
    PointFormat::named(text).ok_or_else(|| "give json, npy or text".to_owned())
}

fn radius(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(x) if x.is_finite() => Ok(x),
        Ok(_) => Err("a radius is a finite number of radians".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

impl PointArguments {
    /// The net, and how many zero vectors were left out of it.
    fn read(&self, common: &Common) -> Result<(Net, usize), Failure> {
        let points = read_points_as(&self.points, self.format)?;
        let geometry = if self.sphere { Geometry::Sphere } else { Geometry::Projective };
        let net = Net::new(points.dimension(), points.coordinates(), geometry)
            .map_err(|error| Failure::Data(format!("{}: {error}", self.points.display())))?;
        let zeros = points.rows().len() - net.len();
        if zeros > 0 && !common.quiet {
            say(&format!(
                "gradiometer: {}: {zeros} of {} vectors are zero, have no direction, and are left out",
                self.points.display(),
                points.rows().len()
            ));
        }
        Ok((net, zeros))
    }
}

/// What to measure.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Arguments {
    #[command(flatten)]
    points: PointArguments,
    /// Writes the evidence for the upper bound to this file, for `check-net --cover`.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What to check.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct CheckArguments {
    #[command(flatten)]
    points: PointArguments,
    /// The covering radius claimed, in radians; by default the cover's.
    #[arg(long, value_name = "RADIUS", required_unless_present = "cover", value_parser = radius, allow_negative_numbers = true)]
    radius: Option<f64>,
    /// Evidence from `net --out`; by default it is searched for. The checker believes none of it.
    #[arg(long, value_name = "FILE")]
    cover: Option<PathBuf>,
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
    if let Some(out) = &arguments.out {
        file::keeps_inputs(out, &[&arguments.points.points])?;
        may_write_cover(out)?;
    }
    let (net, zeros) = arguments.points.read(common)?;
    let radius = covering_radius(&net, &NetOptions::default())
        .map_err(|error| data(&arguments.points.points)(error.to_string()))?;
    let CoveringRadius { lower, upper, witness, evidence, work } = radius;
    if let Some(out) = &arguments.out {
        let Evidence::Cover(cover) = &evidence else {
            return Err(Failure::Data(format!(
                "{}: the bound was proved by subdivision, which leaves no evidence to write; leave --out away",
                arguments.points.points.display()
            )));
        };
        let claimed =
            ClaimedCover { dimension: net.dimension(), radius: upper, cover: cover.clone() };
        write_cover(out, &claimed)?;
    }
    let method = match evidence {
        Evidence::Cover(_) => "cover",
        Evidence::Subdivision => "subdivision",
        _ => "trivial bound",
    };
    let json = json!({
        "dimension": net.dimension(),
        "points": net.len(),
        "zero_vectors": zeros,
        "covering_radius": {"lower": number(lower), "upper": number(upper)},
        "witness": witness,
        "projective": !arguments.points.sphere,
        "method": method,
        "work": work,
        "evidence": "certified",
    });
    let text = format!(
        "{} directions in dimension {}\ncovering radius between {} and {} rad (width {})\n\
         proved by {method}, work {work}; evidence: certified\n",
        net.len(),
        net.dimension(),
        lower_end(lower, DIGITS),
        upper_end(upper, DIGITS),
        upper_end(upper - lower, 2)
    );
    Report { text, json }.print(common)?;
    Ok(Outcome::Holds)
}

/// Whether the covering radius is at most the one claimed.
///
/// # Errors
/// [`Failure`] for a bad file or a closed output.
pub fn check(arguments: &CheckArguments, common: &Common) -> Result<Outcome, Failure> {
    let (net, _zeros) = arguments.points.read(common)?;
    let fail = data(&arguments.points.points);
    // Whoever made the cover, the checker recomputes all that follows from it.
    let (radius, cover) = if let Some(path) = &arguments.cover {
        let claimed = read_cover(path)?;
        if claimed.dimension != net.dimension() {
            return Err(Failure::Data(format!(
                "{}: dimension: is {}, the points have {}; give the cover of these points",
                path.display(),
                claimed.dimension,
                net.dimension()
            )));
        }
        (arguments.radius.unwrap_or(claimed.radius), Some(claimed.cover))
    } else {
        let found = covering_radius(&net, &NetOptions::default())
            .map_err(|error| fail(error.to_string()))?;
        let cover = match found.evidence {
            Evidence::Cover(cover) => Some(cover),
            _ => None,
        };
        (arguments.radius.unwrap_or(f64::NAN), cover)
    };
    let source = arguments.cover.as_ref().unwrap_or(&arguments.points.points);
    let verdict = check_net(&net, radius, cover.as_ref(), arguments.cells)
        .map_err(|error| data(source)(error.to_string()))?;
    let (outcome, detail) = match &verdict {
        Verdict::Proved(bound) => (Outcome::Holds, json!({"upper": number(bound.upper())})),
        Verdict::Refuted(Uncovered { witness, distance }) => {
            (Outcome::Refuted, json!({"witness": witness, "distance": distance.lo()}))
        }
        Verdict::Inconclusive(value) => {
            (Outcome::Inconclusive, json!({"lower": value.lo(), "upper": value.hi()}))
        }
    };
    let name = verdict.name();
    let json = json!({
        "verdict": name,
        "radius": number(radius),
        "detail": detail,
        "evidence": "certified",
    });
    let text = format!("{name}: covering radius <= {radius} rad; {detail}\n");
    Report { text, json }.print(common)?;
    Ok(outcome)
}
