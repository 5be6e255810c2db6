/**
 * Values are isolated: what a caller does to an object after `set`, or to what `get` returned, does
 * not change the store. A hand-written copy takes a sixth of the time of `structuredClone`.
 */
import { kindOf, refused, said, type KVError } from "./error.js";
import { Custom, serialized, Thrown } from "./serializer.js";
import { spread } from "./spread.js";

/** As deep as the core lets values nest. What has a tag there has its body one level further down. */
const DEEPEST = 255;
const plain = Object.prototype;
const prototypeOf = Object.getPrototypeOf as (value: object) => object | null;
const describe = Object.getOwnPropertyDescriptor;
const symbolsOf = Object.getOwnPropertySymbols;
/** Thrown by the fast copy; where and why is found out afterwards. */
const FAULT: unique symbol = Symbol("fault");

/** A copy of what a caller hands over, checked. */
export function copyIn(value: unknown, key: string | undefined, root = "value"): unknown {
  if (typeof value === "string" && value.isWellFormed()) return value;
  try {
    return copyChecked(value, 0);
  } catch (thrown) {
    // Accessors, proxies and imitations throw what they like.
    throw explain(value, key, root, thrown);
  }
}

function copyChecked(value: unknown, depth: number, site = 0): unknown {
  switch (typeof value) {
    case "string":
      if (!value.isWellFormed()) throw FAULT;
      return value;
    case "number":
    case "boolean":
      return value;
    case "bigint":
      if (depth >= DEEPEST) throw FAULT;
      return value;
    case "object":
      break;
    default:
      throw FAULT;
  }
  if (value === null) return null;
  if (depth >= DEEPEST && !isLeaf(value)) throw FAULT;
  if (Array.isArray(value)) return copyArray(value, depth + 1, (site + 1) & 31);
  const proto = prototypeOf(value);
  if (proto !== plain && proto !== null && !isForeignPlain(proto)) return copySpecial(value, depth + 1);
  if (symbolsOf(value).length > 0) throw FAULT;
  const copy = spread(value, site) as Record<string, unknown>;
  let place = site * 7;
  for (const name in copy) {
    // What an accessor returned is in the copy by now, and is thrown away with it.
    if (describe(value, name)?.get !== undefined || !name.isWellFormed()) throw FAULT;
    place++;
    const field = copy[name];
    switch (typeof field) {
      case "number":
      case "boolean":
        break;
      case "string":
        if (!field.isWellFormed()) throw FAULT;
        break;
      default:
        if (field !== null) define(copy, name, copyChecked(field, depth + 1, place & 31));
    }
  }
  return copy;
}

/** Does nothing lie below this object, where the core counts? */
function isLeaf(value: object): boolean {
  if (value instanceof Uint8Array) return true;
  const proto = prototypeOf(value);
  return (Array.isArray(value) || proto === plain || proto === null) && Object.keys(value).length === 0;
}

/** Sets a field also where its name is `__proto__`. */
export function define(object: object, name: string, value: unknown): void {
  if (name === "__proto__") {
    Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
  } else {
    (object as Record<string, unknown>)[name] = value;
  }
}

/** An object that is no instance of anything. */
export function isPlain(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const proto = prototypeOf(value);
  return proto === plain || proto === null || isForeignPlain(proto);
}

/** The `Object.prototype` of another realm (a frame, a test runner's sandbox). */
function isForeignPlain(proto: object): boolean {
  return prototypeOf(proto) === null && Object.hasOwn(proto, "hasOwnProperty");
}

/** An array, of another realm too, that is no instance of a class. */
function isPlainArray(value: unknown[]): boolean {
  const proto = prototypeOf(value);
  return proto === Array.prototype || proto?.constructor?.name === "Array";
}

/**
 * An accessor in the place of an item, and fields beside the items, go unnoticed: to look for them takes
 * 120 ns for an array of four, and as long again as the copy for a long one.
 */
function copyArray(value: unknown[], depth: number, site: number): unknown[] {
  if (!isPlainArray(value)) throw FAULT;
  // `slice` of another realm makes an array of that realm.
  const copy = prototypeOf(value) === Array.prototype ? value.slice() : [...value];
  for (let at = 0; at < copy.length; at++) {
    const item = copy[at];
    // Holes and `undefined` are faults too.
    if (typeof item !== "number") copy[at] = copyChecked(item, depth, site);
  }
  return copy;
}

