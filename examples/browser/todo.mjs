// A to-do list that stays over reloads, and that every tab shows as it is.
import { KVStore } from "dataknobs-kv";

const store = await KVStore.open({ backend: "indexeddb", namespace: "todo" });
const list = document.querySelector("ul");
const fault = document.querySelector("#fault");

/** What fails is said, and the page shows what is stored. */
const doing = (work) => async (event) => {
  event.preventDefault();
  try {
    fault.textContent = "";
    await work(event);
  } catch (error) {
    fault.textContent = error.message;
    await show();
  }
};

/** One item, as the store has it. */
function item(key, { text, done }) {
  const line = document.createElement("li");
  line.dataset.key = key;
  line.classList.toggle("done", done);
  const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: done, ariaLabel: text });
  // Another tab may write at the same time: neither change is lost.
  box.onchange = doing(() => store.update(key, (old) => ({ ...old, done: !old.done })));
  const label = Object.assign(document.createElement("span"), { textContent: text });
  const gone = Object.assign(document.createElement("button"), { textContent: "Remove" });
  gone.onclick = doing(() => store.delete(key));
  line.append(box, label, gone);
  return line;
}

async function show() {
  const items = await store.getPattern("items.*");
  list.replaceChildren(...[...items].map(([key, value]) => item(key, value)));
  const left = [...items.values()].filter(({ done }) => !done).length;
  document.querySelector("#left").textContent = `${left} of ${items.size} to do`;
}

document.querySelector("form").onsubmit = doing(async ({ target }) => {
  // At once: the next one may be typed meanwhile.
  const text = target.text.value;
  target.reset();
  const number = await store.increment("last");
  await store.set(`items.${String(number).padStart(9, "0")}`, { text, done: false });
});

const changes = store.watch("items.*");
await show();
// Of this tab and of the others.
for await (const _ of changes) await show();
