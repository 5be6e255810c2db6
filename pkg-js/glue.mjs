// What of wasm-bindgen's glue is changed. All of it is about the module's state being made anew, once a call
// was torn off in the middle (`ts/wasm.ts`): what belongs to the module before must not reach the new one.
const CHANGES = [
  // A call of such an object throws 0, which becomes an error of ours.
  [
    /if \((\S+)\.__wbg_inst !== undefined && \S+ !== __wbg_instance_id\) \{\s*throw new Error\('Invalid stale.*'\);\s*\}/g,
    "if ($1.__wbg_inst !== __wbg_instance_id) throw 0;",
  ],
  [
    /Object\.defineProperty\((\w+), '__wbg_inst', \{ value: __wbg_instance_id, writable: true \}\);/g,
    "$1.__wbg_inst = __wbg_instance_id;",
  ],
  [
    /(const ptr = this\.__destroy_into_raw\(\);)\s*__wbg_call_guard\(\);/g,
    "$1 if (this.__wbg_inst !== __wbg_instance_id) return;",
  ],
  // A timer that was started there, or a promise that was awaited.
  [/throw new Error\('Cannot invoke closure from previous WASM instance'\);/g, "return;"],
  [/(wasm = wasmInstance\.exports;\s*wasm\.__wbindgen_start\(\);)\s*\}/g, "$1\n    return wasm;\n}"],
  // Nobody asks from inside for a new state: no call needs to look.
  [/\b__wbg_call_guard\(\);/g, ""],
  // The numbers of the calls become constants: see the build.
  [/Op = Object\.freeze/g, "Op = /* @__PURE__ */ Object.freeze"],
];

/** The glue as the package has it. */
export function changed(glue) {
  return CHANGES.reduce((text, [from, to]) => {
    if (text.search(from) < 0) throw new Error(`wasm-bindgen's glue has nothing like ${from} any more`);
    return text.replace(from, to);
  }, glue);
}
