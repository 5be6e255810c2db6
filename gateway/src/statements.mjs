// The statements that a store sends: the files of its backend, of which only the table's name varies.
import { readFileSync, readdirSync } from "node:fs";

const FOLDER = new URL("../../src/backend/postgres/", import.meta.url);

/** A quoted name, perhaps behind that of its schema. */
const NAME = '"(?:[^"]|"")+"';
const TABLE = `(?<table>${NAME}(?:\\.${NAME})?)`;

/** Is a text one of a store's statements, or of those that are allowed `also`? */
export function readStatements(also) {
  if (!Array.isArray(also) || also.some((text) => typeof text !== "string"))
    throw new Error("GATEWAY_SQL_FILE is to hold a JSON array of statements");
  const texts = new Set(also);
  const files = readdirSync(FOLDER).filter((name) => name.endsWith(".sql"));
  const forms = files.map((name) => form(readFileSync(new URL(name, FOLDER), "utf8")));
  return (text) => texts.has(text) || forms.some((form) => form.test(text));
}

/** As `statements.rs` makes a statement of a file. */
function form(template) {
  const lines = template.split("\n").map((line) => line.trim());
  const text = lines.filter((line) => line !== "" && !line.startsWith("--")).join(" ");
  let first = true;
  const pattern = text
    .replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")
    .replaceAll("\\{order\\}", "(?:ASC|DESC)")
    .replaceAll("\\{table\\}", () => {
      const part = first ? TABLE : "\\k<table>";
      first = false;
      return part;
    });
  return new RegExp(`^${pattern}$`, "u");
}
