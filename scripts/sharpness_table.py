#!/usr/bin/env python3
"""Prints the tables of docs/SHARPNESS.md from a verification.

    gradiometer verify --out DIR
    python3 scripts/sharpness_table.py DIR/report.json

Needs nothing but the standard library.
"""

import json
import sys

SHARP = 0.9


def number(x, digits=4):
    return "-" if x is None else f"{x:.{digits}g}"


def main(path):
    with open(path, encoding="utf-8") as file:
        report = json.load(file)
    claims = report["claims"]
    print(f"complete: {report['complete']}, holds: {report['holds']}, seeds: {report['seeds']}\n")

    print("| id | part | instances | violations | worst ratio drawn | seed | worst ratio searched | constant |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for claim in claims:
        for part in claim.get("parts", []):
            if part["kind"] != "inequality":
                continue
            search = part["search"]["ratio"]
            ratios = [x for x in (part["worst_ratio"], search) if x is not None]
            verdict = "sharp" if max(ratios, default=0.0) >= SHARP else "loose" if ratios else "-"
            seed = part["seed_of_worst"] if ratios else "-"
            cells = [claim["id"], part["part"], part["checked"], part["violations"], number(part["worst_ratio"]),
                     seed, number(search), verdict]
            print("| " + " | ".join(map(str, cells)) + " |")

    print("\n| id | part | instances | violations | worst share of the allowed rounding | seed |")
    print("| --- | --- | --- | --- | --- | --- |")
    for claim in claims:
        for part in claim.get("parts", []):
            if part["kind"] == "identity":
                cells = [claim["id"], part["part"], part["checked"], part["violations"],
                         number(part["worst_ratio"], 2), part["seed_of_worst"]]
                print("| " + " | ".join(map(str, cells)) + " |")

    print("\n| id | exponent of | runs | found | 95% interval | predicted | constant | control |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for claim in claims:
        if claim["kind"] == "scaling":
            fit, constants = claim["fit"], claim["constants"]
            cells = [claim["id"], claim["title"].replace("|", "\\|"), claim["instances"], number(fit["exponent"], 3),
                     f"{number(fit['low'], 3)} to {number(fit['high'], 3)}", claim["predicted"],
                     f"{number(constants['least'], 3)} to {number(constants['greatest'], 3)}",
                     number(claim["negative_control"]["fit"]["exponent"], 3)]
            print("| " + " | ".join(map(str, cells)) + " |")

    print("\n| id | what the control changes | refuted at instance |")
    print("| --- | --- | --- |")
    for claim in claims:
        control = claim["negative_control"]
        if "parts" in control:
            tried = ", ".join(str(p["evaluations"]) for p in control["parts"])
            changed = control["changed"].replace("|p|", "norm(p)").replace("|mu*|", "mass(mu*)")
            print(f"| {claim['id']} | {changed} | {tried if control['refuted'] else 'not refuted'} |")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
