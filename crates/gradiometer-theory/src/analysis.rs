//! What the statements say at one student.

use crate::claim::{Claim, Evidence};
use crate::context::Context;
use crate::dual::Dual;
use crate::error::TheoryError;
use crate::s5_duality;
use crate::statement::Statement;
use crate::statements;
use std::ops::ControlFlow;

/// Every statement about a student, and the interval of its optimality gap.
#[derive(Clone, Debug)]
pub struct Analysis {
    /// Both sides of every statement, by id.
    pub claims: Vec<Claim>,
    /// The certificate that they use.
    pub dual: Dual,
    /// Bounds of the optimality gap from the certificate alone (5.2).
    pub gap_by_certificate: (f64, f64),
    /// How these are known.
    pub evidence_by_certificate: Evidence,
    /// The narrower one of the intervals of the gap: from the certificate, or from the optimum
    /// (5.1).
    pub gap: (f64, f64),
    /// How that is known.
    pub gap_evidence: Evidence,
    /// Bounds of the gap that are proved, by a dual point at the optimum's own atoms (5.1), where it has few and they are proved.
    pub gap_proved: Option<(f64, f64)>,
    /// Statements that were not evaluated, because the caller stopped before.
    pub not_evaluated: Vec<&'static str>,
    /// What limits by default left out, a sentence each.
    pub left_out: Vec<String>,
}

impl Analysis {
    /// Evaluates the statements at a student.
    ///
    /// # Errors
    /// [`TheoryError`] if a side cannot be computed.
    pub fn new(context: &Context<'_>) -> Result<Self, TheoryError> {
        Self::new_while(context, &mut |_| ControlFlow::Continue(()))
    }

    /// As [`Analysis::new`], for as long as `proceed` says, which is asked before every statement.
    /// With a statement left out the gap is that of the certificate.
    ///
    /// # Errors
    /// As for [`Analysis::new`].
    pub fn new_while(
        context: &Context<'_>,
        proceed: &mut dyn FnMut(&Statement) -> ControlFlow<()>,
    ) -> Result<Self, TheoryError> {
        let (mut claims, mut not_evaluated) = (Vec::new(), Vec::new());
        for statement in statements() {
            let about = statement.is_about_students();
            if about && (!not_evaluated.is_empty() || proceed(statement).is_break()) {
                not_evaluated.push(statement.id);
            } else {
                claims.extend(statement.claims(context)?);
            }
        }
        let (dual, point) = (context.dual()?, context.point()?);
        let quantities = context.quantities()?;
        let by_certificate = s5_duality::gap(&quantities, dual.constants());
        let is_whole = not_evaluated.is_empty();
        let by_optimum =
            if is_whole { context.optimum()?.gap(point) } else { (0.0, f64::INFINITY) };
        let mut goes_on = || proceed(&s5_duality::WEAK_DUALITY);
        let proved = if is_whole { context.proved_gap(&mut goes_on)? } else { None };
        let left_out =
            if is_whole { context.left_out()?.into_iter().collect() } else { Vec::new() };
        let evidence = quantities.zeta_plus.evidence().worse(dual.evidence());
        let width = |(lower, upper): (f64, f64)| upper - lower;
        let (gap, gap_evidence) = if width(by_optimum) < width(by_certificate) {
            (by_optimum, Evidence::Sampled)
        } else {
            (by_certificate, evidence)
        };
        Ok(Self {
            claims,
            dual: dual.clone(),
            gap_by_certificate: by_certificate,
            evidence_by_certificate: evidence,
            gap,
            gap_evidence,
            gap_proved: proved.map(|gap| (gap.lo(), gap.hi())),
            not_evaluated,
            left_out,
        })
    }
}
