//! Several processes over one file, killed at any time: this test runs itself again as a child, which
//! does what `DATAKNOBS_KV_CHILD` says. `KILLS` is how often something is killed (20).

#![cfg(unix)]

#[path = "file/folder.rs"]
mod folder;

use dataknobs_kv::{ErrorKind, SetOptions};
use folder::{Folder, open};
use pollster::block_on;
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    time::Duration,
};

const WORK: &str = "DATAKNOBS_KV_CHILD";
const PATH: &str = "DATAKNOBS_KV_PATH";

fn kills() -> u32 {
    std::env::var("KILLS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(20)
}

/// This program, as the child that does `work`.
fn again(command: &mut Command, work: &str, path: &str) -> Child {
    command
        .env(WORK, work)
        .env(PATH, path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program runs again")
}

fn child(work: &str, path: &str) -> Child {
    let us = std::env::current_exe().expect("this program");
    again(
        Command::new(us).args(["works_as_a_child", "--exact", "--nocapture"]),
        work,
        path,
    )
}

/// What a child has acknowledged, from its lines `ack <number>`.
fn acknowledged(child: &mut Child) -> Vec<i64> {
    let out = child.stdout.take().expect("its output");
    let lines = BufReader::new(out).lines().map_while(Result::ok);
    lines
        .filter_map(|line| line.strip_prefix("ack ")?.parse().ok())
        .collect()
}

fn ack(number: i64) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "ack {number}").expect("the parent reads");
}

/// Not a test: the child.
#[test]
fn works_as_a_child() {
    let (Ok(work), Ok(path)) = (std::env::var(WORK), std::env::var(PATH)) else {
        return;
    };
    println!();
    block_on(async {
        match &*work {
            // 300 times, and the total tells.
            "count" => {
                let store = open(&path).unwrap();
                for n in 0..300 {
                    store.increment("n", 1).await.unwrap();
                    store
                        .set(&format!("by.{}", std::process::id()), n)
                        .await
                        .unwrap();
                }
                store.close().await.unwrap();
            }
            // Until it is killed; values so long that the journal is folded often.
            "write" => {
                let store = open(&path).unwrap();
                let from = store.count_pattern("k.*").await.unwrap() as i64;
                for n in from.. {
                    let text = "x".repeat(30_000);
                    let both = store.atomic();
                    let both = both
                        .set(format!("k.{n:06}"), n)
                        .set(format!("t.{}", n % 5), text);
                    both.commit().await.unwrap();
                    ack(n);
                    // Opened and closed every now and then.
                    if n % 40 == 39 {
                        let other = open(&path).unwrap();
                        other.increment("closed", 1).await.unwrap();
                        other.close().await.unwrap();
                    }
                }
            }
            "add" => {
                let store = open(&path).unwrap();
                let ours = format!("by.{}", std::process::id());
                let text = "x".repeat(20_000);
                for n in 1.. {
                    store.increment("n", 1).await.unwrap();
                    let kept = store
                        .set_with(&ours, n, SetOptions::default())
                        .await
                        .unwrap();
                    assert!(kept.is_done());
                    ack(n);
                    store.set("t", text.as_str()).await.unwrap();
                }
            }
            "denied" => {
                let error = open(&path).map(drop).expect_err("no permission");
                assert_eq!(error.kind(), ErrorKind::AccessDenied, "{error}");
                assert!(error.message().contains("store.json"), "{error}");
                ack(1);
            }
            // The disk is full at some point.
            "fill" => {
                let store = open(&path).unwrap();
                let mut refused = 0;
                for n in 0..2_000 {
                    let text = "x".repeat(400);
                    match store.set(&format!("k.{n:06}"), text).await {
                        Ok(_) => ack(n),
                        Err(error) => {
                            assert_eq!(error.kind(), ErrorKind::QuotaExceeded, "{error}");
                            assert!(error.message().contains("full"), "{error}");
                            refused += 1;
                        }
                    }
                    if refused > 3 {
                        break;
                    }
                }
                assert!(refused > 3, "it never was full");
            }
            other => panic!("{other}"),
        }
    });
}

#[test]
fn two_processes_count_exactly() {
    let folder = Folder::new();
    let path = folder.path("store.json");
    let mut children = [
        child("count", &path),
        child("count", &path),
        child("count", &path),
    ];
    for child in &mut children {
        acknowledged(child);
        assert!(child.wait().unwrap().success());
    }
    let store = open(&path).unwrap();
    assert_eq!(block_on(store.get("n")).unwrap(), Some(900.into()));
    for child in &children {
        let key = format!("by.{}", child.id());
        assert_eq!(block_on(store.get(&key)).unwrap(), Some(299.into()));
    }
}

/// Numbers that come again are enough to be killed at random.
fn pauses() -> impl Iterator<Item = Duration> {
    let mut state = u64::from(std::process::id());
    std::iter::repeat_with(move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        Duration::from_micros(3_000 + (state >> 33) % 90_000)
    })
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let folder = Folder::new();
    let path = folder.path("store.json");
    let mut count = 0;
    for pause in pauses().take(kills() as usize) {
        let mut child = child("write", &path);
        std::thread::sleep(pause);
        child.kill().unwrap();
        let acknowledged = acknowledged(&mut child);
        child.wait().unwrap();
        let last = acknowledged.last().map_or(count, |last| last + 1);
        let store = open(&path).unwrap();
        let found = block_on(store.get_pattern("k.*")).unwrap();
        let found: Vec<i64> = found
            .into_iter()
            .map(|(_, v)| v.as_int().unwrap())
            .collect();
        let there = found.len() as i64;
        assert_eq!(found, (0..there).collect::<Vec<i64>>());
        // The last one may have been written and not acknowledged yet.
        assert!(there == last || there == last + 1, "{there}, {last}");
        count = there;
        if pause.as_micros() % 3 == 0 {
            block_on(store.close()).unwrap();
        }
    }
    println!("{count} writes, {} kills", kills());
    assert!(count > 0);
    block_on(open(&path).unwrap().close()).unwrap();
    assert_eq!(folder.names(), ["store.json", "store.json.journal"]);
}

