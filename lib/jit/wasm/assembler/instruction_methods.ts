// The methods that come straight from the opcode tables: one per instruction, named after it.

import type { ByteWriter } from "./byte_writer.ts";
import { memoryLaneOpcodes, memoryOpcodes } from "./memory_opcodes.ts";
import { scalarOpcodes } from "./scalar_opcodes.ts";
import { methodName } from "./types.ts";
import type { MethodName } from "./types.ts";
import { laneOpcodes, vectorOpcodes } from "./vector_opcodes.ts";

type PlainName = keyof typeof scalarOpcodes | keyof typeof vectorOpcodes;
type LaneName = keyof typeof laneOpcodes;
type MemoryName = keyof typeof memoryOpcodes;
type MemoryLaneName = keyof typeof memoryLaneOpcodes;

/** Emitters of the instructions without immediates: `i32Add()`, `f32x4RelaxedMadd()`, `return()`. */
export type PlainMethods<Builder> = { readonly [Name in PlainName as MethodName<Name>]: () => Builder };

/** Emitters of the instructions with a lane index: `f32x4ExtractLane(2)`. */
export type LaneMethods<Builder> = {
  readonly [Name in LaneName as MethodName<Name>]: (lane: number) => Builder;
};

/** Emitters of loads and stores: constant offset in bytes, log2 of the alignment (default: the natural one). */
export type MemoryMethods<Builder> = {
  readonly [Name in MemoryName as MethodName<Name>]: (offset?: number, align?: number) => Builder;
};

/** Emitters of the loads and stores of one lane. */
export type MemoryLaneMethods<Builder> = {
  readonly [Name in MemoryLaneName as MethodName<Name>]: (
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

/** What the table's methods need of the object they are called on. */
interface HasCode {
  readonly code: ByteWriter;
}

/** Gives a prototype one method per instruction of the tables. */
export function defineInstructionMethods(prototype: object): void {
  const methods: Record<string, (this: HasCode, ...immediates: number[]) => HasCode> = {};
  function define(name: string, value: (this: HasCode, ...immediates: number[]) => HasCode): void {
    methods[methodName(name)] = value;
  }
  for (const [name, opcode] of [...Object.entries(scalarOpcodes), ...Object.entries(vectorOpcodes)]) {
    define(name, function (): HasCode {
      this.code.opcode(opcode);
      return this;
    });
  }
  for (const [name, opcode] of Object.entries(laneOpcodes)) {
    define(name, function (lane): HasCode {
      this.code.opcode(opcode);
      this.code.byte(lane);
      return this;
    });
  }
  for (const [name, [opcode, natural]] of Object.entries(memoryOpcodes)) {
    define(name, function (offset = 0, align = natural): HasCode {
      this.code.opcode(opcode);
      this.code.byte(align);
      this.code.unsigned(offset);
      return this;
    });
  }
  for (const [name, [opcode, natural]] of Object.entries(memoryLaneOpcodes)) {
    define(name, function (lane, offset = 0, align = natural): HasCode {
      this.code.opcode(opcode);
      this.code.byte(align);
      this.code.unsigned(offset);
      this.code.byte(lane);
      return this;
    });
  }
  // Defining them on the prototype one by one takes ten times longer: it is copied for each.
  Object.setPrototypeOf(prototype, methods);
}
