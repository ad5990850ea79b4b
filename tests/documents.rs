//! The documents against the source: what they name has to exist, and what the source cites has to
//! be in them. Each rule is a function on data, applied to the project and to an input that breaks
//! it.

use gradiometer::study::STUDIES;
use gradiometer::theory::Statement;
use gradiometer::verify::all_statements;
use gradiometer_tests::source::{self, SourceFile};
use std::collections::BTreeSet;
use std::fs;

const EVIDENCE: [&str; 4] = ["certified", "computed", "sampled", "fitted"];

/// Literals in an assertion up to this size count as tolerances.
const LARGEST_TOLERANCE: f64 = 1.0 / 1024.0;

// Tables.

/// The cells of all table rows of a document, without headings and rules; backticks and outer
/// blanks removed.
fn table_rows(text: &str) -> Vec<Vec<String>> {
    let lines: Vec<&str> = text.lines().collect();
    let is_rule = |line: &str| line.starts_with("| ---");
    (0..lines.len())
        .filter(|&n| {
            let heads = lines.get(n + 1).is_some_and(|next| is_rule(next));
            lines[n].starts_with('|') && !is_rule(lines[n]) && !heads
        })
        .map(|n| {
            let row = lines[n].trim().trim_start_matches('|');
            let row = row.strip_suffix('|').unwrap_or(row);
            row.split('|').map(|cell| cell.trim().replace('`', "")).collect()
        })
        .collect()
}

// Conformance.

/// Where the generated rows of `docs/CONFORMANCE.md` begin and end.
const GENERATED: (&str, &str) = ("<!-- generated: rows -->\n", "<!-- generated: end -->");

/// `file::NAME` of the items of a crate's source in which an id is written as an item's own.
fn items(files: &[SourceFile], id: &str) -> Vec<String> {
    let own = format!("\n    id: \"{id}\",\n");
    let mut found = Vec::new();
    for file in files {
        for (at, _) in file.text.match_indices(&own) {
            let before = file.text[..at].rsplit_once("pub static ").map_or("", |(_, item)| item);
            let name = before.split(':').next().unwrap_or_default();
            found.push(format!("{}::{name}", file.path));
        }
    }
    found
}

/// The generated rows: what each statement says, where it is, for whom it holds, where it is sharp,
/// and its controls.
fn generated_rows(statements: &[&Statement], files: &[SourceFile]) -> Result<String, String> {
    let mut text = "| id | statement | item | hypotheses | sharp | control |\n\
                    | --- | --- | --- | --- | --- | --- |\n"
        .to_owned();
    for s in statements {
        let found = items(files, s.id);
        let [item] = found.as_slice() else {
            return Err(format!("{} is written in {found:?}, not in one item", s.id));
        };
        let joined = |texts: Vec<&str>| {
            let mut texts: Vec<&str> = texts.into_iter().filter(|t| *t != "-").collect();
            texts.dedup();
            let text = if texts.is_empty() { "-".to_owned() } else { texts.join("; ") };
            spelled(&text)
        };
        let hypotheses = joined(s.checks.iter().map(|c| c.hypotheses).collect());
        let controls = s.checks.iter().map(|c| c.control);
        let control = joined(controls.chain(s.exponents.iter().map(|e| e.control)).collect());
        let row = [s.id, s.says, &format!("`{item}`"), &hypotheses, s.sharp, &control];
        text += &["| ", &row.join(" | "), " |\n"].concat();
    }
    Ok(text)
}

/// A text without vertical bars, which would end a cell: `|x|` is `abs(x)`.
fn spelled(text: &str) -> String {
    let parts: Vec<&str> = text.split('|').collect();
    let mut spelled = String::new();
    for (n, part) in parts.iter().enumerate() {
        spelled.push_str(match n {
            0 => "",
            n if n % 2 == 1 => "abs(",
            _ => ")",
        });
        spelled.push_str(part);
    }
    spelled
}

