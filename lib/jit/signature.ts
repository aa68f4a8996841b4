/** What a compiled program was made for: the structure and types of the arguments, as a key, as guards and in words. */
import type { TypedArray } from "../trace/dtype.ts";
import { identityOf } from "../trace/graph.ts";
import { type Aval, describe, sameShape } from "../trace/shape.ts";
import { Shared } from "../trace/shared.ts";
import type { Device } from "../trace/storage.ts";
import { Tensor } from "../trace/tensor.ts";
import { flatten, leafPaths, specKey, type TreeSpec } from "../trace/tree.ts";
import type { RunInput } from "./backend.ts";

/** A leaf of the arguments: what enters the graph as an input. */
export type ArgumentLeaf = Tensor | number;

/** The arguments of one call, taken apart. */
export interface Arguments {
  /** One structure per argument. */
  readonly specs: readonly TreeSpec[];
  readonly leaves: readonly ArgumentLeaf[];
  /** The path of each leaf as the user would write it, and the argument it belongs to. */
  readonly paths: readonly string[];
  readonly positions: readonly number[];
}

function isLeaf(value: unknown): value is ArgumentLeaf | TypedArray {
  return value instanceof Tensor || typeof value === "number" ||
    ArrayBuffer.isView(value) && !(value instanceof DataView);
}

/** Takes the arguments apart. Those at the positions of `statics` stay whole; typed arrays become tensors. */
export function flattenArguments(
  args: readonly unknown[],
  names: readonly string[],
  statics: readonly number[],
  toTensor: (data: TypedArray) => Tensor,
): Arguments {
  const specs: TreeSpec[] = [];
  const leaves: ArgumentLeaf[] = [];
  const paths: string[] = [];
  const positions: number[] = [];
  args.forEach((arg, i) => {
    if (statics.includes(i)) {
      specs.push({ kind: "static", value: arg });
      return;
    }
    const flat = flatten(arg, isLeaf);
    specs.push(flat.spec);
    for (const leaf of flat.leaves) {
      leaves.push(leaf instanceof Tensor || typeof leaf === "number" ? leaf : toTensor(leaf));
      positions.push(i);
    }
    paths.push(...leafPaths(flat.spec, names[i]));
  });
  return { specs, leaves, paths, positions };
}

/** A text for a static value: plain data by its contents, everything else by identity. */
export function staticKey(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "symbol") return String(value);
  if (value instanceof Tensor || value instanceof Shared) return `@${identityOf(value)}`;
  if (Array.isArray(value)) return `[${value.map(staticKey).join()}]`;
  if (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    return `{${
      Object.entries(value).map(([key, child]) => `${JSON.stringify(key)}:${staticKey(child)}`).join()
    }}`;
  }
  if (typeof value === "function" || typeof value === "object" && value !== null) {
    return `@${identityOf(value)}`;
  }
  return String(value);
}

/** The key of the cache: all that matters but the integrality of numbers. */
export function argumentsKey({ specs, leaves }: Arguments, device: Device): string {
  let key = device;
  for (const spec of specs) key += `;${specKey(spec, staticKey)}`;
  for (const leaf of leaves) {
    key += typeof leaf === "number" ? "|#" : `|${leaf.aval.dtype}${leaf.aval.shape.join()}`;
  }
  return key;
}

/** One leaf or static value of a signature in words. */
export interface SignaturePart {
  readonly path: string;
  readonly text: string;
}

function describeStatic(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "function") return value.name ? `function ${value.name}` : "a function";
  if (value instanceof Shared) return `shared ${value.name}`;
  if (Array.isArray(value) || typeof value === "object" && value !== null) {
    if (Object.getPrototypeOf(value) === Object.prototype || Array.isArray(value)) return staticKey(value);
    return value.constructor?.name ?? "an object";
  }
  return String(value);
}

/** The parts of a signature in the order of the arguments. `integral` tells of the numbers whose integrality counts. */
export function signatureParts(
  { specs, leaves, paths, positions }: Arguments,
  names: readonly string[],
  integral: readonly (boolean | null)[],
): SignaturePart[] {
  const parts: SignaturePart[] = [];
  let next = 0;
  specs.forEach((spec, i) => {
    for (; next < leaves.length && positions[next] === i; next++) {
      const leaf = leaves[next];
      parts.push({ path: paths[next], text: describeLeaf(leaf, integral[next]) });
    }
    staticParts(spec, names[i], parts);
  });
  return parts;
}

function describeLeaf(leaf: ArgumentLeaf, integral: boolean | null): string {
  if (typeof leaf !== "number") return describe(leaf.aval);
  return integral === null ? "number" : integral ? "integral number" : "fractional number";
}

function staticParts(spec: TreeSpec, path: string, parts: SignaturePart[]): void {
  if (spec.kind === "static") parts.push({ path, text: describeStatic(spec.value) });
  else if (spec.kind === "array") {
    spec.children.forEach((child, i) => staticParts(child, `${path}[${i}]`, parts));
  } else if (spec.kind === "object") {
    spec.children.forEach((child, i) => staticParts(child, `${path}.${spec.keys[i]}`, parts));
  }
}

/** `x: float32[2, 3], lr: number`. */
export function describeSignature(parts: readonly SignaturePart[]): string {
  return parts.map(({ path, text }) => `${path}: ${text}`).join(", ");
}

/** What changed between two signatures. */
export interface SignatureChange {
  readonly path: string;
  readonly before: string;
  readonly after: string;
}

