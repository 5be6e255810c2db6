//! The same 100,000 keys as in `benches/data.mjs`, and 1,000 of them, scattered.

/// How many keys are hot.
pub const HOT: usize = 1_000;

const FIELDS: [&str; 5] = ["name", "email", "age", "city", "theme"];
const STAGES: [&str; 4] = ["dev", "prod", "test", "demo"];

pub fn all_keys() -> Vec<String> {
    let mut keys = Vec::with_capacity(100_000);
    for user in 0..15_000 {
        keys.extend(FIELDS.map(|field| format!("users.{user}.{field}")));
    }
    keys.extend((0..5_000).map(|at| format!("app.module{}.setting{at}", at % 50)));
    keys.extend((0..19_996).map(|at| {
        let last = match at % 200 {
            0 => "error".to_owned(),
            _ => format!("step{}", at % 7),
        };
        format!("services.s{}.jobs.{at}.{last}", at % 40)
    }));
    keys.extend(STAGES.map(|stage| format!("env.{stage}.config")));
    shuffle(&mut keys, 1);
    keys
}

/// Where the hot keys are.
pub fn hot(keys: &[String]) -> Vec<u32> {
    let mut places: Vec<u32> = (0..keys.len() as u32).collect();
    shuffle(&mut places, 7);
    places.truncate(HOT);
    places
}

pub fn text(at: usize) -> String {
    format!("value {at}")
}

/// The same order every time.
fn shuffle<T>(list: &mut [T], mut state: u32) {
    for at in (1..list.len()).rev() {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        let other = (u64::from(state) * (at as u64 + 1)) >> 32;
        list.swap(at, other as usize);
    }
}
