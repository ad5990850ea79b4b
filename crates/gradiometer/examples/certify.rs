//! A dual certificate of a teacher read from a file, found and proved.
#![expect(clippy::print_stdout, reason = "a program that prints")]

use gradiometer::prelude::*;

fn main() -> Result<(), Error> {
    let path = std::env::args().nth(1).unwrap_or("teacher.safetensors".to_owned());
    let teacher = read_teacher(path)?;
    println!("{}", certify(&teacher)?);
    Ok(())
}
