/** One dispatch of a routine under construction: its shader, and arrays of float32 in its operands and scratch buffer. */
import type { Routine } from "../../kernel/kernel.ts";
import { Access } from "../access.ts";
import type { Place } from "../place.ts";
import { groupsFor } from "../kernels/groups.ts";
import { entryPoint } from "../kernels/unit_dispatch.ts";
import type { Dispatch } from "../plan.ts";
import { Shader } from "../shader.ts";
import { MAX_WORKGROUPS, type Tuning } from "../tuning.ts";

/** What a routine is planned from. */
export interface RoutineContext {
  readonly kernel: Routine;
  readonly places: readonly Place[];
  readonly tuning: Tuning;
}

/** Where an array lies: in an operand, or in the scratch buffer from a word on. */
export type Area = { readonly operand: number } | { readonly scratch: number };

export interface StageOptions {
  readonly label: string;
  /** Operands that the dispatch touches. */
  readonly operands: readonly number[];
  readonly scratch?: boolean | "atomic";
  /** Numbers given with each dispatch, sizes among them, so that one shader does for all shapes. */
  readonly parameters?: readonly string[];
  /** Of a workgroup; those of an elementwise kernel when left out. */
  readonly threads?: number;
}

/** How a matrix lies in an array: `base` and strides as expressions. */
export interface Layout {
  readonly base: string;
  readonly row: string;
  readonly column: string;
}

/** Threads of the workgroup that works on a matrix of some rows: few or many, so that there are few shaders. */
export function threadsFor({ matrixThreads, rowThreads }: Tuning, rows: number): number {
  return rows <= rowThreads ? rowThreads : matrixThreads;
}

const plainUse = () => ({ vector: false, atomic: false });

export class Stage {
  readonly shader: Shader = new Shader();
  readonly #access: Access;
  readonly #label: string;
  readonly #threads: number;
  readonly #atomic: boolean;
  #code: string | null = null;

  constructor({ kernel, places, tuning }: RoutineContext, options: StageOptions) {
    this.#label = options.label;
    this.#threads = options.threads ?? tuning.mapThreads;
    const { operands, scratch = false, parameters = [] } = options;
    this.#atomic = scratch === "atomic";
    this.#access = new Access(this.shader, kernel.operands, places, new Set(operands), plainUse, scratch);
    this.#access.declare(parameters.length);
    parameters.forEach((name, i) => this.line(`let ${name} = ${this.#access.parameter(i, true)};`));
  }

  line(text: string): void {
    this.shader.line(text);
  }

  block(head: string, body: () => void): void {
    this.shader.block(head, body);
  }

  /** `for (var name = from; name < to; name += step)`. */
  loop(from: string, to: string, body: (name: string) => void, step: string | number = 1): void {
    const name = this.shader.name("i");
    this.block(`for (var ${name} = ${from}; ${name} < ${to}; ${name} += ${step})`, () => body(name));
  }

  let(value: string): string {
    return this.shader.let(value);
  }

  /** A name for a new variable. */
  variable(type: string, value: string): string {
    const name = this.shader.name("x");
    this.line(`var ${name}: ${type} = ${value};`);
    return name;
  }

  /** An array that the threads of a workgroup share; gives its name. */
  shared(name: string, type: string): string {
    this.shader.declarations.push(`var<workgroup> ${name}: ${type};`);
    return name;
  }

  /** What the workgroup wrote is seen by all of it. */
  barrier(): void {
    this.line("storageBarrier();");
    this.line("workgroupBarrier();");
  }

  /** Names this thread's number among all, and ends the others. */
  units(count: string): void {
    this.line(`let unit = i32((group.x + group.y * ${MAX_WORKGROUPS}u) * ${this.#threads}u + thread);`);
    this.line(`if (unit >= ${count}) { return; }`);
  }

  /** Names this workgroup's number among `count`, and this thread's in it. */
  workgroups(count: string): void {
    this.line(`let number = i32(group.x + group.y * ${MAX_WORKGROUPS}u);`);
    this.line("let lane = i32(thread);");
    this.line(`if (number >= ${count}) { return; }`);
  }

  #position(operand: number, position: string): string {
    const { constant, term } = this.#access.base(operand);
    return `${position}${constant === 0 ? "" : ` + ${constant}`}${term === null ? "" : ` + ${term}`}`;
  }

  /** The element of an operand, or of float32 in the scratch buffer, at a position (i32). */
  read(area: Area, position: string): string {
    if ("scratch" in area) {
      const word = this.word(area.scratch, position);
      return `bitcast<f32>(${this.#atomic ? `atomicLoad(&${word})` : word})`;
    }
    return this.#access.load(area.operand, this.#position(area.operand, position));
  }

  write(area: Area, position: string, value: string): void {
    if ("scratch" in area) this.line(`${this.word(area.scratch, position)} = bitcast<u32>(${value});`);
    else this.#access.store(area.operand, this.#position(area.operand, position), value);
  }

  /** A word of the scratch buffer. */
  word(first: number, position: string): string {
    return `scratch[u32(${position}${first === 0 ? "" : ` + ${first}`})]`;
  }

  /** A matrix in an array. */
  matrix(area: Area, layout: Layout): Matrix {
    return new Matrix(this, area, layout);
  }

  /** A dispatch of some workgroups, with the values of the parameters. */
  each(workgroups: number, parameters: readonly number[] = []): Dispatch {
    this.#code ??= this.shader.text(entryPoint(this.#threads));
    return {
      label: this.#label,
      code: this.#code,
      bindings: this.#access.bindings,
      groups: groupsFor(workgroups, 1),
      offsets: this.#access.parameters,
      constants: parameters,
    };
  }

  /** A dispatch of as many workgroups as some number of threads needs. */
  over(units: number, parameters: readonly number[] = []): Dispatch {
    return this.each(Math.ceil(units / this.#threads), parameters);
  }
}

/** Elements by row and column. */
export class Matrix {
  readonly #stage: Stage;
  readonly #area: Area;
  readonly #layout: Layout;

  constructor(stage: Stage, area: Area, layout: Layout) {
    this.#stage = stage;
    this.#area = area;
    this.#layout = layout;
  }

  #at(row: string, column: string): string {
    const { base, row: rowStride, column: columnStride } = this.#layout;
    const times = (index: string, stride: string) => stride === "1" ? `(${index})` : `(${index}) * ${stride}`;
    return `${base} + ${times(row, rowStride)} + ${times(column, columnStride)}`;
  }

  get(row: string, column: string): string {
    return this.#stage.read(this.#area, this.#at(row, column));
  }

  set(row: string, column: string, value: string): void {
    this.#stage.write(this.#area, this.#at(row, column), value);
  }
}
