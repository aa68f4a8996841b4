/**
 * Blocks of reflections applied by matrix products: H_1 ... H_b = I - V T V^T with the reflection vectors as columns of V
 * and an upper triangular T (Schreiber and Van Loan, "A storage-efficient WY representation", 1989). Vectors lie as rows.
 */
import { type ContractSpec, emitContract } from "../contract/mod.ts";
import type { ModuleContext } from "../nest/mod.ts";
import type { Code, RoutineDType } from "./code.ts";
import type { Expression } from "./expression.ts";
import { type Procedure, procedure } from "./procedure.ts";
import { share } from "./share.ts";
import { STRIP } from "./strips.ts";
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

/** Where the products that applying a block goes through stand in a thread's scratch memory. */
interface Places {
  readonly products: Expression;
  readonly turned: Expression;
  readonly packed: Expression;
}

/** Reflections whose vectors stand in the rows of an array. */
export interface Reflections {
  readonly storage: Expression;
  readonly taus: Expression;
}

/** Writes code that applies reflections by blocks. A block in memory is V behind which T stands. */
export class BlockReflector {
  readonly #options: BlockReflectorOptions;
  readonly #context: ModuleContext;
  readonly #dtype: RoutineDType;
  readonly #bytes: number;
  readonly #factor: Procedure;
  readonly #negate: Procedure;
  readonly #times: {
    readonly v: number;
    readonly t: number;
    readonly tTransposed: number;
    readonly back: number;
  };
  readonly #sizes: { readonly v: number; readonly block: number; readonly products: number };

  constructor(context: ModuleContext, dtype: RoutineDType, options: BlockReflectorOptions) {
    const { length, rows, scratchAt } = options;
    this.#options = options;
    this.#context = context;
    this.#dtype = dtype;
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
    const vBytes = aligned(BLOCK * length * this.#bytes);
    this.#sizes = {
      v: vBytes,
      block: vBytes + aligned((BLOCK + 1) * BLOCK * this.#bytes),
      products: aligned(rows * BLOCK * this.#bytes),
    };
    const packed = Math.max(...functions.map(({ plan }) => plan.scratchBytes));
    const { block, products } = this.#sizes;
    context.needScratch(scratchAt + 2 * block + 2 * products + aligned(packed) + 128);
  }

  /** A text that is the same for equal options: part of the names of procedures that call {@linkcode apply}. */
  get key(): string {
    const { length, rows, shift, scratchAt } = this.#options;
    return `${length}:${rows}:${shift}:${scratchAt}`;
  }

  #places(code: Code): Places {
    const { block, products } = this.#sizes;
    const at = code.scratch().plus(this.#options.scratchAt + 2 * block);
    return { products: at, turned: at.plus(products), packed: at.plus(2 * products) };
  }

  /** The place of one of two blocks in the scratch memory of this thread. */
  block(code: Code, number: 0 | 1): Expression {
    return code.scratch().plus(this.#options.scratchAt + number * this.#sizes.block);
  }

  /** Sets up the block of reflections start .. start + BLOCK - 1. */
  prepare(code: Code, block: Expression, { storage, taus }: Reflections, start: Expression): void {
    const { length, shift } = this.#options;
    const t = block.plus(this.#sizes.v);
    code.zeroBytes(block, BLOCK * length * this.#bytes);
    code.zeroBytes(t, BLOCK * BLOCK * this.#bytes);
    code.for(0, BLOCK, (r) => {
      const first = start.plus(r).plus(shift), row = code.at(block, r.times(length));
      const tail = code.at(storage, start.plus(r).times(length).plus(first).plus(1));
      code.store(code.at(row, first), 1);
      code.copyBytes(
        code.at(row, first.plus(1)),
        tail,
        code.int(length - 1).minus(first).times(this.#bytes),
      );
    });
    this.#factor.run(code, block, t, code.at(taus, start), start.plus(shift), BLOCK, length);
    this.#negate.run(code, -1, t, BLOCK * BLOCK);
  }

  /**
   * Applies a block to rows `from` .. `to` - 1 of an array: the last reflection first as they act on columns that lie
   * as rows, H_1 ... H_b x, or with `reversed` the first one first. `from` and `start` are multiples of a block.
   */
  apply(
    code: Code,
    block: Expression,
    array: Expression,
    from: Expression,
    to: Expression,
    start: Expression,
    reversed: boolean,
  ): void {
    const { length } = this.#options;
    const { products, turned, packed } = this.#places(code);
    const t = block.plus(this.#sizes.v);
    const part = (columnFrom: Expression, columnTo: number) => [from, to, columnFrom, code.int(columnTo)];
    const zero = code.int(0);
    code.invoke(this.#times.v, [array, block, products, packed, ...part(zero, BLOCK)]);
    code.invoke(reversed ? this.#times.t : this.#times.tTransposed, [
      products,
      t,
      turned,
      packed,
      ...part(zero, BLOCK),
    ]);
    code.invoke(this.#times.back, [turned, block, array, packed, ...part(start, length)]);
  }

  /** Rough number of nanoseconds in which a block is applied to a strip. */
  get stripCost(): number {
    return this.#options.length * STRIP * BLOCK * this.#bytes / 100;
  }

  /**
   * Multiplies rows from the left by all reflections before the number `whole`, a multiple of a block, as columns that lie
   * as rows: those of the unit matrix become the columns of the product. Threads share strips of rows.
   */
  accumulate(
    code: Code,
    shares: boolean,
    { storage, taus }: Reflections,
    rows: Expression,
    count: number,
    whole: number,
  ): void {
    if (whole === 0) return;
    const start = code.variable("int", whole - BLOCK), held = code.variable("int");
    const block = code.variable("int", this.block(code, 0)),
      other = code.variable("int", this.block(code, 1));
    const work = this.#accumulateStrips(count);
    this.prepare(code, block, { storage, taus }, start);
    code.while(start.ge(0), () => {
      share(code, shares, {
        work,
        args: [storage, taus, rows, block, other, start],
        units: code.int(count + STRIP - 1).minus(start).quotient(STRIP).plus(1),
        unitCost: Math.round(this.stripCost),
      });
      held.set(block);
      block.set(other);
      other.set(held);
      start.increase(-BLOCK);
    });
    code.release(start, held, block, other);
  }

  /** `(storage, taus, rows, block, next block, start, begin, end)`: unit 0 sets up the next block, the others are strips. */
  #accumulateStrips(count: number): Procedure {
    return procedure(
      this.#context,
      this.#dtype,
      `accumulate:${this.key}:${count}`,
      ["int", "int", "int", "int", "int", "int", "int", "int"],
      null,
      (code, storage, taus, array, block, next, start, begin, end) => {
        const from = code.variable("int"), before = code.variable("int");
        code.while(begin.lt(end), () => {
          code.if(begin.eq(0), () => {
            before.set(start.minus(BLOCK));
            code.if(before.ge(0), () => this.prepare(code, next, { storage, taus }, before));
          }, () => {
            from.set(start.plus(begin.minus(1).times(STRIP)));
            this.apply(code, block, array, from, from.plus(STRIP).least(count), start, false);
          });
          begin.increase(1);
        });
      },
    );
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
