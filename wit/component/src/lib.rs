//! The store as a WebAssembly component: the world `dataknobs:kv/local` over the backends `memory` and
//! `file`.
//!
//! Every future of theirs is ready at its first poll, so the exports are synchronous and there is no
//! executor.

mod convert;
mod open;
mod ready;
mod store;
mod watch;

#[allow(unsafe_code, missing_docs, clippy::all, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ path: "..", world: "local" });
    export!(Component with_types_in self);

    pub(crate) struct Component;
}

use bindings::{
    Component,
    exports::dataknobs::kv::{store as api, types},
};

impl api::Guest for Component {
    type Store = store::Handle;
    type Watcher = watch::Watching;

    fn escape_pattern(text: String) -> String {
        dataknobs_kv::escape_pattern(&text)
    }
}
