use super::*;
use gradiometer_model::Teacher;
use gradiometer_population::{Batches, Objective, Precision, WeightDecay};
use gradiometer_train::{Floors, Optimizer};

const SMALL: &str = "seed = 1\n[teacher]\ndimension = 6\nneurons = 2\n[student]\nneurons = 10\n";

fn parse(text: &str) -> Result<Experiment, RunError> {
    Experiment::parse("x.toml".as_ref(), text.as_bytes())
}

/// What a run descends.
fn objective(experiment: &Experiment, teacher: &Teacher) -> Box<dyn Objective> {
    let sampled = experiment.sampled("".as_ref(), teacher).unwrap();
    sampled.unwrap_or_else(|| experiment.population(teacher).unwrap())
}

#[test]
fn defaults_are_those_of_the_algorithm() {
    assert_eq!(parse(SMALL).unwrap().algorithm(), Algorithm::default());
}

#[test]
fn parts_can_be_left_out() {
    let text = format!("skip = [\"stage1\", \"stage2\", \"balance\", \"stage3\"]\n{SMALL}");
    let nothing = Algorithm { stage1: None, stage2: None, balance: false, stage3: None };
    assert_eq!(parse(&text).unwrap().algorithm(), nothing);
}

#[test]
fn an_experiment_survives_being_written() {
    let experiment = parse(&format!("{SMALL}[stage3]\nlambda = 0.3\n")).unwrap();
    let text = toml::to_string(&experiment).unwrap();
    assert_eq!(parse(&text).unwrap(), experiment);
}

#[test]
fn variants_are_data() {
    let path = Path::new("");
    let text = format!(
        "skip = [\"preprocessing\", \"stage1\"]\n{SMALL}start = \"gaussian\"\n[samples]\ncount = 50\nbatch = 10\n\
         [stage3]\noptimizer = \"adam\"\nfreeze_first_layer = true\nfirst_layer_share = 0.0\n"
    );
    let experiment = parse(&text).unwrap();
    let algorithm = experiment.algorithm();
    let stage3 = algorithm.stage3.unwrap();
    assert!(algorithm.stage1.is_none() && stage3.freeze_first_layer);
    assert_eq!(stage3.weight_decay(2.0), WeightDecay { second_layer: 2.0, first_layer: 0.0 });
    assert!(matches!(stage3.optimizer, Optimizer::Adam { .. }));
    let batches = |text: &str| parse(text).unwrap().samples.unwrap().batches();
    assert_eq!(batches(&text), Batches::Shuffled { size: 10, reuse: 1 });
    let fresh = format!("{SMALL}[samples]\ncount = 50\nfresh = true\nreuse = 3\n");
    assert_eq!(batches(&fresh), Batches::Fresh { size: 50, reuse: 3 });

    let teacher = experiment.teacher(path).unwrap().into_inner();
    let student = experiment.student(path, 6).unwrap();
    let losses = [&text, &text.replace("\"preprocessing\", ", ""), SMALL].map(|text| {
        let experiment = parse(text).unwrap();
        let objective = objective(&experiment, &teacher);
        let population = experiment.population(&teacher).unwrap();
        [objective.loss(&student, 1.0).value, population.loss(&student, 1.0).value]
    });
    let mut distinct: Vec<u64> = losses.as_flattened().iter().map(|x| x.to_bits()).collect();
    distinct.sort_unstable();
    distinct.dedup();
    // Raw and preprocessed, sampled and exact; the last file has no samples, and its degrees are
    // those of the second.
    assert_eq!(distinct.len(), 4, "{losses:?}");
    let erf = parse(&format!("activation = \"erf\"\n{SMALL}")).unwrap();
    let erf = objective(&erf, &teacher).loss(&student, 1.0).value;
    assert!(erf > 0.0 && !distinct.contains(&erf.to_bits()));
    for name in ["absolute", "erf"] {
        let text = format!("activation = \"{name}\"\n{SMALL}[samples]\ncount = 4000\n");
        let experiment = parse(&text).unwrap();
        let sampled = objective(&experiment, &teacher).loss(&student, 1.0).value;
        let exact = experiment.population(&teacher).unwrap().loss(&student, 1.0).value;
        // A mean of 4000 squares, the deviation of each a few times their mean; ReLU's loss is
        // farther away.
        assert!((sampled / exact - 1.0).abs() < 0.25, "{name}: {sampled} {exact}");
        assert!((losses[2][1] / exact - 1.0).abs() > 0.25, "{name}: {losses:?} {exact}");
    }
    let few = parse(&format!("{SMALL}[samples]\ncount = 5\n")).unwrap();
    let error = few.sampled(path, &teacher).err().unwrap().to_string();
    assert!(error.contains("samples") && error.contains("at least 8"), "{error}");
}

