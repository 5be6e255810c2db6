"""What only the component can be asked: handles, configuration, text that is no value, pages."""

import time

import wasmtime
from wasmtime.component import Variant

from door import Handle, Refused, record, scan_options, set_options
from text import ABSENT, Tagged

TESTS = []
MAX_DEPTH = 256


def test(function):
    TESTS.append(function)
    return function


def refused(kind, call, *args, **named):
    """The error of a call that must be refused so."""
    try:
        given = call(*args, **named)
    except Refused as error:
        assert error.kind == kind, f"{error.kind}, expected {kind}: {error.message}"
        assert error.message, "an error without a message"
        return error
    raise AssertionError(f"gave {given!r}, expected {kind}")


def json(text):
    return Variant("json", text)


@test
def unknown_backends(host):
    """open refuses a backend that is not built in, and a namespace that breaks a rule"""
    instance = host.instance()
    assert "redis" in refused("unsupported", instance.open, "redis").message
    for backend in ("", "Memory", "redsi"):
        assert backend in refused("invalid-argument", instance.open, backend).message
    # What needs settings says which.
    assert "`path`" in refused("invalid-argument", instance.open, "file").message
    refused("invalid-key", instance.open, "memory", "a.b")
    assert instance.open("memory", "a").namespaces() == []


@test
def stores_are_apart(host):
    """two opened stores share no entries, and namespaces of one connection do"""
    instance = host.instance()
    one, two = instance.open(), instance.open()
    one.set("a", 1)
    assert two.get("a") is ABSENT
    in_space = instance.open(namespace="space")
    in_space.set("a", 2)
    assert in_space.namespaces() == ["space"]
    assert in_space.namespace("").get("a") is ABSENT
    assert in_space.namespace("space").get("a") == 2


@test
def closing(host):
    """closing an opened store closes its namespaces too; closing a namespace only itself"""
    for start in ("", "start"):
        store = host.instance().open(namespace=start)
        other, third = store.namespace("other"), store.namespace("third")
        other.close()
        refused("closed", other.get, "a")
        assert third.set("a", 1) and store.set("a", 1)
        store.close()
        for closed in (store, other, third):
            refused("closed", closed.get, "a")
            refused("closed", closed.namespace, "b")
            closed.close()


@test
def closed_goes_first(host):
    """after close the answer is `closed`, whatever the arguments"""
    store = host.instance().open()
    store.close()
    bad, options = json("{"), set_options(metadata={})
    options.metadata = "{"
    for name, *args in [
        ("set", "", bad, None), ("set", "a", Variant("null"), options),
        ("set-many", [record(key="", value=bad, ttl_ms=0, metadata="")]),
        ("set-metadata", "", "{"), ("replace-metadata", "", "{"), ("expire", "", 0),
        ("compare-and-swap", "", bad, bad), ("append", "", bad), ("increment", "", 1),
        ("atomic", [record(key="", version=None)], [record(key="", value=bad, ttl_ms=0, metadata="")]),
        ("keys", "[", None), ("get-pattern", "["), ("delete-pattern", "["), ("count-pattern", "["),
        ("scan", "[", scan_options(after="")), ("namespace", "."), ("get-many", [""]), ("delete-many", [""]),
        ("rename", "", ""), ("copy", "", ""), ("delete-if-version", "", ""), ("get-entry", ""),
    ]:
        refused("closed", store.call, name, *args)


@test
def dropped_handles(host):
    """a dropped handle is refused by the host; those that came from it, and other instances, go on"""
    instance = host.instance()
    for _ in range(1000):
        store = instance.open()
        store.set("a", 1)
        child = store.namespace("")
        store.drop()
        assert child.get("a") == 1
        child.close()
        child.drop()
    refuses_handle(store.get, "a")
    refuses_handle(store.drop)
    # A host that breaks the rule may not enter that instance again; another one it may.
    assert host.instance().open().set("a", 1)


@test
def handles_of_another_instance(host):
    """a handle of another instance is refused by the host"""
    mine, other = host.instance(), host.instance()
    store = other.open()
    refuses_handle(Handle(mine, store.resource).get, "a")
    assert store.get("a") is ABSENT


