// Assembles a WebAssembly module: types, imports, functions, table, globals, exports, code.

import { ByteWriter } from "./byte_writer.ts";
import { FunctionBuilder } from "./function_builder.ts";
import { valueTypeCodes } from "./types.ts";
import type { FunctionType } from "./types.ts";

/** Where an import comes from: `imports[module][name]`. */
export interface ImportName {
  readonly module: string;
  readonly name: string;
}

/** Limits of the imported memory, in pages of 64 KiB. */
export interface MemoryOptions {
  readonly minimum: number;
  /** Needed when the memory is shared. */
  readonly maximum?: number;
  readonly shared?: boolean;
}

/** Options of {@linkcode ModuleBuilder.addGlobal}. */
export interface GlobalOptions {
  /** Whether code may change the global. Default: true. */
  readonly mutable?: boolean;
  readonly exportName?: string;
}

const functionKind = 0;
const tableKind = 1;
const globalKind = 3;

/** One module. Add imports first, because functions are numbered after the imported ones. */
export class ModuleBuilder {
  readonly #types: ByteWriter = new ByteWriter(64);
  readonly #typeIndices: Map<string, number> = new Map();
  readonly #imports: ByteWriter = new ByteWriter(64);
  #importCount = 0;
  #importedFunctions = 0;
  #hasMemory = false;
  readonly #functions: FunctionBuilder[] = [];
  #table:
    | { readonly elements: readonly number[]; readonly minimum: number }
    | undefined;
  readonly #globals: ByteWriter = new ByteWriter(64);
  #globalCount = 0;
  readonly #exports: ByteWriter = new ByteWriter(64);
  #exportCount = 0;
  readonly #data: Uint8Array[] = [];

  /** The index of a function type; equal types share one. */
  typeIndex(type: FunctionType): number {
    const key = `${type.params.join()}>${type.results.join()}`;
    const found = this.#typeIndices.get(key);
    if (found !== undefined) return found;
    const index = this.#typeIndices.size;
    this.#typeIndices.set(key, index);
    this.#types.byte(0x60);
    for (const list of [type.params, type.results]) {
      this.#types.unsigned(list.length);
      for (const value of list) this.#types.byte(valueTypeCodes[value]);
    }
    return index;
  }