/// What is wrong with the ids of the rows below the generated ones: unknown, or of a study without
/// just one row.
fn wrong_ids(rows: &[Vec<String>], statements: &[&str], studies: &[&str]) -> Vec<String> {
    let known = |id: &str| statements.contains(&id) || studies.contains(&id) || id == PICTURES;
    let unknown = rows
        .iter()
        .filter(|row| !known(&row[0]))
        .map(|row| format!("{} is not a statement", row[0]));
    let miscounted = studies.iter().filter_map(|id| {
        let count = rows.iter().filter(|row| row[0] == *id).count();
        (count != 1).then(|| format!("{id} has {count} rows"))
    });
    unknown.chain(miscounted).collect()
}

/// The question that the reports answer, not a study.
const PICTURES: &str = "10.8";

/// What is wrong with one row of the conformance table; `exists` says whether `file::name` is a
/// function of the source.
fn wrong_row(row: &[String], exists: &dyn Fn(&str) -> bool) -> Vec<String> {
    let [id, _, function, test, evidence, control, status] = row else {
        return vec![format!("{} has {} cells", row[0], row.len())];
    };
    let mut wrong = Vec::new();
    let mut names = |what: &str, cell: &str| {
        for name in cell.split(", ") {
            if !exists(name) {
                wrong.push(format!("{id}: no {what} {name}"));
            }
        }
    };
    match status.as_str() {
        "checked" | "computed" => {
            names("function", function);
            names("test", test);
            if status == "checked" || control != "-" {
                names("negative control", control);
            }
            if !EVIDENCE.contains(&evidence.as_str()) {
                wrong.push(format!("{id}: no evidence level {evidence}"));
            }
        }
        "not yet" => {
            if [function, test, evidence, control].iter().any(|cell| *cell != "-") {
                wrong.push(format!("{id}: a row that is not yet done names something"));
            }
        }
        _ => wrong.push(format!("{id}: no status {status}")),
    }
    wrong
}

/// Whether `file::name` names a function in a Rust file of the project.
fn function_exists(name: &str) -> bool {
    name.split_once("::").is_some_and(|(file, function)| {
        fs::read_to_string(source::root().join(file))
            .is_ok_and(|text| source::defines_function(&source::code(&text), function))
    })
}

/// The rows of `docs/CONFORMANCE.md` that are not generated.
fn written_rows() -> Vec<Vec<String>> {
    let text = source::read("docs/CONFORMANCE.md");
    let (_, after) = text.split_once(GENERATED.1).expect("the generated rows have an end");
    table_rows(after)
}

#[test]
fn the_rows_of_the_statements_are_those_of_the_list() {
    let files = source::files(
        &["crates/gradiometer-theory/src", "crates/gradiometer-mechanisms/src/statements"],
        &[".rs"],
    );
    let rows =
        generated_rows(&all_statements().collect::<Vec<_>>(), &files).expect("one item each");
    let text = source::read("docs/CONFORMANCE.md");
    let (before, rest) = text.split_once(GENERATED.0).expect("the generated rows have a beginning");
    let (written, after) = rest.split_once(GENERATED.1).expect("they have an end");
    if std::env::var_os("UPDATE_CONFORMANCE").is_some() {
        let text = [before, GENERATED.0, &rows, GENERATED.1, after].concat();
        fs::write(source::root().join("docs/CONFORMANCE.md"), text).expect("it can be written");
    } else {
        let changed = rows.lines().zip(written.lines()).find(|(row, line)| row != line);
        let equal = rows == written;
        assert!(equal, "run this test with UPDATE_CONFORMANCE=1; the first row: {changed:?}");
    }
    // A statement in two places, or in none, has no row.
    let twice = [files.clone(), files.clone()].concat();
    let first: Vec<&Statement> = all_statements().take(1).collect();
    assert!(generated_rows(&first, &twice).is_err() && generated_rows(&first, &[]).is_err());
    assert_eq!(spelled("|p| halved; a, |b|"), "abs(p) halved; a, abs(b)");
}

/// Where the statements in full begin and end in `docs/THEORY.md`.
const THEOREMS: (&str, &str) = ("<!-- generated: statements -->\n", "<!-- generated: end -->");

