"""A report as one HTML page that needs no other file and no network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape

from streamsense.evaluation.report import Chart, Part, Report, Table, Topic
from streamsense.evaluation.report_markdown import figure_cells

_STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1120px; padding: 1rem; font: 16px/1.5 system-ui, sans-serif; color: #1c2329;
  background: #fff; }
h1 { font-size: 1.7rem; line-height: 1.25; } h2 { margin-top: 2.5rem; border-bottom: 2px solid #d5dbe0; }
h3 { margin-top: 2rem; } p, figcaption { max-width: 75ch; }
.warning { border-left: 6px solid #b3401d; background: #fdf0ea; padding: .7rem 1rem; margin: 1rem 0; font-weight: 600; }
.note { border-left: 6px solid #8a6d3b; background: #faf6ec; padding: .7rem 1rem; margin: 1rem 0; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; margin: .5rem 0; }
td, th { padding: .3rem .7rem; border-bottom: 1px solid #dde3e7; text-align: left; vertical-align: top;
  overflow-wrap: break-word; }
th { font-weight: 600; } .facts td { overflow-wrap: anywhere; }
.facts th { white-space: nowrap; } .figures td:nth-child(2) { white-space: nowrap;
  font-variant-numeric: tabular-nums; font-weight: 600; } .figures td:last-child { color: #4d575f; font-size: .9rem; }
.shares td { text-align: right; font-variant-numeric: tabular-nums; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 440px), 1fr)); gap: 1.5rem; }
figure { margin: 0; } figure h4 { margin: .5rem 0 0; } svg { width: 100%; height: auto; display: block; }
figcaption { color: #4d575f; font-size: .9rem; }
@media (max-width: 700px) {
  body { padding: .6rem; font-size: 15px; }
  .figures thead { display: none; } .figures tr { display: block; padding: .5rem 0; border-bottom: 1px solid #dde3e7; }
  .figures td { display: block; border: 0; padding: .1rem 0; } .figures td:first-child { font-weight: 600; }
  .figures td:empty { display: none; } .facts th { white-space: normal; }
  .figures td[data-of]:not(:empty)::before { content: attr(data-of) ": "; color: #4d575f; font-weight: 400; }
}
@media print { .charts { grid-template-columns: 1fr 1fr; } }
"""
_HEADS = ("figure", "value [95 % interval]", "better", "without knowledge", "note")


def page(report: Report, drawn: Mapping[Chart, str]) -> str:
    """The whole page; `drawn` has each chart as an SVG element."""
    return "\n".join(_lines(report, drawn)) + "\n"


def _lines(report: Report, drawn: Mapping[Chart, str]) -> Iterator[str]:
    yield '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{escape(report.title)}</title><style>{_STYLE}</style></head><body>"
    yield f"<h1>{escape(report.title)}</h1>"
    for warning in report.warnings:
        yield f'<p class="warning">{escape(warning)}</p>'
    yield f"<p>{escape(report.protocol)}</p>"
    yield _pairs(report.facts)
    for part in report.parts:
        yield from _part(part, drawn)
    yield "</body></html>"


def _part(part: Part, drawn: Mapping[Chart, str]) -> Iterator[str]:
    yield f"<h2>{escape(part.title)}</h2>"
    for warning in part.warnings:
        yield f'<p class="note">{escape(warning)}</p>'
    yield _pairs(part.counts)
    for topic in part.topics:
        yield from _topic(topic, drawn)


def _topic(topic: Topic, drawn: Mapping[Chart, str]) -> Iterator[str]:
    yield f"<h3>{escape(topic.title)}</h3><p>{escape(topic.text)}</p>"
    if topic.figures:
        heads = "".join(f"<th>{escape(head)}</th>" for head in _HEADS)
        yield f'<div class="scroll"><table class="figures"><thead><tr>{heads}</tr></thead><tbody>'
        for figure in topic.figures:
            name, value, *rest = figure_cells(figure)
            named = zip(_HEADS[2:], rest, strict=True)
            cells = "".join(f'<td data-of="{escape(head)}">{escape(text)}</td>' for head, text in named)
            yield f"<tr><td>{escape(name)}</td><td>{escape(value)}</td>{cells}</tr>"
        yield "</tbody></table></div>"
    for table in topic.tables:
        yield _table(table)
    if topic.charts:
        yield '<div class="charts">'
        for chart in topic.charts:
            caption = f"<figcaption>{escape(chart.caption)}</figcaption>"
            yield f"<figure><h4>{escape(chart.title)}</h4>{drawn[chart]}{caption}</figure>"
        yield "</div>"


def _pairs(pairs: tuple[tuple[str, str], ...]) -> str:
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in pairs)
    return f'<div class="scroll"><table class="facts">{rows}</table></div>'


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in table.head)
    rows = []
    for first, *cells in table.rows:
        shaded = "".join(f"<td{_shade(text) if table.shares else ''}>{escape(text)}</td>" for text in cells)
        rows.append(f"<tr><th>{escape(first)}</th>{shaded}</tr>")
    kind = ' class="shares"' if table.shares else ""
    return (
        f"<p><strong>{escape(table.title)}.</strong> {escape(table.caption)}</p>"
        f'<div class="scroll"><table{kind}><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )


def _shade(text: str) -> str:
    try:
        share = min(1.0, max(0.0, float(text)))
    except ValueError:
        return ""
    return f' style="background: rgba(42, 93, 156, {0.55 * share:.2f})"'
