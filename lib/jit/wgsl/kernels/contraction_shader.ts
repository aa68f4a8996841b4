/**
 * Products. A thread computes a tile of rows and vectors of four columns in registers; neighbouring threads have
 * neighbouring vectors. Workgroup memory is not used; where the eight threads of a row of a workgroup are a subgroup,
 * they share what they read of the left operand.
 */
import { sizeOf } from "../../../trace/shape.ts";
import type { Contraction, Index } from "../../kernel/kernel.ts";
import { Access } from "../access.ts";
import { isPacked, type Place, type SlotUse, storedBits } from "../place.ts";
import type { Dispatch } from "../plan.ts";
import { Shader } from "../shader.ts";
import type { Tuning } from "../tuning.ts";
import { range, type Reading, readingOf, times, writeSums } from "./contraction_sums.ts";
import { isTiled, writeTiledSums } from "./contraction_tiles.ts";
import { isVectorIndex } from "./lanes.ts";
import { dependsOn, storeRoots } from "../../kernel/statements.ts";
import { closure, type StatementContext, StatementWriter } from "./statements.ts";

/** Whether nothing is done to the sums, and they are stored by strides alone. */
function isPlain({ epilogue, operands }: Contraction): boolean {
  const { statements, stores } = epilogue;
  if (stores.length !== 1 || statements[stores[0].value].kind !== "reduced") return false;
  const [{ mode, mask, index, operand }] = stores;
  return mode === "set" && mask === undefined && index.dynamic.length === 0 &&
    storedBits(operands[operand].dtype) === 32;
}

/** The text of a product. */
export class ContractionShader {
  readonly #kernel: Contraction;
  readonly #tuning: Tuning;
  readonly #places: readonly Place[];
  readonly #shader: Shader = new Shader();
  readonly #access: Access;
  readonly #rows: number;
  readonly #vectors: number;
  readonly #reading: Reading;
  readonly #slots: Map<number, SlotUse> = new Map();
  /** Sizes and strides that are parameters, so that products of other shapes run the same shader. */
  readonly #constants: number[] = [];
  readonly #names: Map<string, string> = new Map();
  readonly #isPlain: boolean;

