//! `gradiometer._lib`, the extension module below the Python package: arrays in, arrays and JSON
//! out. What a user sees of it, with its documentation, is Python, in `python/gradiometer`.
//!
//! No call holds the interpreter while it computes, none lets a panic through, and long ones look
//! for signals ([`jobs`]). All classes are frozen over plain data, so that threads share them
//! without locks.

#![expect(clippy::needless_pass_by_value, reason = "arguments from Python are owned")]

mod arrays;
mod claims;
mod errors;
mod jobs;
mod nets;
mod networks;
mod objectives;
mod runs;
mod sweeps;

/// The module.
#[pyo3::pymodule]
mod _lib {
    #[pymodule_export]
    use super::claims::{
        Certificate, analyze, certify, claim, draw, explanation, moved, quantities, report,
        statements, studies, study, verify,
    };
    #[pymodule_export]
    use super::jobs::{get_num_threads, set_num_threads};
    #[pymodule_export]
    use super::nets::{check_net, net};
    #[pymodule_export]
    use super::networks::{Network, Teacher, clusters, inspect, recovery};
    #[pymodule_export]
    use super::objectives::{Hessian, Objective};
    #[pymodule_export]
    use super::runs::{Run, experiment, versions};
    #[pymodule_export]
    use super::sweeps::{sweep_run, sweep_settings, sweep_slurm, sweep_status, sweep_table};
}
