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

const I32_CONST = 0x41;

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
    const loads = name.includes("load");
    define(name, function (offset = 0, align = natural): HasCode {
      // Offsets in instructions are unsigned. The address of a load is on top of the stack and can be moved before it.
      if (offset < 0 && loads) {
        this.code.byte(I32_CONST);
        this.code.signed32(offset);
        this.code.opcode(scalarOpcodes["i32.add"]);
      }
      this.code.opcode(opcode);
      this.code.byte(align);
      this.code.unsigned(loads ? Math.max(0, offset) : checkOffset(name, offset));
      return this;
    });
  }
  for (const [name, [opcode, natural]] of Object.entries(memoryLaneOpcodes)) {
    define(name, function (lane, offset = 0, align = natural): HasCode {
      this.code.opcode(opcode);
      this.code.byte(align);
      this.code.unsigned(checkOffset(name, offset));
      this.code.byte(lane);
      return this;
    });
  }
  // Defining them on the prototype one by one takes ten times longer: it is copied for each.
  Object.setPrototypeOf(prototype, methods);
}

function checkOffset(name: string, offset: number): number {
  if (offset >= 0) return offset;
  throw new RangeError(`${name} cannot have the offset ${offset}: add it to the address.`);
}
