/** Medians, and the table of what was measured. */
import { NAMES } from "./contenders.mjs";

export function median(list) {
  const sorted = list.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export const digits = (number) =>
  number >= 100 ? number.toFixed(0) : number >= 10 ? number.toFixed(1) : number.toFixed(2);
export const time = (ns) =>
  ns >= 1e6 ? `${digits(ns / 1e6)} ms` : ns >= 1e4 ? `${digits(ns / 1e3)} µs` : `${digits(ns)} ns`;

/** A row against its peers: the median of each, and the median of the ratios within a round. */
export function compared(row, times) {
  const ours = times.get("kv");
  return [...times]
    .filter(([name]) => name !== "kv")
    .map(([name, theirs], at) => {
      const ratios = theirs.map((ns, round) => ns / ours[round]).sort((a, b) => a - b);
      const ratio = median(ratios);
      const floor = row.floor?.[name];
      const aim = row.aim?.[name];
      const spread = `${digits(ratios[0])}–${digits(ratios.at(-1))}`;
      return [
        at === 0 ? row.work : "",
        at === 0 ? time(median(ours)) : "",
        NAMES[name],
        time(median(theirs)),
        `**${digits(ratio)} ×**`,
        spread,
        floor === undefined ? "" : `${floor} ×`,
        aim === undefined ? "" : `${aim} ×`,
        floor === undefined
          ? ""
          : ratio < floor
            ? "MISSED"
            : aim !== undefined && ratio < aim
              ? "floor"
              : "yes",
      ];
    });
}

export const COMPARED = [
  "work",
  "dataknobs-kv",
  "peer",
  "its time",
  "ratio",
  "rounds",
  "floor",
  "aim",
  "met",
];

export function measured(row, value, unit) {
  return [
    row.work,
    `${value.toFixed(1)} ${unit}`,
    row.most === undefined ? "" : `${row.most} ${unit}`,
    row.most === undefined ? "" : value > row.most ? "MISSED" : "yes",
  ];
}

export const MEASURED = ["work", "dataknobs-kv", "at most", "met"];

/** As Markdown, its columns in line. */
export function table(head, rows) {
  const widths = head.map((name, at) => Math.max(name.length, ...rows.map((row) => row[at].length)));
  const line = (cells) => `| ${cells.map((cell, at) => cell.padEnd(widths[at])).join(" | ")} |`;
  return [line(head), `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`, ...rows.map(line)].join(
    "\n",
  );
}
