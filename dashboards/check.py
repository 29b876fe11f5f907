#!/usr/bin/env python3
"""Checks the dashboards and alert rules, without or with a Prometheus that has scraped a loaded installation.

Usage: dashboards/check.py [--prometheus URL] [--render FOLDER] [--minutes N]
Without a server: shape of the JSON, layout, units, descriptions, variables, links of alerts to runbooks.
With one: every query of every panel is executed, with all variables at "All" and with each at some of its values; one that fails,
or is empty where the panel is not marked as allowed to be, is a fault; so is a share that is more than the whole, a counter that the chosen instance does not
filter, a label in a legend that no series has, and a series or a word of an alert that nobody exports.
--render draws each dashboard from the real data as an SVG picture.
"""
import argparse
import glob
import json
import os
import re
import sys
import time
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
COLOURS = ["#7EB26D", "#EAB839", "#6ED0E0", "#EF843C", "#E24D42", "#1F78C1", "#BA43A9", "#705DA0", "#508642", "#CCA300"]
# Series of alerts and objectives that are not there before something happens, and the rules do without: outcomes of the
# models that there are, and the read replica of installations that have one.
RARE = re.compile(r"^(cadre_model_(unpriced_)?calls_total$|cadre_postgres_replica_usable$|cadre_redis_commands_total$|cadre_gateway_authentications_total$)")


# What every dashboard has.
KEYS = ("uid", "title", "description", "schemaVersion", "panels", "templating", "time", "refresh")
# Values of a variable that queries are tried with.
VALUES_MAX = 4


class Server:
    def __init__(self, url):
        self.url = url.rstrip("/")

    def get(self, path, **parameters):
        with urllib.request.urlopen(f"{self.url}{path}?{urllib.parse.urlencode(parameters)}", timeout=20) as answer:
            return json.load(answer)["data"]

    def values(self, query):
        label = re.match(r"label_values\((.*), *(\w+)\)$", query)
        found = self.get("/api/v1/series", **{"match[]": label.group(1)})
        return sorted({series[label.group(2)] for series in found if series.get(label.group(2))})

    def found(self, target, query, minutes):
        """What a panel shows of a query: over time, or now."""
        if not target["instant"]:
            return self.range(query, minutes)
        return [{"metric": one["metric"], "values": [one["value"]]} for one in self.get("/api/v1/query", query=query)["result"]]

    def range(self, query, minutes):
        end = time.time()
        return self.get("/api/v1/query_range", query=query, start=end - 60 * minutes, end=end, step=max(5, minutes * 60 / 200))["result"]


def panels(board):
    return [one for one in board["panels"] if one["type"] != "row"]


def shape(name, board):
    faults, ids, taken = [], set(), set()
    if board.get("editable") is not False:
        faults.append(f"{name}: may be edited in place, which the next start would undo")
    variables = {one["name"] for one in board["templating"]["list"]}
    for one in board["panels"]:
        place, where = one["gridPos"], f"{name}: {one['title']}"
        if one["id"] in ids:
            faults.append(f"{where}: its id is taken")
        ids.add(one["id"])
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        if place["x"] + place["w"] > 24 or cells & taken:
            faults.append(f"{where}: lies outside or over another panel")
        taken |= cells
        if one["type"] == "row":
            continue
        if not one.get("description", "").endswith("."):
            faults.append(f"{where}: no description in a sentence")
        if not one["fieldConfig"]["defaults"].get("unit"):
            faults.append(f"{where}: no unit")
        if not one["targets"]:
            faults.append(f"{where}: no query")
        for target in one["targets"]:
            if target["datasource"]["uid"] != "${datasource}":
                faults.append(f"{where}: another data source than the variable")
            for used in re.findall(r"\$(?!__)(\w+)", target["expr"]):
                if used not in variables:
                    faults.append(f"{where}: ${used} is no variable")
            if re.search(r"^(sum|max|min|count|topk\([^)]*) by \(.*\) or vector\(", target["expr"]):
                faults.append(f"{where}: a zero without a name beside named series: or on() vector(0)")
            if re.search(r"\b(rate|increase)\([^\[]*\[(?!\$__rate_interval|\d+m)", target["expr"]):
                faults.append(f"{where}: a rate over a fixed interval")
    return faults


