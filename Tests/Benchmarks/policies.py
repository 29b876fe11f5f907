"""Measures decisions of the shipped policies in process against regopy, in the same run, and prints a table.

regopy answers compiled bundles (its fastest way), in turns with ours; both read the input from JSON. The column "in
process" is what a service pays, whose input is there already.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Policies"))
from policy_cases import ENTRY_POINTS, POLICIES, cases  # noqa: E402
from regopy_cases import interpreter  # noqa: E402


def theirs(rego, compiled, questions):
    """Nanoseconds of each question, by path."""
    taken = {}
    for path, question in questions:
        text = json.dumps(question)
        start = time.perf_counter_ns()
        rego.set_input_term(text)
        rego.query_bundle_entrypoint(compiled, path)
        taken.setdefault(path, []).append(time.perf_counter_ns() - start)
    return taken


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--bin", default=".build/release")
    options.add_argument("--count", type=int, default=200, help="questions for each entry point")
    options.add_argument("--rounds", type=int, default=3)
    options = options.parse_args()
    settings, questions = cases(14, options.count)
    rego = interpreter(settings)
    compiled = rego.build("data.cadre.http.decision", [f"cadre/{name}/decision" for name in ENTRY_POINTS])
    ours, other = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        data = pathlib.Path(folder, "data.json")
        data.write_text(json.dumps({"tenants": settings}))
        file = pathlib.Path(folder, "questions.jsonl")
        file.write_text("".join(json.dumps({"path": path, "input": question}) + "\n" for path, question in questions))
        for _ in range(options.rounds):
            command = [f"{options.bin}/bench-policy", str(POLICIES), str(data), str(file), "20"]
            measured = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout)
            for path, values in measured.items():
                ours.setdefault(path, []).append(values)
            for path, values in theirs(rego, compiled, questions).items():
                other.setdefault(path, []).extend(values)
    print("| decision | in process p50 / p99 us | decisions/s, one core | from JSON p50 us | regopy p50 / p99 us | ratio of p50 |")
    print("| --- | --- | --- | --- | --- | --- |")
    ratios, slowest = [], 0.0
    for path in sorted(ours):
        def middle(kind, name):
            return statistics.median(values[kind][name] for values in ours[path])
        rate = middle("direct", "count") / middle("direct", "sum_ns") * 1e9
        taken = sorted(other[path])
        p50, p99 = taken[len(taken) // 2], taken[len(taken) * 99 // 100]
        ratio = p50 / middle("parsed", "p50_ns")
        ratios.append(ratio)
        slowest = max(slowest, middle("direct", "p50_ns") / 1000)
        print(
            f"| `{path}` | {middle('direct', 'p50_ns') / 1000:.1f} / {middle('direct', 'p99_ns') / 1000:.1f} | {rate:,.0f} "
            f"| {middle('parsed', 'p50_ns') / 1000:.1f} | {p50 / 1000:,.0f} / {p99 / 1000:,.0f} | {ratio:.0f} x |")
    is_met = min(ratios) >= 12 and slowest <= 25
    print(f"smallest ratio {min(ratios):.1f} x (target 12), largest p50 {slowest:.1f} us (target 25): {'met' if is_met else 'NOT MET'}")


if __name__ == "__main__":
    main()
