//! Reading the project's own source: which files there are, and what of a file is code.

use std::fs;
use std::path::{Path, PathBuf};

/// A file of the project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Path from the project's root, with forward slashes.
    pub path: String,
    /// Its text.
    pub text: String,
}

impl SourceFile {
    /// A file that exists in memory alone, for the negative controls.
    pub fn made_up(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }
}

/// The project's root folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The text of one file, by its path from the root.
///
/// # Panics
/// If it cannot be read.
pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All files below the given folders whose name ends with one of the given endings, in the order of
/// their paths.
///
/// # Panics
/// If a folder cannot be read.
pub fn files(folders: &[&str], endings: &[&str]) -> Vec<SourceFile> {
    let mut found = Vec::new();
    let mut open: Vec<String> = folders.iter().map(|f| (*f).to_owned()).collect();
    while let Some(folder) = open.pop() {
        let entries =
            fs::read_dir(root().join(&folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
        for entry in entries {
            let entry = entry.expect("a folder that opens can be listed");
            let name = entry.file_name().into_string().expect("file names are UTF-8");
            let path = format!("{folder}/{name}");
            if entry.file_type().expect("an entry has a type").is_dir() {
                open.push(path);
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(SourceFile { text: read(&path), path });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The Rust source with comments and the contents of literals blanked out; line breaks stay where
/// they are.
pub fn code(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    let mut previous = ' ';
    while let Some(first) = rest.chars().next() {
        let word_before = previous.is_alphanumeric() || previous == '_';
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if first == '"' {
            string(rest)
        } else if matches!(first, 'r' | 'b' | 'c') && !word_before {
            prefixed_string(rest)
        } else if first == '\'' {
            character(rest)
        } else {
            0
        };
        let taken = if length == 0 { first.len_utf8() } else { length };
        let (piece, remainder) = rest.split_at(taken);
        if length == 0 {
            kept.push_str(piece);
        } else {
            kept.extend(piece.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        }
        previous = first;
        rest = remainder;
    }
    kept
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

fn string(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Length of a literal such as `r#"..."#`, `b"..."` or `br"..."`; 0 if none starts here.
fn prefixed_string(rest: &str) -> usize {
    let letters = rest.find(|c: char| !matches!(c, 'r' | 'b' | 'c')).unwrap_or(rest.len());
    if letters > 2 {
        return 0;
    }
    let after = &rest[letters..];
    if !rest[..letters].contains('r') {
        return if after.starts_with('"') { letters + string(after) } else { 0 };
    }
    let hashes = after.find(|c| c != '#').unwrap_or(after.len());
    let Some(body) = after[hashes..].strip_prefix('"') else { return 0 };
    let close = format!("\"{}", "#".repeat(hashes));
    body.find(&close).map_or(rest.len(), |end| letters + hashes + 1 + end + close.len())
}

/// Length of a character literal; 0 for a lifetime.
fn character(rest: &str) -> usize {
    let mut inside = rest.char_indices().skip(1);
    match inside.next() {
        Some((_, '\\')) => {
            let _escaped = inside.next();
            inside.find(|(_, c)| *c == '\'').map_or(0, |(at, _)| at + 1)
        }
        Some(_) => inside.next().filter(|(_, c)| *c == '\'').map_or(0, |(at, _)| at + 1),
        None => 0,
    }
}

/// Code (see [`code`]) without the items marked `#[cfg(test)]`.
pub fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut kept = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find(MARK) {
        kept.push_str(&rest[..at]);
        let item = &rest[at + MARK.len()..];
        rest = &item[item_length(item)..];
    }
    kept.push_str(rest);
    kept
}

/// Length of the first item of some code: to its `;` or to the end of its first block.
fn item_length(item: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in item.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    item.len()
}

/// Whether a file holds nothing but tests: it lies in a folder `tests` or is a module of that name.
pub fn is_test_file(path: &str) -> bool {
    path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// The words of some code: maximal runs of letters, digits and underscores, each with its line
/// number from 1.
pub fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.lines().enumerate().flat_map(|(number, line)| {
        line.split(|c: char| !(c.is_alphanumeric() || c == '_'))
            .filter(|word| !word.is_empty())
            .map(move |word| (number + 1, word))
    })
}

/// Whether some code defines a function of that name.
pub fn defines_function(code: &str, name: &str) -> bool {
    let mut previous = "";
    words(code).any(|(_, word)| {
        let found = previous == "fn" && word == name;
        previous = word;
        found
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_no_code() {
        let text = "a // b \"\nc /* d /* e */ f */ g \"h \\\" i\" j r#\"k \" l\"# m b\"n\" 'o' '\\'' p<'q>";
        let words: Vec<&str> = code(text).leak().split_whitespace().collect();
        assert_eq!(words, ["a", "c", "g", "j", "m", "p<'q>"]);
    }

    #[test]
    fn raw_names_and_letters_before_a_quote_stay() {
        assert_eq!(code("r#fn br xr\"s\" crb"), "r#fn br xr    crb");
    }

    #[test]
    fn lines_keep_their_numbers() {
        let blanked = code("/* one\ntwo */ three\n\"four\nfive\" six");
        assert_eq!(words(&blanked).collect::<Vec<_>>(), [(2, "three"), (4, "six")]);
    }

    #[test]
    fn test_modules_are_left_out_and_what_follows_stays() {
        let text = "a #[cfg(test)] mod tests { b { c } } d #[cfg(test)]\nmod e; f";
        let left: Vec<String> =
            words(&without_tests(text)).map(|(_, word)| word.to_owned()).collect();
        assert_eq!(left, ["a", "d", "f"]);
    }

    #[test]
    fn a_call_is_no_definition() {
        assert!(defines_function("pub const fn loss<A>(a: A) {}", "loss"));
        assert!(!defines_function("fn main() { loss(); lossy() } fn loss_bound() {}", "loss"));
    }

    #[test]
    fn this_file_is_found() {
        let found = files(&["tests"], &[".rs"]);
        assert!(found.iter().any(|file| file.path == "tests/source.rs"));
        assert!(found.is_sorted_by(|a, b| a.path < b.path));
    }
}
