/** The loops and conditions written as functions. */
export { cond, switchCase } from "./cond.ts";
export { foldl, foldr, map, reduce } from "./fold.ts";
export { scan, type ScanOptions, type UntilOption } from "./scan.ts";
export type { Values, ValuesLike } from "./values.ts";
export { forLoop, whileLoop, type WhileOptions } from "./while_loop.ts";
