/** What a nest's statements depend on, how it is vectorised, and in which loop each statement belongs. */
import { byteSize, type DType } from "../../../trace/dtype.ts";
import type { Index, Nest, Statement } from "../../kernel/kernel.ts";
import { argumentsOf, storeRoots } from "../../kernel/statements.ts";
import type { LaneCount } from "./value.ts";

/** The loops of a nest, from outside in: rows, then (for lanes that are rows) strips, columns, and the vector. */
export interface NestPlan {
  readonly nest: Nest;
  readonly lanes: LaneCount;
  /** The axis that lanes run along; -1 when the nest has a single point. */
  readonly vectorAxis: number;
  /** True when lanes are neighbouring rows and columns are swept outside of them. */
  readonly lanesAreRows: boolean;
  /**
   * A row axis along which some loads are contiguous that are not so along the lanes; -1 when there is none. Such an
   * elementwise nest goes in blocks, and the loads are transposed in registers.
   */
  readonly tileAxis: number;
  /** Row axes other than the vector axis: one linear loop. */
  readonly rowAxes: readonly number[];
  /** Column axes other than the vector axis: one loop each. */
  readonly columnAxes: readonly number[];
  /** Per statement: bit a is set when it depends on axis a. */
  readonly dependences: readonly number[];
  /** Per statement: the depth of the loop it belongs to. 0 is outside of all, 1 the rows, 2 + i column axis i. */
  readonly depths: readonly number[];
  /** The depth of what varies along the lanes. */
  readonly vectorDepth: number;
  /** How many units of work a caller can split: elements of the vector axis where it is the only row axis, else rows. */
  readonly units: number;
  /** True when the units are elements of the vector axis. */
  readonly unitsAreLanes: boolean;
}

function axesOf(index: Index): number {
  let bits = 0;
  index.strides.forEach((stride, axis) => {
    if (stride !== 0) bits |= 1 << axis;
  });
  return bits;
}

function findDependences(nest: Nest): number[] {
  const dependences: number[] = [];
  const rows = (1 << nest.rowRank) - 1;
  for (const s of nest.statements) {
    let bits = 0;
    if (s.kind === "coordinate") bits = 1 << s.axis;
    else if (s.kind === "load") bits = axesOf(s.index);
    else if (s.kind === "reduced") bits = rows;
    for (const arg of argumentsOf(s)) bits |= dependences[arg];
    dependences.push(bits);
  }
  return dependences;
}

/** Statements that the given ones need, themselves included, as flags. */
export function closure(statements: readonly Statement[], roots: readonly number[]): Uint8Array {
  const needed = new Uint8Array(statements.length);
  for (const root of roots) needed[root] = 1;
  for (let i = statements.length - 1; i >= 0; i--) {
    if (needed[i]) { for (const arg of argumentsOf(statements[i])) needed[arg] = 1; }
  }
  return needed;
}

/** Statements that the column work of a pass needs directly. */
export function columnRoots(nest: Nest, pass: number): number[] {
  const roots: number[] = [];
  for (const store of nest.stores) {
    if (store.pass !== pass || store.perRow) continue;
    roots.push(...storeRoots(store));
  }
  for (const reduction of nest.reductions) {
    if (reduction.pass !== pass) continue;
    roots.push(reduction.value);
    if (reduction.position !== undefined) roots.push(reduction.position);
  }
  return roots;
}

/** Statements that the row stores of a pass need directly. */
export function rowRoots(nest: Nest, pass: number): number[] {
  return nest.stores.filter((store) => store.perRow && store.pass === pass).flatMap(storeRoots);
}

/** How well the lanes would lie in memory along an axis. */
function scoreOf(nest: Nest, axis: number): number {
  let score = 0;
  const count = (stride: number, weight: number): void => {
    score += weight * (stride === 1 ? 4 : stride === 0 ? 3 : stride === -1 || stride === 2 ? 2 : 0);
  };
  for (const s of nest.statements) {
    if (s.kind !== "load") continue;
    // What depends on no axis of the same kind is read seldom.
    const often = s.index.strides.some((stride, a) => stride !== 0 && a >= nest.rowRank) ||
      nest.reductions.length === 0;
    if (often) count(s.index.strides[axis], 1);
  }
  for (const store of nest.stores) {
    if (!store.perRow || axis < nest.rowRank) count(store.index.strides[axis], store.perRow ? 0.25 : 1.5);
  }
  return nest.domain[axis] < 4 ? score * 0.3 : nest.domain[axis] < 16 ? score * 0.8 : score;
}

function chooseVectorAxis(nest: Nest): number {
  const rank = nest.domain.length;
  let best = -1, bestScore = -Infinity;
  // Innermost first, and columns before rows: they win ties.
  for (let axis = rank - 1; axis >= 0; axis--) {
    const score = scoreOf(nest, axis) - (axis < nest.rowRank && nest.rowRank < rank ? 0.5 : 0);
    if (score > bestScore) {
      best = axis;
      bestScore = score;
    }
  }
  return best;
}

