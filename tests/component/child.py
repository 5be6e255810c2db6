"""A process of its own over a file, which another one may kill: `child.py COMPILED FOLDER WORK [NUMBER]`. Prints
`ack …` once something was acknowledged."""

import resource
import sys
from itertools import count

from door import Host, Refused


def ack(what):
    print(f"ack {what}", flush=True)


def add(folder, number):
    """So many times; the total tells."""
    store = folder.open_file()
    ack("open")
    for _ in range(number):
        store.increment("n")
    store.close()


def write(folder, _):
    """Until it is killed; texts so long that the journal is folded often."""
    store = folder.open_file()
    for n in count(store.countPattern("k.*")):
        done = store.atomic({"checks": [], "writes": [["set", f"k.{n:06}", n], ["set", f"t.{n % 5}", "x" * 30_000]]})
        assert done["ok"]
        ack(n)
        # Opened and closed every now and then.
        if n % 20 == 19:
            other = folder.open_file()
            other.increment("closed")
            other.close()


def fill(folder, number):
    """Until no file may grow beyond so many bytes."""
    store = folder.open_file()
    resource.setrlimit(resource.RLIMIT_FSIZE, (number, number))
    refusals = 0
    for n in range(2000):
        try:
            store.set(f"k.{n:06}", "x" * 400)
            ack(n)
        except Refused as error:
            print(error, flush=True)
            refusals += 1
            if refusals > 3:
                return
    raise AssertionError("it never was full")


def main():
    compiled, folder, work, *number = sys.argv[1:]
    instance = Host(compiled, compiled=True).instance(folder)
    {"add": add, "write": write, "fill": fill}[work](instance, int(number[0]) if number else 0)


if __name__ == "__main__":
    main()
