/** Reading and writing elements of bound buffers: native words, vectors of four, and packed small types. */
import type { DType } from "../../trace/dtype.ts";
import type { Operand } from "../kernel/kernel.ts";
import { asWord, fromWord, registerType } from "./literal.ts";
import { type Place, SCRATCH, type SlotBinding, type SlotUse, storedBits } from "./place.ts";
import type { Shader } from "./shader.ts";
import { TEXTURE_WIDTH } from "./texture_width.ts";

interface Slot {
  readonly name: string;
  readonly type: "f32" | "i32" | "u32" | "f16";
  readonly write: boolean;
  readonly use: SlotUse;
  readonly texture: boolean;
  /** Texels of a row of the texture. */
  readonly width: number;
}

/** The bound buffers of a shader, as statements read and write them. */
export class Access {
  readonly #shader: Shader;
  readonly #operands: readonly Operand[];
  readonly #places: readonly Place[];
  readonly #slots: Map<number, Slot> = new Map();
  /** Operands whose run-time offset the shader reads, in the order of the parameters. */
  readonly parameters: number[] = [];
  /** The buffers in the order of their bindings. */
  readonly bindings: SlotBinding[] = [];

  constructor(
    shader: Shader,
    operands: readonly Operand[],
    places: readonly Place[],
    used: ReadonlySet<number>,
    useOf: (slot: number) => SlotUse,
    scratch: boolean | "atomic" = false,
    widths: ReadonlyMap<number, number> = new Map(),
  ) {
    this.#shader = shader;
    this.#operands = operands;
    this.#places = places;
    const written = new Set<number>();
    operands.forEach(({ access }, i) => {
      if (used.has(i) && access !== "read") written.add(places[i].slot);
    });
    operands.forEach(({ dtype }, i) => {
      if (!used.has(i)) return;
      const { slot, words, dynamic } = places[i];
      if (dynamic) this.parameters.push(i);
      const known = this.#slots.get(slot);
      const own = registerType(dtype);
      const write = written.has(slot);
      const use = useOf(slot);
      const texture = places[i].texture && !words && !write && !use.atomic && slot !== SCRATCH;
      const halves = places[i].halves && !words && !texture && !use.atomic;
      const isWord = words || texture || storedBits(dtype) < 32 || own === "bool";
      const type = halves ? "f16" : isWord ? "u32" : own;
      this.#slots.set(slot, {
        name: known?.name ?? `buffer${this.#slots.size}`,
        type: known && known.type !== type ? "u32" : type,
        write,
        use,
        texture,
        width: widths.get(slot) ?? TEXTURE_WIDTH,
      });
    });
    if (scratch) {
      this.#slots.set(SCRATCH, {
        name: "scratch",
        type: "u32",
        write: true,
        use: { vector: false, atomic: scratch === "atomic" },
        texture: false,
        width: 0,
      });
    }
  }

  /** Writes the declarations of bindings and parameters. */
  declare(extraParameters = 0): void {
    const { declarations } = this.#shader;
    if ([...this.#slots.values()].some(({ type }) => type === "f16")) this.#shader.enable("f16");
    let binding = 0;
    for (const [slot, { name, type, write, use, texture, width }] of this.#slots) {
      if (texture) {
        declarations.push(`@group(0) @binding(${binding++}) var ${name}: texture_2d<u32>;`);
        this.bindings.push({ slot, write, texels: use.vector ? 4 : 1, width });
        continue;
      }
      const element = use.atomic ? "atomic<u32>" : use.vector ? `vec4<${type}>` : type;
      const mode = write ? "read_write" : "read";
      declarations.push(
        `@group(0) @binding(${binding++}) var<storage, ${mode}> ${name}: array<${element}>;`,
      );
      this.bindings.push({ slot, write, texels: null, width: 0 });
    }
    const count = this.parameters.length + extraParameters;
    if (count > 0) {
      const vectors = Math.ceil(count / 4);
      declarations.push(
        `@group(1) @binding(0) var<uniform> parameters: array<vec4i, ${vectors}>;`,
      );
    }
  }

  /** The parameter at a position, behind the offsets when `extra` is set. */
  parameter(position: number, extra = false): string {
    const at = position + (extra ? this.parameters.length : 0);
    return `parameters[${at >> 2}].${"xyzw"[at & 3]}`;
  }

  /** The constant offset of an operand, and its run-time offset as a term of a sum. */
  base(operand: number): { readonly constant: number; readonly term: string | null } {
    const { offset, dynamic, inside } = this.#places[operand];
    const terms = dynamic ? [this.parameter(this.parameters.indexOf(operand))] : [];
    if (inside) terms.push(inside);
    return { constant: offset, term: terms.length === 0 ? null : terms.join(" + ") };
  }

  #slot(operand: number): Slot {
    return this.#slots.get(this.#places[operand].slot)!;
  }

  /** The word at an index, as `u32` or the type of the slot. */
  #word(slot: Slot, index: string): string {
    if (slot.texture) {
      if (!slot.use.vector) return `${this.#texel(slot, index)}.x`;
      const at = this.#shader.let(index, "p");
      return `${this.#texel(slot, `${at} >> 2u`)}[${at} & 3u]`;
    }
    if (slot.use.atomic) return `atomicLoad(&${slot.name}[${index}])`;
    if (slot.use.vector) return `${slot.name}[${index} >> 2u][${index} & 3u]`;
    return `${slot.name}[${index}]`;
  }

  /** The texel at an index. */
  #texel({ name, width }: Slot, index: string): string {
    return `${this.#shader.use("texel")}(${name}, ${index}, ${Math.log2(width)}u)`;
  }

  /** The vector in a row of the texture of an operand whose slot is of vectors. */
  vectorInRow(operand: number, column: string, row: string): string {
    const vector = `textureLoad(${this.#slot(operand).name}, vec2i(${column}, ${row}), 0)`;
    const type = registerType(this.#operands[operand].dtype);
    return type === "u32" ? vector : `bitcast<vec4<${type}>>(${vector})`;
  }

  /** The vector at an index of a slot of vectors. */
  #vector(slot: Slot, index: string): string {
    return slot.texture ? this.#texel(slot, index) : `${slot.name}[${index}]`;
  }

  /** The element at a position (i32). */
  load(operand: number, position: string): string {
    const slot = this.#slot(operand);
    const { dtype } = this.#operands[operand];
    const at = `u32(${position})`;
    if (this.#places[operand].words) return fromWord(dtype, this.#word(slot, at));
    if (slot.type === "f16") return `f32(${this.#word(slot, at)})`;
    const bits = storedBits(dtype);
    if (bits === 32) {
      const word = this.#word(slot, at);
      const type = registerType(dtype);
      const given = slot.use.atomic ? "u32" : slot.type;
      return type === given ? word : `bitcast<${type}>(${word})`;
    }
    const shift = bits === 8 ? 2 : 1;
    const word = this.#word(slot, `(${at} >> ${shift}u)`);
    return this.#unpack(dtype, word, `((${at} & ${bits === 8 ? 3 : 1}u) << ${bits === 8 ? 3 : 4}u)`);
  }

  #unpack(dtype: DType, word: string, shift: string): string {
    switch (dtype) {
      case "bool":
        return `(((${word} >> ${shift}) & 255u) != 0u)`;
      case "uint8":
        return `((${word} >> ${shift}) & 255u)`;
      case "int8":
        return `extractBits(bitcast<i32>(${word}), ${shift}, 8u)`;
      default:
        return `${this.#shader.use("half_value")}((${word} >> ${shift}) & 0xffffu)`;
    }
  }

  /** The vector at a position that is a multiple of four, of an operand whose slot is of vectors. */
  vectorWord(operand: number, position: string): string {
    const slot = this.#slot(operand);
    const type = registerType(this.#operands[operand].dtype);
    const vector = this.#vector(slot, `u32(${position}) >> 2u`);
    return type === slot.type ? vector : `bitcast<vec4<${type}>>(${vector})`;
  }

  /** Four elements from a position that is a multiple of four. */
  loadVector(operand: number, position: string): string[] {
    const slot = this.#slot(operand);
    const { dtype } = this.#operands[operand];
    const bits = storedBits(dtype);
    const at = this.#shader.let(`u32(${position})`, "p");
    if (slot.type === "f16") {
      if (!slot.use.vector) return [0, 1, 2, 3].map((i) => `f32(${slot.name}[${at} + ${i}u])`);
      const halves = this.#shader.let(`vec4<f32>(${slot.name}[${at} >> 2u])`, "w");
      return ["x", "y", "z", "w"].map((c) => `${halves}.${c}`);
    }
    if (bits === 32) {
      const vector = this.#shader.let(this.#vector(slot, `${at} >> 2u`), "w");
      const type = registerType(dtype);
      return ["x", "y", "z", "w"].map((c) =>
        type === slot.type ? `${vector}.${c}` : `bitcast<${type}>(${vector}.${c})`
      );
    }
    if (bits === 8) {
      const word = this.#shader.let(this.#word(slot, `(${at} >> 2u)`), "w");
      return [0, 8, 16, 24].map((shift) => this.#unpack(dtype, word, `${shift}u`));
    }
    const low = this.#shader.let(this.#word(slot, `(${at} >> 1u)`), "w");
    const high = this.#shader.let(this.#word(slot, `((${at} >> 1u) + 1u)`), "w");
    return [low, low, high, high].map((word, i) => this.#unpack(dtype, word, `${16 * (i & 1)}u`));
  }

  /** Writes four elements at a position that is a multiple of four. */
  storeVector(operand: number, position: string, values: readonly string[]): void {
    const slot = this.#slot(operand);
    const { dtype } = this.#operands[operand];
    const bits = storedBits(dtype);
    const at = this.#shader.let(`u32(${position})`, "p");
    const shader = this.#shader;
    if (slot.type === "f16") {
      const to = shader.use("to_f16"), items = values.map((value) => `${to}(${value})`);
      if (slot.use.vector) {
        return shader.line(`${slot.name}[${at} >> 2u] = vec4<f16>(${items.join(", ")});`);
      }
      return items.forEach((item, i) => shader.line(`${slot.name}[${at} + ${i}u] = ${item};`));
    }
    if (bits === 32) {
      const type = registerType(dtype);
      const items = values.map((v) => type === slot.type ? v : `bitcast<${slot.type}>(${v})`);
      return shader.line(`${slot.name}[${at} >> 2u] = vec4<${slot.type}>(${items.join(", ")});`);
    }
    const words = values.map((v) => shader.let(this.packed(dtype, v), "w"));
    const put = (index: string, word: string) => {
      const cell = `${slot.name}[${index}]`;
      shader.line(slot.use.atomic ? `atomicStore(&${cell}, ${word});` : `${cell} = ${word};`);
    };
    if (bits === 8) {
      const [a, b, c, d] = words;
      return put(`${at} >> 2u`, `${a} | (${b} << 8u) | (${c} << 16u) | (${d} << 24u)`);
    }
    put(`${at} >> 1u`, `${words[0]} | (${words[1]} << 16u)`);
    put(`(${at} >> 1u) + 1u`, `${words[2]} | (${words[3]} << 16u)`);
  }

  /** The bits of a value as they stand in a word. */
  packed(dtype: DType, value: string): string {
    switch (dtype) {
      case "bool":
        return `select(0u, 1u, ${value})`;
      case "int8":
        return `(bitcast<u32>(${value}) & 255u)`;
      case "uint8":
        return `(${value} & 255u)`;
      case "float16":
        return `${this.#shader.use("half_bits")}(${value})`;
      default:
        return asWord(dtype, value);
    }
  }

  /** Writes the element at a position. */
  store(operand: number, position: string, value: string): void {
    const slot = this.#slot(operand);
    const { dtype } = this.#operands[operand];
    const bits = storedBits(dtype);
    const shader = this.#shader;
    if (slot.type === "f16") {
      const item = `${shader.use("to_f16")}(${value})`;
      if (!slot.use.vector) return shader.line(`${slot.name}[u32(${position})] = ${item};`);
      const index = shader.let(`u32(${position})`, "p");
      return shader.line(`${slot.name}[${index} >> 2u][${index} & 3u] = ${item};`);
    }
    if (bits === 32) {
      const at = `u32(${position})`;
      if (slot.use.atomic) return shader.line(`atomicStore(&${slot.name}[${at}], ${asWord(dtype, value)});`);
      const type = registerType(dtype);
      const item = type === slot.type ? value : `bitcast<${slot.type}>(${value})`;
      if (slot.use.vector) {
        const index = shader.let(at, "p");
        return shader.line(`${slot.name}[${index} >> 2u][${index} & 3u] = ${item};`);
      }
      return shader.line(`${slot.name}[${at}] = ${item};`);
    }
    // Clearing and setting touch this element's bits only: neighbours in the word may be written at the same time.
    const at = shader.let(`u32(${position})`, "p");
    const shift = shader.let(bits === 8 ? `(${at} & 3u) << 3u` : `(${at} & 1u) << 4u`, "s");
    const word = `${slot.name}[${at} >> ${bits === 8 ? 2 : 1}u]`;
    const mask = bits === 8 ? "255u" : "65535u";
    const item = shader.let(this.packed(dtype, value), "w");
    shader.line(`atomicAnd(&${word}, ~(${mask} << ${shift}));`);
    shader.line(`atomicOr(&${word}, ${item} << ${shift});`);
  }

  /** Adds to the element at a position, where several invocations may do so at once. */
  add(operand: number, position: string, value: string): void {
    const slot = this.#slot(operand);
    const { dtype } = this.#operands[operand];
    const bits = storedBits(dtype);
    const shader = this.#shader;
    const at = shader.let(`u32(${position})`, "p");
    if (dtype === "int32" || dtype === "uint32") {
      return shader.line(`atomicAdd(&${slot.name}[${at}], ${asWord(dtype, value)});`);
    }
    const added = shader.let(value, "a");
    const index = bits === 32 ? at : `${at} >> ${bits === 8 ? 2 : 1}u`;
    const word = `${slot.name}[${index}]`;
    const old = shader.name("old"), next = shader.name("next"), result = shader.name("result");
    shader.line(`var ${old} = atomicLoad(&${word});`);
    shader.block("loop", () => {
      if (bits === 32) {
        shader.line(`let ${next} = bitcast<u32>(bitcast<f32>(${old}) + ${added});`);
      } else {
        const shift = shader.let(bits === 8 ? `(${at} & 3u) << 3u` : `(${at} & 1u) << 4u`, "s");
        const mask = bits === 8 ? "255u" : "65535u";
        const present = shader.let(this.#unpack(dtype, old, shift), "c");
        const sum = dtype === "bool" ? `(${present} || ${added})` : `(${present} + ${added})`;
        const item = shader.let(this.packed(dtype, sum), "w");
        shader.line(`let ${next} = (${old} & ~(${mask} << ${shift})) | (${item} << ${shift});`);
      }
      shader.line(`let ${result} = atomicCompareExchangeWeak(&${word}, ${old}, ${next});`);
      shader.line(`if (${result}.exchanged) { break; }`);
      shader.line(`${old} = ${result}.old_value;`);
    });
  }
}
