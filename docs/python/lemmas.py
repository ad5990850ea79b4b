"""Writes a page for every statement, from the statements themselves: nothing is told twice."""

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib import pyplot

import gradiometer as gm

SEEDS = 24


def _claims(statement, control):
    """Claims of a statement at random instances, where it says something, and the first of them."""
    found, first = [], []
    for seed in range(SEEDS):
        try:
            at = gm.Instance.draw(seed)
            claims = gm.claim(
                statement.id, at.teacher, at.student, at.weight_decay, seed=seed, control=control
            )
        except gm.DataError:
            continue
        told = [claim for claim in claims if claim.finding in ("holds", "refuted")]
        if told and not first:
            first = [(seed, told)]
        found += told
    return found, first


def _picture(statement, stated, control, path):
    # Without a window, and without telling so to the notebooks, which draw by their own means.
    matplotlib.use("agg")
    matplotlib.rc_file(Path(__file__).parent / "matplotlibrc")
    figure, axes = pyplot.subplots(figsize=(6, 2.6))
    drawn = False
    for claims, name, marker in ((stated, "as stated", "o"), (control, "its control", "x")):
        pairs = [(c.left, c.right) for c in claims if c.left > 0 and c.right > 0]
        if pairs:
            left, right = np.array(pairs).T
            axes.loglog(right, left, marker, ms=4, alpha=0.7, label=name)
            drawn = True
    if drawn:
        low, high = axes.get_xlim()
        axes.loglog([low, high], [low, high], lw=0.8, color="#808080", label="equality")
        axes.set(xlabel="right side", ylabel="left side")
        axes.legend(fontsize=8)
        figure.savefig(path)
    pyplot.close(figure)
    return drawn


def _table(claims):
    lines = ["| part | left | | right | ratio | finding |", "| --- | --- | --- | --- | --- | --- |"]
    for c in claims:
        # Zeros of both signs are one.
        sides = f"{c.left + 0.0:.4g} | {'≤' if c.relation == '<=' else '='} | {c.right:.4g}"
        lines.append(f"| {c.part} | {sides} | {c.ratio + 0.0:.4f} | {c.finding} |")
    return "\n".join(lines)


def _page(statement, folder):
    text = statement.explanation
    if text:
        title, _, body = text.partition("\n")
        lines = [f"# {title}", "", body.strip(), ""]
    else:
        said = statement.says.replace("`", "")
        lines = [f"# {statement.id} {said}", "", f"Source: {statement.reference}.", ""]
        lines += [f"Constants: {statement.constants}. Sharp: {statement.sharp}.", ""]
    for check in statement.checks:
        lines += [f"- **{check.title}**. Hypotheses: {check.hypotheses}. Control: {check.control}."]
    for exponent in statement.exponents:
        lines += [
            f"- **{exponent.part}**: {exponent.predicted}. Control: {exponent.control}.",
        ]
    lines.append("")
    if statement.checks and statement.about_students:
        stated, first = _claims(statement, False)
        control, _ = _claims(statement, True)
        tight = [c.ratio for c in stated if c.relation == "<=" and c.ratio == c.ratio]
        for seed, claims in first:
            lines += ["## At a random instance", "", _table(claims), ""]
            at = "at.teacher, at.student, at.weight_decay"
            lines += [
                "The same by hand:",
                "",
                "```python",
                f"at = gm.Instance.draw({seed})",
                f'gm.claim("{statement.id}", {at}, seed={seed})',
                "```",
                "",
            ]
        name = f"{statement.id}.svg"
        if _picture(statement, stated, control, folder / name):
            refuted = sum(c.finding == "refuted" for c in control)
            lines += ["## How tight it is", ""]
            lines += [f"![Left against right side of {statement.id}]({name})", ""]
            said = f"{len(stated)} evaluations at {SEEDS} random instances"
            if tight:
                said += f", the largest ratio of an inequality {max(tight):.4f}"
            said += f"; none is refuted. Of the control's {len(control)}, {refuted} are."
            if any(c.finding == "refuted" for c in stated):
                raise RuntimeError(f"statement {statement.id} is refuted at a random instance")
            lines += [said, ""]
    return "\n".join(lines)


def write(folder):
    """Write the pages, and the list of them."""
    folder.mkdir(exist_ok=True)
    names = []
    for statement in gm.statements().values():
        name = statement.id
        text = _page(statement, folder)
        path = folder / f"{name}.md"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
        names.append(name)
    index = [
        "# The lemmas, one page each",
        "",
        "Generated from the statements that the library evaluates: what each says, with its",
        "hypotheses, its control, both sides at a random instance, and how tight it is.",
        "",
        "```{toctree}\n:maxdepth: 1\n",
        *names,
        "```",
        "",
    ]
    (folder / "index.md").write_text("\n".join(index), encoding="utf-8")
