use super::*;
use gradiometer_files::FilesError;
use gradiometer_theory::TheoryError;
use gradiometer_theory::{Check, Context, Cost, Form, Known, NamedCheck, Predicted, Scope, Sides};
use std::ops::ControlFlow;

const FEW: Options = Options { instances: 100, seed: 7, steps: 4, draws: 64, runs: 2 };

fn suite() -> Suite {
    Suite::of(&["7.1".to_owned(), "3.2".to_owned()], FEW).unwrap()
}

fn go_on(_: Progress<'_>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut suite = suite();
            suite.run(None, &mut go_on).unwrap();
            suite.verification()
        })
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn a_verification_that_is_cut_ends_in_the_same_report() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(STATE_FILE);
    let mut whole = suite();
    whole.run(None, &mut go_on).unwrap();
    assert_eq!(whole.conclusion(), Some(true));
    let mut cut = suite();
    let mut cuts = 0;
    loop {
        // One step at a time.
        let mut steps = 0;
        let mut one = |_: Progress<'_>| {
            steps += 1;
            if steps > 1 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        cut.run(Some(&path), &mut one).unwrap();
        if cut.is_complete() {
            break;
        }
        assert_eq!(cut.conclusion(), None);
        cuts += 1;
        cut = suite().resumed(&path).unwrap();
    }
    assert!(cuts > 2);
    assert_eq!(cut.verification(), whole.verification());
}

#[test]
fn a_raised_flag_ends_a_verification_and_leaves_no_trace_of_what_was_not_done() {
    let stop = gradiometer_population::Stop::new();
    let mut stopped = suite().stopping_at(&stop);
    let mut raise = |progress: Progress<'_>| {
        if progress.done > 0 {
            stop.raise();
        }
        ControlFlow::Continue(())
    };
    stopped.run(None, &mut raise).unwrap();
    assert_eq!((stopped.seeds(), stopped.is_complete()), (64, false));
    let mut on = stopped.stopping_at(&gradiometer_population::Stop::new());
    on.run(None, &mut go_on).unwrap();
    let mut whole = suite();
    whole.run(None, &mut go_on).unwrap();
    assert_eq!(on.verification(), whole.verification());
}

#[test]
fn a_state_of_other_options_or_claims_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(STATE_FILE);
    suite().run(Some(&path), &mut |_| ControlFlow::Break(())).unwrap();
    let refused = |ids: &[String], options| {
        let suite = Suite::of(ids, options).unwrap();
        matches!(suite.resumed(&path), Err(FilesError::OtherState { .. }))
    };
    let ids = ["7.1".to_owned(), "3.2".to_owned()];
    assert!(!refused(&ids, FEW));
    assert!(refused(&ids, Options { seed: 8, ..FEW }));
    assert!(refused(&ids[..1], FEW));
    std::fs::write(&path, "{}").unwrap();
    assert!(matches!(suite().resumed(&path), Err(FilesError::Json { .. })));
    let unknown = Suite::of(&["7.11".to_owned()], FEW);
    let Err(VerifyError::UnknownStatement { known, .. }) = unknown else { panic!("7.11 is known") };
    // Each once, though some claims share an id.
    assert!(known.windows(2).all(|pair| pair[0] < pair[1]), "{known:?}");
}

/// The sides of `lambda <= 1e9`; the control lowers the bound.
#[expect(clippy::unnecessary_wraps, reason = "the signature of all statements")]
fn toy(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let [left, right] = [context.lambda(), form.choose(1e9, 0.1)].map(|x| Known::computed(x, 0.0));
    Ok(vec![Sides::at_most("toy", left, right)])
}

const TOY: NamedCheck = NamedCheck {
    id: "0.0",
    check: Check {
        title: "lambda <= 1e9",
        hypotheses: "-",
        control: "1e-1",
        scope: Scope::Instances,
        cost: Cost::Formulas,
        evaluate: toy,
    },
    scale: 1.0,
};

#[test]
fn a_smaller_constant_is_refuted_and_the_stated_one_is_not() {
    let suite = |scale| {
        let mut suite = Suite::of(&["7.3".to_owned()], FEW).unwrap().scaled(scale);
        suite.run(None, &mut |_| ControlFlow::Continue(())).unwrap();
        suite
    };
    let (stated, halved) = (suite(1.0), suite(0.5));
    assert_eq!(stated.reports()[0].violations(), 0);
    assert_eq!(halved.conclusion(), Some(false));
    assert!(halved.reports()[0].violations() > 0);
    // What was found under another scale is no state to go on from.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    let mut suite = Suite::of(&["7.3".to_owned()], FEW).unwrap().scaled(0.5);
    suite.run(Some(&path), &mut |_| ControlFlow::Continue(())).unwrap();
    assert!(Suite::of(&["7.3".to_owned()], FEW).unwrap().resumed(&path).is_err());
}

