"""Before labels are bought: how many, and which."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seatrial.cli.console import HERE, AsJson, File, open_file, print_json, say

if TYPE_CHECKING:
    from seatrial.app.labels.labelling import Labelling
    from seatrial.core.observation import Json


def plan_labels(
    file: File = HERE,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the rows to label.")] = Path(
        "labels.csv"
    ),
    labels: Annotated[
        int | None, typer.Option("--labels", min=1, help="How many rows to draw.", show_default="as many as it takes")
    ] = None,
    expect: Annotated[
        float | None, typer.Option("--expect", help="The value you expect of the metric, to plan for that one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say how many labels a metric takes, and which rows to label: live rows, drawn with known probability."""
    from seatrial.app.labels.labelling import plan_labels as plan
    from seatrial.app.labels.labelling import write_labels

    workspace = open_file(file)
    made = plan(workspace, labels=labels, expected=expect, file=output.name)
    write_labels(made.chosen, output)
    if as_json:
        print_json(_data(made, output))
        return
    say(_lines(made))
    typer.echo(f"\n{output}: {len(made.chosen):,} of {made.pool:,} live rows to label. When they are, declare in data:")
    typer.echo(f"  {made.declare}")


def _lines(made: Labelling) -> list[str]:
    lines = []
    for each in made.plans:
        metric = each.metric
        limit = "no limit" if metric.limit is None else f"{metric.sense.value.replace('_', ' ')} {metric.limit:g}"
        lines.append(f"{metric.name}, {limit}")
        if each.why_not:
            lines.append(f"  {each.why_not}")
        for size in each.sizes:
            about = "" if size.exact else "about "
            count = "" if size.bearing == size.rows else f", {size.bearing:,} of which count"
            allowed = "" if size.allowed is None else f"; up to {size.allowed} may be wrong"
            lines.append(f"  if it is {size.true:g} in truth: {about}{size.rows:,} rows{count}{allowed}")
    return lines


def _data(made: Labelling, output: Path) -> Json:
    return {
        "metrics": [
            {
                "metric": each.metric.name,
                "limit": each.metric.limit,
                "sense": each.metric.sense.value,
                "why_not": each.why_not,
                "sizes": [
                    {
                        "true": size.true,
                        "rows": size.rows,
                        "bearing": size.bearing,
                        "allowed": size.allowed,
                        "exact": size.exact,
                    }
                    for size in each.sizes
                ],
            }
            for each in made.plans
        ],
        "pool": made.pool,
        "drawn": len(made.chosen),
        "file": str(output),
        "declare": made.declare,
    }


COMMANDS = (plan_labels,)
