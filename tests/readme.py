"""Runs the examples of README.md: `readme.py COMPONENT.wasm`. What a line of JavaScript or Python prints must be what its
comment says. (The Rust example is a doctest of the crate.)"""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Where a program finds the package: beside the example that has it installed.
WORKPLACE = ROOT / "examples" / "node"


def blocks(language: str) -> list[str]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def expected(code: str, mark: str) -> list[str]:
    lines = re.findall(rf"^.*(?:console\.log|print)\(.*\).*?{mark} (.*)$", code, re.MULTILINE)
    assert lines, "an example that prints nothing shows nothing"
    return lines


def run(command: list[str], code: str, mark: str) -> bool:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=WORKPLACE)
    printed = done.stdout.splitlines()
    if done.returncode == 0 and printed == expected(code, mark):
        return True
    print(f"README example: exit {done.returncode}\n{code}\nprinted {printed}\nexpected {expected(code, mark)}\n{done.stderr}")
    return False


def main() -> int:
    component = Path(sys.argv[1]).resolve()
    results = []
    for code in blocks("js"):
        script = WORKPLACE / "readme-example.mjs"
        script.write_text(code, encoding="utf-8")
        try:
            results.append(run(["node", str(script)], code, "//"))
        finally:
            script.unlink()
    for code in blocks("python"):
        os.environ["COMPONENT"] = str(component)
        results.append(run([sys.executable, "-c", code], code, "#"))
    assert len(results) >= 2, "README.md has no examples"
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
