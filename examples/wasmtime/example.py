"""A store inside a WebAssembly component, used from Python: example.py COMPONENT.wasm"""

import sys

from wasmtime import Engine, Store, WasiConfig
from wasmtime.component import Component, Linker, Record, Variant

engine = Engine()
linker = Linker(engine)
linker.add_wasip2()
wasi = Store(engine)
wasi.set_wasi(WasiConfig())
instance = linker.instantiate(wasi, Component.from_file(engine, sys.argv[1]))
export = instance.get_export_index(wasi, "dataknobs:kv/store@0.1.0")


def call(name, *args):
    return instance.get_func(wasi, instance.get_export_index(wasi, name, export))(wasi, *args)


config = Record()
config.backend, config.namespace = "memory", ""
setattr(config, "max-entries", None)
store = call("[static]store.open", config)

call("[method]store.set", store, "users.1.name", Variant("text", "Ada"), None)
call("[method]store.set", store, "users.1.tags", Variant("json", '["admin",1.5]'), None)
call("[method]store.increment", store, "visits", 1)

print(call("[method]store.get", store, "users.1.name"))
print(call("[method]store.get", store, "nobody"))
print(call("[method]store.keys", store, "users.*.*", None))
print(call("[method]store.increment", store, "visits", 41))

# An error is a record: what went wrong, and what to do about it.
error = call("[method]store.get", store, "users..name")
print(f"{error.kind}: {error.message}")

call("[method]store.close", store)
store.drop(wasi)
