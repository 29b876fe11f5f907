"""Grafana dashboards from short tables.

A board is {uid, title, description, rows: [(title, [panel, ...])], variables}; a panel is made by `panel` below. Every
panel has a unit and a description, and its queries use the variables of the board.
"""

import json
import urllib.parse

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24

# Units of Grafana.
SECONDS, PER_SECOND, RATIO, BYTES, BYTES_PER_SECOND, COUNT, USD = "s", "cps", "percentunit", "bytes", "binBps", "short", "currencyUSD"


def panel(title, description, unit, *queries, kind="timeseries", width=8, height=8, stack=False, bad=None, bad_below=None, may_be_empty=False, beyond=False):
    """`queries` are (expression, legend); `bad` is the value from which the panel is red, or below which it is. A share is
    beyond the whole only where `beyond` says so."""
    return {"title": title, "description": description, "unit": unit, "queries": queries, "kind": kind, "width": width,
            "height": height, "stack": stack, "bad": bad, "bad_below": bad_below, "may_be_empty": may_be_empty, "beyond": beyond}


def variable(name, label, query, many=True):
    return {"name": name, "label": label, "type": "query", "datasource": DATASOURCE, "query": {"query": query, "refId": name},
            "definition": query, "refresh": 2, "includeAll": many, "multi": many, "allValue": ".*" if many else None,
            "current": {"text": "All", "value": "$__all"} if many else {}, "sort": 1}


def traces(*services):
    """Links from a board to the traces of services in the same time."""
    def address(service):
        query = {"datasource": "jaeger", "queries": [{"refId": "A", "queryType": "search", "service": service}], "range": {"from": "FROM", "to": "TO"}}
        return "/explore?left=" + urllib.parse.quote(json.dumps(query)).replace("FROM", "${__from}").replace("TO", "${__to}")
    return [{"title": f"Traces of {service}", "type": "link", "icon": "external link", "url": address(service), "targetBlank": True} for service in services]


# Links to the API, where a browser that is signed in shows them; `$api` is the address of the gateway.
API = {"name": "api", "label": "API", "type": "textbox", "query": "https://localhost", "current": {"text": "https://localhost", "value": "https://localhost"}}


def runs(**filters):
    """Links from a board to lists of the API: title to path."""
    return [{"title": title.replace("_", " "), "type": "link", "icon": "external link", "url": "${api}" + path, "targetBlank": True} for title, path in filters.items()]


def _fields(one):
    defaults = {"unit": one["unit"], "custom": {}, "min": 0}
    if one["kind"] == "timeseries":
        defaults["custom"] = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 20 if one["stack"] else 5, "showPoints": "never",
                              "stacking": {"mode": "normal" if one["stack"] else "none", "group": "A"}}
    steps = [{"color": "green", "value": None}] if one["bad_below"] is None else [{"color": "red", "value": None}, {"color": "green", "value": one["bad_below"]}]
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
            # What stands in one number is of now: the last value of what is gone says that it is there.
            over_time = one["kind"] == "timeseries"
            panels.append({
                "id": number, "type": one["kind"], "title": one["title"], "description": one["description"],
                "datasource": DATASOURCE, "gridPos": {"h": one["height"], "w": one["width"], "x": left, "y": top},
                "fieldConfig": _fields(one), "options": _options(one),
                "targets": [{"refId": chr(65 + index), "datasource": DATASOURCE, "expr": expression, "legendFormat": legend,
                             "exemplar": "histogram_quantile" in expression, "instant": not over_time, "range": over_time, "format": "table" if table else "time_series"}
                            for index, (expression, legend) in enumerate(one["queries"])],
                **({"transformations": [{"id": "organize", "options": {"excludeByName": {"Time": True}}}]} if table else {}),
                # For the validator of the dashboards: nothing has to be there on a healthy day, a share may be more than the whole.
                **({"tags": tags} if (tags := [tag for tag, holds in (("may-be-empty", one["may_be_empty"]), ("beyond", one["beyond"])) if holds]) else {}),
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
        # Variables of the same name mean other things elsewhere: an instance of the gateway is none of the orchestrator.
        "links": [{"title": "Cadre", "type": "dashboards", "tags": ["cadre"], "asDropdown": True, "includeVars": False, "keepTime": True}, *board.get("links", [])],
        "annotations": {"list": [{
            "name": "Starts", "datasource": DATASOURCE, "enable": True, "iconColor": "blue",
            "expr": "changes(process_start_time_seconds{job=~\"gateway|orchestrator|llm-router|agent-core\"}[1m]) > 0",
            "titleFormat": "{{job}} {{instance}} started"}]},
        "panels": panels,
    }