#[test]
fn others_go_on_when_one_is_killed() {
    let folder = Folder::new();
    let path = folder.path("store.json");
    let ours = open(&path).unwrap();
    let mut sum = 0;
    let mut all = Vec::new();
    for pause in pauses().take((kills() as usize).div_ceil(4)) {
        let mut children = [child("add", &path), child("add", &path)];
        for child in &mut children {
            std::thread::sleep(pause);
            for _ in 0..10 {
                block_on(ours.increment("n", 1)).unwrap();
                sum += 1;
            }
            child.kill().unwrap();
        }
        for mut child in children {
            let last = acknowledged(&mut child).last().copied().unwrap_or(0);
            child.wait().unwrap();
            all.push((child.id(), last));
        }
    }
    let n = block_on(ours.get("n")).unwrap().unwrap().as_int().unwrap();
    let mut most = 0;
    for (id, last) in all {
        let found = block_on(ours.get(&format!("by.{id}"))).unwrap();
        let found = found.map_or(0, |value| value.as_int().unwrap());
        assert!(found == last || found == last + 1, "{found}, {last}");
        sum += found;
        // Killed between its increment and the note of it.
        most += 1;
    }
    assert!((sum..=sum + most).contains(&n), "{n}, {sum}, {most}");
}

/// As a user who may read the folder only. Who is root becomes nobody.
#[test]
#[cfg(target_os = "linux")]
fn no_permission() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let folder = Folder::new();
    let store = open(&folder.path("store.json")).unwrap();
    block_on(store.close()).unwrap();
    let root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let whole = folder.path("");
    fs::set_permissions(&whole, fs::Permissions::from_mode(0o555)).unwrap();
    for name in ["store.json", "new-store.json"] {
        let mut command = Command::new("/proc/self/exe");
        command.args(["works_as_a_child", "--exact", "--nocapture"]);
        if root {
            command.uid(65_534).gid(65_534);
        }
        let mut child = again(&mut command, "denied", &folder.path(name));
        assert_eq!(acknowledged(&mut child), [1]);
        assert!(child.wait().unwrap().success());
    }
    fs::set_permissions(&whole, fs::Permissions::from_mode(0o755)).unwrap();
}

/// What a child that fills the disk was told is there is what is there.
fn fills(command: &mut Command, path: &str) {
    let mut child = again(command, "fill", path);
    let acknowledged = acknowledged(&mut child);
    assert!(child.wait().unwrap().success());
    assert!(!acknowledged.is_empty());
    let store = open(path).unwrap();
    let found = block_on(store.keys("k.*")).unwrap();
    let expected: Vec<String> = acknowledged.iter().map(|n| format!("k.{n:06}")).collect();
    assert_eq!(found, expected);
}

/// The system's own limit on the size of a file: half a write is done, and the next one fails.
#[test]
fn a_file_that_may_not_grow() {
    let folder = Folder::new();
    let us = std::env::current_exe().expect("this program");
    let script = "trap '' XFSZ; ulimit -f 33; exec \"$0\" works_as_a_child --exact --nocapture";
    let mut command = Command::new("sh");
    fills(
        command.args(["-c", script]).arg(us),
        &folder.path("store.json"),
    );
}

/// A small disk, where this process may mount one.
#[test]
#[cfg(target_os = "linux")]
fn a_disk_that_is_full() {
    let folder = Folder::new();
    fs::create_dir(folder.path("disk")).unwrap();
    let disk = folder.path("disk");
    let mount = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=128k", "tmpfs", &disk])
        .stderr(Stdio::null())
        .status();
    if !mount.is_ok_and(|status| status.success()) {
        println!("no disk may be mounted here: a_file_that_may_not_grow is what was tested");
        return;
    }
    let us = std::env::current_exe().expect("this program");
    let mut command = Command::new(us);
    command.args(["works_as_a_child", "--exact", "--nocapture"]);
    let path = folder.path("disk/store.json");
    // Whatever happens, the disk is let go of before anything is judged.
    let mut child = again(&mut command, "fill", &path);
    let told = acknowledged(&mut child);
    let ended = child.wait();
    let (document, journal) = (
        fs::read(folder.path("disk/store.json")),
        fs::read(folder.path("disk/store.json.journal")),
    );
    let gone = Command::new("umount").arg(&disk).status();
    assert!(gone.is_ok_and(|status| status.success()));
    assert!(ended.unwrap().success() && !told.is_empty());
    // On a disk with room.
    fs::write(folder.path("store.json"), document.unwrap()).unwrap();
    fs::write(folder.path("store.json.journal"), journal.unwrap()).unwrap();
    let found = block_on(open(&folder.path("store.json")).unwrap().keys("k.*")).unwrap();
    let expected: Vec<String> = told.iter().map(|n| format!("k.{n:06}")).collect();
    assert_eq!(found, expected);
}
