//! Errors of the library as Python's exceptions, by who can mend them.

use gradiometer::Error;
use gradiometer::files::{Class, FilesError};
use gradiometer::landscape::LandscapeError;
use gradiometer::run::RunError;
use gradiometer::study::StudyError;
use gradiometer::verify::VerifyError;
use pyo3::prelude::*;
use pyo3::types::PyType;
use std::any::Any;

/// An exception to be: the name of its class in `gradiometer._errors`, and what it says.
#[derive(Debug)]
pub(crate) struct Failure {
    class: &'static str,
    message: String,
}

impl Failure {
    /// Numbers or a request that make no sense.
    pub(crate) fn data(message: impl Into<String>) -> Self {
        Self { class: "DataError", message: message.into() }
    }

    /// A defect of this library.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self { class: "InternalError", message: message.into() }
    }

    /// What a panic said.
    pub(crate) fn of_panic(panic: &(dyn Any + Send)) -> Self {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason");
        Self::internal(format!("a defect of gradiometer, please report it: {said}"))
    }
}

impl<E> From<E> for Failure
where
    Error: From<E>,
{
    fn from(error: E) -> Self {
        let error = Error::from(error);
        Self { class: class(&error), message: in_words_of_python(&error.to_string()) }
    }
}

fn class(error: &Error) -> &'static str {
    let occupied = files(error).is_some_and(|error| {
        matches!(
            error,
            FilesError::Occupied { .. }
                | FilesError::OccupiedPoint { .. }
                | FilesError::InUse { .. }
                | FilesError::OverInput { .. }
                | FilesError::Foreign { .. }
        )
    });
    let uncertified = matches!(
        error,
        Error::Landscape(LandscapeError::NoCertificate { .. } | LandscapeError::Stopped)
    );
    match error.class() {
        _ if occupied => "OccupiedError",
        _ if uncertified => "NoCertificate",
        Class::Missing => "MissingError",
        Class::Write => "WriteError",
        Class::Internal => "InternalError",
        Class::Data | Class::Usage => "DataError",
    }
}

const fn files(error: &Error) -> Option<&FilesError> {
    match error {
        Error::Files(error)
        | Error::Run(RunError::Files(error))
        | Error::Verify(VerifyError::Files(error))
        | Error::Study(StudyError::Files(error)) => Some(error),
        _ => None,
    }
}

/// A message for those who type no command line.
fn in_words_of_python(message: &str) -> String {
    [
        ("go on with --resume, or replace it with --force", "go on with resume=True"),
        (
            "resume with the options it was started with, or without --resume",
            "use the same options",
        ),
        ("raise the largest degree, --largest-degree of `certify` ", "raise largest_degree "),
        ("--resume", "resume=True"),
    ]
    .into_iter()
    .fold(message.to_owned(), |text, (from, to)| text.replace(from, to))
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        Python::attach(|py| {
            let class = py
                .import("gradiometer._errors")
                .and_then(|module| module.getattr(failure.class))
                .and_then(|class| Ok(class.cast_into::<PyType>()?));
            match class {
                Ok(class) => Self::from_type(class, (failure.message,)),
                Err(error) => error,
            }
        })
    }
}
