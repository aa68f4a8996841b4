// The methods that come straight from the opcode tables: one per instruction, named after it.

import type { ByteWriter } from "./byte_writer.ts";
import { memoryLaneOpcodes, memoryOpcodes } from "./memory_opcodes.ts";
import { scalarOpcodes } from "./scalar_opcodes.ts";
import { laneOpcodes, vectorOpcodes } from "./vector_opcodes.ts";

type PlainName = keyof typeof scalarOpcodes | keyof typeof vectorOpcodes;
type LaneName = keyof typeof laneOpcodes;
type MemoryName = keyof typeof memoryOpcodes;
type MemoryLaneName = keyof typeof memoryLaneOpcodes;

/** Emitters of the instructions without immediates: `i32Add()`, `f32x4RelaxedMadd()`, `return()`. */
export type PlainMethods<Builder> = { readonly [Name in PlainName]: () => Builder };

/** Emitters of the instructions with a lane index: `f32x4ExtractLane(2)`. */
export type LaneMethods<Builder> = {
  readonly [Name in LaneName]: (lane: number) => Builder;
};

/** Emitters of loads and stores: constant offset in bytes, log2 of the alignment (default: the natural one). */
export type MemoryMethods<Builder> = {
  readonly [Name in MemoryName]: (offset?: number, align?: number) => Builder;
};

/** Emitters of the loads and stores of one lane. */
export type MemoryLaneMethods<Builder> = {
  readonly [Name in MemoryLaneName]: (
    lane: number,
    offset?: number,
    align?: number,
  ) => Builder;
};

/** Every method that the opcode tables give. */
export type InstructionMethods<Builder> =
  & PlainMethods<Builder>
  & LaneMethods<Builder>
  & MemoryMethods<Builder>
  & MemoryLaneMethods<Builder>;

const I32_CONST = 0x41;

/** What the table's methods need of the object they are called on. */
interface HasCode {
  readonly code: ByteWriter;
}

type Methods = Record<string, (this: HasCode, ...immediates: number[]) => HasCode>;
type Opcodes = Readonly<Record<string, number>>;
type MemoryOpcodes = Readonly<Record<string, readonly [opcode: number, align: number]>>;

function definePlain(methods: Methods, opcodes: Opcodes): void {
  for (const name in opcodes) {
    const opcode = opcodes[name];
    methods[name] = function (): HasCode {
      this.code.opcode(opcode);
      return this;
    };
  }
}

/** Gives a prototype one method per instruction of the tables. */
export function defineInstructionMethods(prototype: object): void {
  const methods: Methods = {};
  definePlain(methods, scalarOpcodes);
  definePlain(methods, vectorOpcodes);
  const lanes: Opcodes = laneOpcodes;
  for (const name in lanes) {
    const opcode = lanes[name];
    methods[name] = function (lane): HasCode {
      this.code.opcode(opcode);
      this.code.byte(lane);
      return this;
    };
  }
  const memory: MemoryOpcodes = memoryOpcodes, memoryLanes: MemoryOpcodes = memoryLaneOpcodes;
  for (const name in memory) {
    const [opcode, natural] = memory[name];
    const loads = name.includes("Load");
    methods[name] = function (offset = 0, align = natural): HasCode {
      // Offsets in instructions are unsigned. The address of a load is on top of the stack and can be moved before it.
      if (offset < 0 && loads) {
        this.code.byte(I32_CONST);
        this.code.signed32(offset);
        this.code.opcode(scalarOpcodes.i32Add);
      }
      this.code.opcode(opcode);
      this.code.byte(align);
      this.code.unsigned(loads ? Math.max(0, offset) : checkOffset(name, offset));
      return this;
    };
  }
  for (const name in memoryLanes) {
    const [opcode, natural] = memoryLanes[name];
    methods[name] = function (lane, offset = 0, align = natural): HasCode {
      this.code.opcode(opcode);
      this.code.byte(align);
      this.code.unsigned(checkOffset(name, offset));
      this.code.byte(lane);
      return this;
    };
  }
  // Defining them on the prototype one by one takes ten times longer: it is copied for each.
  Object.setPrototypeOf(prototype, methods);
}

function checkOffset(name: string, offset: number): number {
  if (offset >= 0) return offset;
  throw new RangeError(`${name} cannot have the offset ${offset}: add it to the address.`);
}
