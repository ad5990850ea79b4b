//! The house rules of ARCHITECTURE.md, each a function on data: one test applies it to the project,
//! another to an input that breaks the rule and must be refused.

use gradiometer_tests::source::{self, SourceFile};
use serde_json::Value;
use std::process::Command;

/// Which packages of the workspace each package may depend on, for any purpose; lower layers first.
const ARROWS: &[(&str, &[&str])] = &[
    (FOR_TESTS, &[]),
    ("gradiometer-hermite", &[]),
    ("gradiometer-model", &["gradiometer-hermite"]),
    ("gradiometer-certify", &["gradiometer-model", "gradiometer-hermite"]),
    ("gradiometer-instances", &["gradiometer-model", "gradiometer-hermite"]),
    // The generators serve its tests alone: see `the_engine_needs_generators_in_its_tests_alone`.
    (
        "gradiometer-population",
        &["gradiometer-instances", "gradiometer-model", "gradiometer-hermite"],
    ),
    (
        "gradiometer-landscape",
        &[
            "gradiometer-certify",
            "gradiometer-instances",
            "gradiometer-population",
            "gradiometer-model",
            "gradiometer-hermite",
        ],
    ),
    ("gradiometer-train", &["gradiometer-population", "gradiometer-model", "gradiometer-hermite"]),
    ("gradiometer-theory", FROM_TRAIN_DOWN),
    (
        "gradiometer-mechanisms",
        &[
            "gradiometer-theory",
            "gradiometer-landscape",
            "gradiometer-instances",
            "gradiometer-population",
            "gradiometer-model",
            "gradiometer-hermite",
        ],
    ),
    ("gradiometer-files", &["gradiometer-certify", "gradiometer-model", "gradiometer-hermite"]),
    ("gradiometer-run", FROM_FILES_DOWN),
    ("gradiometer-verify", FROM_FILES_DOWN),
    ("gradiometer-study", FROM_VERIFY_DOWN),
    ("gradiometer-report", FROM_STUDY_DOWN),
    ("gradiometer", LIBRARIES),
    ("gradiometer-cli", &["gradiometer"]),
    ("gradiometer-py", &["gradiometer"]),
    ("gradiometer-tests", &["gradiometer"]),
    ("gradiometer-benches", &["gradiometer"]),
];

/// What every package may depend on for its tests, and none for anything else.
const FOR_TESTS: &str = "gradiometer-testing";

/// The libraries, highest first; the constants after it are its ends.
const LIBRARIES: &[&str] = &[
    "gradiometer-report",
    "gradiometer-study",
    "gradiometer-verify",
    "gradiometer-run",
    "gradiometer-files",
    "gradiometer-mechanisms",
    "gradiometer-theory",
    "gradiometer-train",
    "gradiometer-landscape",
    "gradiometer-certify",
    "gradiometer-population",
    "gradiometer-instances",
    "gradiometer-model",
    "gradiometer-hermite",
];
const FROM_STUDY_DOWN: &[&str] = LIBRARIES.split_at(1).1;
const FROM_VERIFY_DOWN: &[&str] = LIBRARIES.split_at(2).1;
const FROM_FILES_DOWN: &[&str] = LIBRARIES.split_at(4).1;
const BELOW_FILES: &[&str] = LIBRARIES.split_at(5).1;
const FROM_TRAIN_DOWN: &[&str] = LIBRARIES.split_at(7).1;

/// Packages outside `crates/`, with their folders.
const OUTSIDE_CRATES: &[(&str, &str)] =
    &[("gradiometer-tests", "tests"), ("gradiometer-benches", "benches")];

/// What the checker, and the crates below it, must not depend on: chance, serialised files,
/// threads, solvers.
const KEPT_FROM_CERTIFY: &[&str] = &["rand", "serde", "rayon", "faer"];

/// The one place with `unsafe`: the population engine's kernel module and its children.
const KERNEL: &[&str] =
    &["crates/gradiometer-population/src/kernel.rs", "crates/gradiometer-population/src/kernel/"];

/// Words whose presence below `gradiometer-files` means a file, a stream, a clock or an unseeded
/// draw.
const OUTSIDE_WORLD: &[&str] = &[
    "fs",
    "File",
    "OpenOptions",
    "stdin",
    "stdout",
    "stderr",
    "print",
    "println",
    "eprint",
    "eprintln",
    "dbg",
    "Instant",
    "SystemTime",
    "OsRng",
    "SysRng",
    "ThreadRng",
    "thread_rng",
    "from_entropy",
    "from_os_rng",
    "try_from_os_rng",
];

