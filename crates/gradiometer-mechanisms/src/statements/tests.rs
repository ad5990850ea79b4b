use super::*;
use gradiometer_instances::Instance;
use gradiometer_landscape::instance::draw;
use gradiometer_theory::{Finding, Form};

/// What a statement's checks show at some instances, in one form: how many were decided, and how
/// many of them refute it.
fn findings(statement: &Statement, form: Form, instances: &[Instance]) -> (usize, usize) {
    let (mut decided, mut refuted) = (0, 0);
    for instance in instances {
        let context = Context::drawn(instance);
        for named in statement.named_checks() {
            for claim in named.claims(&context, form).unwrap() {
                decided += usize::from(claim.finding != Finding::Inapplicable);
                refuted += usize::from(claim.is_violated());
            }
        }
    }
    (decided, refuted)
}

#[test]
fn every_statement_holds_and_every_control_is_refuted() {
    let instances: Vec<Instance> = (0..60).filter_map(|seed| draw(seed).ok()).collect();
    for statement in statements() {
        let (decided, refuted) = findings(statement, Form::Stated, &instances);
        assert!(decided >= 20 && refuted == 0, "{}: {refuted} of {decided}", statement.id);
        let (_, refuted) = findings(statement, Form::Control, &instances);
        assert!(refuted > 0, "{}: the control holds", statement.id);
    }
}

#[test]
fn ids_ascend_and_occur_once() {
    let number = |id: &str| -> Vec<u32> { id.split('.').map(|x| x.parse().unwrap()).collect() };
    let ids: Vec<Vec<u32>> = statements().map(|s| number(s.id)).collect();
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
}
