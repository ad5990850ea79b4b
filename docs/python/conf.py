"""The documentation of the Python package; README.md has the command that builds it."""

import importlib.util
import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from docutils import nodes  # noqa: E402
from docutils.utils.math.latex2mathml import tex2mathml  # noqa: E402

import gradiometer  # noqa: E402
import lemmas  # noqa: E402

project = "Gradiometer"
version = release = gradiometer.__version__
project_copyright = "the Gradiometer authors"

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "**.ipynb_checkpoints"]

html_theme = "furo"
html_title = "Gradiometer in Python"
html_theme_options = {"top_of_page_buttons": []}
# Formulas are MathML, which browsers set themselves: the pages ask no host for anything.
html_math_renderer = "mathml"

nb_execution_mode = "cache"
nb_execution_cache_path = str(HERE / "_build" / ".cache")
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True
# Pages about a package that is not there show their code, without what it prints.
nb_execution_excludepatterns = [
    f"{page}.md"
    for page, package in (("pytorch", "torch"), ("jax", "jax"))
    if importlib.util.find_spec(package) is None
]
os.environ["MATPLOTLIBRC"] = str(HERE / "matplotlibrc")
os.environ["PYTHONWARNINGS"] = "error::DeprecationWarning:gradiometer"

myst_enable_extensions = ["dollarmath"]
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_numpy_docstring = True
napoleon_google_docstring = False

lemmas.write(HERE / "lemmas")


def _inline(self, node):
    self.body.append(tex2mathml(node.astext()))
    raise nodes.SkipNode


def _block(self, node):
    self.body.append(tex2mathml(node.astext(), as_block=True))
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer(
        "mathml", inline_renderers=(_inline, None), block_renderers=(_block, None)
    )
