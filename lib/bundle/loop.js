/* @ts-self-types="../loop/mod.ts" */
import { loop as namespace } from "./damo.js";
const { over: over_, range: range_, stack: stack_, state: state_, until: until_, while: while_ } = namespace;
export { over_ as over, range_ as range, stack_ as stack, state_ as state, until_ as until, while_ as while };
