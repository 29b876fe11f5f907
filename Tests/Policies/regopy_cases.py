"""Asks the policies the same questions in regopy and in cadre, and compares the whole decisions.

regopy answers first; its answers become a decision log, which `cadre policy what-if` compares with its own. Ends with a
line PASS or FAIL. The rules of *_test.rego cannot run in regopy 1.5: it ends with a segmentation fault where `with input`
reaches a rule that uses another rule. """
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import regopy

from policy_cases import ENTRY_POINTS, POLICIES, cases, configuration, modules


def interpreter(settings):
    made = regopy.Interpreter()
    for name, text in modules():
        made.add_module(name, text)
    made.add_data({"cadre": {"config": configuration()}, "tenants": settings})
    return made



def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--bin", default=".build/debug", help="the folder of cadre")
    options.add_argument("--seed", type=int, default=14)
    options.add_argument("--count", type=int, default=400, help="questions for each entry point")
    options = options.parse_args()
    settings, questions = cases(options.seed, options.count)
    rego = interpreter(settings)
    compiled = rego.build("data.cadre.http.decision", [f"cadre/{name}/decision" for name in ENTRY_POINTS])
    lines = []
    effects = {}
    for number, (path, question) in enumerate(questions):
        rego.set_input(question)
        answer = str(rego.query_bundle_entrypoint(compiled, path))
        line = {"decision_id": f"case_{number}", "path": path, "input": question}
        if answer != "undefined":
            line["result"] = json.loads(answer)["expressions"][0]
            effects[path, line["result"]["effect"]] = effects.get((path, line["result"]["effect"]), 0) + 1
        lines.append(json.dumps(line))
    with tempfile.TemporaryDirectory() as folder:
        log = pathlib.Path(folder, "log.jsonl")
        log.write_text("\n".join(lines) + "\n")
        data = pathlib.Path(folder, "data.json")
        data.write_text(json.dumps({"tenants": settings}))
        command = [f"{options.bin}/cadre", "policy", "what-if", str(log), "--policies", str(POLICIES), "--data", str(data), "--exact"]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=300)
    for (path, effect), count in sorted(effects.items()):
        print(f"  {path}: {count} x {effect}")
    print("\n".join(ended.stdout.splitlines()[-20:]), ended.stderr, sep="")
    is_well = ended.returncode == 0 and f"{len(questions)} decisions, 0 would differ" in ended.stdout
    print(f"{'PASS' if is_well else 'FAIL'} policies: {len(questions)} decisions as in regopy")
    sys.exit(0 if is_well else 1)


if __name__ == "__main__":
    main()
