//! One exact step, loss and both gradients, at the shapes of scripts/compare_step.py, on every instruction set, in doubles and in singles.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gradiometer::population::{
    Accuracy, Gradient, Gram, InstructionSet, Objective, Population, Precision, Workspace,
};
use gradiometer_benches::{student, teacher};

fn step(c: &mut Criterion) {
    let mut group = c.benchmark_group("step");
    group.sample_size(10);
    for (m, d) in [(200, 50), (500, 50), (2000, 100), (4000, 1000), (8000, 32), (16000, 8)] {
        let population = Population::new(teacher(d));
        let student = student(m, d);
        group.throughput(Throughput::Elements((m * m) as u64));
        for set in InstructionSet::available() {
            for (precision, suffix) in [(Precision::Double, ""), (Precision::Single, "-single")] {
                let (mut workspace, mut gradient) = (Workspace::new(), Gradient::default());
                let population = population.clone().on(*set);
                let asked = Accuracy::fast_in(precision);
                let name = format!("{}{suffix}", set.name());
                group.bench_function(BenchmarkId::new(name, format!("{m}x{d}")), |b| {
                    b.iter(|| {
                        let into = Some(&mut gradient);
                        population.evaluate_into(&student, &asked, &mut workspace, into)
                    });
                });
            }
        }
    }
    group.finish();
}

/// In the plane, where the step costs a sort.
fn plane(c: &mut Criterion) {
    let mut group = c.benchmark_group("plane");
    group.sample_size(10);
    for m in [1_000, 10_000, 100_000, 1_000_000] {
        let population = Population::new(teacher(2));
        let student = student(m, 2);
        group.throughput(Throughput::Elements(m as u64));
        let (mut workspace, mut gradient) = (Workspace::new(), Gradient::default());
        group.bench_function(BenchmarkId::from_parameter(m), |b| {
            b.iter(|| {
                let into = Some(&mut gradient);
                population.evaluate_into(&student, &Accuracy::FAST, &mut workspace, into)
            });
        });
    }
    group.finish();
}

/// On the sphere, where a tree replaces most pairs.
fn sphere(c: &mut Criterion) {
    let mut group = c.benchmark_group("sphere");
    group.sample_size(10);
    for (m, d) in [(10_000, 3), (30_000, 3), (100_000, 3)] {
        let population = Population::new(teacher(d));
        let student = student(m, d);
        group.throughput(Throughput::Elements(m as u64));
        let (mut workspace, mut gradient) = (Workspace::new(), Gradient::default());
        group.bench_function(BenchmarkId::from_parameter(format!("{m}x{d}")), |b| {
            b.iter(|| {
                let into = Some(&mut gradient);
                population.evaluate_into(&student, &Accuracy::FAST, &mut workspace, into)
            });
        });
    }
    group.finish();
}

/// Inner products of neurons and their derivatives in double-double, and the factor of their matrix.
fn gram(c: &mut Criterion) {
    let mut group = c.benchmark_group("gram");
    group.sample_size(10);
    for m in [50, 200] {
        let neurons = student(m, 3);
        let tangents = || [neurons.first_layer(), neurons.first_layer()].concat();
        group.bench_function(BenchmarkId::new("entries", m), |b| {
            b.iter(|| Gram::new(&neurons, tangents()));
        });
        let gram = Gram::new(&neurons, tangents()).expect("as many tangents for each");
        let raised: Vec<_> = (0..3 * m).map(|x| (x, x, 1.0)).collect();
        group.bench_function(BenchmarkId::new("factor", 3 * m), |b| {
            b.iter(|| gram.factor(&raised));
        });
    }
    group.finish();
}

criterion_group!(benches, step, plane, sphere, gram);
criterion_main!(benches);
