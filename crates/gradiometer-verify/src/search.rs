//! The search for the worst instance of an inequality, and for one that refutes a control.

use gradiometer_instances::{Instance, Recipe};
use gradiometer_landscape::instance::draw;
use gradiometer_population::Stop;
use gradiometer_theory::{Claim, Context, Finding, Form, NamedCheck, Relation};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// A claim whose right side is not that many times its rounding has no ratio.
const RESOLVED: f64 = 1024.0;
/// First size of a climb's moves, by what they grow and shrink, and where they start anew.
const FIRST_SIZE: f64 = 0.3;
const GROWTH: f64 = 1.5;
const SHRINKAGE: f64 = 0.93;
const LARGEST_SIZE: f64 = 1.0;
const SMALLEST_SIZE: f64 = 1e-4;
/// Seeds that are tried in parallel before anybody looks.
const BATCH: u64 = 32;
/// Starts of the climbs of one search.
pub(super) const STARTS: usize = 8;

/// Starts of each kind of recipe where a control is hard to refute.
const STARTS_OF_A_KIND: usize = 4;

/// How tight a claim is: `left/right` of an inequality, the difference in units of the rounding
/// allowed of an identity. `None` where rounding hides it or the statement says nothing.
///
/// # Examples
/// ```
/// use gradiometer_theory::{Claim, Known, Sides};
/// let sides = Sides::at_most("a part", Known::computed(3.0, 0.0), Known::computed(4.0, 1e-9));
/// let claim = Claim::new("7.1", &sides);
/// assert_eq!(gradiometer_verify::worst_ratio(&claim), Some(0.75));
/// ```
pub fn worst_ratio(claim: &Claim) -> Option<f64> {
    let ratio = match (claim.finding, claim.relation) {
        (Finding::Inapplicable, _) => return None,
        _ if claim.is_hidden => return None,
        (_, Relation::AtMost) if claim.right > RESOLVED * claim.rounding => claim.ratio(),
        (_, Relation::AtMost) => return None,
        (_, Relation::Equal) if claim.rounding > 0.0 => {
            (claim.left - claim.right).abs() / claim.rounding
        }
        (finding, Relation::Equal) => f64::from(u8::from(finding == Finding::Refuted)),
    };
    ratio.is_finite().then_some(ratio)
}

/// An instance with the claim that made it worth keeping.
#[derive(Clone, Debug)]
pub struct Worst {
    /// [`worst_ratio`] of the claim.
    pub ratio: f64,
    /// Both sides.
    pub claim: Claim,
    /// The instance.
    pub instance: Instance,
}

/// What a search found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The worst instance, or the first that violates.
    pub worst: Option<Worst>,
    /// Instances evaluated.
    pub evaluations: u64,
}

impl Found {
    /// Whether the worst instance violates the claim.
    pub fn is_violated(&self) -> bool {
        self.worst.as_ref().is_some_and(|w| w.claim.is_violated())
    }

    fn absorb(&mut self, other: Self) {
        self.evaluations += other.evaluations;
        let rank = |found: &Self| {
            found
                .worst
                .as_ref()
                .map_or((false, f64::NEG_INFINITY), |w| (w.claim.is_violated(), w.ratio))
        };
        if rank(&other) > rank(self) {
            self.worst = other.worst;
        }
    }
}

/// The worst claim of one part at an instance; nothing where the statement says nothing or cannot
/// be evaluated.
fn worst_claim(check: &NamedCheck, part: &str, form: Form, instance: &Instance) -> Option<Worst> {
    worst_where(check, |claim| claim.part == part, form, instance)
}

/// The same over all parts.
pub(super) fn worst_of_all(check: &NamedCheck, form: Form, instance: &Instance) -> Option<Worst> {
    worst_where(check, |_| true, form, instance)
}

fn worst_where(
    check: &NamedCheck,
    wanted: impl Fn(&Claim) -> bool,
    form: Form,
    instance: &Instance,
) -> Option<Worst> {
    let claims = check.claims(&Context::drawn(instance), form).ok()?;
    let mut worst: Option<Worst> = None;
    for claim in claims.into_iter().filter(wanted) {
        // A violation counts even where rounding hides the ratio.
        let ratio = match worst_ratio(&claim) {
            Some(ratio) => ratio,
            None if claim.is_violated() => f64::MAX,
            None => continue,
        };
        let better = worst
            .as_ref()
            .is_none_or(|w| (claim.is_violated(), ratio) > (w.claim.is_violated(), w.ratio));
        if better {
            worst = Some(Worst { ratio, claim, instance: instance.clone() });
        }
    }
    worst
}

