/** The sums of a product: how a thread reads both operands, and the loop over the summed index. */
import type { Contraction, ContractOperand } from "../../kernel/kernel.ts";
import type { Access } from "../access.ts";
import { type Place, storedBits } from "../place.ts";
import { registerType } from "../literal.ts";
import type { Shader } from "../shader.ts";
import type { Tuning } from "../tuning.ts";
import { MAX_ROW } from "../texture_width.ts";
import { isVectorIndex } from "./lanes.ts";

/**
 * How the operands are read: element by element, or four at a time along the summed index or along the rows or columns.
 * With "lanes" each thread of a subgroup of eight reads another part, and hands it to the others.
 */
export interface Reading {
  readonly a: "elements" | "along sum" | "lanes along sum" | "lanes along free";
  readonly b: "elements" | "along sum" | "along free";
  /** Elements of a row of the texture that an operand is read as, where its rows are those of a matrix; else 0. */
  readonly rowsOfA: number;
  readonly rowsOfB: number;
}

/** The length of the rows when an operand that is read four at a time is a matrix that may be a texture; else 0. */
function matrixRow(kernel: Contraction, name: "a" | "b", places: readonly Place[]): number {
  const { offset, batchStrides, freeStride, sumStride, operand } = kernel[name];
  const place = places[operand];
  const row = freeStride === 1 ? sumStride : freeStride;
  const alone = places.every((other, i) => i === operand || other.slot !== place.slot) &&
    kernel[name === "a" ? "b" : "a"].operand !== operand &&
    kernel.epilogue.statements.every((s) => s.kind !== "load" || s.operand !== operand);
  const fits = place.texture && !place.words && alone && row > 0 && row % 64 === 0 && row / 4 <= MAX_ROW &&
    kernel.k % 4 === 0 && [offset, place.offset, ...batchStrides].every((x) => x % row === 0) &&
    (!place.dynamic || place.step % row === 0) && kernel.operands[operand].access === "read";
  return fits ? row : 0;
}

/** Threads that hand each other what they read. */
const LANES = 8;

/** Whether four neighbours along one of an operand's axes are one aligned vector. */
function isVector(side: ContractOperand, place: Place, along: "free" | "sum"): boolean {
  const { freeStride, sumStride } = side;
  const strides = [...side.batchStrides, along === "free" ? sumStride : freeStride, 1];
  if ((along === "free" ? freeStride : sumStride) !== 1) return false;
  return isVectorIndex({ offset: side.offset, strides, dynamic: [] }, place, strides.length - 1);
}

/** The best way to read both operands for tiles of so many rows. */
export function readingOf(
  kernel: Contraction,
  places: readonly Place[],
  tuning: Tuning,
  rows: number,
): Reading {
  const { a, b, operands, m, n } = kernel;
  const fits = (side: ContractOperand, along: "free" | "sum") =>
    isVector(side, places[side.operand], along) && storedBits(operands[side.operand].dtype) !== 16;
  const native = (side: ContractOperand) => storedBits(operands[side.operand].dtype) === 32;
  const whole = tuning.tileSteps === 4;
  const lanes = tuning.subgroups && whole && tuning.tileThreadsX === LANES && rows >= LANES && native(a);
  const reading = {
    a: lanes && fits(a, "sum")
      ? "lanes along sum"
      : lanes && fits(a, "free") && m % 4 === 0
      ? "lanes along free"
      : whole && fits(a, "sum")
      ? "along sum"
      : "elements",
    b: fits(b, "free") && n % 4 === 0
      ? "along free"
      : whole && fits(b, "sum") && native(b)
      ? "along sum"
      : "elements",
  } as const;
  return {
    ...reading,
    rowsOfA: reading.a === "elements" || !native(a) ? 0 : matrixRow(kernel, "a", places),
    rowsOfB: reading.b === "elements" || !native(b) ? 0 : matrixRow(kernel, "b", places),
  };
}