  constructor(kernel: Contraction, places: readonly Place[], tuning: Tuning) {
    this.#kernel = kernel;
    this.#tuning = tuning;
    this.#places = places;
    const { m, n } = kernel;
    const batch = sizeOf(kernel.batch);
    // Smaller tiles where large ones would leave threads idle.
    let rows = tuning.tileRows, vectors = tuning.tileVectors;
    const threads = () => batch * Math.ceil(m / rows) * Math.ceil(n / (4 * vectors));
    while (vectors > 1 && (4 * vectors > n || threads() < tuning.wantedThreads)) vectors /= 2;
    while (rows > 1 && (rows > m || threads() < tuning.wantedThreads)) rows /= 2;
    this.#rows = rows;
    this.#vectors = vectors;
    this.#reading = readingOf(kernel, places, tuning, rows);
    this.#isPlain = isPlain(kernel);
    this.#chooseSlots();
    this.#access = new Access(
      this.#shader,
      kernel.operands,
      places,
      this.#usedOperands(),
      (slot) => this.#slots.get(slot) ?? { vector: false, atomic: false },
      false,
      this.#rowWidths(),
    );
  }

  /** Texels of a row of operands that are read as matrices, by slot. */
  #rowWidths(): Map<number, number> {
    const widths = new Map<number, number>();
    const { a, b } = this.#kernel;
    const { rowsOfA, rowsOfB } = this.#reading;
    for (const [{ operand }, row] of [[a, rowsOfA], [b, rowsOfB]] as const) {
      if (row > 0) widths.set(this.#places[operand].slot, row / 4);
    }
    return widths;
  }

  get #statementIds(): number[] {
    const { statements, stores } = this.#kernel.epilogue;
    return closure(statements, stores.flatMap(storeRoots));
  }

  #usedOperands(): Set<number> {
    const { a, b, epilogue } = this.#kernel;
    const used = new Set([a.operand, b.operand]);
    for (const { operand } of epilogue.stores) used.add(operand);
    for (const id of this.#statementIds) {
      const s = epilogue.statements[id];
      if (s.kind === "load") used.add(s.operand);
    }
    return used;
  }

  /** Whether results of four columns are read and written as one vector: never across the last column. */
  #isVectorEpilogue(operand: number, index: Index): boolean {
    return this.#kernel.n % 4 === 0 &&
      isVectorIndex(index, this.#places[operand], this.#kernel.batch.length + 1);
  }

  #chooseSlots(): void {
    const { a, b, epilogue, operands } = this.#kernel;
    const scalar = new Set<number>(), vector = new Set<number>(), atomic = new Set<number>();
    const note = (operand: number, isVectorAccess: boolean) => {
      const { slot } = this.#places[operand];
      (isVectorAccess && storedBits(operands[operand].dtype) === 32 ? vector : scalar).add(slot);
    };
    note(a.operand, this.#reading.a !== "elements");
    note(b.operand, this.#reading.b !== "elements");
    for (const id of this.#statementIds) {
      const s = epilogue.statements[id];
      if (s.kind === "load") note(s.operand, this.#isVectorEpilogue(s.operand, s.index));
    }
    for (const { operand, index, mode, mask } of epilogue.stores) {
      const whole = this.#isVectorEpilogue(operand, index) && mode === "set" && mask === undefined;
      note(operand, whole);
      if (mode === "add" || (isPacked(operands[operand].dtype, this.#places[operand]) && !whole)) {
        atomic.add(this.#places[operand].slot);
      }
    }
    for (const slot of new Set([...scalar, ...vector])) {
      this.#slots.set(slot, { vector: !scalar.has(slot) && !atomic.has(slot), atomic: atomic.has(slot) });
    }
  }

  #isVectorSlot(operand: number): boolean {
    return this.#slots.get(this.#places[operand].slot)?.vector ?? false;
  }

  /** A size or stride as an expression: by its part in the kernel where it is a parameter. 0 and 1 are literals. */
  #size(part: string, value: number): string {
    if (!this.#isPlain || value === 0 || value === 1) return String(value);
    return this.#names.get(part)!;
  }

  /** Names the parameters of a plain product. */
  #declareSizes(): void {
    if (!this.#isPlain) return;
    const { m, n, k, a, b, batch, epilogue } = this.#kernel;
    const parts: [string, number][] = [["m", m], ["n", n], ["k", k - k % this.#tuning.tileSteps]];
    for (const [side, { freeStride, sumStride, batchStrides, offset }] of [["a", a], ["b", b]] as const) {
      parts.push([`${side}_free`, freeStride], [`${side}_sum`, sumStride], [`${side}_offset`, offset]);
      batchStrides.forEach((stride, axis) => parts.push([`${side}_batch${axis}`, stride]));
    }
    epilogue.stores[0].index.strides.forEach((stride, axis) => parts.push([`c${axis}`, stride]));
    batch.forEach((size, axis) => parts.push([`batch${axis}`, size]));
    for (const [part, value] of parts) {
      if (value === 0 || value === 1) continue;
      const name = `size_${part}`;
      this.#shader.line(`let ${name} = ${this.#access.parameter(this.#constants.length, true)};`);
      this.#constants.push(value);
      this.#names.set(part, name);
    }
  }

  write(): Dispatch {
    const { batch, m, n } = this.#kernel;
    const shader = this.#shader;
    this.#declareSizes();
    this.#access.declare(this.#constants.length);
    const { tileThreadsX, tileThreadsY } = this.#tuning;
    const rows = this.#rows, columns = 4 * this.#vectors;
    const x = Math.ceil(n / (columns * tileThreadsX)), y = Math.ceil(m / (rows * tileThreadsY));
    const z = sizeOf(batch);
    // Neighbouring threads have neighbouring vectors.
    shader.line(`let column = i32(group.x * ${columns * tileThreadsX}u + local.x * 4u);`);
    shader.line(`let row = i32((group.y * ${tileThreadsY}u + local.y) * ${rows}u);`);
    // Threads beyond the last column stay where they read for their neighbours.
    const beyond = this.#shares ? "" : ` || column >= ${this.#size("n", n)}`;
    const leave = `if (row >= ${this.#size("m", m)}${beyond}) { return; }`;
    const tiled = isTiled(this.#kernel, this.#tuning, rows, this.#vectors);
    if (!tiled) shader.line(leave);
    const coordinates = this.#batchCoordinates();
    const start = (name: "a" | "b", free: string) => this.#start(name, coordinates, free);
    const size = (part: string, value: number) => this.#size(part, value);
    if (tiled) {
      writeTiledSums({
        kernel: this.#kernel,
        tuning: this.#tuning,
        shader,
        access: this.#access,
        size,
        start,
      });
      // All threads met at the barriers.
      shader.line(leave);
    } else {
      writeSums({
        kernel: this.#kernel,
        tuning: this.#tuning,
        shader,
        access: this.#access,
        rows,
        vectors: this.#vectors,
        reading: this.#reading,
        isPlain: this.#isPlain,
        size,
        start,
        firstRow: (name) => this.#firstRow(name, coordinates),
        columnOf: (vector) => this.#columnOf(vector),
        isVectorSlot: (operand) => this.#isVectorSlot(operand),
      });
    }
    if (this.#isPlain) this.#stores(coordinates);
    else this.#epilogue(coordinates);
    return {
      label: "contraction",
      code: shader.text(
        `@compute @workgroup_size(${tileThreadsX}, ${tileThreadsY})\n` +
          "fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u" +
          `${tiled ? ", @builtin(local_invocation_index) thread: u32" : ""})`,
      ),
      bindings: this.#access.bindings,
      groups: [x, y, z],
      offsets: this.#access.parameters,
      constants: this.#constants,
    };
  }

  /** Whether threads read for each other. */
  get #shares(): boolean {
    return this.#reading.a === "lanes along sum" || this.#reading.a === "lanes along free";
  }

  #batchCoordinates(): string[] {
    const { batch } = this.#kernel;
    const names: string[] = new Array(batch.length);
    let rest = "i32(group.z)";
    for (let axis = batch.length - 1; axis >= 0; axis--) {
      const size = this.#size(`batch${axis}`, batch[axis]);
      names[axis] = this.#shader.let(axis === 0 ? rest : `${rest} % ${size}`, "z");
      if (axis > 0) rest = this.#shader.let(`${rest} / ${size}`, "z");
    }
    return names;
  }

  /** The first column of a vector of this thread. */
  #columnOf(vector: number): string {
    return vector === 0 ? "column" : `(column + ${vector * 4 * this.#tuning.tileThreadsX})`;
  }

  /** The row of a matrix read as a texture at which a batch begins. */
  #firstRow(name: "a" | "b", batch: readonly string[]): string {
    const side = this.#kernel[name];
    const row = side.freeStride === 1 ? side.sumStride : side.freeStride;
    const { constant, term } = this.#access.base(side.operand);
    const terms: string[] = term === null ? [] : [`${term} / ${row}`];
    side.batchStrides.forEach((stride, axis) => {
      if (stride !== 0) terms.push(times(batch[axis], `${stride / row}`));
    });
    return [...terms, `${(side.offset + constant) / row}`].join(" + ");
  }

  /** The position of an operand's element at batch, free index and summed index 0. */
  #start(name: "a" | "b", batch: readonly string[], free: string): string {
    const side = this.#kernel[name];
    const { constant, term } = this.#access.base(side.operand);
    const terms: string[] = term === null ? [] : [term];
    side.batchStrides.forEach((stride, axis) => {
      if (stride !== 0) terms.push(times(batch[axis], this.#size(`${name}_batch${axis}`, stride)));
    });
    if (side.freeStride !== 0) terms.push(times(free, this.#size(`${name}_free`, side.freeStride)));
    if (side.offset !== 0) terms.push(this.#size(`${name}_offset`, side.offset));
    if (constant !== 0 || terms.length === 0) terms.push(String(constant));
    return terms.join(" + ");
  }

  /** Writes the sums of a plain product. */
  #stores(batch: readonly string[]): void {
    const { epilogue, m, n, operands } = this.#kernel;
    const [{ operand, index }] = epilogue.stores;
    const shader = this.#shader;
    const { constant, term } = this.#access.base(operand);
    const offset = constant + index.offset;
    const vector = this.#isVectorEpilogue(operand, index) && this.#isVectorSlot(operand) &&
      storedBits(operands[operand].dtype) === 32;
    const [rowStride, columnStride] = index.strides.slice(-2);
    const axis = batch.length;
    for (const i of range(this.#rows)) {
      shader.block(`if (row + ${i} < ${this.#size("m", m)})`, () => {
        const terms = [times(`(row + ${i})`, this.#size(`c${axis}`, rowStride))];
        batch.forEach((name, a) => {
          if (index.strides[a] !== 0) terms.push(times(name, this.#size(`c${a}`, index.strides[a])));
        });
        if (term !== null) terms.push(term);
        if (offset !== 0) terms.push(String(offset));
        const start = shader.let(terms.join(" + "), "p");
        for (const j of range(this.#vectors)) {
          const column = this.#columnOf(j);
          const at = (lane: number) =>
            `${start} + ${
              times(lane === 0 ? column : `(${column} + ${lane})`, this.#size(`c${axis + 1}`, columnStride))
            }`;
          const sum = (lane: number) => `s${i}_${j}.${"xyzw"[lane]}`;
          if (vector) {
            shader.block(`if (${column} < ${this.#size("n", n)})`, () => {
              this.#access.storeVector(operand, at(0), [0, 1, 2, 3].map(sum));
            });
            continue;
          }
          for (const lane of range(4)) {
            shader.block(`if (${column} + ${lane} < ${this.#size("n", n)})`, () => {
              this.#access.store(operand, at(lane), sum(lane));
            });
          }
        }
      });
    }
  }

  #epilogue(batch: readonly string[]): void {
    const { epilogue, m, n } = this.#kernel;
    const { statements, stores } = epilogue;
    const shader = this.#shader;
    const axis = batch.length + 1;
    const ids = this.#statementIds;
    const varying = dependsOn(statements, (a) => a === axis, () => true);
    for (const i of range(this.#rows)) {
      const writeRow = () => {
        const row = shader.let(`row + ${i}`, "r");
        for (const j of range(this.#vectors)) {
          const column = shader.let(this.#columnOf(j), "c");
          const context: StatementContext = {
            shader,
            access: this.#access,
            statements,
            lanes: { axis, count: 4 },
            varying,
            coordinate: (a) => a === axis ? column : a === axis - 1 ? row : batch[a],
            reduced: (_, lane) => `s${i}_${j}.${"xyzw"[lane]}`,
            isVector: (operand, index) => this.#isVectorEpilogue(operand, index) && this.#isWhole(operand),
          };
          const write = () => {
            const writer = new StatementWriter(context);
            writer.write(ids);
            for (const store of stores) {
              if (n % 4 === 0) writer.store(store, true);
              else writer.store(store, true, (lane) => `${column} + ${lane} < ${n}`);
            }
          };
          const whole = n % (4 * this.#tuning.tileThreadsX * this.#vectors) === 0;
          if (whole || (j === 0 && !this.#shares)) write();
          else shader.block(`if (${column} < ${n})`, write);
        }
      };
      if (m % this.#rows === 0 || i === 0) shader.block("", writeRow);
      else shader.block(`if (row + ${i} < ${m})`, writeRow);
    }
  }

  /** Whether four elements of an operand can be taken at once, as one vector or as the parts of words. */
  #isWhole(operand: number): boolean {
    return this.#isVectorSlot(operand) || storedBits(this.#kernel.operands[operand].dtype) < 32;
  }
}
