/** The groups of rows, by the names that `--only` takes. */
import * as batch from "./batch.mjs";
import * as file from "./file.mjs";
import * as memory from "./memory.mjs";
import * as patterns from "./patterns.mjs";
import * as point from "./point.mjs";
import * as size from "./size.mjs";

export const GROUPS = {
  text: point.text,
  object: point.object,
  batch,
  patterns,
  file: file.sets,
  open: file.opened,
  memory,
  size,
};
