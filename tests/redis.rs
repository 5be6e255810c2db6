//! The suite over a real Redis, through every way to it. `make servers` starts what it needs.
#![cfg(all(feature = "redis", feature = "reqwest"))]

#[path = "servers/mod.rs"]
mod servers;

use dataknobs_kv::{
    Error, ErrorKind, Host, Store, System,
    backend::redis::{Commands, Redis, Upstash, Webdis},
    conformance::{BadLine, Faults, Work, contend, run},
    http::{Http, HttpClient, HttpOptions, Native, ServerClock},
};
use servers::{Ahead, alone, block_on, named, redis};
use std::sync::Arc;

fn clock() -> Arc<ServerClock> {
    ServerClock::new(Arc::new(System::default()))
}

fn http(client: Arc<dyn HttpClient>, clock: &Arc<ServerClock>) -> Http {
    Http::new(client, Arc::clone(clock), HttpOptions::default())
}

fn native() -> Arc<dyn HttpClient> {
    Arc::new(Native::new().expect("a client"))
}

fn upstash(http: Http) -> Result<Upstash, Error> {
    let (url, token) = (named("KV_GATEWAY_URL"), named("KV_GATEWAY_TOKEN"));
    Upstash::new(http, url.parse().expect("a URL"), &token)
}

fn webdis(http: Http) -> Result<Webdis, Error> {
    let url = named("KV_WEBDIS_URL");
    Ok(Webdis::new(http, url.parse().expect("a URL"), None))
}

fn suite<C: Commands + 'static>(make: impl Fn(Http) -> Result<C, Error>) {
    let _alone = alone();
    block_on(async {
        let (client, clock) = (native(), clock());
        let host: Arc<dyn Host> = clock.clone();
        let report = run(host, async || {
            redis("FLUSHALL");
            let commands = make(http(Arc::clone(&client), &clock))?;
            Redis::open(commands, Arc::clone(&clock)).await
        })
        .await;
        assert!(report.checks().len() > 50, "{}", report.checks().len());
        report.assert();
    });
}

#[test]
fn through_webdis() {
    suite(webdis);
}

#[test]
fn through_upstashs_protocol() {
    suite(upstash);
}

/// 20 writers, with requests that do not arrive, answers that do not, and proxies in between.
#[test]
fn writers_on_a_bad_line_count_exactly() {
    let _alone = alone();
    let faults = Faults {
        dropped: 0.1,
        lost: 0.1,
        busy: 0.1,
        broken: 0.1,
    };
    block_on(async {
        for work in [Work::Increment, Work::Swap, Work::Atomic] {
            redis("FLUSHALL");
            let clock = clock();
            let line = Arc::new(BadLine::new(native(), faults, 7));
            let commands = upstash(http(line, &clock)).expect("a gateway");
            let backend = Redis::open(commands, Arc::clone(&clock)).await;
            let store = Store::new(backend.expect("a backend"), clock);
            let tally = contend(&store, work, 20, 6, 1).await.expect("exact");
            println!("{work:?}: {tally:?}");
            assert_eq!(tally.done + tally.unknown, 120, "{work:?}");
        }
    });
}

async fn fails(url: &str, token: &str) -> Error {
    let clock = clock();
    let commands = Upstash::new(http(native(), &clock), url.parse().expect("a URL"), token);
    match Redis::open(commands.expect("a token"), clock).await {
        Err(error) => error,
        Ok(_) => panic!("{url} was opened"),
    }
}

#[test]
fn what_is_wrong_with_an_address_is_said() {
    block_on(async {
        let url = named("KV_GATEWAY_URL");
        let error = fails(&url, "another-token-than-theirs").await;
        assert_eq!(error.kind(), ErrorKind::AccessDenied, "{error}");
        assert!(!error.message().contains("another-token"), "{error}");
        let error = fails("http://127.0.0.1:1/", "secret-token-of-ours").await;
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(!error.message().contains("secret-token"), "{error}");
        let error = fails(&format!("{url}elsewhere"), &named("KV_GATEWAY_TOKEN")).await;
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        let error = fails(&named("KV_WEBDIS_URL"), "secret-token-of-ours").await;
        assert!(error.message().contains("check `url`"), "{error}");
    });
}

#[test]
fn what_somebody_else_wrote_is_refused_and_left() {
    let _alone = alone();
    block_on(async {
        redis("FLUSHALL");
        redis("SET dkv:{n:}:r:theirs hello");
        redis("ZADD dkv:{n:}:i 0 theirs");
        redis("SADD dkv:{n:}:r:list 1");
        let clock = clock();
        let commands = upstash(http(native(), &clock)).expect("a gateway");
        let backend = Redis::open(commands, Arc::clone(&clock)).await;
        let store = Store::new(backend.expect("a backend"), clock);
        for error in [
            store.get("theirs").await.map(drop),
            store.increment("theirs", 1).await.map(drop),
            store.delete("theirs").await.map(drop),
            store.keys("**").await.map(drop),
        ] {
            let error = error.expect_err("it is no record");
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        }
        assert_eq!(redis("GET dkv:{n:}:r:theirs"), "$5\r\nhello\r\n");
        assert_eq!(redis("SCARD dkv:{n:}:r:list"), ":1\r\n");
    });
}

#[test]
fn the_servers_clock_is_the_stores() {
    let _alone = alone();
    block_on(async {
        redis("FLUSHALL");
        let open = async |host: Arc<dyn Host>| {
            let clock = ServerClock::new(host);
            let commands = upstash(http(native(), &clock)).expect("a gateway");
            let backend = Redis::open(commands, Arc::clone(&clock)).await;
            Store::new(backend.expect("a backend"), clock)
        };
        let right = open(Arc::new(System::default())).await;
        let ahead = open(Arc::new(Ahead::default())).await;
        let minute = dataknobs_kv::SetOptions {
            ttl: Some(dataknobs_kv::Ttl::seconds(300.0).expect("a time")),
            ..Default::default()
        };
        right.set_with("k", 1, minute.clone()).await.expect("set");
        ahead.set_with("l", 1, minute).await.expect("set");
        assert_eq!(ahead.cleanup_expired().await.expect("clean-up"), 0);
        assert_eq!(ahead.keys("**").await.expect("keys"), ["k", "l"]);
        for (store, key) in [(&right, "l"), (&ahead, "k")] {
            let left = store.ttl(key).await.expect("ttl");
            let left = left.flatten().expect("it expires").as_secs_f64();
            assert!((295.0..=300.1).contains(&left), "{left}");
        }
    });
}
