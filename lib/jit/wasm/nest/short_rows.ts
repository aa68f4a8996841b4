/**
 * Reductions of rows of very few columns (points in space, quaternions, pairs) are written out: each column's
 * statements by themselves, reductions as chains of operations. What is left is an elementwise nest over the rows,
 * whose lanes are neighbouring rows.
 */
import type { Combiner, ScalarOp } from "../../../trace/scalar_op.ts";
import type { Nest, Statement, Store } from "../../kernel/kernel.ts";
import { dependsOn, placedStatement, placedStore, type Placement } from "../../kernel/statements.ts";

const MAX_COLUMNS = 4;
/** Beyond so many statements the code is not worth its length. */
const MAX_STATEMENTS = 256;

const OPERATION: { readonly [C in Combiner]?: ScalarOp } = {
  sum: "add",
  prod: "mul",
  max: "maximum",
  min: "minimum",
  any: "or",
  all: "and",
};

/** The same nest without column axes, or null when they are too many, are stored, or are reduced by more than a chain. */
export function unrolledColumns(nest: Nest): Nest | null {
  const { rowRank, reductions, stores } = nest;
  const extents = nest.domain.slice(rowRank);
  const columns = extents.reduce((product, extent) => product * extent, 1);
  if (reductions.length === 0 || columns === 0 || columns > MAX_COLUMNS) return null;
  if (stores.some((store) => !store.perRow) || reductions.some((r) => OPERATION[r.combiner] === undefined)) {
    return null;
  }
  const varies = dependsOn(nest.statements, (axis) => axis >= rowRank, () => false);
  const repeated = varies.filter((flag) => flag).length;
  if (nest.statements.length + repeated * columns > MAX_STATEMENTS) return null;
  return new Unroller(nest, varies, columns).unroll();
}

class Unroller {
  readonly #nest: Nest;
  readonly #varies: readonly boolean[];
  readonly #columns: number;
  readonly #statements: Statement[] = [];
  /** Where each statement of the nest is for each column. */
  readonly #places: number[][] = [];

  constructor(nest: Nest, varies: readonly boolean[], columns: number) {
    this.#nest = nest;
    this.#varies = varies;
    this.#columns = columns;
  }

  unroll(): Nest {
    const { statements, stores, domain, rowRank } = this.#nest;
    statements.forEach((s, i) => {
      const places: number[] = [];
      for (let column = 0; column < this.#columns; column++) {
        places.push(column === 0 || this.#varies[i] ? this.#push(s, column) : places[0]);
      }
      this.#places.push(places);
    });
    return {
      ...this.#nest,
      domain: domain.slice(0, rowRank),
      statements: this.#statements,
      reductions: [],
      stores: stores.map((store) => this.#store(store)),
      passes: 1,
    };
  }

  #add(s: Statement): number {
    return this.#statements.push(s) - 1;
  }

  /** The statement at one column; all that it reads is there already. */
  #push(s: Statement, column: number): number {
    switch (s.kind) {
      case "coordinate": {
        const { rowRank } = this.#nest;
        if (s.axis < rowRank) return this.#add(s);
        return this.#add({
          kind: "constant",
          dtype: "int32",
          value: this.#coordinates(column)[s.axis - rowRank],
        });
      }
      case "reduced":
        return this.#combined(s.reduction);
      default:
        return this.#add(placedStatement(s, this.#placement(column)));
    }
  }

  /** The chain that a reduction becomes. */
  #combined(reduction: number): number {
    const { combiner, value, dtype } = this.#nest.reductions[reduction];
    const op = OPERATION[combiner]!;
    return this.#places[value].reduce((sum, next) => this.#add({ kind: "op", op, dtype, args: [sum, next] }));
  }

  #coordinates(column: number): number[] {
    const extents = this.#nest.domain.slice(this.#nest.rowRank);
    let rest = column;
    return extents.map((_, i) => {
      const inner = extents.slice(i + 1).reduce((product, extent) => product * extent, 1);
      const coordinate = Math.floor(rest / inner);
      rest -= coordinate * inner;
      return coordinate;
    });
  }

  #placement(column: number): Placement {
    const { rowRank } = this.#nest;
    const coordinates = this.#coordinates(column);
    return {
      place: (statement) => this.#places[statement][column],
      move: ({ offset, strides, dynamic }) => ({
        offset: coordinates.reduce((sum, c, i) => sum + c * strides[rowRank + i], offset),
        strides: strides.slice(0, rowRank),
        dynamic,
      }),
    };
  }

  #store(store: Store): Store {
    return { ...placedStore(store, this.#placement(0)), perRow: false, pass: 0 };
  }
}
