"""The component under wasmtime, with the operations of the behaviour table: JavaScript's names and results.

A value in Python is None, bool, int, float, str, bytes, list, dict or Tagged; ABSENT is no value.
wasmtime takes and gives a variant as `Variant(tag, payload)`, but as the bare payload where its type alone tells
the case: so it is with `number`, `write` and `atomic-outcome`.
"""

import math
from dataclasses import dataclass

from wasmtime import Engine, Store, WasiConfig
from wasmtime.component import Component, Linker, Record, Variant

from text import ABSENT, Tagged, from_text, to_text

EXPORT = "dataknobs:kv/store@0.1.0"
MAX_U64 = 2**64 - 1


class Refused(Exception):
    """An error that the component returned."""

    def __init__(self, error):
        super().__init__(f"{error.kind}: {error.message}")
        self.kind, self.message = error.kind, error.message
        self.retryable, self.key = error.retryable, error.key


def record(**fields):
    made = Record()
    for name, value in fields.items():
        setattr(made, name.replace("_", "-"), value)
    return made


def field(made, name):
    return getattr(made, name)


class Host:
    """A component, compiled once."""

    def __init__(self, path, compiled=False):
        self.engine = Engine()
        load = Component.deserialize_file if compiled else Component.from_file
        self.component = load(self.engine, path)
        self.linker = Linker(self.engine)
        self.linker.add_wasip2()

    def instance(self, folder=None, writable=True):
        return Instance(self, folder, writable)


class Instance:
    """An instance of the component: its exported functions by name. It knows a folder as `data`."""

    def __init__(self, host, folder=None, writable=True):
        self.store = Store(host.engine)
        wasi = WasiConfig()
        if folder is not None:
            wasi.preopen_dir(str(folder), "data", writable)
        self.store.set_wasi(wasi)
        self.instance = host.linker.instantiate(self.store, host.component)
        self.export = self.instance.get_export_index(self.store, EXPORT)
        self.functions = {}

    def function(self, name):
        if name not in self.functions:
            index = self.instance.get_export_index(self.store, name, self.export)
            self.functions[name] = self.instance.get_func(self.store, index)
        return self.functions[name]

    def call(self, name, *args):
        """The result of a function that returns `result<_, error>`, or Refused."""
        answer = self.function(name)(self.store, *args)
        if isinstance(answer, Variant) and answer.tag in ("ok", "err"):
            answer = answer.payload
        if is_error(answer):
            raise Refused(answer)
        return answer

    def open(self, backend="memory", namespace="", max_entries=None):
        config = record(backend=backend, namespace=namespace, max_entries=max_entries)
        return Handle(self, self.call("[static]store.open", config))

    def open_with(self, settings, backend="file", namespace="", max_entries=None):
        config = record(backend=backend, namespace=namespace, max_entries=max_entries)
        return Handle(self, self.call("[static]store.open-with", config, list(settings)))

    def open_file(self, name="store.json", namespace="", **settings):
        return self.open_with([("path", f"data/{name}"), *settings.items()], namespace=namespace)


def is_error(answer):
    return isinstance(answer, Record) and hasattr(answer, "retryable")


