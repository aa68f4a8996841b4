/** Strips of a matrix behind the panel that a factorisation has come to, which threads share. */
import type { Code } from "./code.ts";
import type { Expression, Variable } from "./expression.ts";
import { BLOCK } from "./substitution.ts";

/** Columns of a strip, or rows where columns lie as rows. */
export const STRIP: number = 2 * BLOCK;

/** The number of strips of `rest` columns: the first one is the next panel, a block wide. */
export function stripsOf(rest: Expression): Expression {
  return rest.plus(2 * STRIP - BLOCK - 1).quotient(STRIP);
}

/** Sets the columns `from` to before `to` of a strip by its number: those of the next panel begin at `next`, all end at n. */
export function setStrip(
  code: Code,
  number: Expression,
  next: Expression,
  n: number,
  { from, to }: { readonly from: Variable; readonly to: Variable },
): void {
  from.set(code.choose(number.eq(0), next, next.plus(number.times(STRIP)).minus(STRIP - BLOCK)));
  to.set(code.choose(number.eq(0), from.plus(BLOCK), from.plus(STRIP)).least(n));
}
