// Every instruction by its opcode, with the kind of its immediates: what a decoder needs.

import { memoryLaneOpcodes, memoryOpcodes } from "./memory_opcodes.ts";
import { scalarOpcodes } from "./scalar_opcodes.ts";
import { laneOpcodes, vectorOpcodes } from "./vector_opcodes.ts";

/** What follows the opcode in the binary format. */
export type Immediate =
  | "none"
  | "reserved"
  | "reservedPair"
  | "index"
  | "indexReserved"
  | "lane"
  | "memory"
  | "memoryLane"
  | "i32"
  | "i64"
  | "f32"
  | "f64"
  | "vector"
  | "shuffle"
  | "block"
  | "table"
  | "callIndirect";

/** One instruction. */
export interface Instruction {
  readonly name: string;
  readonly opcode: number;
  readonly immediate: Immediate;
  /** Log2 of the natural alignment of a memory access, else 0. */
  readonly align: number;
}

const special: readonly (readonly [name: string, opcode: number, immediate: Immediate])[] = [
  ["block", 0x02, "block"],
  ["loop", 0x03, "block"],
  ["if", 0x04, "block"],
  ["else", 0x05, "none"],
  ["end", 0x0b, "none"],
  ["br", 0x0c, "index"],
  ["br_if", 0x0d, "index"],
  ["br_table", 0x0e, "table"],
  ["call", 0x10, "index"],
  ["call_indirect", 0x11, "callIndirect"],
  ["local.get", 0x20, "index"],
  ["local.set", 0x21, "index"],
  ["local.tee", 0x22, "index"],
  ["global.get", 0x23, "index"],
  ["global.set", 0x24, "index"],
  ["memory.size", 0x3f, "reserved"],
  ["memory.grow", 0x40, "reserved"],
  ["i32.const", 0x41, "i32"],
  ["i64.const", 0x42, "i64"],
  ["f32.const", 0x43, "f32"],
  ["f64.const", 0x44, "f64"],
  ["memory.init", 0xfc008, "indexReserved"],
  ["memory.copy", 0xfc00a, "reservedPair"],
  ["memory.fill", 0xfc00b, "reserved"],
  ["v128.const", 0xfd00c, "vector"],
  ["i8x16.shuffle", 0xfd00d, "shuffle"],
  ["atomic.fence", 0xfe003, "reserved"],
];

let table: ReadonlyMap<number, Instruction> | undefined;

/** All instructions that {@linkcode FunctionBuilder} emits, by opcode; made when the first program is printed. */
export function instructionByOpcode(): ReadonlyMap<number, Instruction> {
  return table ??= new Map(
    [
      ...special.map(([name, opcode, immediate]): Instruction => ({ name, opcode, immediate, align: 0 })),
      ...fromTable(scalarOpcodes, "none"),
      ...fromTable(vectorOpcodes, "none"),
      ...fromTable(laneOpcodes, "lane"),
      ...fromMemoryTable(memoryOpcodes, "memory"),
      ...fromMemoryTable(memoryLaneOpcodes, "memoryLane"),
    ].map((instruction) => [instruction.opcode, instruction]),
  );
}

/** The WebAssembly name of the instruction that a method emits: `i32x4ExtendLowI16x8S` is `i32x4.extend_low_i16x8_s`. */
function instructionName(method: string): string {
  const [type, ...words] = method.split(/(?=[A-Z])/);
  let name = type, separator = ".";
  for (const word of words) {
    name += separator + word.toLowerCase();
    separator = /^(Atomic|Rmw\d*)$/.test(word) ? "." : "_";
  }
  return name;
}

function fromTable(opcodes: Readonly<Record<string, number>>, immediate: Immediate): Instruction[] {
  return Object.entries(opcodes).map(([method, opcode]) => {
    return { name: instructionName(method), opcode, immediate, align: 0 };
  });
}

function fromMemoryTable(
  opcodes: Readonly<Record<string, readonly [number, number]>>,
  immediate: Immediate,
): Instruction[] {
  return Object.entries(opcodes).map(([method, [opcode, align]]) => {
    return { name: instructionName(method), opcode, immediate, align };
  });
}
