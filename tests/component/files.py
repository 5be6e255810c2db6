"""The backend `file` in the component: folders that the host gives, other programs, other processes, kills."""

import gzip
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from own import refused
from text import ABSENT, Tagged

TESTS = []
KILLS = int(os.environ.get("KILLS", "5"))
CHILD = Path(__file__).with_name("child.py")
ROOT = Path(__file__).resolve().parents[2]
PATH = ("path", "data/store.json")


def test(function):
    TESTS.append(function)
    return function


def run(function, host):
    with tempfile.TemporaryDirectory() as folder:
        function(host, Path(folder))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@test
def settings(host, folder):
    """settings are refused by name and by value, before there is a file"""
    instance = host.instance(folder)
    for given, part in [
        ([], "`path`"), ([("format", "json")], "`path`"), ([PATH, ("pth", "x")], '"pth"'), ([PATH, ("Path", "x")], '"Path"'),
        ([PATH, PATH], "twice"), ([PATH, ("format", "yaml")], '"yaml"'), ([PATH, ("format", "")], '""'),
        ([PATH, ("compression", "zip")], '"zip"'), ([PATH, ("durability", "Strict")], '"Strict"'),
    ]:
        assert part in refused("invalid-argument", instance.open_with, given).message, given
    refused("invalid-argument", instance.open_with, [PATH], max_entries=5)
    refused("invalid-key", instance.open_with, [PATH], namespace="a.b")
    assert "none" in refused("invalid-argument", instance.open_with, [PATH], backend="memory").message
    refused("unsupported", instance.open_with, [PATH], backend="redis")
    assert instance.open_with([], backend="memory").set("a", 1)
    assert names(folder) == []
    all_of_them = {"format": "json", "compression": "gzip", "durability": "strict"}
    store = instance.open_file(namespace="space", **all_of_them)
    assert store.set("a", 1) and store.namespaces() == ["space"]


@test
def no_place(host, folder):
    """where no file can be, the answer is an error that says so, and the instance goes on"""
    (folder / "sub").mkdir()
    (folder / "text").write_text("a list of things")
    (folder / "out").symlink_to("/etc/hostname")
    for kind, instance, path, part in [
        ("not-found", host.instance(), "data/store.json", "preopened"),
        ("not-found", host.instance(), "store.json", "preopened"),
        ("not-found", host.instance(folder), "store.json", "preopened"),
        ("not-found", host.instance(folder), "/etc/store.json", "preopened"),
        ("not-found", host.instance(folder), "data/none/store.json", "data/none/store.json"),
        ("access-denied", host.instance(folder), "data/../store.json", "data/../store.json"),
        ("access-denied", host.instance(folder), "data/out", "data/out"),
        ("access-denied", host.instance(folder, writable=False), "data/store.json", "store.json"),
        ("invalid-argument", host.instance(folder), "", "no path"),
        ("invalid-argument", host.instance(folder), "data/", "no path"),
        ("invalid-argument", host.instance(folder), "..", "no path"),
        ("invalid-argument", host.instance(folder), "data/a\0b", "NUL"),
        ("invalid-argument", host.instance(folder), "data/" + "a" * 300, "aaa"),
        ("invalid-argument", host.instance(folder), "data/sub", "folder"),
        ("invalid-argument", host.instance(folder), "data/text/store.json", "text"),
        ("corrupt", host.instance(folder), "data/text", "no document"),
    ]:
        error = refused(kind, instance.open_with, [("path", path)])
        assert part in error.message, (path, error.message)
        assert instance.open().set("a", 1)
    assert names(folder) == ["out", "sub", "text"]
    assert (folder / "text").read_text() == "a list of things"


