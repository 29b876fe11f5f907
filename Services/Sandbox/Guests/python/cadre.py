"""What a program finds besides the standard library: its arguments, its result, tables and plots as files."""

import csv
import html
import json
import math
import os

FOLDER = "/scratch"

# The arguments of the call: any JSON value.
arguments = None

# The result as JSON text; `None` without one.
_result = None

SHOWN_CHARACTERS = 4096


def _encoded(value):
    """A value as JSON text. Raises `TypeError` or `ValueError` with the reason when JSON cannot say it."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("a text has half of a surrogate pair") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return text


def _shown(value):
    """What a value looks like; its own code may fail at that."""
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001
        text = f"<{type(value).__name__} that cannot be shown: {type(error).__name__}>"
    return text[:SHOWN_CHARACTERS].encode("utf-8", "replace").decode()


def _keep(value):
    """Takes a value that the program has ended with: what JSON cannot say is named, and shown as text."""
    global _result
    try:
        _result = _encoded(value)
    except (TypeError, ValueError) as error:
        _result = json.dumps(
            {"unrepresentable": {"type": type(value).__name__, "reason": str(error)[:500], "text": _shown(value)}},
            ensure_ascii=False)


def result(value):
    """Sets the result of the run: any value that JSON can express. The last one counts."""
    global _result
    try:
        _result = _encoded(value)
    except (TypeError, ValueError) as error:
        raise type(error)(f"the result cannot be written as JSON: {error}") from None


def _path(name, ending):
    name = str(name)
    if not name.endswith(ending):
        name += ending
    # The root above the folder cannot be seen, so only what is below it is made.
    parent = FOLDER
    for part in name.strip("/").split("/")[:-1]:
        parent = f"{parent}/{part}"
        if not os.path.isdir(parent):
            os.mkdir(parent)
    return os.path.join(FOLDER, name.strip("/"))


def table(rows, name="table.csv", columns=None):
    """Writes rows (dictionaries or sequences) to a CSV file and returns its path."""
    rows = list(rows)
    if columns is None and rows and isinstance(rows[0], dict):
        columns = list(dict.fromkeys(key for row in rows for key in row))
    path = _path(name, ".csv")
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if columns:
            writer.writerow(columns)
        for row in rows:
            writer.writerow([row.get(key, "") for key in columns] if isinstance(row, dict) else list(row))
    return path


_COLOURS = ["#2563eb", "#dc2626", "#059669", "#d97706", "#7c3aed", "#0891b2", "#be185d", "#4d7c0f"]
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 720, 420, 70, 20, 40, 50


def _series(data):
    """Series by name: each a list of (x, y)."""
    if not isinstance(data, dict):
        data = {"": data}
    found = {}
    for name, values in data.items():
        points = []
        for place, value in enumerate(values):
            x, y = value if isinstance(value, (tuple, list)) else (place, value)
            x, y = float(x), float(y)
            if math.isfinite(x) and math.isfinite(y):
                points.append((x, y))
        found[str(name)] = points
    return found


def _ticks(low, high, count=5):
    """Round numbers between two bounds."""
    span = high - low or 1.0
    step = 10 ** math.floor(math.log10(span / count))
    step *= next(factor for factor in (1, 2, 5, 10) if span / (step * factor) <= count)
    first = math.ceil(low / step)
    return [number * step for number in range(first, math.floor(high / step) + 1)]


def plot(data, name="plot.svg", kind="line", title="", x_label="", y_label=""):
    """Draws numbers, pairs, or a dictionary of such lists as an SVG file and returns its path. `kind`: line, scatter, bar."""
    if kind not in ("line", "scatter", "bar"):
        raise ValueError("kind is line, scatter or bar")
    series = _series(data)
    points = [point for each in series.values() for point in each]
    if not points:
        raise ValueError("there are no numbers to draw")
    x_low, x_high = min(x for x, _ in points), max(x for x, _ in points)
    y_low, y_high = min(y for _, y in points), max(y for _, y in points)
    if kind == "bar":
        x_low, x_high = x_low - 0.5, x_high + 0.5
        y_low, y_high = min(y_low, 0.0), max(y_high, 0.0)
    x_span, y_span = x_high - x_low or 1.0, y_high - y_low or 1.0

    def place(x, y):
        return (
            _LEFT + (x - x_low) / x_span * (_WIDTH - _LEFT - _RIGHT),
            _HEIGHT - _BOTTOM - (y - y_low) / y_span * (_HEIGHT - _TOP - _BOTTOM),
        )

    def text(x, y, value, anchor="middle", more=""):
        return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{html.escape(str(value))}</text>'

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        text(_WIDTH / 2, 22, title, more=' font-size="16"'),
        text(_WIDTH / 2, _HEIGHT - 10, x_label),
        text(16, _HEIGHT / 2, y_label, more=f' transform="rotate(-90 16 {_HEIGHT / 2})"'),
    ]
    for tick in _ticks(x_low, x_high):
        x, y = place(tick, y_low)
        lines.append(text(x, y + 18, f"{tick:g}"))
    for tick in _ticks(y_low, y_high):
        x, y = place(x_low, tick)
        lines.append(f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{_WIDTH - _RIGHT}" y2="{y:.1f}" stroke="#e5e7eb"/>')
        lines.append(text(x - 8, y + 4, f"{tick:g}", "end"))
    for index, (label, values) in enumerate(series.items()):
        colour = _COLOURS[index % len(_COLOURS)]
        if kind == "line":
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*value) for value in values))
            lines.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for value in values if kind != "line" else ():
            x, y = place(*value)
            if kind == "scatter":
                lines.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>')
            else:
                width = 0.8 / len(series) / x_span * (_WIDTH - _LEFT - _RIGHT)
                x += (index - len(series) / 2) * width
                _, base = place(0, 0)
                lines.append(
                    f'<rect x="{x:.1f}" y="{min(y, base):.1f}" width="{width:.1f}" height="{abs(base - y):.1f}" fill="{colour}"/>'
                )
        if label:
            lines.append(text(_WIDTH - _RIGHT, _TOP + 16 * index, label, "end", f' fill="{colour}"'))
    lines.append("</svg>\n")
    path = _path(name, ".svg")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))
    return path
