/** Work that a routine hands out to all threads while it runs. */
import type { Code } from "./code.ts";
import type { Operand } from "./expression.ts";
import type { Procedure } from "./procedure.ts";

/** What is to be done in units of which none depends on another. */
export interface Shared {
  /** `(args..., begin, end)`, all int: does the units from `begin` to before `end`. */
  readonly work: Procedure;
  readonly args: readonly Operand[];
  readonly units: Operand;
  /** Rough number of nanoseconds of a unit. */
  readonly unitCost: Operand;
}

/**
 * Emits code that is over when all units are done: by all threads where `shares` (only routines of which
 * `sharesMatrices` says so may ask for that), else by this one, in order. This thread begins with unit 0, the others with
 * the last ones.
 */
export function share(code: Code, shares: boolean, { work, args, units, unitCost }: Shared): void {
  const { sharing } = code.context;
  if (!shares || sharing === null) {
    work.run(code, ...args, 0, units);
    return;
  }
  const push = (value: Operand) => () => code.int(value).push();
  sharing.share(code.f, {
    index: work.index,
    args: args.map(push),
    units: push(units),
    unitCost: push(unitCost),
  });
}
