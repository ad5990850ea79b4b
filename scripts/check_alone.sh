#!/usr/bin/env bash
# Builds and tests the checker with every searcher deleted: copies it and what it stands on, and nothing else, to a folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD

most_packages=12
packages=$(cargo tree -p gradiometer-certify -e normal --prefix none --locked | sort -u)
printf '%s\n' "$packages"
if (($(wc -l <<<"$packages") > most_packages)); then
    echo "the checker depends on more than $most_packages packages" >&2
    exit 1
fi
if grep -E '^(faer|rand|rayon|serde)' <<<"$packages"; then
    echo "the checker depends on linear algebra, random numbers, threads or serialisation" >&2
    exit 1
fi

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
mkdir "$copy/crates"
# What its tests need counts too; tests/architecture.rs keeps searchers out of that.
members=$(cargo metadata --format-version 1 --no-deps --locked --offline | python3 -c '
import json, sys
packages = {p["name"]: p for p in json.load(sys.stdin)["packages"]}
needed, open_names = set(), ["gradiometer-certify"]
while open_names:
    name = open_names.pop()
    if name in packages and name not in needed:
        needed.add(name)
        open_names += [d["name"] for d in packages[name]["dependencies"]]
print(*sorted(needed))')
echo "copied: $members"
for name in $members; do
    cp -R "crates/$name" "$copy/crates/"
done
cp Cargo.lock "$copy/"
sed -e 's/^members = .*/members = ["crates\/*"]/' -e '/^default-members/d' -e '/^\[profile.dev.package.gradiometer/,/^$/d' \
    Cargo.toml >"$copy/Cargo.toml"
cd "$copy"
# A folder of its own: the copies would pass for the workspace's crates, and all above them be built anew.
CARGO_TARGET_DIR=$root/target/alone cargo test --offline -p gradiometer-certify --lib
