import { test } from "./check.mjs";

test("storage tells what the browser gives, where there is one", async (t) => {
  const store = await t.open();
  if (globalThis.navigator?.storage === undefined) {
    await t.rejects(() => store.storage(), "unsupported");
  } else {
    const { usage, quota, persisted } = await store.storage();
    t.ok(usage >= 0 && quota > usage, `${usage} of ${quota} bytes`);
    t.equal(typeof persisted, "boolean");
  }
  // Firefox asks the user, who is not there.
  if (typeof document === "undefined") await t.rejects(() => store.storage({ persist: true }), "unsupported");
  else if (!navigator.userAgent.includes("Firefox"))
    t.equal(typeof (await store.storage({ persist: true })).persisted, "boolean");
  await t.rejects(() => store.storage({ persists: true }), "invalid-argument", "persists");
  await t.rejects(() => store.storage({ persist: 1 }), "invalid-argument", "persist");
  await t.rejects(() => store.storage(null), "invalid-argument");
  const reason = new Error("enough");
  t.equal(await store.storage({ signal: AbortSignal.abort(reason) }).catch((error) => error), reason);
  await store.close();
  await t.rejects(() => store.storage(), "closed");
});
