/** The sums of a product through workgroup memory: real GPUs read each element once per tile of a workgroup. */
import type { Contraction, ContractOperand } from "../../kernel/kernel.ts";
import type { Access } from "../access.ts";
import { registerType } from "../literal.ts";
import type { Shader } from "../shader.ts";
import type { Tuning } from "../tuning.ts";
import { range, times } from "./contraction_sums.ts";

/** Rows and columns below which tiles would be mostly empty. */
const MIN_EXTENT = 32;

/** Whether a product of tiles of so many rows and vectors per thread goes through workgroup memory. */
export function isTiled({ m, n, k }: Contraction, tuning: Tuning, rows: number, vectors: number): boolean {
  return tuning.tileDepth > 0 && rows === tuning.tileRows && vectors === tuning.tileVectors &&
    m >= MIN_EXTENT && n >= MIN_EXTENT && k >= tuning.tileDepth;
}

export interface TilesContext {
  readonly kernel: Contraction;
  readonly tuning: Tuning;
  readonly shader: Shader;
  readonly access: Access;
  size(part: string, value: number): string;
  /** The position of an operand's element at a free index and summed index 0. */
  start(name: "a" | "b", free: string): string;
}

/**
 * Writes the sums as s0_0 and so on: row, then vector. All threads take part, also those beyond the edge; elements
 * beyond it count as 0.
 */
export function writeTiledSums({ kernel, tuning, shader, access, size, start }: TilesContext): void {
  const { dtype, m, n, k, operands } = kernel;
  const { tileThreadsX, tileThreadsY, tileRows, tileVectors, tileDepth: depth } = tuning;
  const type = registerType(dtype), threads = tileThreadsX * tileThreadsY;
  const height = tileRows * tileThreadsY, width = 4 * tileVectors * tileThreadsX;
  shader.declarations.push(`var<workgroup> tile_a: array<${type}, ${depth * height}>;`);
  shader.declarations.push(`var<workgroup> tile_b: array<${type}, ${depth * width}>;`);
  for (const i of range(tileRows)) {
    for (const j of range(tileVectors)) shader.line(`var s${i}_${j} = vec4<${type}>();`);
  }
  const rows = size("m", m), columns = size("n", n);
  const convert = ({ operand }: ContractOperand, value: string) =>
    registerType(operands[operand].dtype) === type ? value : `${type}(${value})`;

  /** Each thread brings its share of a tile: neighbours along the axis that is contiguous in memory. */
  const fill = (name: "a" | "b", extent: number, origin: string, limit: string) => {
    const side = kernel[name];
    const alongSum = side.sumStride === 1;
    for (let first = 0; first < depth * extent; first += threads) {
      shader.block("", () => {
        const at = shader.let(`thread + ${first}u`, "e");
        const free = shader.let(alongSum ? `i32(${at} / ${depth}u)` : `i32(${at} % ${extent}u)`, "at");
        const sum = shader.let(alongSum ? `i32(${at} % ${depth}u)` : `i32(${at} / ${extent}u)`, "at");
        const step = shader.let(`k + ${sum}`, "at"), place = shader.let(`${origin} + ${free}`, "at");
        const stride = side.sumStride;
        const along = stride === 0 ? "" : ` + ${times(step, size(`${name}_sum`, stride))}`;
        // Reading outside a buffer is harmless.
        const value = convert(side, access.load(side.operand, `${start(name, place)}${along}`));
        const cell = `tile_${name}[${sum} * ${extent} + ${free}]`;
        const guard = depth * extent % threads === 0 ? "" : `if (${at} < ${depth * extent}u) `;
        shader.line(
          `${guard}{ ${cell} = select(${type}(), ${value}, ${place} < ${limit} && ${step} < ${k}); }`,
        );
      });
    }
  };
  shader.line(`let tile_row = i32(group.y * ${height}u);`);
  shader.line(`let tile_column = i32(group.x * ${width}u);`);
  shader.block(`for (var k = 0; k < ${k}; k += ${depth})`, () => {
    fill("a", height, "tile_row", rows);
    fill("b", width, "tile_column", columns);
    shader.line("workgroupBarrier();");
    shader.block(`for (var u = 0u; u < ${depth}u; u++)`, () => {
      const ys = range(tileVectors).map((j) => {
        const from = shader.let(`u * ${width}u + ${4 * j * tileThreadsX}u + local.x * 4u`, "e");
        return shader.let(
          `vec4<${type}>(${range(4).map((lane) => `tile_b[${from} + ${lane}u]`).join(", ")})`,
          "y",
        );
      });
      const from = shader.let(`u * ${height}u + local.y * ${tileRows}u`, "e");
      for (const i of range(tileRows)) {
        const x = shader.let(`tile_a[${from} + ${i}u]`, "x");
        for (const j of range(tileVectors)) shader.line(`s${i}_${j} += ${x} * ${ys[j]};`);
      }
    });
    shader.line("workgroupBarrier();");
  });
}
