//! The extension module as the tests' build leaves it, without Python. Nothing of the crate is used,
//! so that no interpreter is linked; `scripts/python_package.sh` loads the same file.

use std::path::PathBuf;

fn holds(bytes: &[u8], word: &str) -> bool {
    bytes.windows(word.len()).any(|found| found == word.as_bytes())
}

#[test]
fn the_extension_is_built_and_linked_against_no_interpreter() {
    let (before, after) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let name = format!("{before}gradiometer_py{after}");
    let path: PathBuf = std::env::current_exe().unwrap().with_file_name(name);
    let bytes = std::fs::read(&path).unwrap();
    assert!(holds(&bytes, "PyInit__lib"), "{} has no module", path.display());
    assert!(!holds(&bytes, "libpython"), "{} is linked against an interpreter", path.display());
}
