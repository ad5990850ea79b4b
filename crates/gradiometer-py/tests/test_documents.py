"""The code of the README and of the documentation's pages runs as it stands there."""

import importlib.util
import re
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = sorted((ROOT / "docs" / "python").glob("*.md"))
NEEDS = {"pytorch": "torch", "jax": "jax"}


def blocks(text, opening):
    return re.findall(rf"^```{re.escape(opening)}\n(.*?)^```$", text, re.M | re.S)


def python_section():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return text.partition("\n## From Python\n")[2].partition("\n## ")[0]


def test_the_readme():
    (code,) = blocks(python_section(), "python")
    exec(compile(code, "README.md", "exec"), {})


def test_a_block_that_fails_is_noticed():
    (code,) = blocks("```python\nassert 1 == 2\n```\n", "python")
    with pytest.raises(AssertionError):
        exec(compile(code, "made up", "exec"), {})


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page(page, monkeypatch, tmp_path):
    code = "\n".join(blocks(page.read_text(encoding="utf-8"), "{code-cell}"))
    if not code:
        pytest.skip("a page without code")
    pytest.importorskip("matplotlib")
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.chdir(tmp_path)
    package = NEEDS.get(page.stem)
    if package and importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    from matplotlib import pyplot

    pyplot.switch_backend("agg")
    with warnings.catch_warnings():
        if package:
            # These warn of their own plans.
            warnings.simplefilter("default")
        exec(compile(code, page.name, "exec"), {})
    pyplot.close("all")
    if package == "torch":
        importlib.import_module("torch").set_default_dtype(importlib.import_module("torch").float32)
