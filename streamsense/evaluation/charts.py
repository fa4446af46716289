"""Draws a report's charts: each one SVG text that needs nothing beside it."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

from streamsense.evaluation.report import Chart, Series

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH_IN, HEIGHT_IN = 5.2, 3.3
_COLOURS = ("#2a5d9c", "#c1652f", "#4d8a4a", "#7d5ba6", "#8a6d3b", "#5f6b73", "#b04a6f")
"""Told apart by people who confuse red and green, and in grey."""
_MARKS = ("o", "s", "^", "D", "v", "P", "X")


def draw(chart: Chart) -> str:
    """The chart as an SVG element, the same text for the same chart."""
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    with matplotlib.rc_context(
        {
            "svg.fonttype": "path",
            "svg.hashsalt": chart.title,
            "font.size": 10,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "font.family": ["DejaVu Sans"],
        }
    ):
        figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN), layout="constrained")
        axes = figure.add_subplot()
        bars = [series for series in chart.series if series.style == "bars"]
        for number, series in enumerate(chart.series):
            _draw_series(axes, series, number, bars)
        _draw_levels(axes, chart)
        axes.set_xlabel(chart.x_label)
        axes.set_ylabel(chart.y_label)
        if chart.y_range is not None:
            low, high = chart.y_range
            axes.set_ylim(low - 0.02 * (high - low), high + 0.02 * (high - low))
        if chart.ticks:
            longest = max(map(len, chart.ticks)) * len(chart.ticks) > 55
            axes.set_xticks(range(len(chart.ticks)), chart.ticks, rotation=30 if longest else 0)
            if longest:
                for label in axes.get_xticklabels():
                    label.set_horizontalalignment("right")
        elif all(x.is_integer() for series in chart.series for x in series.x):
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        if len(chart.series) > 1:
            axes.legend(frameon=False, fontsize=9)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    return _bare(text.getvalue(), chart.title)


def _draw_series(axes: Axes, series: Series, number: int, bars: list[Series]) -> None:
    colour, mark = _COLOURS[number % len(_COLOURS)], _MARKS[number % len(_MARKS)]
    if series.style == "bars":
        width = 0.75 / len(bars)
        places = [x + (bars.index(series) - (len(bars) - 1) / 2) * width for x in series.x]
        axes.bar(places, series.y, width, color=colour, label=series.label)
    else:
        places = list(series.x)
        line = "-" if series.style == "line" else "none"
        axes.plot(places, series.y, linestyle=line, marker=mark, markersize=5, color=colour, label=series.label)
    if series.low and series.high:
        below = [max(0.0, y - low) for y, low in zip(series.y, series.low, strict=True)]
        above = [max(0.0, high - y) for y, high in zip(series.y, series.high, strict=True)]
        axes.errorbar(places, series.y, yerr=[below, above], fmt="none", ecolor=colour, capsize=3, alpha=0.7)


def _draw_levels(axes: Axes, chart: Chart) -> None:
    for name, value in chart.levels:
        axes.axhline(value, color="#666666", linestyle="--", linewidth=1)
        axes.annotate(
            name, (1.0, value), (0, 3), ("axes fraction", "data"), "offset points", ha="right", fontsize=8,
            color="#444444", bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
        )  # fmt: skip
    if chart.diagonal:
        axes.axline((0.0, 0.0), slope=1.0, color="#666666", linestyle="--", linewidth=1)
        axes.set_xlim(-0.02, 1.02)


def _bare(svg: str, title: str) -> str:
    """The element alone, as wide as its place, with its title for those who hear a page, and with ids of its own."""
    element = svg[svg.index("<svg") :]
    head, rest = element.split(">", 1)
    head = re.sub(r'\s(width|height)="[^"]*"', "", head)
    key = re.sub(r"\W+", "-", title.lower())
    rest = re.sub(r"<metadata>.*?</metadata>", "", rest, flags=re.S)
    rest = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{key}-", rest)
    return f'{head} role="img" aria-label="{_escaped(title)}">{rest}'.strip()


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
