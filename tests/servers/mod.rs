//! The servers that `tools/servers.mjs` started, or that the environment names.

use std::{
    env,
    io::{Read, Write},
    net::TcpStream,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What the environment says.
pub fn named(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: run the tests through `node tools/servers.mjs -- cargo test …`")
    })
}

/// A runtime for the native transport.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(future)
}

/// The tests of a file share their servers: whoever empties one is alone with it meanwhile.
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives the tests' Redis a command, past everything of ours; its reply as Redis writes it.
pub fn redis(command: &str) -> String {
    let url = named("KV_REDIS_URL");
    let address = url.trim_start_matches("redis://");
    let mut socket = TcpStream::connect(address).expect("a Redis");
    socket
        .write_all(format!("{command}\r\nQUIT\r\n").as_bytes())
        .expect("a command is sent");
    let mut reply = String::new();
    socket.read_to_string(&mut reply).expect("a reply");
    let reply = reply.strip_suffix("+OK\r\n").unwrap_or(&reply).to_owned();
    assert!(!reply.starts_with('-'), "{command}: {reply}");
    reply
}