#[test]
fn floors_flow_moments_and_watched_claims_are_data() {
    let text = format!(
        "{SMALL}[samples]\ncount = 50\npreprocessing = \"moments\"\n[stage3]\noptimizer = \"flow\"\ntolerance = 1e-5\n\
         [watch]\nclaims = [\"7.3\"]\nevery = 20\n"
    );
    let experiment = parse(&text).unwrap();
    let stage3 = experiment.algorithm().stage3.unwrap();
    assert_eq!(stage3.optimizer, Optimizer::Flow { tolerance: 1e-5 });
    let watch = experiment.watch.as_ref().unwrap();
    assert_eq!((watch.claims.as_slice(), watch.every), (["7.3".to_owned()].as_slice(), 20));
    let path = Path::new("");
    let teacher = experiment.teacher(path).unwrap().into_inner();
    let student = experiment.student(path, 6).unwrap();
    let loss = |text: &str| {
        let objective = objective(&parse(text).unwrap(), &teacher);
        objective.loss(&student, 1.0).value.to_bits()
    };
    assert_ne!(loss(&text), loss(&text.replace("moments", "least-squares")));
    for (name, floors) in [("none", Floors::None), ("last", Floors::Last), ("every", Floors::Every)]
    {
        let text = format!("{SMALL}[stage3]\nfloor = \"{name}\"\nfloor_steps = 7\n");
        let stage3 = parse(&text).unwrap().algorithm().stage3.unwrap();
        assert_eq!((stage3.floors, stage3.floor_steps), (floors, 7));
    }
}

#[test]
fn the_precision_is_that_of_the_steps_alone() {
    let path = Path::new("");
    let [double, single] = ["double", "single"]
        .map(|name| parse(&format!("precision = \"{name}\"\n{SMALL}")).unwrap());
    assert_eq!(double, parse(SMALL).unwrap());
    assert_eq!(double.precision.precision(), Precision::Double);
    assert_eq!(single.precision.precision(), Precision::Single);
    // It is no part of the objective.
    let teacher = single.teacher(path).unwrap().into_inner();
    let student = single.student(path, 6).unwrap();
    let [x, y] = [double, single]
        .map(|experiment| objective(&experiment, &teacher).loss(&student, 1.0).value.to_bits());
    assert_eq!(x, y);
    for more in [
        "activation = \"absolute\"\n@",
        "@[samples]\ncount = 50\n",
        "@[stage3]\noptimizer = \"flow\"\n",
    ] {
        let text = more.replace('@', &format!("precision = \"double\"\n{SMALL}"));
        assert!(parse(&text).is_ok(), "{text}");
        let error = parse(&text.replace("double", "single")).unwrap_err();
        assert!(error.to_string().contains("precision: is single"), "{error}");
        assert_eq!(error.class(), gradiometer_files::Class::Data);
    }
}

#[test]
fn a_seed_means_one_teacher_and_one_student() {
    let path = Path::new("");
    let experiment = parse(SMALL).unwrap();
    assert_eq!(experiment.teacher(path).unwrap(), experiment.teacher(path).unwrap());
    assert_eq!(experiment.student(path, 6).unwrap(), experiment.student(path, 6).unwrap());
    let other = Experiment { seed: 2, ..experiment.clone() };
    assert_ne!(experiment.teacher(path).unwrap(), other.teacher(path).unwrap());
    assert_ne!(experiment.student(path, 6).unwrap(), other.student(path, 6).unwrap());
}