  /** The index of a struct of so many vectors that code may change; equal ones share one. */
  vectorStruct(fields: number): number {
    return this.#heapType(`struct ${fields}`, (types) => {
      types.byte(0x5f);
      types.unsigned(fields);
      for (let i = 0; i < fields; i++) types.bytes([valueTypeCodes.v128, 1]);
    });
  }

  /** The index of an array of references to a struct, none of them null, that code may change. */
  arrayOf(struct: number): number {
    return this.#heapType(`array ${struct}`, (types) => {
      types.bytes([0x5e, 0x64]);
      types.signed32(struct);
      types.byte(1);
    });
  }

  #heapType(key: string, write: (types: ByteWriter) => void): number {
    const found = this.#typeIndices.get(key);
    if (found !== undefined) return found;
    const index = this.#typeIndices.size;
    this.#typeIndices.set(key, index);
    write(this.#types);
    return index;
  }

  /** Imports a function and returns its index. */
  importFunction(from: ImportName, type: FunctionType): number {
    if (this.#functions.length > 0) throw new RangeError("Imports must be added before functions");
    this.#import(from, functionKind);
    this.#imports.unsigned(this.typeIndex(type));
    return this.#importedFunctions++;
  }

  /** Imports the memory that loads and stores work on. */
  importMemory(from: ImportName, options: MemoryOptions): void {
    if (this.#hasMemory) throw new RangeError("A module has one memory");
    if (options.shared && options.maximum === undefined) {
      throw new RangeError("A shared memory needs a maximum");
    }
    this.#hasMemory = true;
    this.#import(from, 2);
    this.#imports.byte((options.maximum === undefined ? 0 : 1) | (options.shared ? 2 : 0));
    this.#imports.unsigned(options.minimum);
    if (options.maximum !== undefined) this.#imports.unsigned(options.maximum);
  }

  /** Adds a function and returns its builder; a name exports it. */
  addFunction(type: FunctionType, exportName?: string): FunctionBuilder {
    const index = this.#importedFunctions + this.#functions.length;
    const builder = new FunctionBuilder(index, type, (blockType) => this.typeIndex(blockType));
    this.typeIndex(type);
    this.#functions.push(builder);
    if (exportName !== undefined) this.exportFunction(index, exportName);
    return builder;
  }

  /** Exports a function by its index. */
  exportFunction(index: number, name: string): void {
    this.#export(name, functionKind, index);
  }

  /** Defines the table for `call_indirect`: entry `i` calls the function with index `functions[i]`. */
  addTable(functions: readonly number[], options: { readonly exportName?: string } = {}): void {
    if (this.#table !== undefined) throw new RangeError("A module has one table");
    this.#table = { elements: functions, minimum: functions.length };
    if (options.exportName !== undefined) this.#export(options.exportName, tableKind, 0);
  }

  /** Adds a global with an initial value and returns its index. */
  addGlobal(type: "i32" | "f32" | "f64", initial: number, options: GlobalOptions = {}): number {
    const out = this.#globals;
    out.byte(valueTypeCodes[type]);
    out.byte(options.mutable === false ? 0 : 1);
    if (type === "i32") {
      out.byte(0x41);
      out.signed32(initial | 0);
    } else if (type === "f32") {
      out.byte(0x43);
      out.float32(initial);
    } else {
      out.byte(0x44);
      out.float64(initial);
    }
    out.byte(0x0b);
    if (options.exportName !== undefined) this.#export(options.exportName, globalKind, this.#globalCount);
    return this.#globalCount++;
  }

  /** Adds a global that refers to a struct or an array of this type, or to none as it does at first. */
  addReference(type: number): number {
    const out = this.#globals;
    for (const code of [0x63, 0xd0]) {
      out.byte(code);
      out.signed32(type);
      if (code === 0x63) out.byte(1);
    }
    out.byte(0x0b);
    return this.#globalCount++;
  }

  /** Adds bytes that `memory.init` copies into the memory; returns the index of the segment. */
  addData(bytes: Uint8Array): number {
    return this.#data.push(bytes) - 1;
  }

  /** The module in the WebAssembly binary format. */
  build(): Uint8Array<ArrayBuffer> {
    let codeBytes = 0;
    for (const builder of this.#functions) codeBytes += builder.byteLength + 32;
    const code = new ByteWriter(codeBytes + 16);
    const signatures = new ByteWriter(2 * this.#functions.length + 16);
    for (const builder of this.#functions) {
      signatures.unsigned(this.typeIndex(builder.type));
      builder.writeBody(code);
    }
    const out = new ByteWriter(codeBytes + 1024);
    out.bytes([0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
    writeSection(out, 1, this.#typeIndices.size, this.#types);
    writeSection(out, 2, this.#importCount, this.#imports);
    writeSection(out, 3, this.#functions.length, signatures);
    const table = this.#table;
    if (table !== undefined) {
      const body = new ByteWriter(16);
      body.bytes([0x70, 0]);
      body.unsigned(table.minimum);
      writeSection(out, 4, 1, body);
    }
    writeSection(out, 6, this.#globalCount, this.#globals);
    writeSection(out, 7, this.#exportCount, this.#exports);
    if (table !== undefined && table.elements.length > 0) {
      const body = new ByteWriter(2 * table.elements.length + 16);
      body.bytes([0, 0x41, 0, 0x0b]);
      body.unsigned(table.elements.length);
      for (const index of table.elements) body.unsigned(index);
      writeSection(out, 9, 1, body);
    }
    const data = new ByteWriter(64);
    for (const bytes of this.#data) {
      data.byte(1);
      data.unsigned(bytes.length);
      data.bytes(bytes);
    }
    if (this.#data.length > 0) {
      // The number of segments, which the code refers to before they come.
      const count = new ByteWriter(8);
      count.unsigned(this.#data.length);
      out.byte(12);
      out.unsigned(count.length);
      out.bytes(count.view());
    }
    writeSection(out, 10, this.#functions.length, code);
    writeSection(out, 11, this.#data.length, data);
    return out.toBytes();
  }

  #import(from: ImportName, kind: number): void {
    this.#imports.name(from.module);
    this.#imports.name(from.name);
    this.#imports.byte(kind);
    this.#importCount++;
  }

  #export(name: string, kind: number, index: number): void {
    this.#exports.name(name);
    this.#exports.byte(kind);
    this.#exports.unsigned(index);
    this.#exportCount++;
  }
}

/** Writes a section: its number, its size, how many entries it has, and the entries. */
function writeSection(out: ByteWriter, id: number, count: number, entries: ByteWriter): void {
  if (count === 0) return;
  const prefix = new ByteWriter(8);
  prefix.unsigned(count);
  out.byte(id);
  out.unsigned(prefix.length + entries.length);
  out.bytes(prefix.view());
  out.bytes(entries.view());
}
