//! The suite over a real Redis, through every way to it. `make servers` starts what it needs.
#![cfg(all(feature = "redis", feature = "reqwest"))]

#[path = "servers/mod.rs"]
mod servers;

use dataknobs_kv::{
    Error, Host, System,
    backend::redis::{Commands, Redis, Upstash, Webdis},
    conformance::run,
    http::{Http, HttpOptions, Native, ServerClock},
};
use servers::{block_on, empty_redis, named};
use std::sync::Arc;

fn http() -> (Http, Arc<ServerClock>) {
    let clock = ServerClock::new(Arc::new(System::default()));
    let client = Arc::new(Native::new().expect("a client"));
    let http = Http::new(client, Arc::clone(&clock), HttpOptions::default());
    (http, clock)
}

fn suite<C: Commands + 'static>(make: impl Fn(Http) -> Result<C, Error>) {
    block_on(async {
        let (_, clock) = http();
        let host: Arc<dyn Host> = clock.clone();
        let report = run(host, async || {
            empty_redis();
            let (http, _) = http();
            Redis::open(make(http)?, Arc::clone(&clock)).await
        })
        .await;
        assert!(report.checks().len() > 50, "{}", report.checks().len());
        report.assert();
    });
}

#[test]
fn through_webdis() {
    let url = named("KV_WEBDIS_URL");
    suite(|http| Ok(Webdis::new(http, url.parse().expect("a URL"), None)));
}

#[test]
fn through_upstashs_protocol() {
    let (url, token) = (named("KV_GATEWAY_URL"), named("KV_GATEWAY_TOKEN"));
    suite(|http| Upstash::new(http, url.parse().expect("a URL"), &token));
}