/** The first difference between two signatures, or null when they read the same. */
export function firstChange(
  before: readonly SignaturePart[],
  after: readonly SignaturePart[],
): SignatureChange | null {
  const old = new Map(before.map(({ path, text }) => [path, text]));
  for (const { path, text } of after) {
    const previous = old.get(path);
    if (previous !== text) return { path, before: previous ?? "nothing", after: text };
    old.delete(path);
  }
  for (const [path, text] of old) return { path, before: text, after: "nothing" };
  return null;
}

const TENSOR = 0, NUMBER = 1, STATIC = 2, ARRAY = 3, OBJECT = 4;

/** The least and the greatest that a number may be. */
export type Limits = readonly [number, number];

/** Whether a number's integrality matters: -1 no, otherwise the value it must have. */
type Integrality = -1 | 0 | 1;

/** What one argument, or a part of it, must be for a compiled program to take it. One shape for all kinds. */
export interface Guard {
  readonly kind: number;
  readonly aval: Aval | null;
  readonly integrality: Integrality;
  readonly low: number;
  readonly high: number;
  readonly value: unknown;
  readonly keys: readonly string[] | null;
  readonly children: readonly Guard[] | null;
}

function guard(kind: number, parts: Partial<Guard>): Guard {
  return {
    kind,
    aval: null,
    integrality: -1,
    low: -Infinity,
    high: Infinity,
    value: undefined,
    keys: null,
    children: null,
    ...parts,
  };
}

/** The guards of the arguments. */
export function buildGuards(
  args: Arguments,
  integral: readonly (boolean | null)[],
  limits: readonly (Limits | null)[] = [],
): Guard[] {
  let next = 0;
  function build(spec: TreeSpec): Guard {
    switch (spec.kind) {
      case "static":
        return guard(STATIC, { value: spec.value });
      case "array":
        return guard(ARRAY, { children: spec.children.map(build) });
      case "object":
        return guard(OBJECT, { keys: spec.keys, children: spec.children.map(build) });
      case "leaf": {
        const i = next++;
        const leaf = args.leaves[i];
        if (typeof leaf !== "number") return guard(TENSOR, { aval: leaf.aval });
        const [low, high] = limits[i] ?? [-Infinity, Infinity];
        return guard(NUMBER, { integrality: integral[i] === null ? -1 : integral[i] ? 1 : 0, low, high });
      }
    }
  }
  return args.specs.map(build);
}

/** A leaf of guarded arguments: the type of a tensor, or what is asked of a number. */
export interface GuardedLeaf {
  readonly aval: Aval | null;
  readonly integral: boolean | null;
}

/** The structure that a guard is for; its leaves are added to `leaves`. */
export function guardedSpec(guard: Guard, leaves: GuardedLeaf[]): TreeSpec {
  switch (guard.kind) {
    case TENSOR:
    case NUMBER:
      leaves.push({ aval: guard.aval, integral: guard.integrality < 0 ? null : guard.integrality === 1 });
      return { kind: "leaf" };
    case STATIC:
      return { kind: "static", value: guard.value };
    case ARRAY:
      return { kind: "array", children: guard.children!.map((child) => guardedSpec(child, leaves)) };
    default:
      return {
        kind: "object",
        keys: guard.keys!,
        children: guard.children!.map((child) => guardedSpec(child, leaves)),
      };
  }
}

/**
 * Checks one argument and writes its storages and numbers into `inputs` from `at` on. Gives the next free position, or
 * -1 when the argument is not what the guard wants, or needs the slow path (literals, disposed and donated tensors).
 */
export function fill(guard: Guard, value: unknown, device: Device, inputs: RunInput[], at: number): number {
  switch (guard.kind) {
    case TENSOR: {
      if (!(value instanceof Tensor)) return -1;
      const aval = value.aval, expected = guard.aval!;
      if (aval !== expected && (aval.dtype !== expected.dtype || !sameShape(aval.shape, expected.shape))) {
        return -1;
      }
      const storage = value.rawStorage();
      if (storage === null || storage.donation !== null || storage.disposed || storage.device !== device) {
        return -1;
      }
      inputs[at] = storage;
      return at + 1;
    }
    case NUMBER:
      if (typeof value !== "number") return -1;
      if (guard.integrality >= 0 && Number.isInteger(value) !== (guard.integrality === 1)) return -1;
      if (value < guard.low || value > guard.high) return -1;
      inputs[at] = value;
      return at + 1;
    case STATIC:
      return Object.is(value, guard.value) ? at : -1;
    case ARRAY: {
      const children = guard.children!;
      if (!Array.isArray(value) || value.length !== children.length) return -1;
      for (let i = 0; i < children.length && at >= 0; i++) {
        at = fill(children[i], value[i], device, inputs, at);
      }
      return at;
    }
    default:
      return fillObject(guard, value, device, inputs, at);
  }
}

function fillObject(guard: Guard, value: unknown, device: Device, inputs: RunInput[], at: number): number {
  if (typeof value !== "object" || value === null) return -1;
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return -1;
  const keys = guard.keys!, children = guard.children!;
  let i = 0;
  for (const key in value) {
    if (i >= keys.length || key !== keys[i]) return -1;
    at = fill(children[i], (value as Record<string, unknown>)[key], device, inputs, at);
    if (at < 0) return -1;
    i++;
  }
  return i === keys.length ? at : -1;
}