/** Whether vectors hold float64: then they have two lanes. */
function usesFloat64(
  nest: Nest,
  isVector: (statement: number) => boolean,
  lanesAreRows: boolean,
): boolean {
  const is64 = (dtype: DType | undefined): boolean => dtype === "float64";
  const inStatements = nest.statements.some((s, i) => {
    if (!isVector(i)) return false;
    if (s.kind === "op" && s.op !== "select" && is64(nest.statements[s.args[0]].dtype)) return true;
    if (s.kind === "cast" || s.kind === "bitcast") return is64(s.dtype) || is64(s.from);
    return is64(s.dtype);
  });
  return inStatements || nest.reductions.some((r) => is64(r.dtype)) ||
    nest.stores.some((s) => is64(nest.operands[s.operand].dtype) && (!s.perRow || lanesAreRows));
}

/** Rows of a block of transposed loads: their cache lines are used up by one visit. */
export const TILE_ROWS = 16;

/** Whether a load fills a register exactly, without conversion. */
export function fillsRegister(dtype: DType, lanes: LaneCount): boolean {
  return dtype !== "float16" && byteSize(dtype) * lanes === 16;
}

/** The axis that transposed loads of an elementwise nest are contiguous along; -1 for none. */
function findTileAxis(nest: Nest, vectorAxis: number, lanes: LaneCount): number {
  if (nest.rowRank < nest.domain.length || vectorAxis < 0 || nest.domain[vectorAxis] < lanes) return -1;
  if (nest.statements.length > 40) return -1;
  if (nest.stores.some((s) => s.mode !== "set" || s.index.dynamic.length > 0)) return -1;
  for (const s of nest.statements) {
    if (s.kind !== "load" || !isTransposed(s, vectorAxis, lanes)) continue;
    const axis = s.index.strides.indexOf(1);
    if (axis >= 0 && nest.domain[axis] >= 4) return axis;
  }
  return -1;
}

/** Whether a load could be transposed in registers, if it is contiguous along some axis. */
export function isTransposed(s: Statement, vectorAxis: number, lanes: LaneCount): boolean {
  if (s.kind !== "load" || s.mask !== undefined || s.index.dynamic.length > 0) return false;
  return fillsRegister(s.dtype, lanes) && Math.abs(s.index.strides[vectorAxis]) > 1;
}

/** Decides how a simplified nest is run. */
export function planNest(nest: Nest): NestPlan {
  const rank = nest.domain.length;
  if (rank > 30) throw new RangeError(`A kernel has at most 30 axes after simplification, not ${rank}.`);
  const vectorAxis = rank === 0 ? -1 : chooseVectorAxis(nest);
  const lanesAreRows = vectorAxis >= 0 && vectorAxis < nest.rowRank && nest.rowRank < rank;
  const rowAxes: number[] = [], columnAxes: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    if (axis === vectorAxis) continue;
    (axis < nest.rowRank ? rowAxes : columnAxes).push(axis);
  }
  const dependences = findDependences(nest);
  const columnDepth = lanesAreRows ? 3 : 2;
  const is64 = usesFloat64(
    nest,
    (i) => vectorAxis >= 0 && (dependences[i] >> vectorAxis & 1) === 1,
    lanesAreRows,
  );
  const lanes = is64 ? 2 : 4;
  const tileAxis = findTileAxis(nest, vectorAxis, lanes);
  const vectorDepth = columnDepth + columnAxes.length + (tileAxis >= 0 ? 1 : 0);
  const vector = (vectorAxis >= 0 ? 1 << vectorAxis : 0) | (tileAxis >= 0 ? 1 << tileAxis : 0);
  const rows = rowAxes.reduce((bits, axis) => bits | (1 << axis), 0);
  const depths = dependences.map((bits, i) => {
    if ((bits & vector) !== 0) return vectorDepth;
    for (let c = columnAxes.length - 1; c >= 0; c--) if (bits & (1 << columnAxes[c])) return columnDepth + c;
    return (bits & rows) !== 0 || nest.statements[i].kind === "reduced" ? 1 : 0;
  });
  // A result of a reduction over no rows at all is still found in the row loop.
  for (let i = 0; i < depths.length; i++) {
    if (depths[i] === 0 && argumentsOf(nest.statements[i]).some((arg) => depths[arg] > 0)) depths[i] = 1;
  }
  const unitsAreLanes = vectorAxis >= 0 && vectorAxis < nest.rowRank && rowAxes.length === 0;
  const unitsAlong = (axis: number): number =>
    axis === tileAxis ? Math.ceil(nest.domain[axis] / TILE_ROWS) : nest.domain[axis];
  const units = unitsAreLanes
    ? nest.domain[vectorAxis]
    : rowAxes.reduce((product, axis) => product * unitsAlong(axis), 1);
  return {
    nest,
    lanes,
    vectorAxis,
    lanesAreRows,
    tileAxis,
    rowAxes,
    columnAxes,
    dependences,
    depths,
    vectorDepth,
    units,
    unitsAreLanes,
  };
}