#[test]
fn a_search_climbs_and_finds_what_draws_do_not() {
    // lambda is multiplied by a move of one climb: it grows past what the start had.
    let few = worst(&TOY, "toy", Form::Stated, &[1], 0);
    let many = worst(&TOY, "toy", Form::Stated, &[1], 60);
    let ratio = |found: &Found| found.worst.as_ref().map(|w| w.ratio);
    assert!(ratio(&many) > ratio(&few), "{:?} {:?}", ratio(&many), ratio(&few));
    assert_eq!((few.evaluations, few.is_violated()), (1, false));
    assert!(refute(&TOY, "toy", 0, 64, 10).is_violated());
    // A statement that is false is seen to be.
    let with = |evaluate| NamedCheck { check: Check { evaluate, ..TOY.check }, ..TOY };
    let wrong = with(|context, _| toy(context, Form::Control));
    let mut suite = Suite::new(vec![wrong], Vec::new(), FEW);
    suite.run(None, &mut go_on).unwrap();
    assert!(suite.reports()[0].violations() > 0);
    assert_eq!(suite.conclusion(), Some(false));
    assert!(suite.instances().keys().any(|name| name.contains("violated")));
    // So is a control that cannot be refuted.
    let tame = with(|context, _| toy(context, Form::Stated));
    let mut suite = Suite::new(vec![tame], Vec::new(), FEW);
    suite.run(None, &mut go_on).unwrap();
    assert_eq!((suite.reports()[0].violations(), suite.conclusion()), (0, Some(false)));
}

#[test]
fn an_exponent_agrees_with_its_interval_or_does_not() {
    let fit = Fit::of(&[1.9, 2.0, 2.1]);
    assert!(fit.low < 2.0 && 2.0 < fit.high);
    assert!(fit.agrees(Predicted::About(2.0)) && !fit.agrees(Predicted::About(3.0)));
    assert!(fit.agrees(Predicted::AtLeast(2.0)) && !fit.agrees(Predicted::AtLeast(3.0)));
    assert!(fit.agrees(Predicted::AtMost(2.0)) && !fit.agrees(Predicted::AtMost(1.0)));
    let undefined = Fit::of(&[f64::NAN, 1.0]);
    assert!(!undefined.agrees(Predicted::About(1.0)));
    // Runs that scatter meet anything and agree with nothing, one run the most.
    for wide in [Fit::of(&[1.0, 2.0, 3.0]), Fit::of(&[2.0])] {
        assert!(wide.meets(Predicted::About(2.0)) && !wide.agrees(Predicted::About(2.0)));
        assert!(wide.meets(Predicted::AtMost(2.0)) && !wide.agrees(Predicted::AtMost(2.0)));
    }
    // All of a wide interval may be where it should.
    let scattered = Fit::of(&[1.0, 2.0, 3.0]);
    assert!(scattered.agrees(Predicted::AtMost(9.0)) && scattered.agrees(Predicted::AtLeast(-9.0)));
    assert!(!scattered.agrees(Predicted::AtMost(-9.0)));
}

/// The sides of `lambda <= lambda + 1` with a rounding that hides it, or is infinite.
#[expect(clippy::unnecessary_wraps, reason = "the signature of all statements")]
fn hidden(context: &Context<'_>, form: Form) -> Result<Vec<Sides>, TheoryError> {
    let rounding = form.choose(1e9, f64::INFINITY) * (1.0 + context.lambda());
    let [left, right] = [0.0, 1.0].map(|x| context.lambda() + x);
    Ok(vec![Sides::at_most("toy", Known::computed(left, 0.0), Known::computed(right, rounding))])
}

#[test]
fn what_rounding_hides_is_not_counted_as_checked() {
    let run = |evaluate| {
        let check = NamedCheck { check: Check { evaluate, ..TOY.check }, ..TOY };
        let mut suite = Suite::new(vec![check], Vec::new(), FEW);
        suite.run(None, &mut go_on).unwrap();
        let part = &suite.reports()[0].parts[0];
        let counts = (part.checked, part.hidden_by_rounding, part.undecided, part.violations);
        assert_eq!(suite.reports()[0].hidden_by_rounding(), part.hidden_by_rounding);
        let json = serde_json::to_value(suite.verification()).unwrap();
        assert_eq!(json["claims"][0]["hidden_by_rounding"], part.hidden_by_rounding);
        assert_eq!(json["claims"][0]["parts"][0]["checked"], part.checked);
        (counts, suite.conclusion())
    };
    let ((checked, hidden_instances, undecided, violations), conclusion) = run(hidden);
    assert!(hidden_instances > 0 && conclusion != Some(true));
    assert_eq!((checked, undecided, violations), (0, 0, 0));
    let infinite = |context: &Context<'_>, _: Form| hidden(context, Form::Control);
    let ((checked, hidden_instances, undecided, violations), conclusion) = run(infinite);
    assert!(undecided > 0 && conclusion != Some(true));
    assert_eq!((checked, hidden_instances, violations), (0, 0, 0));
    // Negative control: what is told is counted.
    let ((checked, hidden_instances, ..), _) = run(toy);
    assert!(checked >= FEW.instances && hidden_instances == 0);
}

#[test]
fn a_seed_without_an_instance_is_counted() {
    // The numbers of this one's recipe overflow.
    let seed = 71;
    assert!(gradiometer_landscape::instance::draw(seed).is_err());
    let run = |seed| {
        let options = Options { seed, instances: 1, ..FEW };
        let mut suite = Suite::of(&["7.1".to_owned()], options).unwrap();
        suite.run(None, &mut go_on).unwrap();
        suite.reports()[0].inapplicable
    };
    assert!(run(seed) > 0);
    // Negative control: the seed after it.
    assert!(run(seed) > run(seed + 1));
}
