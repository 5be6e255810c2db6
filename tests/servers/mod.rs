//! The servers that `tools/servers.mjs` started, or that the environment names.

use std::{
    env,
    io::{Read, Write},
    net::TcpStream,
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

/// Removes everything from the Redis of the tests.
pub fn empty_redis() {
    let url = named("KV_REDIS_URL");
    let address = url.trim_start_matches("redis://");
    let mut socket = TcpStream::connect(address).expect("a Redis");
    socket
        .write_all(b"FLUSHALL\r\n")
        .expect("a command is sent");
    let mut reply = [0; 5];
    socket.read_exact(&mut reply).expect("a reply");
    assert_eq!(&reply, b"+OK\r\n");
}
