//! What `open` and `open-with` open: a backend by its name, with its settings.

use crate::{convert::Result, ready::ready, types};
use dataknobs_kv::{
    Error, ErrorKind, Host, Namespace, Store, System,
    backend::{
        Any, Backend, Erased,
        file::{Disk, File, FileOptions},
        memory::{Memory, MemoryOptions},
        not_here,
    },
};
use std::sync::Arc;

/// An open backend, for all handles of its namespaces.
pub(crate) struct Connection {
    store: Store<Any>,
    /// Where it is a file.
    file: Option<File<Disk>>,
}

impl Connection {
    pub(crate) fn open(
        config: &types::Config,
        settings: &[(String, String)],
    ) -> dataknobs_kv::Result<(Connection, Store<Any>)> {
        let name = &*config.backend;
        // Before there is a file.
        Namespace::new(&config.namespace)?;
        let host: Arc<dyn Host> = Arc::new(System::default());
        let (backend, file) = match name {
            "memory" => {
                let [] = among(name, settings, [])?;
                let options = MemoryOptions::bounded(config.max_entries)?;
                let memory = Memory::new(options, Arc::clone(&host));
                (Any::Memory(memory), None)
            }
            "file" => {
                let names = ["path", "format", "compression", "durability"];
                let [path, format, compression, durability] = among(name, settings, names)?;
                if config.max_entries.is_some() {
                    return Err(argument("`max-entries` is for the backend `memory`"));
                }
                let Some(path) = path else {
                    let needed = "the backend `file` needs the setting `path`, in `open-with`";
                    return Err(argument(needed));
                };
                let options = FileOptions::named(format, compression, durability)?;
                let file = File::open(path, options, Disk, Arc::clone(&host))?;
                (Any::Dyn(Erased::new(file.clone())), Some(file))
            }
            other => return Err(not_here(other, "`memory` and `file`")),
        };
        let store = Store::new(backend, host);
        let opened = store.namespace(&config.namespace)?;
        Ok((Connection { store, file }, opened))
    }

    /// Closes the stores of all namespaces.
    pub(crate) fn close(&self) -> Result<()> {
        ready(self.store.close())
    }
}

impl Drop for Connection {
    /// A file that nobody closed: its journal goes into the document. Whoever still watches is left
    /// what it was told.
    fn drop(&mut self) {
        if let Some(file) = &self.file
            && !self.store.is_closed()
        {
            let _ = ready(file.close());
        }
    }
}

fn argument(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

/// The settings by name: each at most once, and no other.
fn among<'s, const N: usize>(
    backend: &str,
    settings: &'s [(String, String)],
    names: [&str; N],
) -> dataknobs_kv::Result<[Option<&'s str>; N]> {
    let mut found = [None; N];
    for (name, value) in settings {
        let Some(at) = names.iter().position(|known| known == name) else {
            let has = match names.join("`, `") {
                none if none.is_empty() => "it has none".to_owned(),
                names => format!("it has `{names}`"),
            };
            let message = format!("the backend `{backend}` has no setting {name:?}: {has}");
            return Err(argument(message));
        };
        if found[at].replace(&**value).is_some() {
            return Err(argument(format!("the setting `{name}` is given twice")));
        }
    }
    Ok(found)
}
