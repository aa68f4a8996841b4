/**
 * Blocks of reflections applied by matrix products: H_1 ... H_b = I - V T V^T with the reflection vectors as columns of V
 * and an upper triangular T (Schreiber and Van Loan, "A storage-efficient WY representation", 1989). Vectors lie as rows.
 */
import { type ContractSpec, emitContract } from "../contract/mod.ts";
import type { ModuleContext } from "../nest/mod.ts";
import type { Code, RoutineDType } from "./code.ts";
import type { Expression, Variable } from "./expression.ts";
import { type Procedure, procedure } from "./procedure.ts";
import { aligned, BLOCK } from "./substitution.ts";
import { dot, scale } from "./vectors.ts";

/** Fewer reflections than this are applied one by one. */
export const FEWEST_BLOCKED: number = 2 * BLOCK;

/** What is known when the code is written. */
export interface BlockReflectorOptions {
  /** Elements of a vector. */
  readonly length: number;
  /** The most rows that blocks are applied to. */
  readonly rows: number;
  /** The leading 1 of reflection j stands at element j + shift. */
  readonly shift: number;
  /** Bytes of scratch memory before what this needs. */
  readonly scratchAt: number;
}

/** Where the parts of one block stand in scratch memory. */
interface Places {
  readonly v: Expression;
  readonly t: Expression;
  readonly products: Expression;
  readonly turned: Expression;
  readonly packed: Expression;
}

/** Writes code that applies reflections by blocks. */
export class BlockReflector {
  readonly #options: BlockReflectorOptions;
  readonly #bytes: number;
  readonly #factor: Procedure;
  readonly #negate: Procedure;
  readonly #times: {
    readonly v: number;
    readonly t: number;
    readonly tTransposed: number;
    readonly back: number;
  };
  readonly #sizes: { readonly v: number; readonly t: number; readonly products: number };

  constructor(context: ModuleContext, dtype: RoutineDType, options: BlockReflectorOptions) {
    const { length, rows, scratchAt } = options;
    this.#options = options;
    this.#bytes = dtype === "float32" ? 4 : 8;
    this.#factor = blockFactor(context, dtype);
    this.#negate = scale(context, dtype);
    const product = (columns: number, depth: number, part: Partial<ContractSpec>): ContractSpec => ({
      dtype,
      rows,
      columns,
      depth,
      a: { outer: depth, depth: 1 },
      b: { outer: 1, depth: columns },
      rowStride: columns,
      ...part,
    });
    const specs = [
      product(BLOCK, length, { b: { outer: length, depth: 1 } }),
      product(BLOCK, BLOCK, {}),
      product(BLOCK, BLOCK, { b: { outer: BLOCK, depth: 1 } }),
      product(length, BLOCK, { accumulate: true }),
    ];
    const functions = specs.map((spec) => emitContract(context.module, spec));
    const [v, t, tTransposed, back] = functions.map(({ index }) => index);
    this.#times = { v, t, tTransposed, back };
    this.#sizes = {
      v: aligned(BLOCK * length * this.#bytes),
      t: aligned((BLOCK + 1) * BLOCK * this.#bytes),
      products: aligned(rows * BLOCK * this.#bytes),
    };
    const packed = Math.max(...functions.map(({ plan }) => plan.scratchBytes));
    const { v: vBytes, t: tBytes, products } = this.#sizes;
    context.needScratch(scratchAt + vBytes + tBytes + 2 * products + aligned(packed) + 128);
  }

  #places(code: Code): Places {
    const { v: vBytes, t: tBytes, products } = this.#sizes;
    const v = code.scratch().plus(this.#options.scratchAt);
    const at = v.plus(vBytes + tBytes);
    return { v, t: v.plus(vBytes), products: at, turned: at.plus(products), packed: at.plus(2 * products) };
  }

  /** Sets up reflections start .. start + size - 1, whose tails stand in the rows of `storage`. */
  prepare(code: Code, storage: Expression, taus: Expression, start: Variable, size: Variable): void {
    const { length, shift } = this.#options;
    const { v, t } = this.#places(code);
    code.zeroBytes(v, BLOCK * length * this.#bytes);
    code.zeroBytes(t, BLOCK * BLOCK * this.#bytes);
    code.for(0, size, (r) => {
      const first = start.plus(r).plus(shift), row = code.at(v, r.times(length));
      const tail = code.at(storage, start.plus(r).times(length).plus(first).plus(1));
      code.store(code.at(row, first), 1);
      code.copyBytes(
        code.at(row, first.plus(1)),
        tail,
        code.int(length - 1).minus(first).times(this.#bytes),
      );
    });
    this.#factor.run(code, v, t, code.at(taus, start), start.plus(shift), size, length);
    this.#negate.run(code, -1, t, BLOCK * BLOCK);
  }

  /**
   * Applies the block to rows `from` .. `to` - 1 of an array: the last reflection first as they act on columns that lie
   * as rows, H_1 ... H_b x, or with `reversed` the first one first. `from` and `start` are multiples of a block.
   */
  apply(
    code: Code,
    array: Expression,
    from: Expression,
    to: Expression,
    start: Expression,
    reversed: boolean,
  ): void {
    const { length } = this.#options;
    const { v, t, products, turned, packed } = this.#places(code);
    const part = (columnFrom: Expression, columnTo: number) => [from, to, columnFrom, code.int(columnTo)];
    const zero = code.int(0);
    code.invoke(this.#times.v, [array, v, products, packed, ...part(zero, BLOCK)]);
    code.invoke(reversed ? this.#times.t : this.#times.tTransposed, [
      products,
      t,
      turned,
      packed,
      ...part(zero, BLOCK),
    ]);
    code.invoke(this.#times.back, [turned, v, array, packed, ...part(start, length)]);
  }
}

/**
 * `blockFactor(v, t, taus, first, size, length)`: the triangular factor, row by row in a square of zeros: column r is
 * -tau_r T (V^T v_r) above tau_r. One more row behind the square holds V^T v_r.
 */
function blockFactor(context: ModuleContext, dtype: RoutineDType): Procedure {
  const product = dot(context, dtype);
  const params = ["int", "int", "int", "int", "int", "int"] as const;
  return procedure(context, dtype, "blockFactor", params, null, (code, v, t, taus, first, size, length) => {
    const along = code.variable("int", length.minus(first)), tau = code.variable("real");
    const line = code.variable("int", code.at(t, BLOCK * BLOCK));
    const row = (array: Expression, index: Expression, stride: Expression | number): Expression =>
      code.at(array, index.times(stride));
    code.for(0, size, (r) => {
      tau.set(code.load(code.at(taus, r)));
      code.for(0, r, (k) => {
        const inner = product.call(
          code,
          code.at(row(v, k, length), first),
          code.at(row(v, r, length), first),
          along,
        );
        code.store(code.at(line, k), inner);
      });
      code.for(0, r, (i) => {
        const sum = product.call(code, code.at(row(t, i, BLOCK), i), code.at(line, i), r.minus(i));
        code.store(code.at(row(t, i, BLOCK), r), sum.times(tau).negated());
      });
      code.store(row(t, r, BLOCK + 1), tau);
    });
  });
}
