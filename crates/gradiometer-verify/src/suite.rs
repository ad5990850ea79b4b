//! All statements on many instances, with a state that can be written, read and gone on from.

use super::scaling::{Scaling, ScalingReport};
use super::search::{self, STARTS};
use super::{Found, VerifyError, all_statements, worst_ratio};
use gradiometer_files::FilesError;
use gradiometer_files::file;
use gradiometer_files::text_file::from_json;
use gradiometer_instances::Instance;
use gradiometer_landscape::instance::draw;
use gradiometer_model::{Network, Teacher};
use gradiometer_population::Stop;
use gradiometer_theory::{
    Claim, Context, Finding, Form, NamedCheck, Relation, Statement, TheoryError,
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

/// What to verify, and how much of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// Instances of each part of a statement that meet its hypotheses, over
    /// [`gradiometer_theory::Check::every`].
    pub instances: u64,
    /// The first seed; instance `i` has this plus `i`.
    pub seed: u64,
    /// Steps of each of the climbs that look for a worse instance.
    pub steps: u64,
    /// Seeds on which a control is tried before the search climbs.
    pub draws: u64,
    /// Runs of a scaling statement.
    pub runs: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { instances: 10_000, seed: 0, steps: 200, draws: 4096, runs: 8 }
    }
}

/// Seeds of one parallel batch.
const BATCH: u64 = 64;
/// No more seeds than so many times the instances asked for, where a hypothesis fails often.
const MOST_SEEDS: u64 = 3;
/// Batches between two writings of the state.
const WRITTEN: u64 = 8;

/// Counts of one part of a statement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartReport {
    /// The part.
    pub part: String,
    /// Whether it is an identity, not an inequality.
    pub identity: bool,
    /// Evaluations where the hypotheses hold and the sides say something.
    pub checked: u64,
    /// Of these, violated.
    pub violations: u64,
    /// Evaluations whose sides agree by their rounding alone, beside those checked.
    #[serde(default)]
    pub hidden_by_rounding: u64,
    /// Evaluations of which a side or its rounding is not a finite number, beside those checked.
    pub undecided: u64,
    /// Seeds of the largest ratios, worst first.
    pub worst: Vec<(f64, u64)>,
    /// Seeds that violate it, the first few.
    pub violating: Vec<u64>,
    /// The search from the worst of them.
    pub search: Option<SearchReport>,
    /// How the sides are known.
    pub evidence: String,
}

/// What a search found, in a form that files hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SearchReport {
    /// The worst ratio.
    pub ratio: Option<f64>,
    /// Whether it violates the claim.
    pub violated: bool,
    /// Instances evaluated.
    pub evaluations: u64,
    /// The instance.
    pub instance: Option<Stored>,
}

/// An instance in a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stored {
    /// Its seed.
    pub seed: u64,
    /// `lambda`.
    pub lambda: f64,
    /// Input dimension.
    pub dimension: usize,
    /// The teacher's layers.
    pub teacher: (Vec<f64>, Vec<f64>),
    /// The student's layers.
    pub student: (Vec<f64>, Vec<f64>),
}

impl Stored {
    fn new(instance: &Instance) -> Self {
        let layers = |n: &Network| (n.second_layer().to_vec(), n.first_layer().to_vec());
        Self {
            seed: instance.seed,
            lambda: instance.lambda,
            dimension: instance.teacher.dimension(),
            teacher: layers(instance.teacher.network()),
            student: layers(&instance.student),
        }
    }

    /// The instance.
    ///
    /// # Errors
    /// As for [`Self::networks`], or for two parallel teacher neurons.
    pub fn instance(&self) -> Result<Instance, VerifyError> {
        let (teacher, student) = self.networks()?;
        let teacher = Teacher::new(teacher)?.separated()?;
        Ok(Instance { seed: self.seed, teacher, student, lambda: self.lambda })
    }

    /// Teacher and student.
    ///
    /// # Errors
    /// [`VerifyError::Model`] if the numbers make no networks.
    pub fn networks(&self) -> Result<(Network, Network), VerifyError> {
        let network =
            |(a, w): &(Vec<f64>, Vec<f64>)| Network::new(self.dimension, a.clone(), w.clone());
        Ok((network(&self.teacher)?, network(&self.student)?))
    }
}

