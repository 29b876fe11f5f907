"""Grafana dashboards from short tables.

A board is {uid, title, description, rows: [(title, [panel, ...])], variables}; a panel is made by `panel` below. Every
panel has a unit and a description, and its queries use the variables of the board.
"""

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24

# Units of Grafana.
SECONDS, PER_SECOND, RATIO, BYTES, COUNT, USD = "s", "reqps", "percentunit", "bytes", "short", "currencyUSD"


def panel(title, description, unit, *queries, kind="timeseries", width=8, height=8, stack=False, bad=None, may_be_empty=False):
    """`queries` are (expression, legend); `bad` is the value from which the panel is red."""
    return {"title": title, "description": description, "unit": unit, "queries": queries, "kind": kind, "width": width,
            "height": height, "stack": stack, "bad": bad, "may_be_empty": may_be_empty}


def variable(name, label, query, many=True):
    return {"name": name, "label": label, "type": "query", "datasource": DATASOURCE, "query": {"query": query, "refId": name},
            "definition": query, "refresh": 2, "includeAll": many, "multi": many, "allValue": ".*" if many else None,
            "current": {"text": "All", "value": "$__all"} if many else {}, "sort": 1}


def _fields(one):
    defaults = {"unit": one["unit"], "custom": {}, "min": 0}
    if one["kind"] == "timeseries":
        defaults["custom"] = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 20 if one["stack"] else 5, "showPoints": "never",
                              "stacking": {"mode": "normal" if one["stack"] else "none", "group": "A"}}
    steps = [{"color": "green", "value": None}]
    if one["bad"] is not None:
        steps.append({"color": "red", "value": one["bad"]})
    defaults["thresholds"] = {"mode": "absolute", "steps": steps}
    defaults["color"] = {"mode": "thresholds" if one["kind"] in ("stat", "gauge") else "palette-classic"}
    return {"defaults": defaults, "overrides": []}


def _options(one):
    if one["kind"] == "timeseries":
        return {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True}, "tooltip": {"mode": "multi", "sort": "desc"}}
    if one["kind"] == "table":
        return {"showHeader": True, "sortBy": [{"displayName": "Value", "desc": True}]}
    return {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "colorMode": "value", "textMode": "auto"}


def dashboard(board):
    panels, number, top = [], 0, 0
    for row, members in board["rows"]:
        number += 1
        panels.append({"id": number, "type": "row", "title": row, "collapsed": False, "panels": [],
                       "gridPos": {"h": 1, "w": WIDTH, "x": 0, "y": top}})
        top += 1
        left, tall = 0, 0
        for one in members:
            if left + one["width"] > WIDTH:
                top, left, tall = top + tall, 0, 0
            number += 1
            table = one["kind"] == "table"
            panels.append({
                "id": number, "type": one["kind"], "title": one["title"], "description": one["description"],
                "datasource": DATASOURCE, "gridPos": {"h": one["height"], "w": one["width"], "x": left, "y": top},
                "fieldConfig": _fields(one), "options": _options(one),
                "targets": [{"refId": chr(65 + index), "datasource": DATASOURCE, "expr": expression, "legendFormat": legend,
                             "exemplar": "histogram_quantile" in expression, "instant": table, "format": "table" if table else "time_series"}
                            for index, (expression, legend) in enumerate(one["queries"])],
                **({"transformations": [{"id": "organize", "options": {"excludeByName": {"Time": True}}}]} if table else {}),
                # For the validator of the dashboards: nothing has to be there on a healthy day.
                **({"links": [], "tags": ["may-be-empty"]} if one["may_be_empty"] else {}),
            })
            left += one["width"]
            tall = max(tall, one["height"])
        top += tall
    return {
        "uid": board["uid"], "title": board["title"], "description": board["description"], "tags": ["cadre"], "schemaVersion": 39,
        "version": 1, "editable": False, "graphTooltip": 1, "time": {"from": "now-1h", "to": "now"}, "refresh": "30s",
        "timezone": "utc", "templating": {"list": [
            {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "current": {}, "hide": 0},
            *board.get("variables", [])]},
        "links": [{"title": "Cadre", "type": "dashboards", "tags": ["cadre"], "asDropdown": True, "includeVars": True, "keepTime": True}],
        "annotations": {"list": [{
            "name": "Starts", "datasource": DATASOURCE, "enable": True, "iconColor": "blue",
            "expr": "changes(process_start_time_seconds{job=~\"gateway|orchestrator|llm-router|agent-core\"}[1m]) > 0",
            "titleFormat": "{{job}} {{instance}} started"}]},
        "panels": panels,
    }
