"""Runs the behaviour table and the component's own cases: `run.py COMPONENT.wasm [part of a name]`."""

import sys
import traceback
from pathlib import Path

import own
import table
from door import Host

TESTS = Path(__file__).resolve().parent.parent


def main():
    # Values that nest too deep are built here on purpose.
    sys.setrecursionlimit(100_000)
    host = Host(sys.argv[1])
    wanted = sys.argv[2] if len(sys.argv) > 2 else ""
    tests = [(f"{file}: {case['name']}", lambda case=case: table.run(case, host))
             for file, case in table.cases((TESTS / "behaviour").glob("*.json"), "component")]
    tests += [(f"own: {test.__doc__}", lambda test=test: test(host)) for test in own.TESTS]
    passed = failed = 0
    for name, test in tests:
        if wanted not in name:
            continue
        try:
            test()
            passed += 1
        except Exception as error:
            failed += 1
            print(f"FAILED {name}\n  {error}")
            if not isinstance(error, table.Failed):
                traceback.print_exc(limit=-3, file=sys.stdout)
    print(f"{passed} passed, {failed} failed")
    # A table that is not there, or a name that nothing has, is no success.
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
