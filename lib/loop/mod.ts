/**
 * Loops written as loops: captured once, compiled, differentiated.
 *
 * @module
 */
import "./tape_sum.ts";

export { over, range, until, whileTrue as while } from "./imperative.ts";
export { type LoopStack, stack, type StackOptions } from "./imperative_stack.ts";
export { type LoopState, state, type StateOptions } from "./imperative_state.ts";