impl SearchReport {
    fn new(found: &Found) -> Self {
        let worst = found.worst.as_ref();
        Self {
            ratio: worst.map(|w| w.ratio).filter(|r| r.is_finite()),
            violated: found.is_violated(),
            evaluations: found.evaluations,
            instance: worst.map(|w| Stored::new(&w.instance)),
        }
    }
}

impl PartReport {
    fn new(claim: &Claim) -> Self {
        Self {
            part: claim.part.to_owned(),
            identity: claim.relation == Relation::Equal,
            checked: 0,
            violations: 0,
            hidden_by_rounding: 0,
            undecided: 0,
            worst: Vec::new(),
            violating: Vec::new(),
            search: None,
            evidence: claim.evidence.name().to_owned(),
        }
    }

    fn count(&mut self, claim: &Claim, seed: u64) {
        match claim.finding {
            Finding::Inapplicable => return,
            Finding::Inconclusive => {
                self.undecided += 1;
                return;
            }
            Finding::Holds if claim.is_hidden => {
                self.hidden_by_rounding += 1;
                return;
            }
            Finding::Holds => {}
            Finding::Refuted => {
                self.violations += 1;
                if self.violating.len() < STARTS {
                    self.violating.push(seed);
                }
            }
        }
        self.checked += 1;
        let Some(ratio) = worst_ratio(claim) else { return };
        if let Some(same) = self.worst.iter_mut().find(|(_, other)| *other == seed) {
            if ratio > same.0 {
                same.0 = ratio;
            }
        } else {
            self.worst.push((ratio, seed));
        }
        self.worst.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        self.worst.truncate(STARTS);
    }

    /// The worst ratio of the random instances.
    pub fn worst_ratio(&self) -> Option<f64> {
        self.worst.first().map(|(ratio, _)| *ratio)
    }

    /// The worst ratio of random instances and search.
    pub fn largest_ratio(&self) -> Option<f64> {
        let searched = self.search.as_ref().and_then(|s| s.ratio);
        match (self.worst_ratio(), searched) {
            (Some(x), Some(y)) => Some(if x > y { x } else { y }),
            (x, y) => x.or(y),
        }
    }

    /// Violations of the random instances, and one if the search found another.
    pub fn all_violations(&self) -> u64 {
        self.violations + u64::from(self.search.as_ref().is_some_and(|s| s.violated))
    }
}

/// What became of the control of one part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ControlReport {
    /// The part.
    pub part: String,
    /// The search that had to refute it.
    pub search: SearchReport,
}

/// What was found about one statement.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Its id.
    pub id: String,
    /// Instances that met the hypotheses of at least one part.
    pub instances: u64,
    /// Instances that did not, and seeds that no instance could be drawn from.
    pub inapplicable: u64,
    /// The parts, by name.
    pub parts: Vec<PartReport>,
    /// The controls, one for each part.
    pub controls: Vec<ControlReport>,
    /// Whether everything was done.
    pub complete: bool,
}

impl Report {
    /// Violations of any part.
    pub fn violations(&self) -> u64 {
        self.parts.iter().map(PartReport::all_violations).sum()
    }

    /// Whether a control was tried and not refuted.
    pub fn has_control_that_holds(&self) -> bool {
        self.controls.iter().any(|c| c.search.evaluations > 0 && !c.search.violated)
    }

    /// Whether every control was refuted.
    pub fn controls_fail(&self) -> bool {
        !self.controls.is_empty() && self.controls.iter().all(|c| c.search.violated)
    }

    /// The part whose ratio is worst among the random instances, inequalities before identities.
    pub fn worst_part(&self) -> Option<&PartReport> {
        let rank =
            |part: &&PartReport| (!part.identity, part.worst_ratio().unwrap_or(f64::NEG_INFINITY));
        self.parts.iter().max_by(|a, b| {
            let (a, b) = (rank(a), rank(b));
            a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
        })
    }

    /// Evaluations of any part that rounding hides.
    pub fn hidden_by_rounding(&self) -> u64 {
        self.parts.iter().map(|part| part.hidden_by_rounding).sum()
    }

    fn part(&mut self, claim: &Claim) -> &mut PartReport {
        let found = self.parts.iter().position(|p| p.part == claim.part);
        let at = found.unwrap_or(self.parts.len());
        if found.is_none() {
            self.parts.push(PartReport::new(claim));
        }
        &mut self.parts[at]
    }
}