@dataclass
class Handle:
    """A store that the component holds."""

    instance: Instance
    resource: object

    def call(self, name, *args):
        return self.instance.call(f"[method]store.{name}", self.resource, *args)

    def drop(self):
        self.resource.drop(self.instance.store)

    # One key

    def get(self, key):
        return value_or_absent(self.call("get", key))

    def getEntry(self, key):
        entry = self.call("get-entry", key)
        return ABSENT if entry is None else entry_out(entry)

    def set(self, key, value, options=None):
        return self.call("set", key, value_in(value), set_options(**options) if options else None)

    def delete(self, key, options=None):
        if options:
            return self.call("delete-if-version", key, options["ifVersion"])
        return self.call("delete", key)

    def exists(self, key):
        return self.call("exists", key)

    def rename(self, source, target):
        return self.call("rename", source, target)

    def copy(self, source, target):
        return self.call("copy", source, target)

    def getAndDelete(self, key):
        return value_or_absent(self.call("get-and-delete", key))

    # Many keys

    def getMany(self, keys):
        return [value_or_absent(value) for value in self.call("get-many", keys)]

    def setMany(self, entries, options=None):
        options = options or {}
        puts = [put(key, value, {**options, **(own[0] if own else {})}) for key, value, *own in entries]
        results = self.call("set-many", puts)
        for result in results:
            if is_error(result):
                raise Refused(result)
        return [True for _ in results]

    def deleteMany(self, keys):
        return self.call("delete-many", keys)

    # Patterns

    def escape(self, text):
        return self.instance.function("escape-pattern")(self.instance.store, text)

    def keys(self, pattern="**", options=None):
        return self.call("keys", pattern, scan_options(**options) if options else None)

    def getPattern(self, pattern):
        return [[key, value_out(value)] for key, value in self.call("get-pattern", pattern)]

    def deletePattern(self, pattern):
        return self.call("delete-pattern", pattern)

    def countPattern(self, pattern):
        return self.call("count-pattern", pattern)

    def scan(self, pattern, options=None):
        options = dict(options or {})
        limit = options.pop("limit", None)
        found = []
        while True:
            left = None if limit is None else limit - len(found)
            page = self.call("scan", pattern, scan_options(limit=left, **options))
            found += [[field(entry, "key"), value_out(entry.value)] for entry in page.entries]
            if page.next is None or len(found) == limit:
                return found
            options["after"] = page.next

    # Metadata

    def getMetadata(self, key):
        fields = self.call("get-metadata", key)
        return ABSENT if fields is None else from_text(fields)

    def setMetadata(self, key, fields):
        return self.call("set-metadata", key, to_text(fields))

    def replaceMetadata(self, key, fields):
        return self.call("replace-metadata", key, to_text(fields))

    # Time to live

    def ttl(self, key):
        left = self.call("ttl", key)
        if left.tag == "milliseconds":
            return left.payload / 1000
        return ABSENT if left.tag == "absent" else None

    def expire(self, key, seconds):
        return self.call("expire", key, milliseconds(seconds))

    def persist(self, key):
        return self.call("persist", key)

    def cleanupExpired(self):
        return self.call("cleanup-expired")

    # Atomic

    def compareAndSwap(self, key, old, new):
        return self.call("compare-and-swap", key, maybe_value(old), maybe_value(new))

    def increment(self, key, delta=1):
        return value_out(self.call("increment", key, delta))

    def append(self, key, tail):
        return value_out(self.call("append", key, value_in(tail)))

    def atomic(self, change):
        checks = [record(key=key, version=version) for key, version in change["checks"]]
        writes = [write[1] if write[0] == "delete" else put(*write[1:]) for write in change["writes"]]
        outcome = self.call("atomic", checks, writes)
        if isinstance(outcome, list):
            return {"ok": True, "versions": outcome}
        entry = ABSENT if outcome.entry is None else entry_out(outcome.entry)
        return {"ok": False, "index": outcome.index, "entry": entry}

    # Changes

    def watch(self, pattern="**", options=None):
        options = options or {}
        wanted = record(values=options.get("values", False), buffer=options.get("buffer"))
        self.instance.watcher = self.call("watch", pattern, wanted if options else None)
        return ABSENT

    def events(self):
        return [watched_out(event) for event in self.instance.call("[method]watcher.take", self.instance.watcher, 5000)]

    # The whole store

    def namespace(self, name):
        return Handle(self.instance, self.call("namespace", name))

    def namespaces(self):
        return self.call("namespaces")

    def clear(self):
        return self.call("clear")

    def close(self):
        return self.call("close")


def watched_out(watched):
    event = watched.payload if isinstance(watched, Variant) else watched
    if event is None or event == "overflow":
        return ["overflow"]
    parts = [event.kind, event.key, event.version]
    return parts if event.value is None else [*parts, value_out(event.value)]


def value_in(value):
    match value:
        case None:
            return Variant("null")
        case bool():
            return Variant("boolean", value)
        case int():
            return Variant("integer", value)
        case float():
            return Variant("double", value)
        case str():
            return Variant("text", value)
        case bytes():
            return Variant("bytes", value)
        case Tagged():
            return Variant("tagged", record(tag=value.tag, body=to_text(value.body)))
        case list() | dict():
            return Variant("json", to_text(value))
    raise TypeError(f"no value: {value!r}")


def value_out(value):
    if value.tag == "json":
        return from_text(value.payload)
    if value.tag == "tagged":
        return Tagged(value.payload.tag, from_text(value.payload.body))
    return value.payload


def maybe_value(value):
    return None if value is ABSENT else value_in(value)


def value_or_absent(value):
    return ABSENT if value is None else value_out(value)


def entry_out(entry):
    return {
        "key": entry.key,
        "value": value_out(entry.value),
        "metadata": from_text(entry.metadata),
        "version": entry.version,
        "createdAt": field(entry, "created-at-ms"),
        "updatedAt": field(entry, "updated-at-ms"),
        "expiresAt": field(entry, "expires-at-ms"),
    }


def milliseconds(seconds):
    """Seconds as whole milliseconds, rounded up; what no unsigned number can say is 0, which is refused."""
    if not seconds > 0:
        return 0
    if seconds > 1e15:
        return MAX_U64
    exact = round(seconds * 1000)
    return exact if exact / 1000 == seconds else math.ceil(seconds * 1000)


def set_options(ttl=None, metadata=None, ifAbsent=False, ifVersion=None, keepTtl=False, keepMetadata=False):
    return record(
        ttl_ms=None if ttl is None else milliseconds(ttl),
        metadata=None if metadata is None else to_text(metadata),
        if_absent=ifAbsent, if_version=ifVersion, keep_ttl=keepTtl, keep_metadata=keepMetadata,
    )


def put(key, value, options=None):
    made = set_options(**(options or {}))
    return record(key=key, value=value_in(value), ttl_ms=field(made, "ttl-ms"), metadata=made.metadata)


def scan_options(limit=None, after=None, reverse=False):
    return record(limit=limit, after=after, reverse=reverse)