def runbooks():
    if not os.path.exists(os.path.join(HERE, "..", "docs")):
        return []  # Files of an installation, without the documents.
    with open(os.path.join(HERE, "..", "docs", "runbooks.md")) as file:
        sections = {line[3:].strip().lower() for line in file if line.startswith("## ")}
    faults = []
    for path in glob.glob(f"{HERE}/rules/*.yaml"):
        if path.endswith(".test.yaml"):
            continue
        text = open(path).read()
        for alert, rest in re.findall(r"- alert: (\w+)\n(.*?)(?=\n      - |\n  - name|\Z)", text, re.S):
            link = re.search(r"runbook_url: docs/runbooks\.md#(\w+)", rest)
            if not link or link.group(1) not in sections or link.group(1) != alert.lower():
                faults.append(f"{os.path.basename(path)}: {alert} has no section of its name in docs/runbooks.md")
            if "severity:" not in rest or "summary:" not in rest:
                faults.append(f"{os.path.basename(path)}: {alert} has no severity or summary")
    return faults


def substitute(expression, choices):
    expression = re.sub(r"\$__rate_interval", "1m", expression)
    for name, value in choices.items():
        # A backslash is doubled between the quotation marks of a query, as Grafana does it.
        quoted = value.replace("\\", "\\\\")
        expression = re.sub(rf"\${name}\b", lambda _: quoted, expression)
    return expression


def choices(server, name, board):
    """What variables are set to, one after the other: all to everything, then one to one of its values."""
    faults, known = [], {}
    for variable in board["templating"]["list"]:
        if variable["type"] != "query":
            continue
        known[variable["name"]] = server.values(variable["query"]["query"])
        if not known[variable["name"]]:
            faults.append(f"{name}: the variable {variable['name']} has no values")
    everything = {variable: ".*" for variable in known}
    some = [{**everything, variable: re.escape(value)} for variable, values in known.items() for value in values[:VALUES_MAX]]
    return faults, known, everything, some


def unfiltered(server, target, known):
    """The counters of a query that come from the chosen instances, and are not filtered by them."""
    if "instance" not in known or "$instance" in target["expr"]:
        return []
    found = []
    for metric in set(re.findall(r"\b(cadre_\w+_(?:total|bucket|sum|count))\b", target["expr"])):
        instances = {one.get("instance") for one in server.get("/api/v1/series", **{"match[]": metric})}
        if instances and instances <= set(known["instance"]):
            found.append(metric)
    return found


def queries(server, name, board, minutes):
    faults, known, everything, some = choices(server, name, board)
    drawn = []
    for one in panels(board):
        where, lines, empty = f"{name}: {one['title']}", [], []
        for target in one["targets"]:
            try:
                found = server.found(target, substitute(target["expr"], everything), minutes)
                chosen = {}
                for choice in some:
                    expression = substitute(target["expr"], choice)
                    if expression not in chosen and expression != substitute(target["expr"], everything):
                        chosen[expression] = server.found(target, expression, minutes)
            except OSError as error:
                faults.append(f"{where}: {error}: {target['expr']}")
                continue
            good = [series for series in found if any(value not in ("NaN", "+Inf") for _, value in series["values"])]
            if not good:
                empty.append(target["expr"])
            elif chosen and not any(chosen.values()):
                faults.append(f"{where}: empty for every single value of its variables: {target['expr']}")
            faults += [f"{where}: {metric} is not filtered by $instance" for metric in unfiltered(server, target, known)]
            if one["fieldConfig"]["defaults"]["unit"] == "percentunit" and "beyond" not in one.get("tags", []):
                faults += [f"{where}: a share of {value}: {target['expr']}" for series in good for _, value in series["values"][-1:] if float(value) > 1.0001]
            for label in re.findall(r"{{(\w+)}}", target["legendFormat"]):
                if good and not any(label in series["metric"] for series in good if series["metric"]) and any(series["metric"] for series in good):
                    faults.append(f"{where}: no series has the label {label} of its legend")
            lines += [(target["legendFormat"], series) for series in good]
        if empty and "may-be-empty" not in one.get("tags", []):
            faults += [f"{where}: empty: {expression}" for expression in empty]
        drawn.append((one, lines))
    return faults, drawn