/// Where a suite stands, for a progress bar.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// Steps done of [`Progress::all`].
    pub done: u64,
    /// Steps to do; it may shrink where hypotheses often hold.
    pub all: u64,
    /// What is being done.
    pub doing: &'a str,
}

/// What is kept between runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct State {
    options: Options,
    claims: Vec<String>,
    /// Seeds evaluated, from the first on.
    seeds: u64,
    reports: Vec<Report>,
    scalings: Vec<ScalingReport>,
    /// What the right sides of inequalities are multiplied by.
    #[serde(default = "unscaled")]
    scale: f64,
}

const fn unscaled() -> f64 {
    1.0
}

/// Statements being verified.
#[derive(Debug)]
pub struct Suite {
    checks: Vec<NamedCheck>,
    scalings: Vec<Scaling>,
    state: State,
    stop: Stop,
}

impl Suite {
    /// A suite at its start.
    pub fn new(checks: Vec<NamedCheck>, scalings: Vec<Scaling>, options: Options) -> Self {
        let claims = checks.iter().map(|c| c.id).chain(scalings.iter().map(|s| s.id));
        let mut claims: Vec<String> = claims.map(str::to_owned).collect();
        claims.dedup();
        let report = |c: &NamedCheck| Report { id: c.id.to_owned(), ..Report::default() };
        let reports = checks.iter().map(report).collect();
        let scale = unscaled();
        let state = State { options, claims, seeds: 0, reports, scalings: Vec::new(), scale };
        Self { checks, scalings, state, stop: Stop::new() }
    }

    /// The suite of the statements with the given ids, all if there are none.
    ///
    /// # Errors
    /// [`VerifyError::UnknownStatement`].
    ///
    /// # Examples
    /// ```
    /// use gradiometer_verify::{Options, Suite};
    /// use std::ops::ControlFlow;
    /// let options = Options { instances: 10, steps: 5, ..Options::default() };
    /// let mut suite = Suite::of(&["7.5".to_owned()], options).unwrap();
    /// suite.run(None, &mut |_| ControlFlow::Continue(())).unwrap();
    /// let report = &suite.reports()[0];
    /// assert_eq!((report.violations(), report.controls_fail()), (0, true));
    /// ```
    pub fn of(ids: &[String], options: Options) -> Result<Self, VerifyError> {
        let mut checks: Vec<NamedCheck> =
            all_statements().flat_map(Statement::named_checks).collect();
        let mut scalings = super::scalings();
        if !ids.is_empty() {
            let known: Vec<&'static str> =
                checks.iter().map(|c| c.id).chain(scalings.iter().map(|s| s.id)).collect();
            if let Some(id) = ids.iter().find(|id| !known.contains(&id.as_str())) {
                let mut known = known;
                known.sort_unstable();
                known.dedup();
                return Err(VerifyError::UnknownStatement { id: id.clone(), known });
            }
            checks.retain(|s| ids.iter().any(|id| id == s.id));
            scalings.retain(|s| ids.iter().any(|id| id == s.id));
        }
        Ok(Self::new(checks, scalings, options))
    }

    /// The same with the right sides of all inequalities times a factor: whether a smaller constant
    /// would do. The controls stay as they are.
    #[must_use]
    pub fn scaled(mut self, scale: f64) -> Self {
        self.checks = self.checks.iter().map(|check| check.scaled(scale)).collect();
        self.state.scale = scale;
        self
    }

    /// The same with a flag that ends it between two instances: what was not done by then counts
    /// for nothing and is done again when the suite goes on.
    #[must_use]
    pub fn stopping_at(mut self, stop: &Stop) -> Self {
        self.stop = stop.clone();
        self
    }

    /// What [`Self::scaled`] took, 1 without it.
    pub const fn scale(&self) -> f64 {
        self.state.scale
    }

    /// This suite at the state that a file holds.
    ///
    /// # Errors
    /// [`FilesError::OtherState`] if it belongs to other options, [`FilesError`] if it cannot be
    /// read.
    pub fn resumed(mut self, path: &Path) -> Result<Self, FilesError> {
        let bytes = file::read(path)?;
        let state: State = from_json(path, &bytes, "the state file of a verification")?;
        let other = |field| FilesError::OtherState { path: path.to_owned(), field };
        if state.options != self.state.options {
            return Err(other("one of instances, seed and effort"));
        }
        if state.claims != self.state.claims {
            return Err(other("the list of claims"));
        }
        if state.scale.to_bits() != self.state.scale.to_bits() {
            return Err(other("scale"));
        }
        self.state = state;
        Ok(self)
    }

