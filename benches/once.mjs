/** A process that measures a group once. */
import { GROUPS } from "./groups.mjs";

const { group, contender, options } = JSON.parse(process.argv[2]);
process.send(await GROUPS[group].measure(contender, options), () => process.exit(0));
