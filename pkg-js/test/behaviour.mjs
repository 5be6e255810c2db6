// Runs the table of tests/behaviour through the npm package, in any runtime.

const ANY = { matcher: "anything" };
const about = (number, tolerance) => ({ matcher: "about", number, tolerance });
const exactly = (value) => ({ matcher: "exactly", value });

function put(object, name, value) {
  Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
}

const bytesOf = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
const numbered = (prefix, at) => prefix + String(at).padStart(5, "0");

/** The JavaScript value of a text form, with helpers and matchers. */
function decode(form, remembered) {
  const read = (part) => decode(part, remembered);
  if (typeof form !== "object" || form === null) return form;
  if (Array.isArray(form)) return form.map(read);
  const names = Object.keys(form);
  if (names.length !== 1 || names[0] !== "$" || !Array.isArray(form.$)) return fields(form, read);
  const [tag, ...body] = form.$;
  switch (tag) {
    case "absent":
      return undefined;
    case "any":
      return ANY;
    case "about":
      return about(body[0], body[1]);
    case "exactly":
      return exactly(read(body[0]));
    case "repeat":
      return read(body[0]).repeat(body[1]);
    case "join":
      return body.map(read).join("");
    case "nest": {
      let value = read(body[1]);
      for (let level = 0; level < body[0]; level++) value = [value];
      return value;
    }
    case "keys":
      return Array.from({ length: body[1] }, (_, at) => numbered(body[0], at));
    case "pairs":
      return Array.from({ length: body[1] }, (_, at) => [numbered(body[0], at), at]);
    case "utf16":
      return String.fromCharCode(...body);
    case "ref": {
      const [name, ...path] = body[0].split(".");
      if (!remembered.has(name)) throw new Error(`the case remembers no ${name}`);
      return path.reduce((value, part) => value?.[part], remembered.get(name));
    }
    case "bytes":
      return bytesOf(body[0]);
    case "double":
      return Number(body[0]);
    case "bigint":
      return BigInt(body[0]);
    case "date":
      return new Date(body[0]);
    case "map":
      return new Map(read(body[0]));
    case "set":
      return new Set(read(body[0]));
    case "object":
      return fields(body[0], read);
    default:
      throw new Error(`the case has the form ${JSON.stringify(tag)}, which is unknown here`);
  }
}

function fields(form, read) {
  const object = {};
  for (const name of Object.keys(form)) put(object, name, read(form[name]));
  return object;
}

/** A value as a person reads it. */
export function show(value) {
  const seen = [];
  const text = (value) => {
    if (typeof value === "string")
      return value.length > 200
        ? `${JSON.stringify(value.slice(0, 80))}… (${value.length})`
        : JSON.stringify(value);
    if (typeof value === "bigint") return `${value}n`;
    if (Object.is(value, -0)) return "-0";
    if (typeof value !== "object" || value === null) return String(value);
    if (seen.includes(value) || seen.length > 8) return "…";
    seen.push(value);
    const of = (list) =>
      (list.length > 20 ? [...list.slice(0, 20).map(text), `… (${list.length})`] : list.map(text)).join(", ");
    let shown;
    if (Array.isArray(value)) shown = `[${of(value)}]`;
    else if (value instanceof Error) shown = `${value.name} ${value.code ?? ""}: ${value.message}`;
    else if (value instanceof Date) shown = `Date(${value.getTime()})`;
    else if (value instanceof Map) shown = `Map(${of([...value])})`;
    else if (value instanceof Set) shown = `Set(${of([...value])})`;
    else if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer)
      shown = `${value.constructor.name}(${value.byteLength} bytes)`;
    else
      shown = `{${Object.keys(value)
        .slice(0, 20)
        .map((name) => `${name}: ${text(value[name])}`)
        .join(", ")}}`;
    seen.pop();
    return shown;
  };
  return text(value);
}

/** Where `actual` is not what `expected` says, or `undefined`. `exact`: objects have no other fields. */
function difference(actual, expected, path, exact = false) {
  const no = () => `${path} is ${show(actual)}, not ${show(expected)}`;
  if (expected === ANY) return actual === undefined ? `${path} is absent` : undefined;
  if (expected?.matcher === "exactly") return difference(actual, expected.value, path, true);
  if (expected?.matcher === "about") {
    return typeof actual === "number" && Math.abs(actual - expected.number) <= expected.tolerance
      ? undefined
      : no();
  }
  if (typeof expected !== "object" || expected === null)
    return Object.is(actual, expected) ? undefined : no();
  if (typeof actual !== "object" || actual === null) return no();
  const kind = (value) => Object.prototype.toString.call(value);
  if (kind(actual) !== kind(expected)) return no();
  const each = (left, right) => {
    if (left.length !== right.length)
      return `${path} has ${left.length} items, not ${right.length}: ${show(left)}, not ${show(right)}`;
    for (let at = 0; at < right.length; at++) {
      const found = difference(left[at], right[at], `${path}[${at}]`, exact);
      if (found) return found;
    }
    return undefined;
  };
  if (Array.isArray(expected) || ArrayBuffer.isView(expected)) return each(actual, expected);
  if (expected instanceof Date) return Object.is(actual.getTime(), expected.getTime()) ? undefined : no();
  if (expected instanceof Map || expected instanceof Set) return each([...actual], [...expected]);
  const other = exact && Object.keys(actual).find((name) => !Object.hasOwn(expected, name));
  if (typeof other === "string") return `${path} has the field ${show(other)} too`;
  for (const name of Object.keys(expected)) {
    const value = Object.hasOwn(actual, name) ? actual[name] : undefined;
    const found = difference(value, expected[name], `${path}.${name}`, exact);
    if (found) return found;
  }
  return undefined;
}