/// The documentation of the item that an id is written in, without the comment marks.
fn documentation(files: &[SourceFile], id: &str) -> Option<String> {
    let own = format!("\n    id: \"{id}\",\n");
    let file = files.iter().find(|file| file.text.contains(&own))?;
    let (before, _) = file.text.split_once(&own)?;
    let (before, _) = before.rsplit_once("\npub static ")?;
    let lines: Vec<&str> =
        before.lines().rev().take_while(|line| line.starts_with("///")).collect();
    let text: Vec<&str> =
        lines.iter().rev().map(|line| line.trim_start_matches("///").trim_start()).collect();
    // Brackets are escaped for rustdoc alone.
    (!text.is_empty()).then(|| text.join("\n").replace("\\[", "[").replace("\\]", "]"))
}

/// Every statement in full: its documentation under a heading that is its id and title.
fn theorems(statements: &[&Statement], files: &[SourceFile]) -> Result<String, String> {
    let mut text = String::new();
    for s in statements {
        let theorem = documentation(files, s.id).ok_or(format!("{} has no documentation", s.id))?;
        let bold = theorem.strip_prefix(&format!("**{} ", s.id)).and_then(|t| t.split_once("**"));
        let Some((title, theorem)) = bold else {
            return Err(format!("the documentation of {} does not begin with it", s.id));
        };
        let (title, theorem) = (title.trim_end_matches('.'), theorem.trim_start());
        text += &["## ", s.id, " ", title, "\n\n", theorem, "\n\n"].concat();
    }
    Ok(text)
}

#[test]
fn the_theory_holds_every_statement_in_full() {
    let folders = ["crates/gradiometer-theory/src", "crates/gradiometer-mechanisms/src"];
    let files = source::files(&folders, &[".rs"]);
    let all: Vec<&Statement> = all_statements().collect();
    let theorems = theorems(&all, &files).expect("each is documented");
    let text = source::read("docs/THEORY.md");
    let (before, rest) = text.split_once(THEOREMS.0).expect("the statements have a beginning");
    let (written, after) = rest.split_once(THEOREMS.1).expect("they have an end");
    if std::env::var_os("UPDATE_CONFORMANCE").is_some() {
        let text = [before, THEOREMS.0, &theorems, THEOREMS.1, after].concat();
        fs::write(source::root().join("docs/THEORY.md"), text).expect("it can be written");
    } else {
        let changed = theorems.lines().zip(written.lines()).find(|(new, old)| new != old);
        assert!(theorems == written, "run this test with UPDATE_CONFORMANCE=1: {changed:?}");
    }
    // An item without a documentation, or with that of another, has no section.
    assert!(documentation(&[], "7.1").is_none());
    let bare = SourceFile {
        path: String::new(),
        text: "/// **7.2 Other.**\npub static X: S = S {\n    id: \"7.1\",\n".to_owned(),
    };
    let first: Vec<&Statement> = all.iter().copied().filter(|s| s.id == "7.1").collect();
    assert!(self::theorems(&first, &[bare]).is_err());
}

/// The programs that a document quotes without a difference, by their names.
fn quoted(text: &str, examples: &[(String, String)]) -> Vec<String> {
    let quoted =
        examples.iter().filter(|(_, code)| text.contains(&format!("```rust\n{code}```\n")));
    quoted.map(|(name, _)| name.clone()).collect()
}

#[test]
fn the_readme_quotes_the_examples_as_they_are() {
    let examples: Vec<(String, String)> = source::files(&["crates/gradiometer/examples"], &[".rs"])
        .into_iter()
        .map(|file| {
            // From the first line that is not about the file as a whole.
            let at = file.text.find("\nuse ").expect("an example uses the prelude") + 1;
            (file.path, file.text[at..].to_owned())
        })
        .collect();
    assert_eq!(examples.len(), 3);
    let readme = source::read("README.md");
    assert_eq!(quoted(&readme, &examples).len(), 3, "of {examples:?}");
    let changed = readme.replace("certify(&teacher)", "certify(teacher)");
    assert_eq!(quoted(&changed, &examples).len(), 2);
}

// The fields of an experiment.

/// Where the generated tables of `docs/EXPERIMENT.md` begin.
const FIELDS: (&str, &str) = ("<!-- generated: fields -->\n", "<!-- generated: end -->");

