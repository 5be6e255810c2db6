// A backend of one's own, as small as one gets: a Map of Maps, with a counter for versions.

/** Sorts by code points, as UTF-8 does. */
function compare(left, right) {
  const [a, b] = [Array.from(left), Array.from(right)];
  for (let at = 0; at < a.length && at < b.length; at++) {
    if (a[at] !== b[at]) return a[at].codePointAt(0) - b[at].codePointAt(0);
  }
  return a.length - b.length;
}

export class MapBackend {
  limits = { losesAnswers: false };
  spaces = new Map();
  last = 0;

  space(namespace) {
    if (!this.spaces.has(namespace)) this.spaces.set(namespace, new Map());
    return this.spaces.get(namespace);
  }

  async read(keys) {
    return keys.map(({ namespace, key }) => this.space(namespace).get(key));
  }

  async commit(batch) {
    // No await between looking and writing: nobody else comes in between.
    const conflict = batch.findIndex(
      ({ namespace, key, expect }) =>
        expect !== undefined && (this.space(namespace).get(key)?.version ?? null) !== expect,
    );
    return conflict >= 0 ? { conflict } : { versions: batch.map((one) => this.apply(one)) };
  }

  apply({ namespace, key, change, record, expiresAt }) {
    const before = this.space(namespace).get(key);
    if (change === "delete") return this.space(namespace).delete(key) && (before.expiresAt ?? true);
    if (change === "keep") return undefined;
    const version = `v${++this.last}`;
    this.space(namespace).set(key, { record, version, expiresAt });
    return version;
  }

  async scan({ namespace, prefix, after, limit, reverse }) {
    const turn = reverse ? -1 : 1;
    const keys = [...this.space(namespace).keys()]
      .filter((key) => key.startsWith(prefix) && (after === undefined || compare(key, after) * turn > 0))
      .sort((left, right) => compare(left, right) * turn);
    const items = keys.slice(0, limit).map((key) => ({ key, ...this.space(namespace).get(key) }));
    return keys.length > limit ? { items, resume: keys[limit - 1] } : { items };
  }

  async namespaces() {
    return [...this.spaces].filter(([, space]) => space.size > 0).map(([name]) => name);
  }
}

