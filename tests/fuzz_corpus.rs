//! The seeds of the fuzz targets, and a thousand small damages of each, through the same functions.

#[path = "../fuzz/checks/mod.rs"]
mod checks;

use std::path::Path;

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("a corpus")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    assert!(files.len() >= 10, "{target}: {} seeds", files.len());
    files
        .iter()
        .map(|path| std::fs::read(path).expect("a seed"))
        .collect()
}

/// Each seed, cut anywhere, with any byte changed, and with two seeds joined.
fn inputs(target: &str, mut check: impl FnMut(&[u8])) {
    let seeds = seeds(target);
    for seed in &seeds {
        check(seed);
        let step = seed.len() / 300 + 1;
        for at in (0..seed.len()).step_by(step) {
            check(&seed[..at]);
            check(&seed[at..]);
            for change in [0x01, 0x20, 0x80, 0xff] {
                let mut damaged = seed.clone();
                damaged[at] ^= change;
                check(&damaged);
            }
        }
        for other in &seeds {
            check(&[&seed[..seed.len() / 2], &other[other.len() / 2..]].concat());
        }
    }
}

fn texts(target: &str, check: fn(&str)) {
    inputs(target, |bytes| {
        if let Ok(text) = std::str::from_utf8(bytes) {
            check(text);
        }
    });
}

#[test]
fn key() {
    texts("key", checks::key);
}

#[test]
fn pattern() {
    texts("pattern", checks::pattern);
}

#[test]
fn envelope() {
    inputs("envelope", checks::envelope);
}

#[test]
fn block() {
    inputs("block", checks::block);
}

#[test]
fn document() {
    inputs("document", checks::document);
}

#[test]
fn journal() {
    inputs("journal", checks::journal);
}
