"""Spans and metrics by the GenAI conventions of OpenTelemetry."""
import http.server
import json
import threading


class Collector(http.server.BaseHTTPRequestHandler):
    """Takes OTLP in JSON."""
    spans = []

    def do_POST(self):
        document = json.loads(self.rfile.read(int(self.headers["content-length"])))
        for resource in document["resourceSpans"]:
            for scope in resource["scopeSpans"]:
                Collector.spans += scope["spans"]
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


def value(attribute):
    return next(iter(attribute.values()))


def case_a_call_is_a_span_with_its_tokens_and_reasons(world):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    world.start_router("second", OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{server.server_port}",
                       OTEL_EXPORTER_OTLP_PROTOCOL="http/json", OTEL_BSP_SCHEDULE_DELAY="50")
    try:
        trace = "0af7651916cd43dd8448eb211c80319c"
        world.scripts("alpha", {"status": 500, "times": 1}, {"reply": "word " * 10})
        answer = world.ask("alpha-small", "the-private-question", router="second", headers={
            "traceparent": f"00-{trace}-b7ad6b7169203331-01"})
        assert answer.status == 200, answer

        def spans():
            return [span for span in Collector.spans if span["traceId"] == trace]

        assert world.until(lambda: any(span["name"].startswith("chat ") for span in spans())), Collector.spans
        span = next(span for span in spans() if span["name"].startswith("chat "))
        found = {a["key"]: value(a["value"]) for a in span["attributes"]}
        assert found["gen_ai.operation.name"] == "chat" and found["gen_ai.provider.name"] == "openai", found
        assert found["gen_ai.request.model"] == "alpha-small" and found["gen_ai.response.model"] == "alpha-small", found
        assert int(found["gen_ai.usage.output_tokens"]) == 13 and int(found["gen_ai.usage.input_tokens"]) > 0, found
        assert found["cadre.route"] == "model, priority" and int(found["cadre.attempts"]) == 2, found
        assert int(found["cadre.cost_nanousd"]) > 0 and "stop" in str(found["gen_ai.response.finish_reasons"]), found
        # Each attempt is a span below it, and the provider has got the trace.
        assert world.until(lambda: len([s for s in spans() if s.get("parentSpanId") == span["spanId"]]) >= 2), spans()
        assert world.last("alpha")[0]["traceparent"].split("-")[1] == trace
        assert "the-private-question" not in json.dumps(Collector.spans)
        assert world.metric("gen_ai_client_token_usage_count", "second", gen_ai_token_type="output") == 1
        assert world.metric("cadre_model_attempts_total", "second", result="provider") == 1
    finally:
        world.kill("second")
        server.shutdown()