const TYPED = Object.getPrototypeOf(Uint8Array) as Function & { readonly prototype: object };
/** The name of a typed array's type, whatever its fields say; of anything else `undefined`. */
const typeOf = describe(TYPED.prototype, Symbol.toStringTag)?.get as (this: unknown) => string | undefined;

/** Node's `Buffer` is a class of its own over `Uint8Array`. */
const buffer = (globalThis as { Buffer?: { prototype: object } }).Buffer?.prototype;

/** The types that need no serializer; a class that extends one does. */
function isBuiltIn(value: object): boolean {
  const proto = prototypeOf(value);
  switch (proto) {
    case null:
      return false;
    case Date.prototype:
    case Map.prototype:
    case Set.prototype:
    case ArrayBuffer.prototype:
      return true;
    default:
      return (proto === buffer && buffer !== undefined) || prototypeOf(proto) === TYPED.prototype;
  }
}

/** What a built-in type of another realm (a frame, a test runner's sandbox) is in this one, items not copied. */
function ofThisRealm(value: object): object | undefined {
  const typed = typeOf.call(value);
  const proto = prototypeOf(value) as object;
  // Its class lies right below the `Object.prototype` there; what extends it needs a serializer.
  const root = prototypeOf((typed === undefined ? proto : prototypeOf(proto)) ?? plain);
  if (root === null || root === plain || !isForeignPlain(root)) return undefined;
  try {
    if (typed !== undefined) return copyTyped(value);
    switch (Object.prototype.toString.call(value)) {
      case "[object Date]":
        return new Date(Date.prototype.getTime.call(value));
      case "[object Map]":
        return new Map(Map.prototype.entries.call(value));
      case "[object Set]":
        return new Set(Set.prototype.values.call(value));
      case "[object ArrayBuffer]":
        return new Uint8Array(value as ArrayBuffer).slice().buffer;
    }
  } catch {
    // It only looks like one.
  }
  return undefined;
}

function copySpecial(value: object, depth: number): unknown {
  if (value instanceof Custom) return new Custom(value.tag, copyChecked(value.body, depth));
  if (!isBuiltIn(value)) {
    const custom = serialized(value);
    if (custom !== undefined) return new Custom(custom.tag, copyChecked(custom.body, depth));
    const own = ofThisRealm(value);
    if (own === undefined) throw FAULT;
    return copySpecial(own, depth);
  }
  if (value instanceof Date) return new Date(value.getTime());
  if (value instanceof Map) {
    const copy = new Map<unknown, unknown>();
    // A tag, a list, a pair.
    if (value.size > 0 && depth + 2 > DEEPEST) throw FAULT;
    for (const [name, field] of value) copy.set(copyChecked(name, depth + 2), copyChecked(field, depth + 2));
    return copy;
  }
  if (value instanceof Set) {
    if (value.size > 0 && depth + 1 > DEEPEST) throw FAULT;
    const copy = new Set<unknown>();
    for (const item of value) copy.add(copyChecked(item, depth + 1));
    return copy;
  }
  return value instanceof ArrayBuffer ? value.slice(0) : copyTyped(value);
}

/** Node's `Buffer` comes back as the `Uint8Array` that it is. */
function copyTyped(value: object): object {
  const type = typeOf.call(value);
  if (type === undefined) throw FAULT;
  const made = (globalThis as unknown as Record<string, new (of: object) => object>)[type];
  return new (made as new (of: object) => object)(value);
}

/** A copy of what the store keeps, which needs no check. */
export function copyOut(value: unknown, site = 0): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const copy = value.slice() as unknown[];
    for (let at = 0; at < copy.length; at++) {
      const item = copy[at];
      if (typeof item === "object" && item !== null) copy[at] = copyOut(item, (site + 1) & 31);
    }
    return copy;
  }
  if (prototypeOf(value) === plain) {
    const copy = spread(value, site) as Record<string, unknown>;
    let place = site * 7;
    for (const name in copy) {
      place++;
      const field = copy[name];
      if (typeof field === "object" && field !== null) define(copy, name, copyOut(field, place & 31));
    }
    return copy;
  }
  return copySpecialOut(value);
}

