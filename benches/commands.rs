//! The hot path of each command: proving and checking a certificate, both sides of the lemmas, the covering radius, steps of a run.

use criterion::{Criterion, criterion_group, criterion_main};
use gradiometer::certify::net::{Geometry, Net};
use gradiometer::certify::{Limits, check_certificate};
use gradiometer::instances::generate::TeacherRequest;
use gradiometer::landscape::certificate::{CertificateOptions, Threads, prove_certificate};
use gradiometer::landscape::net::{NetOptions, covering_radius};
use gradiometer::model::{SeparatedTeacher, Teacher};
use gradiometer::population::{
    Empirical, Gradient, Objective, Population, SampleRequest, Workspace,
};
use gradiometer::theory::{Context, Dual, Statement, statements};
use gradiometer::train::{Algorithm, Trainer};
use gradiometer_benches::student;
use std::ops::ControlFlow;

/// Four neurons that span three of ten dimensions.
fn separated() -> SeparatedTeacher {
    let request = TeacherRequest {
        separation: 0.7,
        smallest_eigenvalue: 0.2,
        ..TeacherRequest::new(10, 3, 4, 1)
    };
    request.generate().unwrap_or_else(|error| panic!("{error}"))
}

fn certify(c: &mut Criterion) {
    let teacher = separated();
    let limits = Limits::default();
    let mut group = c.benchmark_group("certify");
    group.sample_size(10);
    let prove = || {
        let mut go_on = |_| ControlFlow::Continue(());
        let runner = &mut Threads::new(2, &mut go_on);
        prove_certificate(&teacher, &CertificateOptions::default(), &limits, runner)
            .unwrap_or_else(|error| panic!("{error}"))
    };
    group.bench_function("find and prove", |b| b.iter(prove));
    let checked = prove();
    let certificate = &checked.found.certificate;
    group.bench_function("check", |b| {
        b.iter(|| {
            let mut go_on = |_| ControlFlow::Continue(());
            check_certificate(certificate, &teacher, &limits, &mut Threads::new(2, &mut go_on))
        });
    });
    let dual = Dual::checked(&teacher, certificate, &checked.report)
        .unwrap_or_else(|error| panic!("{error}"));
    let student = student(100, 10);
    let cheap: Vec<&Statement> = statements().filter(|s| s.is_cheap() && s.id != "5.3").collect();
    group.bench_function("analyze: claims at a student", |b| {
        b.iter(|| {
            let context = Context::given(&teacher, &student, 0.01, dual.clone(), 0.1);
            cheap.iter().map(|s| s.claims(&context)).collect::<Vec<_>>()
        });
    });
    group.finish();
}

fn net(c: &mut Criterion) {
    let mut group = c.benchmark_group("net");
    group.sample_size(10);
    for dimension in [2, 3, 4] {
        let net = Net::new(dimension, student(200, dimension).first_layer(), Geometry::Projective)
            .unwrap_or_else(|error| panic!("{error}"));
        group.bench_function(format!("200 points in dimension {dimension}"), |b| {
            b.iter(|| covering_radius(&net, &NetOptions::default()));
        });
    }
    group.finish();
}

fn train(c: &mut Criterion) {
    let teacher = Teacher::clone(&separated());
    let population = Population::new(teacher.clone());
    let student = student(200, 10);
    let mut group = c.benchmark_group("train");
    group.sample_size(10);
    let algorithm = Algorithm { stage1: None, stage2: None, ..Algorithm::default() };
    group.bench_function("100 steps on expectations", |b| {
        b.iter(|| {
            Trainer::new(&population, &algorithm, student.clone())
                .and_then(|mut trainer| trainer.advance(100))
        });
    });
    let empirical = Empirical::drawn(teacher, &SampleRequest::new(20_000, 1))
        .unwrap_or_else(|error| panic!("{error}"));
    let (mut workspace, mut gradient) = (Workspace::new(), Gradient::default());
    group.bench_function("one step on 20000 samples", |b| {
        b.iter(|| empirical.evaluate_fast(&student, &mut workspace, &mut gradient));
    });
    group.finish();
}

criterion_group!(benches, certify, net, train);
criterion_main!(benches);
