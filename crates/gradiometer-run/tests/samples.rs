//! An experiment whose samples come from a file.

use gradiometer_files::{TensorNames, write_network};
use gradiometer_model::Network;
use gradiometer_run::experiment::Experiment;
use std::fs;

#[test]
fn samples_of_another_dimension_are_not_the_teachers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.npz");
    let network = Network::new(2, vec![1.0, 2.0, 3.0], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
    write_network(&path, &network, &TensorNames::default()).unwrap();
    // `w.npy` and `a.npy` become `x.npy` and `y.npy`, in the local headers and in the directory.
    let mut bytes = fs::read(&path).unwrap();
    for at in 0..bytes.len() - 5 {
        match &bytes[at..at + 5] {
            b"w.npy" => bytes[at] = b'x',
            b"a.npy" => bytes[at] = b'y',
            _ => {}
        }
    }
    fs::write(&path, bytes).unwrap();
    let text = "[teacher]\ndimension = 3\nneurons = 1\n[samples]\nfile = \"s.npz\"\n";
    let path = folder.path().join("e.toml");
    let objective = |text: &str| {
        let experiment = Experiment::parse(&path, text.as_bytes()).unwrap();

        experiment.resolve(folder.path()).map(|_| ()).map_err(|error| error.to_string())
    };
    let error = objective(text).unwrap_err();
    assert!(error.contains("samples") && error.contains("dimension 3"), "{error}");
    // Negative control: of its own dimension, but too few of them.
    let error = objective(&text.replace("dimension = 3", "dimension = 2")).unwrap_err();
    assert!(!error.contains("dimension"), "{error}");
}