#[derive(Clone, Debug, PartialEq, Eq)]
struct Package {
    name: String,
    /// Folder from the project's root.
    folder: String,
    dependencies: Vec<Dependency>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Dependency {
    name: String,
    /// Needed by the library itself, not only by its tests or build script.
    normal: bool,
}

/// The packages of the workspace, from the output of `cargo metadata`.
fn packages(metadata: &Value) -> Vec<Package> {
    let text = |value: &Value| value.as_str().expect("a string of cargo metadata").to_owned();
    let root = format!("{}/", text(&metadata["workspace_root"]));
    let list = |value: &Value| value.as_array().expect("a list of cargo metadata").clone();
    list(&metadata["packages"])
        .iter()
        .map(|package| {
            let manifest = text(&package["manifest_path"]);
            Package {
                name: text(&package["name"]),
                folder: manifest
                    .strip_prefix(&root)
                    .and_then(|path| path.strip_suffix("/Cargo.toml"))
                    .expect("a member lies below the root")
                    .to_owned(),
                dependencies: list(&package["dependencies"])
                    .iter()
                    .map(|dependency| Dependency {
                        name: text(&dependency["name"]),
                        normal: dependency["kind"].is_null(),
                    })
                    .collect(),
            }
        })
        .collect()
}

fn workspace() -> Vec<Package> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(source::root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    packages(&serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON"))
}

/// Unlisted packages, listed packages that are missing, and dependencies that the table does not
/// allow.
fn forbidden_arrows(packages: &[Package], table: &[(&str, &[&str])]) -> Vec<String> {
    let mut found = Vec::new();
    for package in packages {
        let Some((_, allowed)) = table.iter().find(|(name, _)| *name == package.name) else {
            found.push(format!("{} is not in the table", package.name));
            continue;
        };
        let internal = |name: &str| {
            packages.iter().any(|p| p.name == name) || table.iter().any(|(n, _)| *n == name)
        };
        for Dependency { name, normal } in &package.dependencies {
            let for_tests = name == FOR_TESTS && !normal;
            if internal(name) && !for_tests && !allowed.contains(&name.as_str()) {
                found.push(format!("{} depends on {name}", package.name));
            }
        }
    }
    for (name, _) in table {
        if packages.iter().all(|package| package.name != *name) {
            found.push(format!("{name} is in the table alone"));
        }
    }
    found
}

/// Entries of the table that allow something not listed before them: a cycle needs one.
fn upward_arrows(table: &[(&str, &[&str])]) -> Vec<String> {
    let mut found = Vec::new();
    for (level, (name, allowed)) in table.iter().enumerate() {
        for lower in *allowed {
            if table[..level].iter().all(|(n, _)| n != lower) {
                found.push(format!("{name} may depend on {lower}, which is not below it"));
            }
        }
    }
    found
}

/// Packages whose folder does not carry their name.
fn misplaced(packages: &[Package]) -> Vec<String> {
    packages
        .iter()
        .filter(|package| {
            let expected =
                OUTSIDE_CRATES.iter().find(|(name, _)| *name == package.name).map_or_else(
                    || format!("crates/{}", package.name),
                    |(_, folder)| (*folder).to_owned(),
                );
            package.folder != expected
        })
        .map(|package| format!("{} lies in {}", package.name, package.folder))
        .collect()
}

/// Normal dependencies of a package whose name starts with one of the given words (`rand` finds
/// `rand_chacha` too).
fn dependencies_named(packages: &[Package], package: &str, words: &[&str]) -> Vec<String> {
    let package = packages.iter().find(|p| p.name == package).expect("the package exists");
    package
        .dependencies
        .iter()
        .filter(|d| {
            d.normal && words.iter().any(|word| d.name.split(['_', '-']).next() == Some(word))
        })
        .map(|d| d.name.clone())
        .collect()
}

/// Places where `unsafe` is written outside the kernel module; tests are no exception.
fn unsafe_places(files: &[SourceFile]) -> Vec<String> {
    files
        .iter()
        .filter(|file| !KERNEL.iter().any(|kernel| file.path.starts_with(kernel)))
        .flat_map(|file| places(&file.path, &source::code(&file.text), &["unsafe"]))
        .collect()
}

/// Places outside tests that name a file, a stream, a clock or an unseeded draw.
fn outside_world(files: &[SourceFile]) -> Vec<String> {
    files
        .iter()
        .filter(|file| !source::is_test_file(&file.path))
        .flat_map(|file| {
            let code = source::without_tests(&source::code(&file.text));
            places(&file.path, &code, OUTSIDE_WORLD)
        })
        .collect()
}

fn places(path: &str, code: &str, forbidden: &[&str]) -> Vec<String> {
    source::words(code)
        .filter(|(_, word)| forbidden.contains(word))
        .map(|(line, word)| format!("{path}:{line}: {word}"))
        .collect()
}

#[track_caller]
fn none(found: &[String]) {
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

/// A package in its proper folder, for the negative controls.
fn made_up(name: &str, dependencies: &[&str]) -> Package {
    Package {
        name: name.to_owned(),
        folder: format!("crates/{name}"),
        dependencies: dependencies
            .iter()
            .map(|name| Dependency { name: (*name).to_owned(), normal: true })
            .collect(),
    }
}

#[test]
fn dependencies_follow_the_arrows() {
    none(&forbidden_arrows(&workspace(), ARROWS));
    none(&upward_arrows(ARROWS));
}

#[test]
fn wrong_arrows_are_refused() {
    let table: &[(&str, &[&str])] = &[("low", &[]), ("high", &["low"])];
    none(&forbidden_arrows(&[made_up("low", &["faer"]), made_up("high", &["low"])], table));
    assert_eq!(
        forbidden_arrows(&[made_up("low", &["high"]), made_up("new", &[])], table),
        ["low depends on high", "new is not in the table", "high is in the table alone"]
    );
    let mut for_tests = made_up("low", &["high"]);
    for_tests.dependencies[0].normal = false;
    let with_upward_test = [for_tests, made_up("high", &[])];
    assert_eq!(forbidden_arrows(&with_upward_test, table), ["low depends on high"]);
    let mut shared = made_up("low", &[FOR_TESTS]);
    assert_eq!(
        forbidden_arrows(
            &[shared.clone(), made_up(FOR_TESTS, &[])],
            &[(FOR_TESTS, &[]), ("low", &[])]
        ),
        ["low depends on gradiometer-testing"]
    );
    shared.dependencies[0].normal = false;
    none(&forbidden_arrows(&[shared, made_up(FOR_TESTS, &[])], &[(FOR_TESTS, &[]), ("low", &[])]));
    assert_eq!(
        upward_arrows(&[("low", &["high"]), ("high", &["low"])]),
        ["low may depend on high, which is not below it"]
    );
}

#[test]
fn folders_carry_the_names_of_their_crates() {
    none(&misplaced(&workspace()));
}

#[test]
fn a_misnamed_folder_is_refused() {
    let mut package = made_up("gradiometer-hermite", &[]);
    package.folder = "crates/hermite".to_owned();
    assert_eq!(misplaced(&[package]), ["gradiometer-hermite lies in crates/hermite"]);
}

#[test]
fn the_checker_needs_neither_chance_nor_files_nor_threads() {
    let packages = workspace();
    for package in ["gradiometer-certify", "gradiometer-model", "gradiometer-hermite"] {
        none(&dependencies_named(&packages, package, KEPT_FROM_CERTIFY));
    }
}

#[test]
fn the_engine_needs_generators_in_its_tests_alone() {
    let packages = workspace();
    let engine = packages.iter().find(|p| p.name == "gradiometer-population").expect("it exists");
    let normal = engine.dependencies.iter().find(|d| d.normal && d.name.ends_with("-instances"));
    assert_eq!(normal, None);
}

#[test]
fn a_checker_with_chance_is_refused() {
    let mut checker = made_up("gradiometer-certify", &["rand_chacha", "thiserror", "serde"]);
    checker.dependencies.push(Dependency { name: "rayon".to_owned(), normal: false });
    let found = dependencies_named(&[checker], "gradiometer-certify", KEPT_FROM_CERTIFY);
    assert_eq!(found, ["rand_chacha", "serde"]);
}

#[test]
fn unsafe_stays_in_the_kernel_module() {
    let files = source::files(&["crates", "tests", "benches"], &[".rs"]);
    none(&unsafe_places(&files));
    let kernel: Vec<SourceFile> = files
        .into_iter()
        .filter(|file| KERNEL.iter().any(|kernel| file.path.starts_with(kernel)))
        .collect();
    assert!(!kernel.is_empty(), "the kernel module has moved; the exception must move with it");
}

#[test]
fn unsafe_elsewhere_is_refused() {
    let text = "// unsafe\nfn f() { unsafe { g() } } // \"unsafe\"";
    let kernel = SourceFile::made_up("crates/gradiometer-population/src/kernel/simd.rs", text);
    let beside = SourceFile::made_up("crates/gradiometer-population/src/kernels.rs", text);
    let test = SourceFile::made_up("crates/gradiometer-model/tests/all.rs", text);
    assert_eq!(
        unsafe_places(&[kernel, beside, test]),
        [
            "crates/gradiometer-population/src/kernels.rs:2: unsafe",
            "crates/gradiometer-model/tests/all.rs:2: unsafe"
        ]
    );
}

#[test]
fn below_files_nothing_touches_the_outside_world() {
    let folders: Vec<String> =
        BELOW_FILES.iter().map(|name| format!("crates/{name}/src")).collect();
    let folders: Vec<&str> = folders.iter().map(String::as_str).collect();
    none(&outside_world(&source::files(&folders, &[".rs"])));
}

#[test]
fn a_library_that_prints_or_reads_a_clock_is_refused() {
    let text = "use std::{fs, time::Instant};\n/// println!\nfn f() { println!(\"x\"); }\n\
                #[cfg(test)] mod tests { fn g() { println!(\"y\"); } }";
    assert_eq!(
        outside_world(&[
            SourceFile::made_up("crates/gradiometer-train/src/lib.rs", text),
            SourceFile::made_up("crates/gradiometer-train/src/stage/tests.rs", text),
        ]),
        [
            "crates/gradiometer-train/src/lib.rs:1: fs",
            "crates/gradiometer-train/src/lib.rs:1: Instant",
            "crates/gradiometer-train/src/lib.rs:3: println"
        ]
    );
}
