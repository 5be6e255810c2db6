/** What matches a pattern, page by page. */
import { check } from "./options.js";
import { isPattern } from "./texts.js";
import type { Entry, ScanOptions } from "./types.js";

/** How many entries a scan fetches at a time. */
const PAGE = 500;

type Item = string | Entry;
type Fetch = (
  options: ScanOptions,
  ...query: [pattern: string, limit: number, after?: string, reverse?: boolean, entries?: boolean]
) => Promise<Item[]>;

/** The entries or keys; `fetch` gives a page of them, or rejects. */
export async function* scan(
  fetch: Fetch,
  pattern: string,
  given: ScanOptions,
): AsyncGenerator<unknown, void> {
  isPattern(pattern);
  const options = check.keys(given, "scan");
  const { signal, values = true, reverse = false } = options;
  let after = options.after;
  let left = options.limit ?? Infinity;
  for (;;) {
    signal?.throwIfAborted();
    const limit = Math.min(PAGE, left);
    const page = await fetch(options, pattern, limit, after, reverse, values);
    for (const item of page) {
      signal?.throwIfAborted();
      yield item;
    }
    left -= page.length;
    if (page.length < limit || left === 0) return;
    const last = page[page.length - 1] as Item;
    after = typeof last === "string" ? last : last.key;
  }
}