#[test]
fn mistakes_are_named() {
    for (text, part) in [
        ("[teacher]\nneurons = 2\n", "teacher.dimension"),
        ("[teacher]\ndimension = 2\n", "teacher.neurons"),
        ("[teacher]\nfile = \"t.json\"\nrank = 2\n", "either file"),
        ("[teacher]\nfile = \"t.json\"\nseparation = 0.5\n", "either file"),
        ("[teacher]\ndimension = 0\nneurons = 2\n", "teacher.dimension"),
        ("[teacher]\ndimension = 2\nneurons = 0\n", "teacher.neurons"),
        ("[teacher]\ndimension = 2000000000000\nneurons = 2\n", "teacher.neurons"),
        ("[teacher]\ndimension = 2\nneurons = 2\nsigns = [1, 0]\n", "teacher.signs"),
        ("[teacher]\ndimension = 2\nneurons = 2\n[record]\nangles = [0.1, 0.1]\n", "record.angles"),
        ("[teacher]\ndimension = 2\nneurons = 2\nrnak = 1\n", "rnak"),
        ("[teacher]\ndimension = 2\nneurons = 2\n[stage3]\nlambda = -1.0\n", "stage3.lambda"),
        ("[teacher]\ndimension = 2\nneurons = 2\n[stage3]\nstep_size = nan\n", "stage3.step_size"),
        ("[teacher]\ndimension = 2\nneurons = 2\n[record]\nevery = 0\n", "record.every"),
        ("[teacher]\ndimension = 2\nneurons = 2\n[record]\nangles = [nan]\n", "record.angles"),
        ("[teacher]\ndimension = 2\nneurons = 2\n[student]\nneurons = 0\n", "student.neurons"),
        ("[student]\nneurons = 2\n", "teacher"),
        ("[teacher]\ndimension = 2\nneurons = 2\n[samples]\nnoise = 0.1\n", "samples.count"),
        (
            "[teacher]\ndimension = 2\nneurons = 2\n[samples]\ncount = 9\nreuse = 2\n",
            "samples.reuse",
        ),
        (
            "[teacher]\ndimension = 2\nneurons = 2\n[samples]\ncount = 9\nfile = \"s.npz\"\n",
            "samples.count",
        ),
        (
            "[teacher]\ndimension = 2\nneurons = 2\n[samples]\nfile = \"s.npz\"\nnoise = 1.0\n",
            "samples.noise",
        ),
        (
            "[teacher]\ndimension = 2\nneurons = 2\n[samples]\nfile = \"s.npz\"\nfresh = true\n",
            "samples.fresh",
        ),
        (
            "activation = \"step\"\n[teacher]\ndimension = 2\nneurons = 2\n[samples]\ncount = 9\n",
            "activation",
        ),
        ("precision = \"half\"\n[teacher]\ndimension = 2\nneurons = 2\n", "precision"),
        ("activation = \"swish\"\n[teacher]\ndimension = 2\nneurons = 2\n", "swish"),
        ("[teacher]\ndimension = 2\nneurons = 2\n[stage3]\nmomentum = 0.5\n", "stage3.momentum"),
        (
            "[teacher]\ndimension = 2\nneurons = 2\n[stage3]\noptimizer = \"momentum\"\nepsilon = 1.0\n",
            "stage3.epsilon",
        ),
        (
            "[teacher]\ndimension = 2\nneurons = 2\n[stage3]\noptimizer = \"adam\"\nmomentum = 1.0\n",
            "stage3.momentum",
        ),
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
        assert!(error.to_string().contains("x.toml"), "{error}");
        assert_eq!(error.class(), gradiometer_files::Class::Data);
    }
    let text = "[teacher]\ndimension = 2\nneurons = 2\n[student]\nneurons = 2000000000000\n";
    let error = parse(text).unwrap().student("".as_ref(), 2).unwrap_err();
    assert!(error.to_string().contains("student.neurons"), "{error}");
    let odd = parse("[teacher]\ndimension = 2\nneurons = 2\n[student]\nneurons = 3\n").unwrap();
    assert!(odd.student("".as_ref(), 2).unwrap_err().to_string().contains("even"));
}