/// The words of a documentation, in one line.
fn words_of(attributes: &[syn::Attribute]) -> String {
    let line = |attribute: &syn::Attribute| match &attribute.meta {
        syn::Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    };
    let lines: Vec<String> = attributes.iter().filter_map(line).collect();
    lines.join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What may stand in a field of a type, in words; names of an enumeration as they are written.
fn kind(ty: &syn::Type, enums: &[syn::ItemEnum]) -> String {
    let syn::Type::Path(path) = ty else { return "two numbers".to_owned() };
    let Some(last) = path.path.segments.last() else { return String::new() };
    let inner = match &last.arguments {
        syn::PathArguments::AngleBracketed(list) => list.args.iter().find_map(|a| match a {
            syn::GenericArgument::Type(ty) => Some(kind(ty, enums)),
            _ => None,
        }),
        _ => None,
    };
    match (last.ident.to_string().as_str(), inner) {
        ("Option", Some(inner)) => inner,
        ("Vec", Some(inner)) => format!("list of {inner}"),
        ("PathBuf", _) => "path".to_owned(),
        ("String", _) => "text".to_owned(),
        ("bool", _) => "true or false".to_owned(),
        ("f64", _) => "number".to_owned(),
        ("usize" | "u64", _) => "whole number".to_owned(),
        ("ActivationName", _) => {
            let names = gradiometer::hermite::named::Named::NAMES.split(", ");
            names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        }
        ("Floors", _) => "`none`, `last`, `every`".to_owned(),
        (name, _) => match enums.iter().find(|e| e.ident == name) {
            Some(item) => names(item).join(", "),
            None => name.to_owned(),
        },
    }
}

/// The names of an enumeration's variants in a file.
fn names(item: &syn::ItemEnum) -> Vec<String> {
    let is_kebab = item.attrs.iter().any(|a| match &a.meta {
        syn::Meta::List(list) => list.tokens.to_string().contains("kebab-case"),
        _ => false,
    });
    let spelled = |name: String| {
        let mut text = String::new();
        for (at, c) in name.chars().enumerate() {
            if is_kebab && at > 0 && c.is_uppercase() {
                text.push('-');
            }
            text.extend(c.to_lowercase());
        }
        format!("`{text}`")
    };
    let unit = item.variants.iter().filter(|v| v.fields.is_empty());
    let found: Vec<String> = unit.map(|v| spelled(v.ident.to_string())).collect();
    if found.is_empty() { vec!["as described".to_owned()] } else { found }
}

/// A table of each section of an experiment: its fields with type, default and meaning.
fn fields(files: &[SourceFile], defaults: &serde_json::Value) -> String {
    let parsed: Vec<syn::File> =
        files.iter().map(|file| syn::parse_file(&file.text).expect("it is Rust")).collect();
    let items = || parsed.iter().flat_map(|file| &file.items);
    let enums: Vec<syn::ItemEnum> = items()
        .filter_map(|item| match item {
            syn::Item::Enum(item) => Some(item.clone()),
            _ => None,
        })
        .collect();
    let mut text = String::new();
    for item in items() {
        let syn::Item::Struct(item) = item else { continue };
        let name = item.ident.to_string();
        let section = match name.strip_suffix("Section") {
            Some(section) => section.to_lowercase(),
            None if name == "Experiment" => String::new(),
            None => continue,
        };
        let own = if section.is_empty() { defaults } else { &defaults[&section] };
        let heading =
            if section.is_empty() { "The whole".to_owned() } else { format!("`[{section}]`") };
        let said = spelled(&words_of(&item.attrs));
        let said = said.split(" # Examples").next().unwrap_or_default().to_owned();
        text += &["## ", &heading, "\n\n", &said, "\n\n"].concat();
        text += "| field | what may stand there | default | meaning |\n| --- | --- | --- | --- |\n";
        for field in &item.fields {
            let name = field.ident.as_ref().map(ToString::to_string).unwrap_or_default();
            if parsed.iter().any(|f| has_section(f, &name)) && section.is_empty() {
                continue;
            }
            let default = match &own[&name] {
                serde_json::Value::Null => "-".to_owned(),
                value => format!("`{value}`"),
            };
            let cells = [
                format!("`{name}`"),
                kind(&field.ty, &enums),
                default,
                spelled(&words_of(&field.attrs)),
            ];
            text += &["| ", &cells.join(" | "), " |\n"].concat();
        }
        text += "\n";
    }
    text
}

/// Whether a file has the section of a field.
fn has_section(file: &syn::File, field: &str) -> bool {
    file.items.iter().any(|item| match item {
        syn::Item::Struct(item) => item
            .ident
            .to_string()
            .strip_suffix("Section")
            .is_some_and(|s| s.to_lowercase() == field),
        _ => false,
    })
}

#[test]
fn the_fields_of_an_experiment_are_those_of_the_source() {
    let folder = "crates/gradiometer-run/src/experiment";
    let mut files = source::files(&["crates/gradiometer-run/src"], &["experiment.rs"]);
    files.extend(source::files(&[folder], &["sections.rs"]));
    let text = "[teacher]\ndimension = 2\nneurons = 1\n[samples]\ncount = 1\n[watch]\n";
    let experiment = gradiometer::run::Experiment::parse("x.toml".as_ref(), text.as_bytes());
    let mut defaults = serde_json::to_value(experiment.expect("it is one")).expect("it is data");
    defaults["teacher"] = serde_json::Value::Null;
    defaults["samples"]["count"] = serde_json::Value::Null;
    let tables = fields(&files, &defaults);
    let text = source::read("docs/EXPERIMENT.md");
    let (before, rest) = text.split_once(FIELDS.0).expect("the fields have a beginning");
    let (written, after) = rest.split_once(FIELDS.1).expect("they have an end");
    if std::env::var_os("UPDATE_CONFORMANCE").is_some() {
        let text = [before, FIELDS.0, &tables, FIELDS.1, after].concat();
        fs::write(source::root().join("docs/EXPERIMENT.md"), text).expect("it can be written");
    } else {
        let changed = tables.lines().zip(written.lines()).find(|(new, old)| new != old);
        assert!(tables == written, "run this test with UPDATE_CONFORMANCE=1: {changed:?}");
    }
    // A field that is new shows.
    let mut more = files.clone();
    more[1].text =
        more[1].text.replace("pub neurons: usize,", "pub neurons: usize, pub more: f64,");
    assert!(fields(&more, &defaults) != tables);
}

#[test]
fn every_study_has_one_row_and_no_row_is_of_nothing() {
    let ids: Vec<&str> = all_statements().map(|s| s.id).collect();
    let studies: Vec<&str> = STUDIES
        .iter()
        .flat_map(|study| study.statement.split(", "))
        .filter(|id| !ids.contains(id))
        .collect();
    none(&wrong_ids(&written_rows(), &ids, &studies));
}

#[test]
fn what_a_conformance_row_names_exists() {
    let rows = written_rows();
    none(&rows.iter().flat_map(|row| wrong_row(row, &function_exists)).collect::<Vec<_>>());
}

#[test]
fn wrong_conformance_rows_are_refused() {
    let table = "| id | a |\n| --- | --- |\n| 2.1 | `x` |\n| 2.1 | y |\n| 2.4 | z |\n";
    let rows = table_rows(table);
    assert_eq!(rows[0], ["2.1", "x"]);
    assert_eq!(
        wrong_ids(&rows, &["2.3"], &["2.1", "2.2"]),
        ["2.4 is not a statement", "2.1 has 2 rows", "2.2 has 0 rows"]
    );
    none(&wrong_ids(&rows[..1], &["2.1"], &[]));

    let exists = |name: &str| name == "f.rs::good";
    let check = |line: &str| {
        let rows = table_rows(line);
        wrong_row(&rows[0], &exists)
    };
    none(&check("| 1 | s | f.rs::good | f.rs::good, f.rs::good | computed | - | computed |"));
    none(&check("| 1 | s | f.rs::good | f.rs::good | certified | f.rs::good | checked |"));
    none(&check("| 1 | s | - | - | - | - | not yet |"));
    for line in [
        "| 1 | s | f.rs::bad | f.rs::good | computed | f.rs::good | checked |",
        "| 1 | s | f.rs::good | f.rs::good, f.rs::bad | computed | f.rs::good | checked |",
        "| 1 | s | f.rs::good | f.rs::good | computed | - | checked |",
        "| 1 | s | f.rs::good | f.rs::good | believed | f.rs::good | checked |",
        "| 1 | s | f.rs::good | - | computed | - | computed |",
        "| 1 | s | f.rs::good | - | - | - | not yet |",
        "| 1 | s | - | - | - | - | soon |",
        "| 1 | s | - | - | - | not yet |",
    ] {
        assert_eq!(check(line).len(), 1, "{line}");
    }
}

#[test]
fn a_function_that_is_not_there_is_noticed() {
    assert!(function_exists("tests/documents.rs::function_exists"));
    assert!(!function_exists("tests/documents.rs::function_is_missing"));
    assert!(!function_exists("tests/no_such_file.rs::function_exists"));
    assert!(!function_exists("function_exists"));
}

// Notation.

/// Rows of the notation table whose name is no word of their crate's code; `code` gives a crate's
/// code.
fn unused_names(rows: &[Vec<String>], code: &dyn Fn(&str) -> String) -> Vec<String> {
    rows.iter()
        .filter_map(|row| {
            let [_, name, _, _, package] = row.as_slice() else {
                return Some(format!("{row:?} has not five cells"));
            };
            let code = code(package);
            let found = source::words(&code).any(|(_, word)| word == name);
            (!found).then(|| format!("{name} is not in {package}"))
        })
        .collect()
}

#[test]
fn every_name_of_the_notation_is_in_its_crate() {
    let code = |package: &str| {
        let files = source::files(&[&format!("crates/{package}/src")], &[".rs"]);
        files.iter().map(|file| source::code(&file.text)).collect::<String>()
    };
    none(&unused_names(&table_rows(&source::read("docs/NOTATION.md")), &code));
}

#[test]
fn a_name_that_is_gone_is_refused() {
    let rows = table_rows("| t | `overlap` | f64 | 1 | one |\n| q | `radial` | f64 | 1 | one |");
    let code = |_: &str| "fn radial() { overlaps() }".to_owned();
    assert_eq!(unused_names(&rows, &code), ["overlap is not in one"]);
}

// Paths.

/// Paths of the tree that a text names: runs of path characters that start with one of the top
/// folders.
fn paths(text: &str) -> BTreeSet<String> {
    let tops = ["crates/", "docs/", "tests/", "benches/", "examples/", "scripts/", ".ci/"];
    let is_path = |c: char| c.is_ascii_alphanumeric() || "-_./*".contains(c);
    text.split(|c: char| !is_path(c))
        .map(|run| run.trim_end_matches(['.', '/']))
        .filter(|run| tops.iter().any(|top| run.starts_with(top) && run.len() > top.len()))
        .filter(|run| !run.contains('*'))
        .map(str::to_owned)
        .collect()
}

/// Crate folders that the text does not name.
fn unnamed_crates(text: &str, folders: &[String]) -> Vec<String> {
    let named = paths(text);
    folders.iter().filter(|folder| !named.contains(*folder)).cloned().collect()
}

#[test]
fn architecture_names_every_crate() {
    let folders: Vec<String> = fs::read_dir(source::root().join("crates"))
        .expect("there are crates")
        .map(|entry| entry.expect("a folder that opens can be listed").file_name())
        .map(|name| format!("crates/{}", name.to_str().expect("file names are UTF-8")))
        .collect();
    assert!(!folders.is_empty(), "no crates were found");
    none(&unnamed_crates(&source::read("ARCHITECTURE.md"), &folders));
}

#[test]
fn every_path_that_a_document_names_exists() {
    let documents = source::files(&["docs"], &[".md"]).into_iter().map(|file| file.path);
    let missing: Vec<String> = ["ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"]
        .into_iter()
        .map(str::to_owned)
        .chain(documents)
        .flat_map(|document| {
            paths(&source::read(&document)).into_iter().map(move |path| (document.clone(), path))
        })
        .filter(|(_, path)| !source::root().join(path).exists())
        .map(|(document, path)| format!("{document} names {path}"))
        .collect();
    none(&missing);
}

#[test]
fn a_crate_that_is_not_on_the_map_is_refused() {
    let text = "`crates/gradiometer-model` and `crates/gradiometer-model-extra/`, crates/x.";
    assert_eq!(
        unnamed_crates(text, &["crates/gradiometer-model".into(), "crates/gradiometer".into()]),
        ["crates/gradiometer"]
    );
    assert!(paths(text).contains("crates/x"));
    assert!(!source::root().join("crates/x").exists());
}

// References.

/// Citation keys of a text: `[Key00]`, `[Key2000a]`, `[Key00, Theorem 1]`, brackets escaped or not.
fn citations(text: &str) -> BTreeSet<String> {
    text.split('[')
        .skip(1)
        .filter_map(|after| {
            let (inside, _) = after.split_once(']')?;
            let key = inside.split([',', ' ', '\\']).next()?;
            is_key(key).then(|| key.to_owned())
        })
        .collect()
}

/// At least two letters, the first a capital, then two or four digits, then at most one small
/// letter.
fn is_key(key: &str) -> bool {
    let key = key.strip_suffix(|c: char| c.is_ascii_lowercase()).unwrap_or(key);
    let name = key.trim_end_matches(|c: char| c.is_ascii_digit());
    name.len() >= 2
        && matches!(key.len() - name.len(), 2 | 4)
        && name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_alphabetic() || c == '+')
}

