/** What the benchmarks store: 100,000 keys as programs have them, 1,000 hot ones, an object of 0.9 KB. */

/** A flat string: what concatenation leaves is a tree until something reads it. */
export const flat = (text) => Buffer.from(text).toString("latin1");

const FIELDS = ["name", "email", "age", "city", "theme"];
const STAGES = ["dev", "prod", "test", "demo"];

/** 75,000 keys of 15,000 users, 5,000 of an application, 100 errors among 19,996 others, 4 configurations. */
export function allKeys() {
  const keys = [];
  for (let user = 0; user < 15_000; user++) {
    for (const field of FIELDS) keys.push(flat(`users.${user}.${field}`));
  }
  for (let at = 0; at < 5_000; at++) keys.push(flat(`app.module${at % 50}.setting${at}`));
  for (let at = 0; at < 19_996; at++) {
    const last = at % 200 === 0 ? "error" : `step${at % 7}`;
    keys.push(flat(`services.s${at % 40}.jobs.${at}.${last}`));
  }
  for (const stage of STAGES) keys.push(flat(`env.${stage}.config`));
  return shuffled(keys);
}

/** 1,000 of the keys, scattered; texts of their own, as they come from a request. */
export function hotKeys(keys) {
  return shuffled(keys, 7)
    .slice(0, 1_000)
    .map((key) => flat(key));
}

/** The same order every time. */
export function shuffled(list, seed = 1) {
  const copy = list.slice();
  let state = seed;
  for (let at = copy.length - 1; at > 0; at--) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    const other = Math.floor((state / 2 ** 32) * (at + 1));
    [copy[at], copy[other]] = [copy[other], copy[at]];
  }
  return copy;
}

export const shortText = (at) => flat(`value ${at}`);

/** 0.9 KB as JSON, in 14 objects and arrays. */
export const record = (at) => ({
  id: `3f2b8c1e-${String(at).padStart(6, "0")}`,
  name: "Ada Lovelace",
  title: "Analyst, prefers letters to telephone calls",
  active: true,
  profile: {
    email: "ada.lovelace@example.org",
    phone: "+44 20 7946 0958",
    address: {
      street: "12 St James's Square",
      city: "London",
      postcode: "SW1Y 4JH",
      geo: { latitude: 51.5074, longitude: -0.1338 },
    },
    languages: ["en", "fr", "it"],
  },
  preferences: {
    theme: "dark",
    locale: "en-GB",
    notifications: { email: true, sms: false, push: true, digest: "weekly" },
    privacy: { profile: "friends", search: false },
  },
  account: {
    plan: "professional",
    seats: 12,
    billing: { currency: "GBP", amount: 1299, next: "2026-12-01T00:00:00Z" },
    limits: { requests: 100_000, storage: 5_368_709_120 },
  },
  sessions: [
    { id: "b7d9a1", agent: "Mozilla/5.0 (X11; Linux x86_64)", since: 1_764_000_000_000 },
    { id: "c04e52", agent: "Mozilla/5.0 (Macintosh; Intel Mac OS X)", since: 1_764_100_000_000 },
  ],
  updated: "2026-11-24T18:32:07.123Z",
});
