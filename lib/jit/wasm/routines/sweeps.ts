/** Sweeps of rotations that wait until there are several to do at once. */
import type { ModuleContext } from "../nest/mod.ts";
import type { Code, RoutineDType } from "./code.ts";
import type { Expression, Variable } from "./expression.ts";
import { type Procedure, procedure } from "./procedure.ts";
import { rotateRows, rotateRowsTwice } from "./rotate_rows.ts";
import { share } from "./share.ts";

/** Sweeps that are done together, and the bytes in front of the turns of each, with the first and the last of them. */
const MOST_SWEEPS = 16;
const HEADER = 16;

/** Two sweeps in a row are done at once if their first and last turns are not further apart than this. */
const MOST_APART = 64;

/** Columns of a strip that a thread turns at a time, in vectors. */
const STRIP_VECTORS = 16;

/** Bytes of the turns that wait, of arrays with n rows. */
export function sweepBytes(n: number, bytes: number, arrays: number): number {
  return MOST_SWEEPS * (HEADER + 2 * n * bytes * arrays);
}

/**
 * Sweeps of rotations of the rows of arrays, each with turns of its own. They wait until there are several, because then strips
 * of columns stay in the cache, and threads that share the strips have more to do at a time.
 */
export class Sweeps {
  readonly #code: Code;
  readonly #shares: boolean;
  readonly #memory: Expression;
  readonly #arrays: readonly Expression[];
  readonly #stride: Expression;
  readonly #n: Expression;
  /** How many wait, and where the next one is recorded. */
  readonly #count: Variable;
  readonly #place: Variable;

  /** `memory` is of {@linkcode sweepBytes}; n is the number of rows and of columns. */
  constructor(
    code: Code,
    shares: boolean,
    memory: Expression,
    arrays: readonly Expression[],
    stride: Expression,
    n: Expression,
  ) {
    this.#code = code;
    this.#shares = shares;
    this.#memory = memory;
    this.#arrays = arrays;
    this.#stride = stride;
    this.#n = n;
    this.#count = code.variable("int", 0);
    this.#place = code.variable("int", memory);
  }

  /** Records the turn of rows (i, i + 1) of an array in this sweep. */
  record(array: number, i: Expression, c: Expression, s: Expression): void {
    const code = this.#code;
    const turns = code.at(this.#place.plus(HEADER), this.#n.times(2 * array));
    const place = code.at(turns, i.times(2));
    code.store(place, c);
    code.store(place, s, code.bytes);
  }

  /** Ends a sweep that goes from the highest turn down to the lowest. */
  end(lowest: Expression, highest: Expression): void {
    const code = this.#code;
    code.storeInt(this.#place, lowest);
    code.storeInt(this.#place.plus(4), highest);
    this.#count.increase(1);
    this.#place.increase(this.#n.times(2 * code.bytes * this.#arrays.length).plus(HEADER));
    code.if(this.#count.eq(MOST_SWEEPS), () => this.flush());
  }

  /** Gives each two sweeps that turn about the same rows the same first and last turn, by turns that change nothing. */
  #pair(): void {
    const code = this.#code, arrays = this.#arrays.length;
    const [sweep, left, lowest, highest, i, end] = Array.from({ length: 6 }, () => code.variable("int"));
    const next = code.variable("int");
    const fill = (start: Variable, from: Expression, to: Expression): void => {
      i.set(from);
      end.set(to);
      code.while(i.lt(end), () => {
        for (let array = 0; array < arrays; array++) {
          const turn = code.at(start.plus(HEADER), this.#n.times(2 * array).plus(i.times(2)));
          code.store(turn, 1);
          code.store(turn, 0, code.bytes);
        }
        i.increase(1);
      });
    };
    sweep.set(this.#memory);
    left.set(this.#count);
    code.while(left.ge(2), () => {
      next.set(sweep.plus(this.#n.times(2 * code.bytes * arrays).plus(HEADER)));
      const lows = [code.loadInt(sweep), code.loadInt(next)];
      const highs = [code.loadInt(sweep, 4), code.loadInt(next, 4)];
      lowest.set(lows[0].least(lows[1]));
      highest.set(highs[0].greatest(highs[1]));
      const apart = lows[0].plus(lows[1]).minus(lowest.times(2)).plus(highest.times(2)).minus(highs[0]).minus(
        highs[1],
      );
      code.if(apart.le(MOST_APART), () => {
        for (const start of [sweep, next]) {
          fill(start, lowest, code.loadInt(start));
          fill(start, code.loadInt(start, 4).plus(1), highest.plus(1));
          code.storeInt(start, lowest);
          code.storeInt(start.plus(4), highest);
        }
      });
      sweep.set(next.plus(next).minus(sweep));
      left.increase(-2);
    });
    code.release(sweep, left, lowest, highest, i, end, next);
  }

  /** Does the sweeps that wait. */
  flush(): void {
    const code = this.#code, arrays = this.#arrays.length;
    this.#pair();
    const columns = STRIP_VECTORS * code.lanes;
    share(code, this.#shares, {
      work: turnStrips(code.context, code.dtype, arrays),
      args: [...this.#arrays, this.#stride, this.#memory, this.#count, this.#n],
      units: this.#n.plus(columns - 1).quotient(columns).times(arrays),
      unitCost: this.#n.times(this.#count).times(STRIP_VECTORS),
    });
    this.#count.set(0);
    this.#place.set(this.#memory);
  }
}

/** `(arrays..., stride, sweeps, count, n, begin, end)`: sweeps on strips of the columns of the arrays, one array after the other. */
function turnStrips(context: ModuleContext, dtype: RoutineDType, arrays: number): Procedure {
  const turn = rotateRows(context, dtype), turnTwice = rotateRowsTwice(context, dtype);
  const params = new Array<"int">(arrays + 6).fill("int");
  return procedure(context, dtype, `turnStrips${arrays}`, params, null, (code, ...args) => {
    const [stride, sweeps, count, n, begin, end] = args.slice(arrays);
    const columns = STRIP_VECTORS * code.lanes;
    const strips = code.variable("int", n.plus(columns - 1).quotient(columns));
    const from = code.variable("int"), sweep = code.variable("int"), left = code.variable("int");
    const array = code.variable("int"), turns = code.variable("int");
    code.while(begin.lt(end), () => {
      from.set(begin.remainder(strips).times(columns));
      array.set(args[0]);
      turns.set(HEADER);
      for (let k = 1; k < arrays; k++) {
        code.if(begin.quotient(strips).eq(k), () => {
          array.set(args[k]);
          turns.set(code.at(code.int(HEADER), n.times(2 * k)));
        });
      }
      left.set(count);
      sweep.set(sweeps);
      code.while(left.gt(0), () => {
        const [lowest, highest] = [code.loadInt(sweep), code.loadInt(sweep, 4)];
        const distance = n.times(2 * code.bytes * arrays).plus(HEADER), next = sweep.plus(distance);
        const width = n.minus(from).least(columns), place = code.at(array, from);
        const same = left.ge(2).and(lowest.eq(code.loadInt(next))).and(highest.eq(code.loadInt(next, 4)));
        code.if(same.and(lowest.le(highest)), () => {
          turnTwice.run(code, place, stride, sweep.plus(turns), next.plus(turns), lowest, highest, width);
          sweep.increase(distance);
          left.increase(-1);
        }, () => turn.run(code, place, stride, sweep.plus(turns), lowest, highest, width));
        sweep.increase(distance);
        left.increase(-1);
      });
      begin.increase(1);
    });
  });
}