async function list(iterator) {
  const items = [];
  for await (const { key, value } of iterator) items.push([key, value]);
  return items;
}

/** What the watch of a store has told. */
const watched = new WeakMap();

/** Everything that was told has been read. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

/** One operation of the table. */
async function perform(store, KVStore, op, args) {
  switch (op) {
    case "watch": {
      // What is wrong is told by the first next(), which is asked at once; what comes is collected.
      const seen = [];
      const changes = store.watch(...args);
      const first = changes.next();
      const collect = async () => {
        for (let { done, value } = await first; !done; { done, value } = await changes.next())
          seen.push(value);
      };
      watched.set(store, seen);
      await Promise.race([first, settled()]);
      collect().catch(() => {});
      return undefined;
    }
    case "events": {
      await settled();
      const seen = watched.get(store).splice(0);
      return seen.map(({ type, key, version, ...rest }) =>
        type === "overflow" ? [type] : [type, key, version, ...Object.values(rest)],
      );
    }
    case "escape":
      return KVStore.escape(...args);
    case "getPattern":
      return [...(await store.getPattern(...args))];
    case "scan":
      return list(store.scan(...args));
    case "atomic": {
      const { checks, writes } = args[0];
      const atomic = store.atomic();
      for (const [key, version] of checks) atomic.check(key, version);
      for (const [change, ...rest] of writes) atomic[change](...rest);
      const result = await atomic.commit();
      return result.ok ? { ...result, versions: result.versions.map((version) => version ?? null) } : result;
    }
    default:
      if (typeof store[op] !== "function") throw new Error(`there is no method ${op}`);
      return store[op](...args);
  }
}

async function runCase({ KVStore, KVError }, { steps }, { options, reopen }) {
  let root = await KVStore.open(options);
  let opened = [];
  const remembered = new Map();
  let store = root;
  try {
    let space;
    for (const [at, step] of steps.entries()) {
      if (reopen && at > 0) {
        for (const one of [...opened, root]) await one.close();
        root = await KVStore.open(options);
        store = space === undefined ? root : await root.namespace(space);
        opened = [store];
      }
      const line = `step ${at + 1} ${JSON.stringify(step).slice(0, 200)}`;
      if ("wait" in step) {
        await new Promise((resolve) => {
          setTimeout(resolve, step.wait);
        });
        continue;
      }
      const [op, ...forms] = step.do;
      const args = decode(forms, remembered);
      let result;
      let thrown;
      try {
        if (op === "namespace" && args[0] === "") {
          store = root;
          space = undefined;
        } else if (op === "namespace") {
          result = await store.namespace(...args);
          opened.push(result);
          store = result;
          space = args[0];
        } else {
          result = await perform(store, KVStore, op, args);
        }
      } catch (error) {
        thrown = error;
      }
      if ("fails" in step) {
        if (thrown === undefined) return `${line}: gave ${show(result)}, where it should fail`;
        if (!(thrown instanceof KVError)) return `${line}: threw what is no KVError: ${show(thrown)}`;
        if (thrown.code !== step.fails)
          return `${line}: failed with ${show(thrown)}, where it should with ${step.fails}`;
        if ("key" in step && thrown.key !== step.key)
          return `${line}: is about the key ${show(thrown.key)}, not ${show(step.key)}`;
        if (thrown.message.length < 8) return `${line}: has the message ${JSON.stringify(thrown.message)}`;
        continue;
      }
      if (thrown !== undefined) return `${line}: threw ${show(thrown)}`;
      if ("as" in step) remembered.set(step.as, result);
      if ("is" in step) {
        const found = difference(result, decode(step.is, remembered), "the result");
        if (found) return `${line}: ${found}`;
      }
    }
    return undefined;
  } finally {
    for (const one of [...opened, root]) await one.close();
  }
}

const HANDLED = new Set(["close", "watch", "changes", "unwatch"]);

let databases = 0;
/** A database of its own for each store. */
export const database = () => `behaviour ${Date.now()} ${++databases}`;

/**
 * Runs every case of the table that has the door "npm". `table`: the files' names and contents.
 * `open`: the options of each store. `reopen`: closes and opens it between the steps. `slow`: its writes take longer
 * than the times to live of some cases.
 */
export async function behaviour(modules, table, open = () => ({}), reopen = false, slow = false) {
  const failures = [];
  let passed = 0;
  for (const [file, cases] of Object.entries(table)) {
    for (const one of cases) {
      if (one.doors !== undefined && !one.doors.includes("npm")) continue;
      // What a handle does is lost with it; and while it is opened, milliseconds go by, as in a slow write.
      if ((reopen || slow) && one.steps.some((step) => "wait" in step)) continue;
      if (reopen && one.steps.some(({ do: [op] = [] }) => HANDLED.has(op))) continue;
      let fault;
      try {
        fault = await runCase(modules, one, { options: open(), reopen });
      } catch (error) {
        fault = `threw ${show(error)}`;
      }
      if (fault === undefined) passed += 1;
      else failures.push(`${file}: ${one.name}: ${fault}`);
    }
  }
  return { passed, failed: failures.length, failures };
}
