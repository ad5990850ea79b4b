//! No circle of more than three files inside a crate: whoever reads one file of a circle has to
//! read them all.
//!
//! A file depends on another if it names an item that the other defines. A re-export is only a sign
//! at the door, so a path through it leads to where the item is defined. Tests do not count.

use gradiometer_tests::source::{self, SourceFile};
use std::collections::{BTreeMap, BTreeSet};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree, Visibility};

/// Files of the largest circle that is allowed.
const LARGEST_CIRCLE: usize = 3;

/// A module path below the crate's root, such as `["optimum", "atoms"]`.
type Module = Vec<String>;

/// What one file of a crate defines, passes on and names.
#[derive(Debug, Default)]
struct Scanned {
    path: String,
    module: Module,
    /// Re-exports: name, and the module and item that it stands for.
    passed_on: BTreeMap<String, Vec<String>>,
    /// Modules whose every item is re-exported.
    passed_on_whole: Vec<Vec<String>>,
    /// Absolute paths that its code names, from the crate's root.
    named: BTreeSet<Vec<String>>,
    /// What `use` brings in: local name and absolute path.
    imported: BTreeMap<String, Vec<String>>,
    definitions: BTreeSet<String>,
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || attribute.path().is_ident("cfg")
                && attribute
                    .parse_args::<syn::Path>()
                    .is_ok_and(|condition| condition.is_ident("test"))
    })
}

/// The module of a file, from its path below `src`.
fn module_of(path: &str) -> Module {
    let below = path.rsplit_once("/src/").map_or(path, |(_, below)| below);
    let mut parts: Module = below.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if parts.last().is_some_and(|last| ["lib", "main", "mod"].contains(&last.as_str())) {
        parts.pop();
    }
    parts
}

impl Scanned {
    fn new(file: &SourceFile) -> Self {
        let parsed =
            syn::parse_file(&file.text).unwrap_or_else(|error| panic!("{}: {error}", file.path));
        let mut scanned =
            Self { path: file.path.clone(), module: module_of(&file.path), ..Self::default() };
        for item in &parsed.items {
            scanned.visit_item(item);
        }
        scanned
    }

    /// A path from the crate's root, if it starts at one of the words that mean this crate.
    fn absolute(&self, path: &[String]) -> Option<Vec<String>> {
        let mut base = self.module.clone();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => {
                base.clear();
                rest = &path[1..];
            }
            "self" => rest = &path[1..],
            "super" => {
                while rest.first().is_some_and(|part| part == "super") {
                    base.pop()?;
                    rest = &rest[1..];
                }
            }
            _ => return None,
        }
        base.extend(rest.iter().cloned());
        Some(base)
    }

    fn import(&mut self, prefix: &mut Vec<String>, tree: &UseTree, passes_on: bool) {
        match tree {
            UseTree::Path(path) => {
                prefix.push(path.ident.to_string());
                self.import(prefix, &path.tree, passes_on);
                prefix.pop();
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(prefix, tree, passes_on);
                }
            }
            UseTree::Glob(_) => {
                if let Some(target) = self.target(prefix) {
                    if passes_on {
                        self.passed_on_whole.push(target);
                    } else {
                        self.named.insert(target);
                    }
                }
            }
            UseTree::Name(name) => {
                self.import_one(prefix, &name.ident.to_string(), None, passes_on);
            }
            UseTree::Rename(rename) => {
                let renamed = rename.rename.to_string();
                self.import_one(prefix, &rename.ident.to_string(), Some(renamed), passes_on);
            }
        }
    }

    /// The path from the crate's root; a path that starts at a child module starts here.
    fn target(&self, path: &[String]) -> Option<Vec<String>> {
        self.absolute(path).or_else(|| {
            let mut base = self.module.clone();
            base.extend(path.iter().cloned());
            Some(base)
        })
    }

    fn import_one(
        &mut self,
        prefix: &[String],
        name: &str,
        renamed: Option<String>,
        passes_on: bool,
    ) {
        let mut path = prefix.to_vec();
        if name != "self" {
            path.push(name.to_owned());
        }
        let Some(target) = self.target(&path) else { return };
        let last = path.last().cloned().unwrap_or_default();
        let local = renamed.unwrap_or(last);
        if passes_on {
            self.passed_on.insert(local, target);
        } else {
            self.named.insert(target.clone());
            self.imported.insert(local, target);
        }
    }
}

