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
html_static_path = ["page.css"]
html_css_files = ["page.css"]
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
# PyTorch warns of its own plans.
os.environ["PYTHONWARNINGS"] = (
    "error::DeprecationWarning:gradiometer,ignore::FutureWarning:torch.jit._script"
)

myst_enable_extensions = ["dollarmath"]
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_numpy_docstring = True
napoleon_google_docstring = False

lemmas.write(HERE / "lemmas")


def _mathml(node, **options):
    # Bars are set as an operator's, with blanks around them; here they are moduli and norms.
    formula = tex2mathml(node.astext(), **options)
    bar = '<mo stretchy="false">|</mo>'
    return formula.replace(bar, bar.replace(">", ' lspace="0" rspace="0">', 1))


def _inline(self, node):
    self.body.append(_mathml(node))
    raise nodes.SkipNode


def _block(self, node):
    self.body.append(_mathml(node, as_block=True))
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer(
        "mathml", inline_renderers=(_inline, None), block_renderers=(_block, None)
    )