/// The keys of the entries of the reference list.
fn entries(references: &str) -> Vec<String> {
    references
        .lines()
        .filter_map(|line| line.strip_prefix("- **["))
        .filter_map(|line| line.split_once("]**"))
        .map(|(key, _)| key.to_owned())
        .collect()
}

/// Citations without an entry, entries without a citation, repeated entries.
fn wrong_references(files: &[SourceFile], references: &str) -> Vec<String> {
    let listed = entries(references);
    let mut wrong = Vec::new();
    let mut cited = BTreeSet::new();
    for file in files {
        for key in citations(&file.text) {
            if !listed.contains(&key) {
                wrong.push(format!("{} cites [{key}], which has no entry", file.path));
            }
            cited.insert(key);
        }
    }
    for (n, key) in listed.iter().enumerate() {
        if !cited.contains(key) {
            wrong.push(format!("[{key}] is cited nowhere"));
        }
        if listed[..n].contains(key) {
            wrong.push(format!("[{key}] has two entries"));
        }
    }
    wrong
}

#[test]
fn citations_and_references_agree() {
    let mut files = source::files(&["crates", "docs"], &[".rs", ".md"]);
    files.retain(|file| file.path != "docs/REFERENCES.md");
    none(&wrong_references(&files, &source::read("docs/REFERENCES.md")));
}