@test
def read_only(host, folder):
    """a store in a folder that may only be read is refused, and not changed"""
    with_one_entry(host, folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    refused("access-denied", host.instance(folder, writable=False).open_file)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def with_one_entry(host, folder):
    store = host.instance(folder).open_file()
    assert store.set("a", 1)
    store.close()


@test
def damaged(host, folder):
    """a damaged document is refused with `corrupt`, a torn end of the journal is cut off"""
    with_one_entry(host, folder)
    document, journal = folder / "store.json", folder / "store.json.journal"
    store = host.instance(folder).open_file()
    store.set("b", 2)
    whole = journal.read_bytes()
    store.set("c", 3)
    journal.write_bytes(journal.read_bytes()[:-1])
    found = host.instance(folder).open_file()
    assert found.keys() == ["a", "b"] and journal.read_bytes() == whole
    document.write_bytes(document.read_bytes()[:-20])
    before = document.read_bytes()
    for _ in range(2):
        refused("corrupt", host.instance(folder).open_file)
    assert document.read_bytes() == before and journal.read_bytes() == whole
    (folder / "store.gz").write_bytes(gzip.compress(b"{}")[:-3])
    refused("corrupt", host.instance(folder).open_file, "store.gz")


@test
def other_programs(host, folder):
    """json and gzip of other programs read the document, and either kind is opened"""
    value = {"list": [1, 2.5, None, "ü"]}
    for compression, read in [({"compression": "gzip"}, gzip.decompress), ({}, bytes)]:
        store = host.instance(folder).open_file(**compression)
        store.set("users.1", value, {"metadata": {"source": "import"}})
        store.namespace("other").set("b", b"\0\1")
        store.close()
        text = json.loads(read((folder / "store.json").read_bytes()))
        assert value in values_in(text), text
        assert {"source": "import"} in values_in(text), text
        found = host.instance(folder).open_file()
        assert found.get("users.1") == value and found.namespaces() == ["", "other"]
    # As gzip writes it, in two parts.
    plain = (folder / "store.json").read_bytes()
    (folder / "store.json").write_bytes(gzip.compress(plain[:50]) + gzip.compress(plain[50:]))
    assert host.instance(folder).open_file().namespace("other").get("b") == b"\0\1"


def values_in(found):
    yield found
    for inner in found.values() if isinstance(found, dict) else found if isinstance(found, list) else []:
        yield from values_in(inner)


@test
def samples(host, folder):
    """documents and journals of format 1, as the crate wrote them, are read and go on"""
    for sample in (ROOT / "tests" / "file" / "samples").iterdir():
        shutil.copy(sample, folder)
    for name, text, added in [("v1.json", "newer", 1), ("v1-gzip.json", 'Ada \U0001f600 "quoted" \0', ABSENT)]:
        for _ in range(2):
            store = host.instance(folder).open_file(name)
            assert store.get("text") == text and store.get("added") == added
            assert store.get("escaped") == {"$": ["bytes", "AA=="]}
            assert store.get("big") == Tagged("bigint", "1180591620717411303424")
            assert store.get("bytes") == b"\0\1\xff" and str(store.get("zero")) == "-0.0"
            entry = store.getEntry("users.é.name")
            assert entry["version"] == "14" and entry["metadata"] == {"source": "import", "n": 1.5}
            assert store.getEntry("later")["expiresAt"] == 2_110_599_444_080
            assert store.namespace("other").get("a") == 1
            store.set("next", 1)
            store.close()


@test
def letting_go(host, folder):
    """closed, or dropped with all that came from it, a store leaves its document whole and no lock"""
    def stored():
        return "mark" in (folder / "store.json").read_text()

    for end in ("close", "drop"):
        store = host.instance(folder).open_file()
        store.clear()
        store.close()
        store = host.instance(folder).open_file()
        child = store.namespace("other")
        child.set("a", "mark")
        assert not stored()
        if end == "close":
            store.close()
            refused("closed", child.get, "a")
        else:
            store.drop()
            assert not stored() and child.get("a") == "mark"
            child.drop()
        assert stored() and names(folder) == ["store.json", "store.json.journal"]
        host.instance(folder).open_file().namespace("other").clear()


@test
def two_stores(host, folder):
    """two stores, in one instance or two, see each other's changes"""
    instance = host.instance(folder)
    one, two, three = instance.open_file(), instance.open_file(), host.instance(folder).open_file()
    for n, store in enumerate([one, two, three] * 5, 1):
        assert store.increment("n") == n
    two.close()
    two.drop()
    assert three.delete("n") and one.get("n") is ABSENT


@test
def watching(host, folder):
    """a watch tells of changes here, and of others' once this store is used"""
    store, other = host.instance(folder).open_file(), host.instance(folder).open_file()
    store.watch("a.*", {"values": True})
    store.set("a.1", 1)
    store.delete("a.1")
    assert [event[:2] for event in store.events()] == [["set", "a.1"], ["delete", "a.1"]]
    other.set("a.2", "x")
    assert store.events() == [] and store.exists("a.2")
    assert [[kind, key, value] for kind, key, _, value in store.events()] == [["set", "a.2", "x"]]
    store.close()
    assert store.events() == []


@test
def watching_in_one_instance(host, folder):
    """what another store of the same instance writes is told at once, and once"""
    instance = host.instance(folder)
    store, other = instance.open_file(), instance.open_file()
    store.watch("a.*", {"values": True})
    other.set("a.1", "x")
    other.set("b", "x")
    other.delete("a.1")
    assert [event[:2] for event in store.events()] == [["set", "a.1"], ["delete", "a.1"]]
    assert not store.exists("a.1") and store.events() == []
    other.close()
    store.set("a.2", 1)
    assert [event[:2] for event in store.events()] == [["set", "a.2"]]


@test
def an_old_lock(host, folder):
    """the lock of one that is gone is taken over by its age, and what it left aside goes"""
    with_one_entry(host, folder)
    lock = folder / "store.json.lock"
    aside = folder / "store.json.00000000000000ff.new"
    aside.write_text("half a docu")
    at = time.time_ns() // 1_000_000 - 10_000
    lock.write_text(f"dataknobs-kv lock\nat {at}\ntoken 00000000000000ff\n")
    began = time.monotonic()
    store = host.instance(folder).open_file()
    assert store.get("a") == 1 and store.increment("a") == 2
    assert time.monotonic() - began < 2
    assert names(folder) == ["store.json", "store.json.journal"]


# Other processes


def child(host, folder, *work):
    """Another process, with the component that was compiled here."""
    compiled = compiled_for(host)
    command = [sys.executable, str(CHILD), compiled, str(folder), *map(str, work)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def compiled_for(host):
    if not hasattr(host, "compiled"):
        host.compiled = tempfile.NamedTemporaryFile(suffix=".cwasm")
        host.compiled.write(host.component.serialize())
        host.compiled.flush()
    return host.compiled.name


def acknowledged(lines):
    return [int(line[4:]) for line in lines if line.startswith("ack ") and line.endswith("\n")]


@test
def counting(host, folder):
    """two processes and this one increment one counter, and the total is exact"""
    children = [child(host, folder, "add", 300) for _ in range(2)]
    for each in children:
        assert each.stdout.readline() == "ack open\n"
    store = host.instance(folder).open_file()
    for _ in range(300):
        store.increment("n")
    for each in children:
        each.communicate(timeout=60)
        assert each.returncode == 0
    assert store.get("n") == 900
    store.close()
    assert names(folder) == ["store.json", "store.json.journal"]


@test
def with_the_crate(host, folder):
    """a native program and the component increment one counter in turns, and the total is exact"""
    command = ["cargo", "test", "-q", "--all-features", "--test", "file_processes"]
    subprocess.run([*command, "--no-run"], cwd=ROOT, check=True)
    with_one_entry(host, folder)
    # The child of the crate's own test: adds 1 to `n` 300 times.
    work = {**os.environ, "DATAKNOBS_KV_CHILD": "count", "DATAKNOBS_KV_PATH": str(folder / "store.json")}
    command += ["--", "works_as_a_child", "--exact"]
    each = subprocess.Popen(command, cwd=ROOT, env=work, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    store = host.instance(folder).open_file(compression="gzip")
    ours = 0
    while each.poll() is None:
        store.increment("n")
        ours += 1
    assert each.returncode == 0, each.stdout.read()
    assert store.get("n") == 300 + ours and ours > 1
    store.close()
    # What it left is the crate's to open.
    subprocess.run(command, cwd=ROOT, env=work, check=True, stdout=subprocess.DEVNULL)
    assert host.instance(folder).open_file().get("n") == 600 + ours


def outdate(folder):
    """A lock that was left is one of ten seconds ago, so that nobody waits for that."""
    lock = folder / "store.json.lock"
    if lock.exists():
        lines = lock.read_text().split("\n")
        lines = [f"at {int(line[3:]) - 10_000}" if line.startswith("at ") else line for line in lines]
        lock.write_text("\n".join(lines))


@test
def kills(host, folder):
    """what was acknowledged survives a kill in the middle of writes"""
    seed = os.getpid()
    chance, total, left = random.Random(seed), 0, 0
    for round in range(KILLS):
        each = child(host, folder, "write")
        lines = [each.stdout.readline()]
        time.sleep(chance.uniform(0, 0.3))
        each.send_signal(signal.SIGKILL)
        lines += each.communicate(timeout=60)[0].splitlines(keepends=True)
        assert each.returncode == -signal.SIGKILL
        left += (folder / "store.json.lock").exists()
        outdate(folder)
        store = host.instance(folder).open_file()
        found = [value for _, value in store.getPattern("k.*")]
        last = max(acknowledged(lines), default=total - 1) + 1
        # The last one may have been written and not acknowledged yet.
        assert found == list(range(len(found))) and last <= len(found) <= last + 1, (seed, round, len(found), last)
        total = len(found)
        if round % 2:
            store.close()
    assert total > 0
    print(f"{KILLS} kills, {left} under the lock, {total} writes")
    last = host.instance(folder).open_file()
    last.close()
    assert names(folder) == ["store.json", "store.json.journal"]


@test
def no_room(host, folder):
    """a file that may not grow: the error says so, and what was acknowledged is there"""
    each = child(host, folder, "fill", 40_000)
    lines = each.communicate(timeout=60)[0].splitlines(keepends=True)
    assert each.returncode == 0, lines[-5:]
    refusals = [line for line in lines if not line.startswith("ack ")]
    assert refusals and all("full" in line for line in refusals), refusals
    outdate(folder)
    store = host.instance(folder).open_file()
    assert store.keys("k.*") == [f"k.{n:06}" for n in acknowledged(lines)]