function copySpecialOut(value: object): unknown {
  if (value instanceof Custom) return value.revive(copyOut(value.body));
  if (value instanceof Map) {
    return new Map([...value].map(([name, field]) => [copyOut(name), copyOut(field)]));
  }
  if (value instanceof Set) return new Set([...value].map((item) => copyOut(item)));
  return copySpecial(value, 0);
}

/** Is it what its prototype says? A proxy, or an object with a borrowed prototype, is not. */
function isGenuine(value: object): boolean {
  try {
    if (value instanceof Date) value.getTime();
    else if (value instanceof Map || value instanceof Set) value.size;
    else if (value instanceof ArrayBuffer) value.byteLength;
    else return typeOf.call(value) !== undefined;
    return true;
  } catch {
    return false;
  }
}

/** Where the fault is, and what it is. */
function explain(value: unknown, key: string | undefined, root: string, thrown: unknown): KVError {
  const failed = thrown instanceof Thrown ? thrown : undefined;
  try {
    const fault = find(value, root, [], 0) ?? failed?.refusal(root, key);
    return fault ?? refused(`${root} cannot be stored`, key);
  } catch {
    return refused(`${root} cannot be read`, key);
  }

  function find(value: unknown, path: string, above: object[], level: number): KVError | undefined {
    try {
      return look(value, path, above, level);
    } catch (thrown) {
      if (thrown instanceof Thrown) return thrown.refusal(path, key);
      return refused(`${path} cannot be read: ${said(thrown)}`, key);
    }
  }

  function look(value: unknown, path: string, above: object[], level: number): KVError | undefined {
    const no = (what: string): KVError => refused(`${path} ${what}`, key);
    const deep = (): KVError => no(`nests deeper than ${DEEPEST + 1}`);
    if (level > DEEPEST) return deep();
    switch (typeof value) {
      case "undefined":
        return no("is undefined: leave it out, or use null");
      case "function":
        return no("is a function, which cannot be stored");
      case "symbol":
        return no("is a symbol, which cannot be stored");
      case "string":
        return value.isWellFormed() ? undefined : no("holds a lone surrogate: it is no Unicode text");
      case "bigint":
        return level >= DEEPEST ? deep() : undefined;
      case "object":
        break;
      default:
        return undefined;
    }
    if (value === null) return undefined;
    // Not asked again: it may answer otherwise.
    if (value === failed?.value) return failed.refusal(path, key);
    if (above.includes(value)) return no("is a cycle: it contains itself");
    if (level >= DEEPEST && !isLeaf(value)) return deep();
    const inside = [...above, value];
    const field = (name: string | number, at: string): KVError | undefined => {
      const field = describe(value, name);
      return field?.get === undefined
        ? find(field?.value, at, inside, level + 1)
        : refused(`${at} is an accessor: store what it returns instead`, key);
    };
    if (Array.isArray(value)) {
      for (let at = 0; at < value.length; at++) {
        const fault = field(at, `${path}[${at}]`);
        if (fault) return fault;
      }
      return isPlainArray(value) ? undefined : no("is an instance of a class: register a serializer for it");
    }
    if (value instanceof Custom) return find(value.body, `${path}.body`, inside, level + 1);
    if (isPlain(value)) {
      if (symbolsOf(value).length > 0) return no("has a symbol for a name, which cannot be stored");
      for (const name in value) {
        if (!name.isWellFormed()) return no("has a name with a lone surrogate");
        const fault = field(name, `${path}.${name}`);
        if (fault) return fault;
      }
      return undefined;
    }
    if (!isBuiltIn(value)) {
      const custom = serialized(value);
      if (custom !== undefined) return find(custom.body, `${path} as ${custom.tag}`, inside, level + 1);
      const own = ofThisRealm(value);
      return own === undefined
        ? no(`is ${kindOf(value)}: register a serializer for it, or store its fields`)
        : look(own, path, inside, level);
    }
    if (!isGenuine(value))
      return no(`is ${kindOf(value)} only by its prototype: it is a Proxy or an imitation`);
    if (value instanceof Map || value instanceof Set) {
      let at = 0;
      for (const item of value instanceof Map ? [...value].flat() : value) {
        const fault = find(item, `${path}<${at++}>`, inside, level + (value instanceof Map ? 3 : 2));
        if (fault) return fault;
      }
      return undefined;
    }
    try {
      copySpecial(value, level);
      return undefined;
    } catch {
      return no("was transferred away: its bytes are gone");
    }
  }
}