def refuses_handle(call, *args):
    try:
        call(*args)
    except wasmtime.WasmtimeError:
        return
    raise AssertionError("the handle was accepted")


@test
def text_that_is_no_value(host):
    """text that is no value is refused with the place"""
    store = host.instance().open()
    for text, place in [
        ("", "line 1 column 0"), ("[1,]", "line 1 column 4"), ("{} {}", "line 1 column 4"), ("NaN", "line 1"),
        ("\u0000", "line 1"), ('{"$":1}', "at .$"), ('[{"a":{"$":["bytes","!"]}}]', "at [0].a.$"),
        ('{"$":["date"]}', "at .$"), ('{"$":["absent"]}', "at .$"), ("1e999", "out of range"), ('"\\ud800"', "line 1"),
    ]:
        for call in (
            ("set", "a", json(text), None), ("append", "a", json(text)), ("compare-and-swap", "a", json(text), None),
            ("compare-and-swap", "a", None, json(text)), ("set", "a", Variant("tagged", record(tag="t", body=text)), None),
            ("set-many", [record(key="a", value=json(text), ttl_ms=None, metadata=None)]),
            ("atomic", [], [record(key="a", value=json(text), ttl_ms=None, metadata=None)]),
        ):
            error = refused("invalid-argument", store.call, *call)
            assert place in error.message and error.key == "a", (call, error.message)
        refused("invalid-argument", store.call, "set-metadata", "a", text)
    for tag in ("bytes", "double", "object"):
        refused("invalid-argument", store.set, "a", Tagged(tag, {}))
    for fields in ("1", "null", "[]", '"x"', '{"$":["bytes",""]}'):
        refused("invalid-argument", store.call, "set-metadata", "a", fields)
        refused("invalid-argument", store.call, "replace-metadata", "a", fields)
    assert store.keys() == []


@test
def any_value_as_text(host):
    """any value may be given as text, and comes back with its own type"""
    store = host.instance().open()
    for text, value in [
        ("null", None), ("true", True), (" 1 ", 1), ("1.0", 1.0), ("-0", -0.0), ("9223372036854775808", 2.0**63),
        ('"x"', "x"), ('{"$":["bytes","AA=="]}', b"\0"), ('{"$":["double","-Infinity"]}', float("-inf")),
        ('{"$":["date",5]}', Tagged("date", 5)), ('{"$":["object",{"a":1}]}', {"a": 1}), ('{"a":1,"a":2}', {"a": 2}),
    ]:
        assert store.call("set", "a", json(text), None)
        found = store.get("a")
        assert type(found) is type(value) and found == value, (text, found)


@test
def the_deepest_values(host):
    """the deepest values of each shape come back, deeper ones are refused, and nothing traps"""
    store = host.instance().open()
    shapes = [("[", "]"), ('{"a":', "}"), ('{"$":["object",{"$":', "}]}"), ('{"$":["t",', "]}")]
    for start, end in shapes:
        def nested(depth):
            return json(start * depth + "null" + end * depth)
        assert store.call("set", "deep", nested(MAX_DEPTH - 1), None)
        found = store.call("get", "deep").payload
        if isinstance(found, str):
            assert found == nested(MAX_DEPTH - 1).payload
        assert store.call("compare-and-swap", "deep", nested(MAX_DEPTH - 1), nested(MAX_DEPTH - 1))
        for depth in (MAX_DEPTH, 3 * MAX_DEPTH, 100_000):
            refused("invalid-argument", store.call, "set", "a", nested(depth), None)
            refused("invalid-argument", store.call, "set", "a", json(start * depth), None)
    body = "[" * (MAX_DEPTH - 2) + "]" * (MAX_DEPTH - 2)
    assert store.call("set", "t", Variant("tagged", record(tag="t", body=body)), None)
    refused("invalid-argument", store.call, "set", "a", Variant("tagged", record(tag="t", body=f"[[{body}]]")), None)
    deep = "{" + '"a":{' * 300 + "}" * 301
    refused("invalid-argument", store.call, "set-metadata", "t", deep)
    assert store.keys() == ["deep", "t"]


