//! `wasmtime-host COMPONENT GUEST [ROUNDS]`: what a call into the component costs a host in Rust,
//! beside wasmtime's own `wasi:keyvalue` in memory. Prints what benches/WASMTIME-HOST.md holds.

mod contenders;
mod data;
mod report;

use contenders::{Contenders, Way, Work};
use std::{
    env, fs,
    time::{Duration, Instant},
};
use wasmtime::{Result, format_err};

/// How long each way is measured in a round.
const SLICE: Duration = Duration::from_millis(80);
const ROUNDS: usize = 15;

pub struct Row {
    work: Work,
    /// The first is what the others are held against.
    ways: Vec<Way>,
    /// Nanoseconds an operation: by engine, by way, by round.
    times: [Vec<Vec<f64>>; 2],
}

fn main() -> Result<()> {
    let words: Vec<String> = env::args().skip(1).collect();
    let [component, guest, rest @ ..] = &words[..] else {
        return Err(format_err!("usage: wasmtime-host COMPONENT GUEST [ROUNDS]"));
    };
    let rounds = rest.first().map_or(Ok(ROUNDS), |count| count.parse())?;
    let (component, guest) = (fs::read(component)?, fs::read(guest)?);
    let began = Instant::now();
    let mut engines = [
        Contenders::load(&component, &guest, false)?,
        Contenders::load(&component, &guest, true)?,
    ];
    let all = [Way::Provider, Way::Host, Way::Component, Way::Empty];
    let mut rows = [
        Row::new(Work::Get, &all),
        Row::new(Work::Set, &all),
        Row::new(Work::GetMany, &all[..3]),
    ];
    // One round is run before the first that counts.
    for round in 0..=rounds {
        eprintln!("round {round} of {rounds}");
        for row in &mut rows {
            row.round(&mut engines, round)?;
        }
    }
    print!("{}", report::text(&rows, rounds, began.elapsed()));
    Ok(())
}

impl Row {
    fn new(work: Work, ways: &[Way]) -> Row {
        let none = || vec![Vec::new(); ways.len()];
        Row {
            work,
            ways: ways.to_vec(),
            times: [none(), none()],
        }
    }

    /// Each way in turn, so that what slows the machine for a while slows them all; each round begins
    /// with another of them.
    fn round(&mut self, engines: &mut [Contenders; 2], round: usize) -> Result<()> {
        for turn in 0..self.ways.len() {
            let at = (turn + round) % self.ways.len();
            for (engine, times) in engines.iter_mut().zip(&mut self.times) {
                let ns = slice(engine, self.work, self.ways[at])?;
                if round > 0 {
                    times[at].push(ns);
                }
            }
        }
        Ok(())
    }
}

/// Nanoseconds an operation.
fn slice(contenders: &mut Contenders, work: Work, way: Way) -> Result<f64> {
    const PASSES: u32 = 5;
    let mut operations = 0;
    // In this order: what is waited between two readings lies within the time.
    let start = Instant::now();
    let before = waited();
    while start.elapsed() < SLICE {
        contenders.run(work, way, PASSES)?;
        operations += u64::from(PASSES) * data::HOT as u64;
    }
    let waiting = waited().saturating_sub(before);
    let spent = start.elapsed().saturating_sub(waiting);
    Ok(spent.as_nanos() as f64 / operations as f64)
}

/// How long this thread has been ready to run while others had the cores: what a busy machine adds to a
/// time. Linux tells; elsewhere it is 0.
fn waited() -> Duration {
    fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split(' ').nth(1)?.parse().ok())
        .map_or(Duration::ZERO, Duration::from_nanos)
}