/// Random moves from an instance, kept if they are worse, for so many steps or until the claim is
/// violated.
fn climb(
    check: &NamedCheck,
    (part, form): (&str, Form),
    start: &Instance,
    steps: u64,
    stop: &Stop,
) -> Found {
    let mut found = Found { worst: worst_claim(check, part, form, start), evaluations: 1 };
    let mut size = FIRST_SIZE;
    for step in 0..steps {
        if found.is_violated() || stop.is_raised() {
            break;
        }
        let from = found.worst.as_ref().map_or(start, |w| &w.instance);
        // One stream of moves for each start.
        let Ok(next) = from.moved(size, start.seed.wrapping_mul(0x9e37_79b9) ^ step) else {
            continue;
        };
        found.evaluations += 1;
        let next = worst_claim(check, part, form, &next);
        let before = found.worst.as_ref().map_or(f64::NEG_INFINITY, |w| w.ratio);
        match next {
            Some(next) if next.ratio > before || next.claim.is_violated() => {
                found.worst = Some(next);
                size = if size * GROWTH < LARGEST_SIZE { size * GROWTH } else { LARGEST_SIZE };
            }
            _ => size *= SHRINKAGE,
        }
        if size < SMALLEST_SIZE {
            size = FIRST_SIZE;
        }
    }
    found
}

/// Climbs from the given seeds for `steps` steps each and returns the worst instance of one part.
///
/// The result depends on the arguments alone, not on the number of threads.
pub fn worst(check: &NamedCheck, part: &str, form: Form, seeds: &[u64], steps: u64) -> Found {
    worst_until(check, part, form, (seeds, steps), &Stop::new())
}

/// The same until the flag is raised, with what was found by then.
pub(super) fn worst_until(
    check: &NamedCheck,
    part: &str,
    form: Form,
    (seeds, steps): (&[u64], u64),
    stop: &Stop,
) -> Found {
    let climbs: Vec<Found> = seeds
        .par_iter()
        .filter_map(|seed| draw(*seed).ok())
        .map(|start| climb(check, (part, form), &start, steps, stop))
        .collect();
    let mut found = Found::default();
    for climb in climbs {
        found.absorb(climb);
    }
    found
}

/// Looks for an instance that violates the control of one part: `draws` seeds from `seed` on (after
/// the last one comes 0), then climbs of `steps` steps from the worst of every kind of recipe.
pub fn refute(check: &NamedCheck, part: &str, seed: u64, draws: u64, steps: u64) -> Found {
    refute_until(check, part, (seed, draws), steps, &Stop::new())
}

/// The same until the flag is raised, with what was found by then.
pub(super) fn refute_until(
    check: &NamedCheck,
    part: &str,
    (seed, draws): (u64, u64),
    steps: u64,
    stop: &Stop,
) -> Found {
    let mut found = Found::default();
    let mut ranking: Vec<(f64, u64)> = Vec::new();
    let mut from = 0;
    while from < draws && !stop.is_raised() {
        let to = (from + BATCH).min(draws);
        let tried: Vec<(u64, Option<Worst>)> = (from..to)
            .into_par_iter()
            .map(|offset| {
                let seed = seed.wrapping_add(offset);
                let instance = draw(seed).ok();
                (seed, instance.and_then(|i| worst_claim(check, part, Form::Control, &i)))
            })
            .collect();
        for (seed, worst) in tried {
            if let Some(w) = &worst {
                ranking.push((w.ratio, seed));
            }
            found.absorb(Found { worst, evaluations: 1 });
        }
        if found.is_violated() {
            return found;
        }
        from = to;
    }
    ranking.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut kinds: BTreeMap<(u8, bool, bool), usize> = BTreeMap::new();
    ranking.retain(|(_, seed)| {
        let count = kinds.entry(Recipe::draw(*seed).kind()).or_default();
        *count += 1;
        *count <= STARTS_OF_A_KIND
    });
    let starts: Vec<u64> = ranking.iter().map(|(_, seed)| *seed).collect();
    found.absorb(worst_until(check, part, Form::Control, (&starts, steps), stop));
    found
}