#[test]
fn a_citation_without_entry_is_refused() {
    let text =
        "/// As in [Abc+2019a, Lemma 3] and \\[Xy07\\]; see [`Vec`], x[N64], [1e10], [Ab123].";
    let file = SourceFile::made_up("a.rs", text);
    let list = "- **[Xy07]** a\n- **[Zz99]** b\n- **[Xy07]** c";
    assert_eq!(
        wrong_references(&[file], list),
        [
            "a.rs cites [Abc+2019a], which has no entry",
            "[Zz99] is cited nowhere",
            "[Xy07] has two entries"
        ]
    );
}

// Tolerances.

/// The code of a Rust file with its documentation examples, other comments and all literals of text
/// blanked.
fn code_with_examples(text: &str) -> String {
    let mut example = false;
    let uncommented: Vec<&str> = text
        .lines()
        .map(|line| {
            let start = line.trim_start();
            let Some(doc) = start.strip_prefix("///").or_else(|| start.strip_prefix("//!")) else {
                example = false;
                return line;
            };
            if doc.trim_start().starts_with("```") {
                example = !example;
                return "";
            }
            if example { doc } else { "" }
        })
        .collect();
    source::code(&uncommented.join("\n"))
}

/// The assertions of some code, each with its line number: from a macro whose name contains
/// `assert` to the end of its arguments.
fn assertions(code: &str) -> Vec<(usize, &str)> {
    code.match_indices("assert")
        .filter_map(|(at, _)| {
            let name = code[at..].find(|c: char| !(c.is_alphanumeric() || c == '_'))?;
            let arguments = code[at + name..].strip_prefix('!')?;
            let mut depth = 0_usize;
            let end = arguments.find(|c| {
                match c {
                    '(' | '[' | '{' => depth += 1,
                    ')' | ']' | '}' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                depth == 0
            })?;
            Some((1 + code[..at].matches('\n').count(), &arguments[..end]))
        })
        .collect()
}

/// Small literals on the right of an inequality or of a named argument such as `epsilon =`, outside
/// the arguments of calls.
fn literal_tolerances(assertion: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, operator) in assertion.match_indices(['<', '>', '=']) {
        let right = &assertion[at + 1..];
        let equality = right.starts_with('=') || assertion[..at].ends_with(['<', '>', '=', '!']);
        if operator == "=" && equality {
            continue;
        }
        let right = right.trim_start_matches('=');
        let mut depth = 0_i32;
        let end = right
            .find(|c| {
                match c {
                    '(' | '[' | '{' => depth += 1,
                    ')' | ']' | '}' => depth -= 1,
                    _ => {}
                }
                depth < 0 || (depth == 0 && ",;&|<>=".contains(c))
            })
            .unwrap_or(right.len());
        let mut depth = 0_i32;
        let outside: String = right[..end]
            .chars()
            .map(|c| {
                match c {
                    '(' | '[' | '{' => depth += 1,
                    ')' | ']' | '}' => depth -= 1,
                    _ => {}
                }
                if depth > 0 { ' ' } else { c }
            })
            .collect();
        found.extend(numbers(&outside).filter(|number| {
            let value = number.trim_end_matches("f64").trim_end_matches('_').parse();
            value.is_ok_and(|x: f64| x > 0.0 && x <= LARGEST_TOLERANCE)
        }));
    }
    found
}

