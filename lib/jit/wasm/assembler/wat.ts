// Prints a WebAssembly binary as text, from the same opcode tables that the assembler emits with.

import { ByteReader } from "./byte_reader.ts";
import { instructionByOpcode } from "./instruction_table.ts";
import { valueTypeCodes } from "./types.ts";

const valueTypeNames: ReadonlyMap<number, string> = new Map(
  Object.entries(valueTypeCodes).map(([name, code]) => [code, name]),
);

interface Signature {
  readonly params: readonly string[];
  readonly results: readonly string[];
}

interface ModuleContents {
  readonly types: Signature[];
  readonly lines: string[];
  /** Type indices of all functions, imported ones first. */
  readonly functionTypes: number[];
  importedFunctions: number;
  readonly exportNames: Map<number, string>;
}

/** The text of a WebAssembly module in the binary format, one instruction a line, indented by blocks. */
export function wat(binary: Uint8Array): string {
  const reader = new ByteReader(binary);
  reader.skip(8);
  const contents: ModuleContents = {
    types: [],
    lines: [],
    functionTypes: [],
    importedFunctions: 0,
    exportNames: new Map(),
  };
  while (reader.offset < binary.length) {
    const id = reader.byte();
    const end = reader.unsigned() + reader.offset;
    printSection(id, reader, contents);
    reader.skip(end - reader.offset);
  }
  return `(module\n${contents.lines.map((line) => `  ${line}\n`).join("")})\n`;
}

function printSection(id: number, reader: ByteReader, contents: ModuleContents): void {
  const count = reader.unsigned();
  for (let i = 0; i < count; i++) {
    if (id === 1) contents.types.push(readSignature(reader));
    else if (id === 2) printImport(reader, contents);
    else if (id === 3) contents.functionTypes.push(reader.unsigned());
    else if (id === 4) contents.lines.push(`(table ${readLimits(reader, true)} funcref)`);
    else if (id === 6) printGlobal(reader, contents);
    else if (id === 7) printExport(reader, contents);
    else if (id === 9) printElements(reader, contents);
    else if (id === 10) printFunction(reader, contents, contents.importedFunctions + i);
    else if (id === 11) printData(reader, contents, i);
    else return;
  }
}

function readTypes(reader: ByteReader): string[] {
  return Array.from({ length: reader.unsigned() }, () => valueTypeName(reader.byte()));
}

function valueTypeName(code: number): string {
  const name = valueTypeNames.get(code);
  if (name === undefined) throw new RangeError(`Unknown value type 0x${code.toString(16)}`);
  return name;
}

function readSignature(reader: ByteReader): Signature {
  reader.skip(1);
  return { params: readTypes(reader), results: readTypes(reader) };
}

function signatureText(type: Signature): string {
  const params = type.params.length > 0 ? ` (param ${type.params.join(" ")})` : "";
  const results = type.results.length > 0 ? ` (result ${type.results.join(" ")})` : "";
  return params + results;
}

function readLimits(reader: ByteReader, skipElementType = false): string {
  if (skipElementType) reader.skip(1);
  const flags = reader.byte();
  const minimum = reader.unsigned();
  const maximum = (flags & 1) !== 0 ? ` ${reader.unsigned()}` : "";
  return `${minimum}${maximum}${(flags & 2) !== 0 ? " shared" : ""}`;
}

function printImport(reader: ByteReader, contents: ModuleContents): void {
  const from = `(import ${JSON.stringify(reader.name())} ${JSON.stringify(reader.name())}`;
  const kind = reader.byte();
  if (kind === 0) {
    const type = reader.unsigned();
    contents.lines.push(
      `${from} (func (;${contents.importedFunctions};)${signatureText(contents.types[type])}))`,
    );
    contents.functionTypes.push(type);
    contents.importedFunctions++;
  } else if (kind === 1) {
    contents.lines.push(`${from} (table ${readLimits(reader, true)} funcref))`);
  } else {
    contents.lines.push(`${from} (memory ${readLimits(reader)}))`);
  }
}

function printGlobal(reader: ByteReader, contents: ModuleContents): void {
  const type = valueTypeName(reader.byte());
  const mutable = reader.byte() === 1;
  const initial = readInstruction(reader, contents).text;
  reader.skip(1);
  contents.lines.push(`(global ${mutable ? `(mut ${type})` : type} (${initial}))`);
}

function printExport(reader: ByteReader, contents: ModuleContents): void {
  const name = reader.name();
  const kind = reader.byte();
  const index = reader.unsigned();
  if (kind === 0) contents.exportNames.set(index, name);
  contents.lines.push(
    `(export ${JSON.stringify(name)} (${["func", "table", "memory", "global"][kind]} ${index}))`,
  );
}