def selectors(expression):
    """The metrics of ours in an expression, each with what it says of labels: (label, operator, value)."""
    for metric, labels in re.findall(r"\b((?:cadre|process|gen_ai)_\w+)(?:\{([^}]*)\})?", expression):
        yield metric, re.findall(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"', labels)


def exported(server):
    """That each series of a rule is there before it is needed: a counter that begins with its first event has no increase
    that a rule could see. Values of labels that nobody exports are wrong words, in exclusions too."""
    faults = []
    for path in glob.glob(f"{HERE}/rules/*.yaml"):
        if path.endswith(".test.yaml"):
            continue
        found = {one for one in selectors_of(open(path).read())}
        for metric, labels in sorted(found):
            name = f"{os.path.basename(path)}: {metric}"
            if RARE.match(metric):
                continue
            series = server.get("/api/v1/series", **{"match[]": metric})
            if not series:
                faults.append(f"{name}: nobody exports it")
            # Buckets are written in two ways, by the format of the scrape.
            for label, operator, value in ((one for one in labels if one[0] != "le") if series else ()):
                values = {one.get(label, "") for one in series}
                words = value.split("|") if "~" in operator else [value]
                faults += [f'{name}: {label} is never "{word}"' for word in words if word not in values and re.fullmatch(r"[\w./-]+", word)]
    return faults


def ratios(server):
    """That the recorded ratios of errors are parts of the whole."""
    found = server.get("/api/v1/query", query='{__name__=~"slo:error_ratio:.*"}')["result"]
    return [f"slo.yaml: {one['metric']} is {one['value'][1]}" for one in found if not 0 <= float(one["value"][1]) <= 1] or ([] if found else ["slo.yaml: no ratio is recorded"])


def selectors_of(text):
    return {(metric, tuple(labels)) for line in text.splitlines() if not line.lstrip().startswith(("#", "summary:", "description:"))
            for metric, labels in selectors(line)}


def outcomes():
    """That the objective of model calls knows every outcome that the llm-router has a word for."""
    from definitions import slo
    if not os.path.exists(f"{HERE}/../Services"):
        return []  # Files of an installation, without the sources.
    words = {"interrupted"}
    for path in glob.glob(f"{HERE}/../Services/LLMRouter/Calls/*.swift") + glob.glob(f"{HERE}/../Services/LLMRouter/Calls/*/*.swift"):
        with open(path) as file:
            for call in re.findall(r"\bcode: ([^,\n]*)|static let (?:clientGone|hedgeLost) = (.*)", file.read()):
                words |= set(re.findall(r'"(\w+)"', "".join(call)))
    known = set(slo.BAD_OUTCOMES) | set(slo.OTHER_OUTCOMES)
    return [f"definitions/slo.py: is the outcome {word} of a model call bad? It is in no list" for word in sorted(words - known)] + [
        f"definitions/slo.py: no model call has the outcome {word}" for word in sorted(known - words)]


def shown(value, unit):
    if unit == "s":
        return f"{value * 1000:.3g} ms" if value < 1 else f"{value:.3g} s"
    if unit == "percentunit":
        return f"{value * 100:.3g}%"
    if unit == "bytes":
        return f"{value / 2**20:.3g} MiB"
    if unit == "currencyUSD":
        return f"${value:.3g}"
    return f"{value:.4g}" + ("/s" if unit == "reqps" else "")


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def short(text, characters):
    """The beginning and the end of a long name: ids differ at their ends."""
    half = (characters - 1) // 2
    return text if len(text) <= characters else f"{text[:half]}~{text[-half:]}"


def render(board, drawn):
    """The dashboard as SVG: a plain picture of the same panels, queries and data that Grafana shows."""
    cell, out, bottom = 52, [], 0
    for row in (one for one in board["panels"] if one["type"] == "row"):
        y = row["gridPos"]["y"] * 34
        out.append(f'<text x="8" y="{y + 24}" class="r">{escape(row["title"])}</text>')
    for one, lines in drawn:
        place = one["gridPos"]
        x, y, w, h = place["x"] * cell, place["y"] * 34, place["w"] * cell - 8, place["h"] * 34 - 8
        bottom = max(bottom, y + h)
        unit = one["fieldConfig"]["defaults"]["unit"]
        out.append(f'<g transform="translate({x + 4},{y})"><rect width="{w}" height="{h}" class="p"/><text x="8" y="18" class="t">{escape(one["title"])}</text>')
        series = []
        for legend, found in lines:
            name = re.sub(r"{{(\w+)}}", lambda m: found["metric"].get(m.group(1), ""), legend)
            points = [(float(t), float(v)) for t, v in found["values"] if v not in ("NaN", "+Inf")]
            series.append((name, points))
        if not series:
            out.append(f'<text x="{w / 2}" y="{h / 2}" class="n">nothing in this time</text></g>')
            continue
        if one["type"] in ("stat", "table"):
            for index, (name, points) in enumerate(series[:8]):
                out.append(f'<text x="{8 + (index % 4) * (w - 16) / 4}" y="{60 + (index // 4) * 44}" class="s">{shown(points[-1][1], unit)}</text>'
                           f'<text x="{8 + (index % 4) * (w - 16) / 4}" y="{76 + (index // 4) * 44}" class="l">{escape(short(name, 15))}</text>')
            out.append("</g>")
            continue
        top = max(max(v for _, v in points) for _, points in series) or 1
        first, last = min(p[0][0] for _, p in series), max(p[-1][0] for _, p in series)
        plot = h - 76
        for part in (0, 0.5, 1):
            level = 30 + plot * (1 - part)
            out.append(f'<line x1="64" x2="{w - 8}" y1="{level}" y2="{level}" class="g"/><text x="58" y="{level + 4}" class="a">{shown(top * part, unit)}</text>')
        for index, (name, points) in enumerate(series[:10]):
            path = " ".join(f"{64 + (t - first) / max(1, last - first) * (w - 72):.1f},{30 + plot * (1 - v / top):.1f}" for t, v in points)
            colour = COLOURS[index % len(COLOURS)]
            out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
            out.append(f'<text x="{8 + (index % 3) * (w / 3)}" y="{h - 30 + (index // 3) * 12}" class="l" fill="{colour}">{escape(short(name, 15 if len(series) > 2 else 26))} {shown(points[-1][1], unit)}</text>')
        out.append("</g>")
    style = (".p{fill:#181b1f;stroke:#2c3235}.t{fill:#d8d9da;font:600 13px sans-serif}.r{fill:#9fa7b3;font:600 14px sans-serif}.n{fill:#6e7580;font:12px sans-serif;text-anchor:middle}"
             ".g{stroke:#2c3235}.a{fill:#8e8e8e;font:10px sans-serif;text-anchor:end}.l{fill:#9fa7b3;font:10px sans-serif}.s{fill:#73bf69;font:600 22px sans-serif}")
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{24 * cell}" height="{bottom + 10}"><style>{style}</style>'
            f'<rect width="100%" height="100%" fill="#111217"/>{"".join(out)}</svg>\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prometheus", help="base URL of a server")
    parser.add_argument("--render", help="folder for pictures")
    parser.add_argument("--minutes", type=int, default=15, help="how far to look back")
    options = parser.parse_args()
    faults = runbooks() + outcomes()
    server = Server(options.prometheus) if options.prometheus else None
    boards = sorted(glob.glob(f"{HERE}/grafana/*.json"))
    count = 0
    if not boards:
        faults.append("no dashboard is there: run dashboards/generate.py")
    for path in boards:
        name = os.path.basename(path)
        try:
            with open(path) as file:
                board = json.load(file)
        except (OSError, ValueError) as error:
            faults.append(f"{name} is no JSON: {error}")
            continue
        missing = [key for key in KEYS if not (isinstance(board, dict) and board.get(key))]
        if missing:
            faults.append(f"{name}: no {', no '.join(missing)}")
            continue
        count += len(panels(board))
        faults += shape(name, board)
        if server:
            found, drawn = queries(server, name, board, options.minutes)
            faults += found
            if options.render:
                with open(os.path.join(options.render, name.replace(".json", ".svg")), "w") as file:
                    file.write(render(board, drawn))
    if server:
        faults += exported(server) + ratios(server)
    for fault in faults:
        print(f"fault: {fault}", file=sys.stderr)
    print(f"{len(boards)} dashboards, {count} panels, {len(faults)} faults")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
