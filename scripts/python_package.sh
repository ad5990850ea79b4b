#!/usr/bin/env bash
# The Python package's tests and lints, in an environment of their own below target/.
# The extension is the tests' build of the workspace, not a release of its own: the same code, and
# minutes less. Needs Python 3.10 or newer and what pip installs; takes the tests' command from README.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tests=${1:?usage: scripts/python_package.sh 'the command that runs the tests'}
environment=target/python
package=crates/gradiometer-py/python

python3 -m venv --clear "$environment"
export PATH="$PWD/$environment/bin:$PATH"
python -m pip install --quiet --disable-pip-version-check \
    hypothesis matplotlib mypy numpy pytest ruff scipy

# What `cargo test` has built already is built no second time: the same command, and its library.
cargo test --workspace --locked --no-run --quiet
library=$(ls target/debug/deps/libgradiometer_py.* | grep -E '\.(so|dylib)$')
site=$(python -c 'import sysconfig; print(sysconfig.get_paths()["platlib"])')
cp -R "$package/gradiometer" "$site/gradiometer"
cp "$library" "$site/gradiometer/_lib.abi3.so"

ruff check --quiet .
ruff format --quiet --check .
# From a folder that shadows nothing.
(cd "$environment" && python -m mypy.stubtest gradiometer._lib --concise)
python -m mypy --no-error-summary
bash -euo pipefail -c "$tests"