impl<'ast> Visit<'ast> for Scanned {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes: &[Attribute] = match item {
            Item::Mod(x) => &x.attrs,
            Item::Fn(x) => &x.attrs,
            Item::Use(x) => &x.attrs,
            Item::Impl(x) => &x.attrs,
            Item::Struct(x) => &x.attrs,
            Item::Const(x) => &x.attrs,
            _ => &[],
        };
        if is_for_tests(attributes) {
            return;
        }
        let defined = match item {
            Item::Fn(x) => Some(&x.sig.ident),
            Item::Struct(x) => Some(&x.ident),
            Item::Enum(x) => Some(&x.ident),
            Item::Trait(x) => Some(&x.ident),
            Item::Const(x) => Some(&x.ident),
            Item::Static(x) => Some(&x.ident),
            Item::Type(x) => Some(&x.ident),
            Item::Union(x) => Some(&x.ident),
            _ => None,
        };
        self.definitions.extend(defined.map(ToString::to_string));
        if let Item::Use(item) = item {
            let passes_on = !matches!(item.vis, Visibility::Inherited);
            self.import(&mut Vec::new(), &item.tree, passes_on);
            return;
        }
        visit::visit_item(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !is_for_tests(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts: Vec<String> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        if let Some(target) = self.absolute(&parts) {
            self.named.insert(target);
        } else if parts.len() > 1
            && let Some(through) = self.imported.get(&parts[0])
        {
            let mut target = through.clone();
            target.extend(parts[1..].iter().cloned());
            self.named.insert(target);
        }
        visit::visit_path(self, path);
    }
}

/// The files of one crate and which file names items of which.
fn arrows(files: &[SourceFile]) -> BTreeMap<String, BTreeSet<String>> {
    let scanned: Vec<Scanned> = files.iter().map(Scanned::new).collect();
    let by_module: BTreeMap<&[String], &Scanned> =
        scanned.iter().map(|file| (file.module.as_slice(), file)).collect();
    let mut arrows = BTreeMap::new();
    for file in &scanned {
        let mut to = BTreeSet::new();
        for named in &file.named {
            if let Some(path) = defining_file(&by_module, named, 0)
                && path != file.path
            {
                to.insert(path);
            }
        }
        arrows.insert(file.path.clone(), to);
    }
    arrows
}

/// Where the item at the end of a path from the crate's root is defined: through re-exports, and
/// the deepest module that is a file.
fn defining_file(
    by_module: &BTreeMap<&[String], &Scanned>,
    path: &[String],
    depth: usize,
) -> Option<String> {
    let length = (0..=path.len()).rev().find(|n| by_module.contains_key(&path[..*n]))?;
    let file = by_module[&path[..length]];
    let Some(name) = path.get(length).filter(|_| depth < 16) else {
        // A whole module is named: what is taken from it is seen where it is used.
        return None;
    };
    if let Some(target) = file.passed_on.get(name) {
        return defining_file(by_module, target, depth + 1);
    }
    if !file.definitions.contains(name) {
        for module in &file.passed_on_whole {
            let mut target = module.clone();
            target.push(name.clone());
            let found = by_module.get(module.as_slice());
            if found.is_some_and(|f| f.definitions.contains(name) || f.passed_on.contains_key(name))
            {
                return defining_file(by_module, &target, depth + 1);
            }
        }
    }
    // A path that starts at an external crate leads to no definition here.
    (file.definitions.contains(name) || length > 0).then(|| file.path.clone())
}

/// Sets of files that all reach each other, larger than one.
fn circles(arrows: &BTreeMap<String, BTreeSet<String>>) -> Vec<Vec<String>> {
    let reach: BTreeMap<&String, BTreeSet<&String>> = arrows
        .keys()
        .map(|start| {
            let (mut seen, mut open) = (BTreeSet::new(), vec![start]);
            while let Some(at) = open.pop() {
                for next in &arrows[at] {
                    if arrows.contains_key(next) && seen.insert(next) {
                        open.push(next);
                    }
                }
            }
            (start, seen)
        })
        .collect();
    let mut found = BTreeSet::new();
    for (start, reached) in &reach {
        let circle: BTreeSet<String> = reached
            .iter()
            .filter(|other| reach[*other].contains(start))
            .map(|other| (*other).clone())
            .chain([(*start).clone()])
            .collect();
        if circle.len() > 1 {
            found.insert(circle.into_iter().collect::<Vec<_>>());
        }
    }
    found.into_iter().collect()
}

fn too_large(files: &[SourceFile]) -> Vec<String> {
    circles(&arrows(files))
        .into_iter()
        .filter(|circle| circle.len() > LARGEST_CIRCLE)
        .map(|circle| format!("a circle of {}: {}", circle.len(), circle.join(", ")))
        .collect()
}

/// The files of every crate, without their tests.
fn crates() -> Vec<Vec<SourceFile>> {
    let mut crates: BTreeMap<String, Vec<SourceFile>> = BTreeMap::new();
    for file in source::files(&["crates"], &[".rs"]) {
        if let Some((name, below)) = file.path.split_once("/src/")
            && !source::is_test_file(below)
            && !below.starts_with("bin/")
        {
            crates.entry(name.to_owned()).or_default().push(file);
        }
    }
    crates.into_values().collect()
}

#[test]
fn no_crate_has_a_circle_of_more_than_three_files() {
    let found: Vec<String> = crates().iter().flat_map(|files| too_large(files)).collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn a_circle_of_four_is_refused_and_a_door_is_none() {
    let file =
        |name: &str, text: &str| SourceFile::made_up(&format!("crates/x/src/{name}.rs"), text);
    let mut files = vec![
        file("lib", "mod a; mod b; mod c; mod d; pub use a::A; pub use d::{D, d};"),
        file("a", "use crate::b::B; pub struct A(B);"),
        file("b", "pub struct B; impl B { fn f() { crate::c::c() } }"),
        file("c", "use super::D; pub fn c() -> D { D }"),
        file("d", "pub struct D; pub fn d() {} #[cfg(test)] mod tests { use crate::a::A; }"),
    ];
    assert_eq!(too_large(&files), Vec::<String>::new(), "tests and doors do not count");
    files[4].text = "use super::a; pub struct D; pub fn d(_: a::A) {}".to_owned();
    let names = ["a", "b", "c", "d"].map(|name| format!("crates/x/src/{name}.rs"));
    assert_eq!(too_large(&files), [format!("a circle of 4: {}", names.join(", "))]);
    // One file less, and it is small enough.
    files[1].text = "use crate::c::c; pub struct A;".to_owned();
    assert_eq!(too_large(&files), Vec::<String>::new());
}
