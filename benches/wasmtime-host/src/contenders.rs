//! The two stores and the ways into them.

use crate::data;
use exports::dataknobs::kv::types::{self, Value};
use wac_graph::{CompositionGraph, EncodeOptions, plug, types::Package};
use wasmtime::{
    Config, Engine, Result, Store,
    component::{Component, Linker, ResourceAny, ResourceTable, TypedFunc},
    format_err,
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_keyvalue::{WasiKeyValue, WasiKeyValueCtx, WasiKeyValueCtxBuilder};

wasmtime::component::bindgen!({ path: "../../wit", world: "local" });

#[derive(Clone, Copy, PartialEq)]
pub enum Work {
    Get,
    Set,
    GetMany,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Way {
    /// A component calls the host's own store.
    Provider,
    /// The host calls our component.
    Host,
    /// A component calls our component.
    Component,
    /// The host calls a component that stores nothing.
    Empty,
}

struct Ctx {
    wasi: WasiCtx,
    keyvalue: WasiKeyValueCtx,
    table: ResourceTable,
}

impl WasiView for Ctx {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

/// Our component, held by the host, and beside it the guest that holds a store of each kind.
pub struct Contenders {
    hot: Vec<String>,
    texts: Vec<String>,
    values: Vec<Value>,
    ours: Ours,
    guest: Guest,
}

struct Ours {
    store: Store<Ctx>,
    exports: Local,
    handle: ResourceAny,
}

type Passes = TypedFunc<(u32,), ()>;

struct Guest {
    store: Store<Ctx>,
    /// As `Work` has them.
    provider: [Passes; 3],
    component: [Passes; 3],
    empty_get: TypedFunc<(&'static str,), (Result<Option<String>, String>,)>,
    empty_set: TypedFunc<(&'static str, &'static str), (Result<bool, String>,)>,
}

impl Contenders {
    /// Both with every key. `concurrency` is wasmtime's `Config::concurrency_support`.
    pub fn load(component: &[u8], guest: &[u8], concurrency: bool) -> Result<Contenders> {
        let engine = Engine::new(Config::new().concurrency_support(concurrency))?;
        let mut linker = Linker::<Ctx>::new(&engine);
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
        wasmtime_wasi_keyvalue::add_to_linker(&mut linker, |ctx: &mut Ctx| {
            WasiKeyValue::new(&ctx.keyvalue, &mut ctx.table)
        })?;
        let composed = compose(component, guest).map_err(|error| format_err!("{error}"))?;
        let keys = data::all_keys();
        let hot = data::hot(&keys);
        Ok(Contenders {
            ours: Ours::load(&linker, &Component::new(&engine, component)?, &keys)?,
            guest: Guest::load(&linker, &Component::new(&engine, composed)?, &keys, &hot)?,
            texts: (0..hot.len()).map(data::text).collect(),
            values: (0..hot.len()).map(data::text).map(Value::Text).collect(),
            hot: hot.iter().map(|&at| keys[at as usize].clone()).collect(),
        })
    }

    /// Goes through the hot keys so many times.
    pub fn run(&mut self, work: Work, way: Way, passes: u32) -> Result<()> {
        let Guest {
            store,
            provider,
            component,
            ..
        } = &mut self.guest;
        match way {
            Way::Provider => provider[work as usize].call(store, (passes,)),
            Way::Component => component[work as usize].call(store, (passes,)),
            Way::Host => (0..passes).try_for_each(|_| self.host(work)),
            Way::Empty => (0..passes).try_for_each(|_| self.empty(work)),
        }
    }

    fn host(&mut self, work: Work) -> Result<()> {
        let Ours {
            store,
            exports,
            handle,
        } = &mut self.ours;
        let interface = exports.dataknobs_kv_store();
        let ours = interface.store();
        match work {
            Work::Get => {
                for key in &self.hot {
                    let found = ours.call_get(&mut *store, *handle, key)?;
                    assert!(found?.is_some());
                }
            }
            Work::Set => {
                for (key, value) in self.hot.iter().zip(&self.values) {
                    let written = ours.call_set(&mut *store, *handle, key, value, None)?;
                    assert!(written?);
                }
            }
            Work::GetMany => {
                let found = ours.call_get_many(&mut *store, *handle, &self.hot)?;
                assert!(found?.iter().all(Option::is_some));
            }
        }
        Ok(())
    }

    fn empty(&mut self, work: Work) -> Result<()> {
        let guest = &mut self.guest;
        for (key, text) in self.hot.iter().zip(&self.texts) {
            match work {
                Work::Get => {
                    let (found,) = guest.empty_get.call(&mut guest.store, (key,))?;
                    assert!(found.is_ok_and(|found| found.is_some()));
                }
                Work::Set => {
                    let (written,) = guest.empty_set.call(&mut guest.store, (key, text))?;
                    assert!(written.is_ok_and(|written| written));
                }
                Work::GetMany => unreachable!("no row asks for it"),
            }
        }
        Ok(())
    }
}

impl Ours {
    fn load(linker: &Linker<Ctx>, component: &Component, keys: &[String]) -> Result<Ours> {
        let mut store = new_store(linker.engine());
        let exports = Local::instantiate(&mut store, component, linker)?;
        let config = types::Config {
            backend: "memory".into(),
            namespace: String::new(),
            max_entries: None,
        };
        let interface = exports.dataknobs_kv_store();
        let handle = interface.store().call_open(&mut store, &config)??;
        for (at, key) in keys.iter().enumerate() {
            let value = Value::Text(data::text(at));
            let written = interface
                .store()
                .call_set(&mut store, handle, key, &value, None)?;
            assert!(written?);
        }
        Ok(Ours {
            store,
            exports,
            handle,
        })
    }
}

impl Guest {
    fn load(
        linker: &Linker<Ctx>,
        component: &Component,
        keys: &[String],
        hot: &[u32],
    ) -> Result<Guest> {
        let mut store = new_store(linker.engine());
        let instance = linker.instantiate(&mut store, component)?;
        instance
            .get_typed_func::<(&[String], &[u32]), ()>(&mut store, "load")?
            .call(&mut store, (keys, hot))?;
        let mut passes = |name| instance.get_typed_func(&mut store, name);
        Ok(Guest {
            provider: [
                passes("provider-get")?,
                passes("provider-set")?,
                passes("provider-get-many")?,
            ],
            component: [
                passes("component-get")?,
                passes("component-set")?,
                passes("component-get-many")?,
            ],
            empty_get: instance.get_typed_func(&mut store, "empty-get")?,
            empty_set: instance.get_typed_func(&mut store, "empty-set")?,
            store,
        })
    }
}

fn new_store(engine: &Engine) -> Store<Ctx> {
    let ctx = Ctx {
        wasi: WasiCtx::builder().inherit_stderr().build(),
        keyvalue: WasiKeyValueCtxBuilder::new().build(),
        table: ResourceTable::new(),
    };
    Store::new(engine, ctx)
}

/// The guest with our component as its `dataknobs:kv`: one component, whose `wasi:keyvalue` is the host's.
fn compose(component: &[u8], guest: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let mut graph = CompositionGraph::new();
    let mut register = |name, bytes: &[u8]| -> Result<_, Box<dyn std::error::Error>> {
        let package = Package::from_bytes(name, None, bytes.to_vec(), graph.types_mut())?;
        Ok(graph.register_package(package)?)
    };
    let socket = register("bench:guest", guest)?;
    let component = register("dataknobs:component", component)?;
    plug(&mut graph, vec![component], socket)?;
    Ok(graph.encode(EncodeOptions::default())?)
}