    /// The checks, as [`Self::reports`] has them.
    pub fn checks(&self) -> &[NamedCheck] {
        &self.checks
    }

    /// What was found so far, one for each of [`Self::checks`].
    pub fn reports(&self) -> &[Report] {
        &self.state.reports
    }

    /// The fits done so far.
    pub fn scalings(&self) -> &[ScalingReport] {
        &self.state.scalings
    }

    /// Whether everything was done.
    pub fn is_complete(&self) -> bool {
        self.state.reports.iter().all(|r| r.complete)
            && self.state.scalings.len() == self.scalings.len()
    }

    /// Seeds evaluated.
    pub const fn seeds(&self) -> u64 {
        self.state.seeds
    }

    /// Goes on until everything is done or `progress` stops it, and writes the state to `file` now
    /// and then and at the end.
    ///
    /// # Errors
    /// [`VerifyError::At`] if a statement cannot be evaluated where its hypotheses hold,
    /// [`FilesError::Write`].
    pub fn run(
        &mut self,
        file: Option<&Path>,
        progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<(), VerifyError> {
        let _whether_stopped = self.run_all(file, progress)?;
        Ok(self.write(file)?)
    }

    fn run_all(
        &mut self,
        file: Option<&Path>,
        progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, VerifyError> {
        let searches = self.checks.len() as u64;
        let fits = self.scalings.len() as u64;
        let mut batches = 0;
        while self.wants_seeds() {
            let all = self.state.options.instances.max(self.state.seeds + BATCH) + searches + fits;
            let step = Progress { done: self.state.seeds, all, doing: "random instances" };
            if progress(step).is_break() {
                return Ok(ControlFlow::Break(()));
            }
            if self.evaluate_batch()?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            batches += 1;
            if batches % WRITTEN == 0 {
                self.write(file)?;
            }
        }
        for at in 0..self.checks.len() {
            if self.state.reports[at].complete {
                continue;
            }
            let done = self.state.seeds + at as u64;
            let all = self.state.seeds + searches + fits;
            let doing = format!("searching {}", self.checks[at].id);
            if progress(Progress { done, all, doing: &doing }).is_break() {
                return Ok(ControlFlow::Break(()));
            }
            if self.search(at).is_break() {
                return Ok(ControlFlow::Break(()));
            }
            self.write(file)?;
        }
        for at in self.state.scalings.len()..self.scalings.len() {
            let done = self.state.seeds + searches + at as u64;
            let scaling = self.scalings[at];
            let doing = format!("fitting {}, {}", scaling.id, scaling.exponent.part);
            let all = self.state.seeds + searches + fits;
            if progress(Progress { done, all, doing: &doing }).is_break() {
                return Ok(ControlFlow::Break(()));
            }
            let options = &self.state.options;
            self.state.scalings.push(scaling.report(options.seed, options.runs)?);
            self.write(file)?;
        }
        Ok(ControlFlow::Continue(()))
    }

    fn write(&self, file: Option<&Path>) -> Result<(), FilesError> {
        let Some(path) = file else { return Ok(()) };
        let text = serde_json::to_string(&self.state)
            .map_err(|error| FilesError::Encode { path: path.to_owned(), source: error.into() })?;
        file::write_atomically(path, text.as_bytes())
    }

    /// Whether a statement still lacks instances.
    fn lacks(&self, at: usize) -> bool {
        let wanted = self.state.options.instances;
        let enough = wanted.div_ceil(self.checks[at].check.every());
        let report = &self.state.reports[at];
        let least = report.parts.iter().map(|p| p.checked).min().unwrap_or(0);
        (least < enough || report.instances < enough) && self.state.seeds < MOST_SEEDS * wanted
    }

    fn wants_seeds(&self) -> bool {
        (0..self.checks.len()).any(|at| self.lacks(at))
    }

    /// Evaluates the next seeds, all or none.
    fn evaluate_batch(&mut self) -> Result<ControlFlow<()>, VerifyError> {
        let first = self.state.seeds;
        let last = (first + BATCH).min(MOST_SEEDS * self.state.options.instances);
        let lacking: Vec<usize> = (0..self.checks.len()).filter(|at| self.lacks(*at)).collect();
        let base = self.state.options.seed;
        let results: Vec<(u64, Vec<Evaluated>)> = (first..last)
            .into_par_iter()
            .map(|offset| {
                let seed = base.wrapping_add(offset);
                (seed, self.evaluate(seed, offset, &lacking))
            })
            .collect();
        if self.stop.is_raised() {
            return Ok(ControlFlow::Break(()));
        }
        for (seed, evaluated) in results {
            for (at, claims) in evaluated {
                let id = self.checks[at].id;
                let claims = claims.map_err(|source| VerifyError::At { id, seed, source })?;
                let report = &mut self.state.reports[at];
                let applies = claims.iter().any(|c| c.finding != Finding::Inapplicable);
                if applies {
                    report.instances += 1;
                } else {
                    report.inapplicable += 1;
                }
                for claim in &claims {
                    report.part(claim).count(claim, seed);
                }
            }
        }
        self.state.seeds = last;
        Ok(ControlFlow::Continue(()))
    }

    fn evaluate(&self, seed: u64, offset: u64, lacking: &[usize]) -> Vec<Evaluated> {
        // A recipe may end in no instance, as one whose numbers overflow: then nothing applies.
        let instance = draw(seed).ok();
        let context = instance.as_ref().map(|one| Context::drawn(one).stopping_at(&self.stop));
        lacking
            .iter()
            .take_while(|_| !self.stop.is_raised())
            .filter(|at| offset.is_multiple_of(self.checks[**at].check.every()))
            .map(|at| {
                let claims = context.as_ref().map_or_else(
                    || Ok(Vec::new()),
                    |context| self.checks[*at].claims(context, Form::Stated),
                );
                (*at, claims)
            })
            .collect()
    }

    /// Climbs from the worst seeds of every part, and refutes the controls; all or nothing.
    fn search(&mut self, at: usize) -> ControlFlow<()> {
        let (check, options) = (self.checks[at], self.state.options.clone());
        let steps = (options.steps / check.check.every().isqrt()).max(1);
        let mut report = self.state.reports[at].clone();
        report.controls.clear();
        for part in &mut report.parts {
            let seeds: Vec<u64> = part.worst.iter().map(|(_, seed)| *seed).collect();
            let found =
                search::worst_until(&check, &part.part, Form::Stated, (&seeds, steps), &self.stop);
            part.search = Some(SearchReport::new(&found));
            let draws = (options.seed, options.draws);
            let refuted = search::refute_until(&check, &part.part, draws, steps, &self.stop);
            report.controls.push(ControlReport {
                part: part.part.clone(),
                search: SearchReport::new(&refuted),
            });
        }
        if self.stop.is_raised() {
            return ControlFlow::Break(());
        }
        report.complete = true;
        self.state.reports[at] = report;
        ControlFlow::Continue(())
    }

    /// What was concluded: `Some(true)` if every claim holds and every control fails, `Some(false)`
    /// if a claim or a fit is violated or a control is not, `None` if not everything was done or a
    /// part was never decided.
    pub fn conclusion(&self) -> Option<bool> {
        let (reports, scalings) = (self.reports(), self.scalings());
        let refuted = reports.iter().any(|r| r.violations() > 0 || r.has_control_that_holds())
            || scalings.iter().any(|s| !(s.agrees && s.control_fails));
        let blind = |part: &PartReport| part.checked == 0;
        let undecided = reports
            .iter()
            .any(|r| r.parts.is_empty() || !r.controls_fail() || r.parts.iter().any(blind));
        if refuted { Some(false) } else { (self.is_complete() && !undecided).then_some(true) }
    }

    /// The instances worth keeping: the worst of every inequality, and whatever violates a claim,
    /// by the name of statement and part.
    pub fn instances(&self) -> BTreeMap<String, Stored> {
        let mut kept = BTreeMap::new();
        for report in &self.state.reports {
            for part in &report.parts {
                let name = format!("{}-{}", report.id, part.part.replace([' ', ',', '>'], "-"));
                if let Some(instance) = part.search.as_ref().and_then(|s| s.instance.clone()) {
                    kept.insert(name.clone(), instance);
                }
                for seed in &part.violating {
                    if let Ok(instance) = draw(*seed) {
                        kept.insert(format!("{name}-violated-{seed}"), Stored::new(&instance));
                    }
                }
            }
        }
        kept
    }
}

/// A check's index and what its evaluation gave.
type Evaluated = (usize, Result<Vec<Claim>, TheoryError>);
