"""Runs the behaviour table and the component's own cases: `run.py COMPONENT.wasm [part of a name]`."""

import os
import sys
import tempfile
import traceback
from pathlib import Path

import files
import own
import table
from door import Host

TESTS = Path(__file__).resolve().parent.parent
# Without a disk to wait for.
QUICK = "/dev/shm" if os.path.isdir("/dev/shm") else None


def in_a_file(case, host, reopen=False):
    """Each store comes from an instance of its own, which reads what another one wrote."""
    with tempfile.TemporaryDirectory(dir=QUICK) as folder:
        table.run(case, lambda: host.instance(folder).open_file(), reopen)


def main():
    # Values that nest too deep are built here on purpose.
    sys.setrecursionlimit(100_000)
    host = Host(sys.argv[1])
    wanted = sys.argv[2] if len(sys.argv) > 2 else ""
    cases = list(table.cases((TESTS / "behaviour").glob("*.json"), "component"))
    tests = []
    for file, case in cases:
        name = f"{file}: {case['name']}"
        tests.append((name, lambda case=case: table.run(case, host.instance().open)))
        tests.append((f"in a file, {name}", lambda case=case: in_a_file(case, host)))
        if table.can_reopen(case):
            tests.append((f"reopened, {name}", lambda case=case: in_a_file(case, host, reopen=True)))
    tests += [(f"own: {test.__doc__}", lambda test=test: test(host)) for test in own.TESTS]
    tests += [(f"files: {test.__doc__}", lambda test=test: files.run(test, host)) for test in files.TESTS]
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