@test
def hard_patterns(host):
    """patterns that others take for ever over are refused or answered, and nothing traps"""
    store = host.instance().open()
    store.set("a" * 512, 1)
    for pattern in ("*a" * 200 + "b", "[a" * 2000, "{" * 5000, "{a,b}" * 800, "{a," * 33 + "b" + "}" * 33, "?" * 512, "\\"):
        try:
            store.keys(pattern)
        except Refused as error:
            assert error.kind == "invalid-pattern", error
    refused("invalid-pattern", store.keys, "a" * 4097)
    for text in ("", "a.b", "*?[]{},\\!^-", "é\u0000"):
        escaped = store.escape(text)
        if text and "\u0000" not in text:
            store.set(text, 1)
            assert store.keys(escaped) == [text]


@test
def a_full_store(host):
    """a full store refuses what is new, tells it for each item of a batch, and evicts nothing"""
    store = host.instance().open(max_entries=2)
    puts = [record(key=key, value=Variant("integer", 1), ttl_ms=None, metadata=None) for key in "abca"]
    results = store.call("set-many", puts)
    assert [getattr(result, "kind", None) for result in results] == [None, None, "quota-exceeded", None], results
    assert refused("quota-exceeded", store.set, "c", 1).retryable is False
    refused("quota-exceeded", store.namespace("other").set, "a", 1)
    refused("quota-exceeded", store.atomic, {"checks": [], "writes": [["set", "c", 1]]})
    assert store.set("a", 2) and store.keys() == ["a", "b"]
    assert store.atomic({"checks": [], "writes": [["delete", "a"], ["set", "c", 1]]})["ok"]
    refused("invalid-argument", host.instance().open, "memory", "", 0)
    assert host.instance().open(max_entries=2**64 - 1).set("a", 1)


@test
def pages(host):
    """scan tells whether there is a next page, in both directions, and gives 1,000 entries by default"""
    store = host.instance().open()
    store.setMany([[f"k.{i:04}", i] for i in range(2000)])
    assert [len(page.entries) for page in walk(store, scan_options())] == [1000, 1000]
    assert [len(page.entries) for page in walk(store, scan_options(limit=667))] == [667, 667, 666]
    assert [len(page.entries) for page in walk(store, scan_options(limit=2000, reverse=True))] == [2000]
    assert [len(page.entries) for page in walk(store, scan_options(limit=2**32 - 1))] == [2000]
    assert [len(page.entries) for page in walk(store, scan_options(limit=0))] == [0]
    found = [entry.key for page in walk(store, scan_options(limit=7, reverse=True)) for entry in page.entries]
    assert found == store.keys("**", {"reverse": True}) and len(found) == 2000


def walk(store, options):
    while True:
        page = store.call("scan", "k.*", options)
        yield page
        if page.next is None:
            return
        options.after = page.next


@test
def errors_are_whole(host):
    """an error carries its kind, a message, whether to try again, and the key"""
    store = host.instance().open()
    error = refused("invalid-key", store.get, "a..b")
    assert (error.key, error.retryable) == ("a..b", False)
    error = refused("type-mismatch", lambda: store.set("t", "x") and store.increment("t"))
    assert error.key == "t"
    assert "at character 3" in refused("invalid-pattern", store.keys, "a.[b").message
    assert store.getEntry("t")["metadata"] == {}


@test
def times(host):
    """the times of an entry are the wall clock's"""
    store = host.instance().open()
    before = time.time_ns() // 1_000_000
    store.set("a", 1, {"ttl": 1.5})
    time.sleep(0.01)
    store.setMetadata("a", {"x": 1})
    entry, after = store.getEntry("a"), time.time_ns() // 1_000_000
    assert before <= entry["createdAt"] < entry["updatedAt"] <= after, (before, entry, after)
    assert entry["expiresAt"] == entry["createdAt"] + 1500


@test
def a_long_life(host):
    """thousands of writes and deletes leave the component where it was"""
    store = host.instance().open()
    for _ in range(20):
        store.setMany([[f"k.{i}", "x" * 1000] for i in range(500)])
        assert store.clear() == 500
    assert store.keys() == [] and store.namespaces() == []
