/** The public types of what is stored under which key: values, metadata, a typed key map. */
import type { WriteOptions } from "./types.js";

/**
 * A value that can be stored. Class instances need a serializer. Of arrays, maps, sets, dates and bytes
 * what they hold is stored, not fields that somebody put beside it.
 */
export type Storable =
  | string
  | number
  | boolean
  | null
  | bigint
  | Date
  | ArrayBuffer
  | TypedArray
  | readonly Storable[]
  | { readonly [name: string]: Storable }
  | ReadonlyMap<Storable, Storable>
  | ReadonlySet<Storable>;

/** Every typed array; a `DataView` is none. */
export type TypedArray =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array;

/** JSON, as metadata holds it. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** Any JSON object; in the metadata of a `set` the field `ttl` is the time to live in seconds. */
export type Metadata = { readonly [name: string]: Json };

type JsonOf<T> = T extends Json
  ? T
  : T extends Unstorable | bigint
    ? never
    : { readonly [N in keyof T]: JsonOf<T[N]> };

/** `F` where it is an object of JSON, also one that an `interface` describes; a field `ttl` in it is a `T`. */
export type Fields<F, T = never> = F extends readonly unknown[]
  ? never
  : F & { readonly [N in keyof F]: N extends "ttl" ? T : JsonOf<F[N]> };

/**
 * Which keys hold values of which type: `{ "users.*.name": string }`. A segment of a name is text, `*` (any one
 * segment) or `**` (one or more); what else a pattern may hold is refused by the compiler.
 */
export type KeyMap = Record<string, unknown>;

type Split<S extends string> = S extends `${infer Head}.${infer Tail}` ? [Head, ...Split<Tail>] : [S];
type Fits<K extends string[], P extends string[]> = P extends ["**", ...infer Rest extends string[]]
  ? Rest extends []
    ? K extends []
      ? false
      : true
    : Fits<K, Rest> extends true
      ? true
      : K extends [string, ...infer Tail extends string[]]
        ? Fits<Tail, P>
        : false
  : P extends [infer Q extends string, ...infer Ps extends string[]]
    ? K extends [infer C extends string, ...infer Cs extends string[]]
      ? Q extends "*"
        ? Fits<Cs, Ps>
        : C extends Q
          ? Fits<Cs, Ps>
          : string extends C
            ? Fits<Cs, Ps>
            : false
      : false
    : K extends []
      ? true
      : false;
/** `M` with `never` for each name that is more than text, `*` and `**`. */
export type PlainNames<M> = {
  [P in keyof M]: P extends string ? (Split<P>[number] extends infer S ? IsPlain<S> : never) : unknown;
};
type IsPlain<S> = [
  S extends "*" | "**" ? never : S extends `${string}${Special}${string}` ? S : never,
] extends [never]
  ? unknown
  : never;
type Special = "*" | "?" | "[" | "{" | "\\";
type Found<M, K extends string> = {
  [P in keyof M & string]: Fits<Split<K>, Split<P>> extends true ? M[P] : never;
}[keyof M & string];

/** The type of the value under a key; `any`, or what is said, where the map does not name it. */
export type ValueOf<M, K extends string, Else = any> = string extends keyof M
  ? Else
  : K extends unknown
    ? string extends K
      ? Else
      : [Found<M, K>] extends [never]
        ? Else
        : Found<M, K>
    : never;

type Unstorable =
  | ((...args: never[]) => unknown)
  | (abstract new (
      ...args: never[]
    ) => unknown)
  | symbol
  | undefined
  // biome-ignore lint/suspicious/noConfusingVoidType: what a function without a return gives
  | void
  | PromiseLike<unknown>;

/**
 * A value as a method takes it: functions, symbols, promises and `undefined` cannot be stored, nor in arrays and
 * plain objects. Classes and interfaces are not looked into: a class with methods may have a serializer, and a field
 * that may be absent is an ordinary one.
 */
export type Stored<V> = V extends Unstorable
  ? never
  : V extends readonly unknown[]
    ? { readonly [I in keyof V]: Stored<V[I]> }
    : V extends { readonly [name: string]: unknown }
      ? { readonly [N in keyof V]: [V[N]] extends [Unstorable] ? Stored<V[N]> : Stored<V[N]> | Maybe<V[N]> }
      : V;
type Maybe<V> = V extends undefined ? V : never;

/** A key that the map does not name. */
export type Unnamed<M, K extends string> = 0 extends 1 & ValueOf<M, K> ? K : never;

/** What the function given to `update` returns: something that can be stored, or a promise of it. */
export type Made<R> = R extends PromiseLike<infer V> ? PromiseLike<Stored<V>> : Stored<R>;

/** Text or bytes, where the key may hold what comes of it. */
export type Tail<M, K extends string, T> = (T extends string ? string : T) extends ValueOf<M, K> ? T : never;

/** A key that may hold a number. */
export type Counter<M, K extends string> =
  number extends ValueOf<M, K> ? K : bigint extends ValueOf<M, K> ? K : never;

type AnyEntry = readonly [key: string, value: unknown, options?: WriteOptions];
/** What `setMany` takes. */
export type Entries = { readonly [key: string]: unknown } | ReadonlyMap<string, unknown> | Iterable<AnyEntry>;
/** `V` where a key may hold it; where the map does not name the key, whatever can be stored. */
type Held<M, K extends string, V> = 0 extends 1 & ValueOf<M, K> ? Stored<V> : ValueOf<M, K>;
type EntryOf<M, E> = E extends readonly [infer K extends string, infer V, ...unknown[]]
  ? readonly [key: K, value: Held<M, K, V>, options?: WriteOptions]
  : E;

/** The entries `E` with each value of the type that its key has. */
export type EntriesOf<M, E> = E extends readonly AnyEntry[]
  ? { readonly [I in keyof E]: EntryOf<M, E[I]> }
  : E extends Iterable<infer One>
    ? Iterable<EntryOf<M, One>>
    : { readonly [K in keyof E]: Held<M, K & string, E[K]> };
