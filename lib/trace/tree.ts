/** Trees: a leaf, or arrays and plain objects of trees. Flattening, rebuilding and naming their leaves. */
import { DamoError } from "./errors.ts";

/** The structure of a tree without its leaves. */
export type TreeSpec =
  | { readonly kind: "leaf" }
  | { readonly kind: "static"; readonly value: unknown }
  | { readonly kind: "array"; readonly children: readonly TreeSpec[] }
  | { readonly kind: "object"; readonly keys: readonly string[]; readonly children: readonly TreeSpec[] };

const LEAF: TreeSpec = { kind: "leaf" };
/** Levels of a tree; one that holds itself has more than any. */
const DEEPEST = 1000;
/** Thrown where a tree is too deep. No Error: one made while the library loads would cost as long as loading it. */
const TOO_DEEP: Readonly<Record<string, never>> = Object.freeze({});

export interface Flattened<L> {
  readonly leaves: L[];
  readonly spec: TreeSpec;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * Takes a tree apart. `isLeaf` says what a leaf is; everything else that is neither array nor plain object is
 * static and stays in the structure.
 */
export function flatten<L>(tree: unknown, isLeaf: (value: unknown) => value is L): Flattened<L> {
  const leaves: L[] = [];
  try {
    return { leaves, spec: flattenInto(tree, isLeaf, leaves, 0) };
  } catch (error) {
    // Made here, where the user's line is near: not below all those levels.
    throw error === TOO_DEEP ? tooDeep() : error;
  }
}

function flattenInto<L>(
  tree: unknown,
  isLeaf: (value: unknown) => value is L,
  leaves: L[],
  depth: number,
): TreeSpec {
  if (isLeaf(tree)) {
    leaves.push(tree);
    return LEAF;
  }
  const list = Array.isArray(tree);
  if (!list && !isPlainObject(tree)) return { kind: "static", value: tree };
  if (depth === DEEPEST) throw TOO_DEEP;
  const child = (value: unknown): TreeSpec => flattenInto(value, isLeaf, leaves, depth + 1);
  // Not tree.map, which leaves holes as they are.
  if (list) return { kind: "array", children: Array.from(tree, child) };
  const keys = Object.keys(tree);
  return { kind: "object", keys, children: keys.map((key) => child(tree[key])) };
}

function tooDeep(): DamoError {
  return new DamoError(`A tree of tensors has more than ${DEEPEST} levels, or holds itself.`, {
    remedy: "Pass arrays and plain objects of tensors, without references back to what holds them.",
  });
}

/** Puts a tree together again from its structure and leaves. */
export function unflatten<L>(spec: TreeSpec, leaves: readonly L[]): unknown {
  return build(spec, leaves, { next: 0 });
}

function build(spec: TreeSpec, leaves: readonly unknown[], cursor: { next: number }): unknown {
  switch (spec.kind) {
    case "leaf":
      return leaves[cursor.next++];
    case "static":
      return spec.value;
    case "array": {
      const { children } = spec;
      const array = new Array<unknown>(children.length);
      for (let i = 0; i < children.length; i++) array[i] = build(children[i], leaves, cursor);
      return array;
    }
    case "object": {
      const { keys, children } = spec;
      const object: Record<string, unknown> = {};
      for (let i = 0; i < keys.length; i++) {
        const value = build(children[i], leaves, cursor);
        if (keys[i] !== "__proto__") object[keys[i]] = value;
        else {Object.defineProperty(object, "__proto__", {
            value,
            enumerable: true,
            writable: true,
            configurable: true,
          });}
      }
      return object;
    }
  }
}

/** The number of leaves of a structure. */
export function countLeaves(spec: TreeSpec): number {
  if (spec.kind === "leaf") return 1;
  if (spec.kind === "static") return 0;
  return spec.children.reduce((sum, child) => sum + countLeaves(child), 0);
}

/** A text that is equal for equal structures; static values enter by `keyOf`. */
export function specKey(spec: TreeSpec, keyOf: (value: unknown) => string): string {
  switch (spec.kind) {
    case "leaf":
      return "*";
    case "static":
      return keyOf(spec.value);
    case "array":
      return `[${spec.children.map((child) => specKey(child, keyOf)).join(",")}]`;
    case "object":
      return `{${
        spec.keys.map((key, i) => `${JSON.stringify(key)}:${specKey(spec.children[i], keyOf)}`).join(",")
      }}`;
  }
}

/** True when two structures have the same arrays, keys and leaf places. */
export function sameStructure(a: TreeSpec, b: TreeSpec): boolean {
  if (a.kind !== b.kind) return false;
  if (a.kind === "leaf") return true;
  if (a.kind === "static") return Object.is(a.value, (b as { value: unknown }).value);
  const other = b as typeof a;
  if (a.children.length !== other.children.length) return false;
  if (
    a.kind === "object" && a.keys.some((key, i) => key !== (other as { keys: readonly string[] }).keys[i])
  ) {
    return false;
  }
  return a.children.every((child, i) => sameStructure(child, other.children[i]));
}

/** The path of each leaf as the user would write it: `params.layers[0].weight`. */
export function leafPaths(spec: TreeSpec, root: string): string[] {
  const paths: string[] = [];
  function walk(node: TreeSpec, path: string): void {
    if (node.kind === "leaf") paths.push(path);
    else if (node.kind === "array") node.children.forEach((child, i) => walk(child, `${path}[${i}]`));
    else if (node.kind === "object") {
      node.children.forEach((child, i) => walk(child, `${path}${memberOf(node.keys[i], path)}`));
    }
  }
  walk(spec, root);
  return paths;
}

function memberOf(key: string, path: string): string {
  if (!/^[A-Za-z_$][\w$]*$/.test(key)) return `[${JSON.stringify(key)}]`;
  return path === "" ? key : `.${key}`;
}