/** The backend with one fault each: what is wrong. */
export const BROKEN = {
  "versions begin anew with each key": class extends MapBackend {
    apply(one) {
      const before = this.space(one.namespace).get(one.key);
      const version = super.apply(one);
      if (one.change !== "put") return version;
      const next = `v${before ? Number(before.version.slice(1)) + 1 : 1}`;
      this.space(one.namespace).get(one.key).version = next;
      return next;
    }
  },
  "keys sort by UTF-16 units": class extends MapBackend {
    async scan(query) {
      const turn = query.reverse ? -1 : 1;
      const keys = [...this.space(query.namespace).keys()]
        .sort()
        .filter(
          (key) =>
            query.after === undefined || (key > query.after ? 1 : key < query.after ? -1 : 0) * turn > 0,
        );
      if (query.reverse) keys.reverse();
      const items = keys
        .slice(0, query.limit)
        .map((key) => ({ key, ...this.space(query.namespace).get(key) }));
      return keys.length > query.limit ? { items, resume: keys[query.limit - 1] } : { items };
    }
  },
  "what goes before a conflict is done": class extends MapBackend {
    async commit(batch) {
      const answer = await super.commit(batch);
      if (answer.conflict > 0) batch.slice(0, answer.conflict).forEach((one) => this.apply(one));
      return answer;
    }
  },
  "a write comes between looking and writing": class extends MapBackend {
    async commit(batch) {
      const conflict = batch.findIndex(
        ({ namespace, key, expect }) =>
          expect !== undefined && (this.space(namespace).get(key)?.version ?? null) !== expect,
      );
      await undefined;
      return conflict >= 0 ? { conflict } : { versions: batch.map((one) => this.apply(one)) };
    }
  },
  "expired records are gone": class extends MapBackend {
    async read(keys) {
      return (await super.read(keys)).map((found) => (found?.expiresAt <= Date.now() ? undefined : found));
    }
  },
  "after is inclusive": class extends MapBackend {
    async scan(query) {
      const { items, resume } = await super.scan({ ...query, limit: 1e9 });
      const found = query.after !== undefined ? this.space(query.namespace).get(query.after) : undefined;
      if (found) items.unshift({ key: query.after, ...found });
      return items.length > query.limit
        ? { items: items.slice(0, query.limit), resume: items[query.limit - 1].key }
        : { items, resume };
    }
  },
  "the last key of a page is lost": class extends MapBackend {
    async scan(query) {
      const page = await super.scan(query);
      return page.resume === undefined ? page : { ...page, items: page.items.slice(0, -1) };
    }
  },
  "namespaces are joined to keys by a dot": class extends MapBackend {
    space(namespace) {
      const all = this.spaces.get("") ?? this.spaces.set("", new Map()).get("");
      const head = namespace === "" ? "" : `${namespace}.`;
      return {
        get: (key) => all.get(head + key),
        set: (key, value) => all.set(head + key, value),
        delete: (key) => all.delete(head + key),
        keys: () =>
          [...all.keys()].filter((key) => key.startsWith(head)).map((key) => key.slice(head.length)),
        get size() {
          return all.size;
        },
      };
    }
  },
  "keys are lowered": class extends MapBackend {
    async read(keys) {
      return super.read(keys.map((one) => ({ ...one, key: one.key.toLowerCase() })));
    }
    async commit(batch) {
      return super.commit(batch.map((one) => ({ ...one, key: one.key.toLowerCase() })));
    }
  },
  "a version told is not the one stored": class extends MapBackend {
    async commit(batch) {
      const answer = await super.commit(batch);
      return answer.versions
        ? {
            versions: answer.versions.map((version) =>
              typeof version === "string" ? `${version}x` : version,
            ),
          }
        : answer;
    }
  },
  "a delete does not tell when the record expires": class extends MapBackend {
    async commit(batch) {
      const answer = await super.commit(batch);
      return answer.versions
        ? { versions: answer.versions.map((version) => (typeof version === "number" ? true : version)) }
        : answer;
    }
  },
  "a delete tells nothing": class extends MapBackend {
    apply(one) {
      const version = super.apply(one);
      return one.change === "delete" ? undefined : version;
    }
  },
  "a page is larger than its limit": class extends MapBackend {
    async scan(query) {
      return super.scan({ ...query, limit: query.limit + 1 });
    }
  },
  "a key that is asked twice is answered once": class extends MapBackend {
    async read(keys) {
      const found = await super.read(keys);
      return found.filter((_, at) => keys.findIndex(({ key }) => key === keys[at].key) === at);
    }
  },
  "keys alone do not tell when they expire": class extends MapBackend {
    async scan(query) {
      const { items, ...page } = await super.scan(query);
      return {
        ...page,
        items: items.map(({ expiresAt, ...item }) => (query.records ? { ...item, expiresAt } : item)),
      };
    }
  },
  "every condition holds": class extends MapBackend {
    async commit(batch) {
      return super.commit(batch.map((one) => ({ ...one, expect: undefined })));
    }
  },
};

/** The example passes, and every fault is noticed. */
export async function backends({ KVStore }, conformance) {
  const failures = [];
  let passed = 0;
  const good = await conformance(() => new MapBackend(), KVStore);
  const small = await conformance(
    () => Object.assign(new MapBackend(), { limits: { losesAnswers: true, maxBatch: 1, maxKey: 100 } }),
    KVStore,
  );
  for (const report of [good, small]) {
    passed += report.passed;
    failures.push(...report.failures.map((failure) => `conformance: the example backend: ${failure}`));
  }
  const broken = await Promise.all(
    Object.entries(BROKEN).map(async ([fault, Backend]) => {
      const report = await conformance(() => new Backend(), KVStore);
      return { fault, failed: report.failed, failures: report.failures };
    }),
  );
  for (const { fault, failed } of broken) {
    if (failed > 0) passed += 1;
    else failures.push(`conformance: not noticed: ${fault}`);
  }
  return { passed, failed: failures.length, failures, broken };
}