/// The number literals of some code, underscores removed.
fn numbers(code: &str) -> impl Iterator<Item = String> {
    let joined = code.replace("e-", "e\u{2212}");
    let is_part = |c: char| c.is_alphanumeric() || "._\u{2212}".contains(c);
    joined
        .split(move |c: char| !is_part(c))
        .filter(|run| run.starts_with(|c: char| c.is_ascii_digit()))
        .map(|run| run.replace('\u{2212}', "-").replace('_', ""))
        .collect::<Vec<_>>()
        .into_iter()
}

fn bare_tolerances(files: &[SourceFile]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        let code = code_with_examples(&file.text);
        for (line, assertion) in assertions(&code) {
            for literal in literal_tolerances(assertion) {
                found.push(format!("{}:{line}: {literal}", file.path));
            }
        }
    }
    found
}

#[test]
fn no_assertion_has_a_literal_tolerance() {
    none(&bare_tolerances(&source::files(&["crates", "tests", "benches"], &[".rs"])));
}

#[test]
fn literal_tolerances_are_refused() {
    let text = "fn f() {\n    assert!((a - b).abs() < 1e-6);\n    prop_assert!(\n        x <= 2.0 * 1.5e-9_f64,\n    );\n\
                    assert_relative_eq!(a, b, epsilon = 1e-4);\n    assert!(x < 0.0001 && y);\n}\n\
                /// ```\n/// assert!(x < 1e-7);\n/// ```\nfn g() {}";
    assert_eq!(
        bare_tolerances(&[SourceFile::made_up("a.rs", text)]),
        ["a.rs:2: 1e-6", "a.rs:3: 1.5e-9f64", "a.rs:6: 1e-4", "a.rs:7: 0.0001", "a.rs:10: 1e-7"]
    );
}

#[test]
fn other_small_numbers_are_let_through() {
    let text = "fn f() {\n    // assert!(x < 1e-6);\n    let tiny = 1e-200;\n    assert_eq!(norm(&[1e-200]), 1e-200);\n\
                    assert!(x <= evaluate(student, 1e-10));\n    assert!(x < 4.0 * f64::EPSILON, \"{x} < 1e-6\");\n\
                    assert!(x < 0.5);\n}\n/// As `assert!(x < 1e-6)` would.\nfn g() {}";
    none(&bare_tolerances(&[SourceFile::made_up("a.rs", text)]));
}

#[track_caller]
fn none(found: &[String]) {
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}
