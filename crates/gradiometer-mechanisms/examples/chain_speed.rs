//! A hundred million steps of one neuron's order parameter: time it to see steps a second on one
//! core.
//!
//! `time cargo run --release -p gradiometer-mechanisms --example chain_speed`

use gradiometer_mechanisms::order_parameters::{
    Loss, Rule, SphereChain, hermite_student, relu_student, stream,
};

#[expect(clippy::print_stdout, reason = "an example shows its result")]
fn main() -> Result<(), gradiometer_mechanisms::MechanismError> {
    let rule = Rule { student: relu_student, loss: Loss::Correlation, lookahead: 0.0 };
    let target = hermite_student(2);
    let chain = SphereChain::new(rule, move |z| target(z).0, 1_000_000, 0.5)?;
    let overlap = chain.run(0.1, 100_000_000, &mut stream(1, 0));
    println!("{overlap}");
    Ok(())
}