function printElements(reader: ByteReader, contents: ModuleContents): void {
  reader.skip(1);
  const offset = readInstruction(reader, contents).text;
  reader.skip(1);
  const functions = Array.from({ length: reader.unsigned() }, () => reader.unsigned());
  contents.lines.push(`(elem (${offset}) func ${functions.join(" ")})`);
}

function printData(reader: ByteReader, contents: ModuleContents, index: number): void {
  reader.skip(1);
  const length = reader.unsigned();
  reader.skip(length);
  contents.lines.push(`(data (;${index};) (; ${length} bytes ;))`);
}

function printFunction(reader: ByteReader, contents: ModuleContents, index: number): void {
  const end = reader.unsigned() + reader.offset;
  const type = contents.types[contents.functionTypes[index]];
  const name = contents.exportNames.get(index);
  contents.lines.push(`(func (;${index}${name === undefined ? "" : ` ${name}`};)${signatureText(type)}`);
  const runs = reader.unsigned();
  let local = type.params.length;
  for (let i = 0; i < runs; i++) {
    const length = reader.unsigned();
    const typeName = valueTypeName(reader.byte());
    contents.lines.push(`  (local (;${local};)${` ${typeName}`.repeat(length)})`);
    local += length;
  }
  let depth = 1;
  while (reader.offset < end - 1) {
    const instruction = readInstruction(reader, contents);
    if (instruction.closes) depth--;
    contents.lines.push("  ".repeat(depth) + instruction.text);
    if (instruction.opens) depth++;
  }
  reader.skip(1);
  contents.lines.push(")");
}

interface PrintedInstruction {
  readonly text: string;
  readonly opens: boolean;
  readonly closes: boolean;
}

function readInstruction(reader: ByteReader, contents: ModuleContents): PrintedInstruction {
  const first = reader.byte();
  const opcode = first >= 0xfc ? (first << 12) | reader.unsigned() : first;
  const instruction = instructionByOpcode().get(opcode);
  if (instruction === undefined) {
    throw new RangeError(`Unknown opcode 0x${opcode.toString(16)} at ${reader.offset}`);
  }
  const { name, immediate } = instruction;
  const opens = immediate === "block" || name === "else";
  const closes = name === "end" || name === "else";
  return { text: name + immediateText(reader, contents, immediate, instruction.align), opens, closes };
}

function immediateText(
  reader: ByteReader,
  contents: ModuleContents,
  immediate: string,
  naturalAlign: number,
): string {
  switch (immediate) {
    case "none":
      return "";
    case "reserved":
      reader.skip(1);
      return "";
    case "reservedPair":
      reader.skip(2);
      return "";
    case "index":
    case "lane":
      return ` ${reader.unsigned()}`;
    case "indexReserved": {
      const index = reader.unsigned();
      reader.skip(1);
      return ` ${index}`;
    }
    case "memory":
      return memoryText(reader, naturalAlign);
    case "memoryLane": {
      const access = memoryText(reader, naturalAlign);
      return `${access} ${reader.byte()}`;
    }
    case "i32":
      return ` ${reader.signed64()}`;
    case "i64":
      return ` ${reader.signed64()}`;
    case "f32":
      return ` ${floatText(reader.float32())}`;
    case "f64":
      return ` ${floatText(reader.float64())}`;
    case "vector": {
      const words = Array.from({ length: 4 }, () => reader.word());
      return ` i32x4 ${words.map((word) => `0x${word.toString(16).padStart(8, "0")}`).join(" ")}`;
    }
    case "shuffle":
      return ` ${Array.from({ length: 16 }, () => reader.byte()).join(" ")}`;
    case "block":
      return blockTypeText(reader, contents);
    case "table": {
      const levels = Array.from({ length: reader.unsigned() + 1 }, () => reader.unsigned());
      return ` ${levels.join(" ")}`;
    }
    case "callIndirect": {
      const type = contents.types[reader.unsigned()];
      reader.skip(1);
      return signatureText(type);
    }
    default:
      throw new RangeError(`Unknown immediate ${immediate}`);
  }
}

function memoryText(reader: ByteReader, naturalAlign: number): string {
  const align = reader.byte();
  const offset = reader.unsigned();
  return (offset === 0 ? "" : ` offset=${offset}`) + (align === naturalAlign ? "" : ` align=${2 ** align}`);
}

function blockTypeText(reader: ByteReader, contents: ModuleContents): string {
  const code = Number(reader.signed64());
  if (code === -0x40) return "";
  if (code < 0) return ` (result ${valueTypeName(code & 0x7f)})`;
  return signatureText(contents.types[code]);
}

function floatText(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  return Object.is(value, -0) ? "-0" : String(value);
}
