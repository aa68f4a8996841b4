/* @ts-self-types="../data/mod.ts" */
import { data as namespace } from "./damo.js";
const { Batches: Batches_, batches: batches_, idx: idx_, prefetch: prefetch_ } = namespace;
export { Batches_ as Batches, batches_ as batches, idx_ as idx, prefetch_ as prefetch };
