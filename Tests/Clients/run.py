#!/usr/bin/env python3
"""Tests of the llm-router with the clients that people use. Prints PASS, SKIP or FAIL for each case.

Usage: run.py --bin FOLDER [--keep] [--list] [WORD...]   runs the cases whose name holds one of the words, or lists them.
"""
import argparse
import importlib
import sys
import time
import traceback

from world import Skipped, World

# What more than one case uses; everything else that a case starts ends with it.
COMMON = {"postgres", "redis", "alpha", "beta", "gamma", "router", "quick", "gateway"}
GROUPS = ["client_cases", "agent_cases", "pass_cases", "stream_cases", "routing_cases", "quality_cases", "fault_cases", "wild_cases", "odd_cases", "refusal_cases", "life_cases", "budget_cases", "money_cases", "charge_cases", "loss_cases", "rate_cases", "cache_cases", "ledger_cases", "size_cases", "guard_cases", "telemetry_cases", "api_cases",
          "gateway_cases"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True, help="folder of the executables")
    parser.add_argument("--keep", action="store_true", help="keep the folder with logs")
    parser.add_argument("--list", action="store_true", help="print the names of the cases and run none")
    parser.add_argument("words", nargs="*")
    options = parser.parse_args()
    cases = []
    for group in GROUPS:
        module = importlib.import_module(group)
        cases += [(f"{group.removesuffix('_cases')}: {name[5:].replace('_', ' ')}", body)
                  for name, body in vars(module).items() if name.startswith("case_")]
    cases = [case for case in cases if not options.words or any(word in case[0] for word in options.words)]
    if options.list:
        print("\n".join(name for name, _ in cases))
        return
    world = World(options.bin)
    failed = skipped = 0
    try:
        for name, body in cases:
            start = time.time()
            try:
                # What an earlier case has left at a provider, or has done to its health, is no business of the next.
                for provider in ("alpha", "beta", "gamma"):
                    assert world.until(lambda: world.usage(provider)["running"] == 0), f"{provider} still answers"
                    world.scripts(provider)
                    world.call("DELETE", f"/api/v1/providers/{provider}/health", operator=True)
                body(world)
                print(f"PASS {name} ({time.time() - start:.1f} s)", flush=True)
            except Skipped as reason:
                skipped += 1
                print(f"SKIP {name}: {reason}", flush=True)
            except Exception:
                failed += 1
                print(f"FAIL {name}\n{traceback.format_exc()}\nEND", flush=True)
            for left in set(world.processes) - COMMON:
                world.kill(left)
    finally:
        if options.keep:
            print(f"kept: {world.folder}")
            for process in world.processes.values():
                process.kill()
        else:
            world.close()
    print(f"{len(cases) - failed - skipped} of {len(cases)} cases passed" + (f", {skipped} skipped" if skipped else ""))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
