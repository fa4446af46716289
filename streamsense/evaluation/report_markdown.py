"""A report as Markdown; its charts are files beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from streamsense.evaluation.figure import Figure
from streamsense.evaluation.report import Chart, Report, Table, Topic


def markdown(report: Report, chart_files: Mapping[Chart, str]) -> str:
    """The whole report; `chart_files` has the name of each chart's file."""
    return "\n".join(_lines(report, chart_files)) + "\n"


def _lines(report: Report, chart_files: Mapping[Chart, str]) -> Iterator[str]:
    yield f"# {report.title}\n"
    for warning in report.warnings:
        yield f"> **{warning}**\n"
    yield report.protocol + "\n"
    yield "| | |\n|---|---|"
    for name, value in report.facts:
        yield f"| {_cell(name)} | {_cell(value)} |"
    for part in report.parts:
        yield f"\n## {part.title}\n"
        for warning in part.warnings:
            yield f"> {warning}\n"
        yield "| | |\n|---|---|"
        for name, value in part.counts:
            yield f"| {_cell(name)} | {_cell(value)} |"
        for topic in part.topics:
            yield from _topic(topic, chart_files)


def _topic(topic: Topic, chart_files: Mapping[Chart, str]) -> Iterator[str]:
    yield f"\n### {topic.title}\n\n{topic.text}\n"
    if topic.figures:
        yield "| figure | value [95 % interval] | better | without knowledge | note |\n|---|---|---|---|---|"
        for figure in topic.figures:
            yield f"| {' | '.join(map(_cell, figure_cells(figure)))} |"
    for table in topic.tables:
        yield from _table(table)
    for chart in topic.charts:
        yield f"\n![{chart.title}]({chart_files[chart]})\n\n*{chart.title}. {chart.caption}*"


def figure_cells(figure: Figure) -> tuple[str, str, str, str, str]:
    """Name, value, direction, floors and note as texts."""
    floors = ", ".join(f"{name} {value:.3f}" for name, value in figure.floors.items())
    better = "nearer to expected" if figure.better == "nearer" else figure.better
    return figure.name, str(figure), better, floors, figure.note


def _table(table: Table) -> Iterator[str]:
    yield f"\n**{table.title}.** {table.caption}\n"
    yield f"| {' | '.join(map(_cell, table.head))} |"
    yield f"|{'---|' * len(table.head)}"
    for row in table.rows:
        yield f"| {' | '.join(map(_cell, row))} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
