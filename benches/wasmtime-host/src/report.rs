//! The figures as Markdown, in the form of RESULTS.md.

use crate::{Row, SLICE, Way, Work};
use std::{fs, process::Command, thread, time::Duration};

/// A call from the host may cost so many times what wasmtime's own store costs.
const MOST: f64 = 1.5;

pub fn text(rows: &[Row], rounds: usize, took: Duration) -> String {
    format!(
        "# What a call into the component costs a Rust host

`make bench-host`, {date}Z, {seconds} s, {rounds} rounds of at least {slice} ms a row and way.

wasmtime {wasmtime}, {machine}.

Each store holds 100,000 keys with texts such as `value 123`; the calls go through 1,000 scattered hot ones.

- {provider}: a guest calls `wasi:keyvalue@0.2.0-draft`, which is wasmtime-wasi-keyvalue in memory. The others are held against it.
- {host}: the host calls the component's `dataknobs:kv/store` through what `bindgen!` makes of `wit/`.
- {component}: the same guest, composed with the component, calls that instead: the other store that its author can choose.
- {empty}: the host calls functions that take the same texts, give back a text and store nothing: what the crossing alone costs.

In a round all take turns, under both engines. Times are medians over the rounds, without the time in which the program was ready but
others had the cores (Linux's schedstat); a ratio is the median of the ratios within a round, beside the least and the greatest.

## `Config::concurrency_support(false)`

{off}

## The default: with support for concurrency

{on}
",
        date = output("date", &["-u", "+%Y-%m-%dT%H:%M"]),
        seconds = took.as_secs(),
        slice = SLICE.as_millis(),
        wasmtime = wasmtime_version(),
        machine = machine(),
        provider = name(Way::Provider),
        host = name(Way::Host),
        component = name(Way::Component),
        empty = name(Way::Empty),
        off = table(rows, 0),
        on = table(rows, 1),
    )
}

fn name(way: Way) -> &'static str {
    match way {
        Way::Provider => "component → host's own",
        Way::Host => "host → ours",
        Way::Component => "component → ours",
        Way::Empty => "host → empty",
    }
}

fn table(rows: &[Row], engine: usize) -> String {
    let mut lines =
        vec![["work", "way", "a call", "ratio", "rounds", "at most", "met"].map(String::from)];
    for row in rows {
        let times = &row.times[engine];
        for (at, &way) in row.ways.iter().enumerate() {
            let mut ratios: Vec<f64> = times[at]
                .iter()
                .zip(&times[0])
                .map(|(a, b)| a / b)
                .collect();
            let ratio = median(&mut ratios);
            let [least, greatest] = [ratios[0], ratios[ratios.len() - 1]];
            let goal = way == Way::Host && row.work != Work::GetMany;
            let only = |wanted: bool, text: String| if wanted { text } else { String::new() };
            lines.push([
                only(at == 0, work(row.work).into()),
                name(way).into(),
                format!("{:.0} ns", median(&mut times[at].clone())),
                only(at > 0, format!("**{ratio:.2} ×**")),
                only(at > 0, format!("{least:.2}–{greatest:.2}")),
                only(goal, format!("{MOST} ×")),
                only(goal, (if ratio <= MOST { "yes" } else { "MISSED" }).into()),
            ]);
        }
    }
    markdown(&lines)
}

fn work(work: Work) -> &'static str {
    match work {
        Work::Get => "`get` a short text",
        Work::Set => "`set` a short text",
        Work::GetMany => "`get-many` of 1,000, a key",
    }
}

/// Its columns in line.
fn markdown<const N: usize>(lines: &[[String; N]]) -> String {
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
    let widths: [usize; N] = std::array::from_fn(|column| width(column).unwrap_or(0));
    let mut text: Vec<String> = lines
        .iter()
        .map(|line| {
            let cells = line
                .iter()
                .zip(widths)
                .map(|(cell, width)| format!(" {cell:width$} |"));
            format!("|{}", cells.collect::<String>())
        })
        .collect();
    let rule = widths
        .map(|width| format!("{}|", "-".repeat(width + 2)))
        .concat();
    text.insert(1, format!("|{rule}"));
    text.join("\n")
}

/// Sorts them.
fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

fn wasmtime_version() -> &'static str {
    let lock = include_str!("../Cargo.lock");
    lock.split("name = \"wasmtime\"\nversion = \"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap_or("?")
}

fn machine() -> String {
    let of = |file, name| -> Option<String> {
        let text = fs::read_to_string(file).ok()?;
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split(':').next_back()?.trim().to_owned())
    };
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let cpu = of("/proc/cpuinfo", "model name").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!(
        "{} {}; {cores} cores ({cpu}); load at the end {}",
        std::env::consts::OS,
        std::env::consts::ARCH,
        load.split(' ').next().unwrap_or("unknown"),
    )
}

fn output(program: &str, words: &[&str]) -> String {
    Command::new(program).args(words).output().map_or_else(
        |_| "?".into(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}
