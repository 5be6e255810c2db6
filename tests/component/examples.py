"""Runs examples/wasmtime, in Python and in Node, and looks at what they print: `examples.py COMPONENT.wasm`."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "wasmtime"
COMPONENT = str(Path(sys.argv[1]).resolve())

DATA = tempfile.TemporaryDirectory()
PYTHON = [sys.executable, "example.py", COMPONENT]
ALWAYS = ["payload='Ada'", "'users.1.tags'", "payload=42"]

COMMANDS = {
    "example.py": (PYTHON, ALWAYS),
    "example.py with a folder": ([*PYTHON, DATA.name], [*ALWAYS, "runs: 1"]),
    "example.py with a folder again": ([*PYTHON, DATA.name], [*ALWAYS, "runs: 2"]),
    "example.mjs": (["npm", "start", "--silent"], ["val: 'Ada'", "'users.1.tags'", "val: 42n", "milliseconds"]),
}

failed = 0
for name, (command, parts) in COMMANDS.items():
    environment = {**os.environ, "COMPONENT": COMPONENT}
    run = subprocess.run(command, cwd=FOLDER, env=environment, capture_output=True, text=True)
    missing = [part for part in [*parts, "invalid-key: key \"users..name\""] if part not in run.stdout]
    if run.returncode or missing:
        failed += 1
        print(f"FAILED {name}: exit {run.returncode}, not printed: {missing}\n{run.stdout}{run.stderr}")
print(f"{len(COMMANDS) - failed} passed, {failed} failed")
sys.exit(failed > 0)