export interface SumsContext {
  readonly kernel: Contraction;
  readonly tuning: Tuning;
  readonly shader: Shader;
  readonly access: Access;
  /** Rows, and vectors of four columns, of a thread. */
  readonly rows: number;
  readonly vectors: number;
  readonly reading: Reading;
  /** Whether sizes are parameters. */
  readonly isPlain: boolean;
  size(part: string, value: number): string;
  /** The position of an operand's element at a free index and summed index 0. */
  start(name: "a" | "b", free: string): string;
  /** The row of a matrix read as a texture at which its batch begins. */
  firstRow(name: "a" | "b"): string;
  columnOf(vector: number): string;
  isVectorSlot(operand: number): boolean;
}

/** Writes the sums as s0_0 and so on: row, then vector. */
export function writeSums(context: SumsContext): void {
  const { kernel, tuning, shader, access, size, isPlain } = context;
  const { a, b, k, dtype, m, n, operands } = kernel;
  const type = registerType(dtype);
  const rows = range(context.rows), vectors = range(context.vectors);
  const shares = context.reading.a.startsWith("lanes");
  // Four at a time only where the whole buffer is addressed so.
  const readingA = context.isVectorSlot(a.operand) ? context.reading.a : "elements";
  const readingB = context.reading.b === "along sum" && !context.isVectorSlot(b.operand)
    ? "elements"
    : context.reading.b;
  for (const i of rows) for (const j of vectors) shader.line(`var s${i}_${j} = vec4<${type}>();`);
  const convert = (operand: number, value: string) =>
    registerType(operands[operand].dtype) === type ? value : `${type}(${value})`;
  const along = (name: "a" | "b", step: string) => {
    const stride = kernel[name].sumStride;
    return stride === 0 ? "" : ` + ${times(step, size(`${name}_sum`, stride))}`;
  };

  const isMatrix = {
    a: readingA !== "elements" && context.reading.rowsOfA > 0,
    b: readingB !== "elements" && context.reading.rowsOfB > 0,
  };
  for (const name of ["a", "b"] as const) {
    if (isMatrix[name]) shader.line(`let first_${name} = ${context.firstRow(name)};`);
  }
  /** Where vectors at a free index begin: a position, or the column or row of a texture. */
  const begin = (name: "a" | "b", free: string): string =>
    !isMatrix[name]
      ? context.start(name, free)
      : kernel[name].freeStride === 1
      ? `(${free}) >> 2u`
      : `first_${name} + ${free}`;
  /** The vector at a step from such a beginning. */
  const vectorAt = (name: "a" | "b", from: string, step: string, prefix: string): string => {
    const { operand, freeStride } = kernel[name];
    return shader.let(
      !isMatrix[name]
        ? access.vectorWord(operand, `${from}${along(name, step)}`)
        : freeStride === 1
        ? access.vectorInRow(operand, from, `first_${name} + ${step}`)
        : access.vectorInRow(operand, `${step} >> 2u`, from),
      prefix,
    );
  };

  // Rows and columns beyond the edge are computed from the last ones and not stored.
  const height = size("m", m), width = size("n", n);
  const steps = tuning.tileSteps;
  const unrolled = Math.floor(k / steps) * steps;
  if (readingA === "lanes along sum" && unrolled > 0) {
    for (const q of range(context.rows / LANES)) {
      const own = `min(row + ${q * LANES} + i32(local.x), ${height} - 1)`;
      shader.line(`let l${q} = ${begin("a", own)};`);
    }
  } else if (readingA === "lanes along free" && unrolled > 0) {
    const own = `min(row + 4 * (i32(local.x) % ${context.rows / 4}), ${height} - 4)`;
    shader.line(`let l0 = ${begin("a", own)};`);
    shader.line(`let step0 = i32(local.x) / ${context.rows / 4};`);
  }
  if (!readingA.startsWith("lanes") || unrolled < k) {
    for (const i of rows) {
      const row = i === 0
        ? "row"
        : !isPlain && m % context.rows === 0
        ? `(row + ${i})`
        : `min(row + ${i}, ${height} - 1)`;
      shader.line(`let a${i} = ${begin("a", row)};`);
    }
  }
  const inside = !isPlain && n % (4 * tuning.tileThreadsX * context.vectors) === 0;
  for (const j of vectors) {
    const column = context.columnOf(j);
    const free = inside || (j === 0 && !shares);
    if (readingB === "along free") {
      shader.line(`let b${j} = ${begin("b", free ? column : `min(${column}, ${width} - 4)`)};`);
      continue;
    }
    for (const lane of range(4)) {
      const limited = n % 4 === 0 && free
        ? `(${column} + ${lane})`
        : `min(${column} + ${lane}, ${width} - 1)`;
      shader.line(`let b${j}_${lane} = ${begin("b", limited)};`);
    }
  }

  const vector = (parts: readonly string[]) => shader.let(`vec4<${type}>(${parts.join(", ")})`, "y");
  const readB = (j: number, step: string): string => {
    const elements = (position: (lane: number) => string) =>
      vector(range(4).map((lane) => convert(b.operand, access.load(b.operand, position(lane)))));
    if (readingB !== "along free") return elements((lane) => `b${j}_${lane}${along("b", step)}`);
    const position = `b${j}${along("b", step)}`;
    if (!context.isVectorSlot(b.operand)) return elements((lane) => `${position} + ${lane}`);
    return vectorAt("b", `b${j}`, step, "y");
  };
  const accumulate = (ys: readonly string[], element: (i: number) => string) => {
    for (const i of rows) {
      const x = shader.let(element(i), "x");
      for (const j of vectors) shader.line(`s${i}_${j} += ${x} * ${ys[j]};`);
    }
  };
  const scalarA = (step: string) => (i: number) =>
    convert(a.operand, access.load(a.operand, `a${i}${along("a", step)}`));

  /** Reads the left operand for four steps, and says how the element of a row at one of them is found. */
  const fourOfA = (): (u: number) => (i: number) => string => {
    const word = (from: string, step: string) => vectorAt("a", from, step, "x");
    const part = (value: string, c: number) => convert(a.operand, `${value}.${"xyzw"[c]}`);
    if (readingA === "along sum") {
      const xs = rows.map((i) => word(`a${i}`, "k"));
      return (u) => (i) => part(xs[i], u);
    }
    if (readingA === "lanes along sum") {
      const xs = range(context.rows / LANES).map((q) => word(`l${q}`, "k"));
      return (u) => (i) => `subgroupBroadcast(${part(xs[Math.floor(i / LANES)], u)}, ${i % LANES}u)`;
    }
    if (readingA === "lanes along free") {
      // Groups of four rows; each read brings so many steps.
      const groups = context.rows / 4, brought = LANES / groups;
      const xs = range(4 / brought).map((r) => word("l0", `(k + step0 + ${r * brought})`));
      return (u) => (i) =>
        `subgroupBroadcast(${part(xs[Math.floor(u / brought)], i & 3)}, ${
          (i >> 2) + groups * (u % brought)
        }u)`;
    }
    return (u) => scalarA(u === 0 ? "k" : `(k + ${u})`);
  };
  const whole = isPlain && unrolled > 1 ? size("k", unrolled) : `${unrolled}`;
  if (unrolled > 0) {
    shader.block(`for (var k = 0; k < ${whole}; k += ${steps})`, () => {
      if (steps === 1) return accumulate(vectors.map((j) => readB(j, "k")), scalarA("k"));
      const elementOf = fourOfA();
      const columns = readingB !== "along sum"
        ? null
        : vectors.map((j) => range(4).map((lane) => vectorAt("b", `b${j}_${lane}`, "k", "y")));
      const ys = range(4).map((u) =>
        vectors.map((j) =>
          columns === null
            ? readB(j, u === 0 ? "k" : `(k + ${u})`)
            : vector(columns[j].map((column) => convert(b.operand, `${column}.${"xyzw"[u]}`)))
        )
      );
      // Row by row: a processor of few registers has the sums of a row in them for all four steps.
      for (const i of rows) {
        for (const u of range(4)) {
          const x = shader.let(elementOf(u)(i), "x");
          for (const j of vectors) shader.line(`s${i}_${j} += ${x} * ${ys[u][j]};`);
        }
      }
    });
  }
  for (let step = unrolled; step < k; step++) {
    const at = unrolled === 0 ? `${step}` : `(${whole} + ${step - unrolled})`;
    shader.block("", () => accumulate(vectors.map((j) => readB(j, at)), scalarA(at)));
  }
}

export function times(value: string, factor: string): string {
  return factor === "1" ? value : `${value} * ${factor}`;
}

export function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
