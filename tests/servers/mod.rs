//! The servers that `tools/servers.mjs` started, or that the environment names.
// No file of tests needs all of it.
#![allow(dead_code)]

use dataknobs_kv::{BoxFuture, Host, System};
use std::{
    env,
    io::{Read, Write},
    net::TcpStream,
    process::Command,
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

/// A machine whose clock is ten minutes ahead.
#[derive(Default)]
pub struct Ahead(System);

impl Host for Ahead {
    fn now(&self) -> u64 {
        self.0.now() + 600_000
    }
    fn random(&self) -> u64 {
        self.0.random()
    }
    fn sleep(&self, milliseconds: u64) -> BoxFuture<'static, ()> {
        self.0.sleep(milliseconds)
    }
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

/// Gives the tests' PostgreSQL statements, past everything of ours; the rows as `psql -At` writes them.
pub fn postgres(statements: &str) -> String {
    let output = Command::new("psql")
        .args([
            "-XAtq",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            &named("KV_POSTGRES_URL"),
        ])
        .args(["-c", statements])
        .env("PGOPTIONS", "-c client_min_messages=warning")
        .output()
        .expect("psql: run tools/setup.sh");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{statements}: {error}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
