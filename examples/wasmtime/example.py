"""A store inside a WebAssembly component, used from Python: example.py COMPONENT.wasm [FOLDER]

With a folder there is a store in a file too, `store.json` in it."""

import sys

from wasmtime import Engine, Store, WasiConfig
from wasmtime.component import Component, Linker, Record, Variant

engine = Engine()
linker = Linker(engine)
linker.add_wasip2()
wasi = Store(engine)
host = WasiConfig()
if folder := sys.argv[2:]:
    # All that the component sees of the disk, under the name that its paths begin with.
    host.preopen_dir(folder[0], "data")
wasi.set_wasi(host)
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

if folder:
    config.backend = "file"
    store = call("[static]store.open-with", config, [("path", "data/store.json")])
    print("runs:", call("[method]store.increment", store, "runs", 1).payload)
    # What was written is safe already; closing puts it into the document.
    call("[method]store.close", store)
    store.drop(wasi)
