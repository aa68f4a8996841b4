/**
 * Trees as flat names and back. The name of a leaf is its path joined by dots: `{ layers: [{ w }] }` gives
 * `layers.0.w`. Back, names are split at dots, and a container whose keys are 0 to n-1 is an array. Where that would not
 * give the tree that was written (a key with a dot in it, an empty container, an object with keys 0 to n-1, a tree that is
 * one leaf), the structure is written beside the arrays.
 */
import { refuse } from "./file_array.ts";

/** A tree with the names of its leaves. */
export type Structure = string | Structure[] | { [key: string]: Structure };

/** A tree taken apart: its leaves by name, in order, and its structure where the names do not tell it. */
export interface NamedTree<L> {
  readonly leaves: Map<string, L>;
  readonly structure: Structure | undefined;
}

/** Deeper than any tree of parameters. */
const MAX_DEPTH = 100;

/** The name of a tree that is a single leaf. */
const ROOT = "value";

/** Names the leaves of a tree of arrays and plain objects; anything else in it is refused. */
export function nameLeaves<L>(tree: unknown, isLeaf: (value: unknown) => value is L): NamedTree<L> {
  const leaves = new Map<string, L>();

  function walk(value: unknown, path: readonly string[]): Structure {
    if (path.length > MAX_DEPTH) {
      refuse(
        `The tree is nested more than ${MAX_DEPTH} deep.`,
        "Leave out what refers back to what holds it.",
      );
    }
    const name = path.length === 0 ? ROOT : path.join(".");
    if (isLeaf(value)) {
      if (leaves.has(name)) refuse(`Two leaves of the tree have the name "${name}".`, "Avoid dots in keys.");
      leaves.set(name, value);
      return name;
    }
    // Array.from also visits holes, which are refused as undefined is.
    if (Array.isArray(value)) return Array.from(value, (child, i) => walk(child, [...path, String(i)]));
    if (!isPlainObject(value)) {
      refuse(
        `${path.length === 0 ? "The tree" : `"${name}" in the tree`} is ${describe(value)}.`,
        "A file holds tensors in arrays and plain objects.",
      );
    }
    return Object.fromEntries(Object.keys(value).map((key) => [key, walk(value[key], [...path, key])]));
  }

  const structure = walk(tree, []);
  const told = JSON.stringify(structure) === JSON.stringify(naturalStructure([...leaves.keys()]));
  return { leaves, structure: told ? undefined : structure };
}

/** Puts leaves together, by the structure from the file or, without one, by their names. */
export function nestLeaves<L>(leaves: ReadonlyMap<string, L>, structure?: unknown): unknown {
  const used = new Set<string>();

  function build(part: unknown, depth: number): unknown {
    if (depth > MAX_DEPTH) refuse(`The structure in the file is nested more than ${MAX_DEPTH} deep.`);
    if (typeof part === "string") {
      if (!leaves.has(part)) refuse(`The structure in the file names "${part}", which is no array of it.`);
      if (used.has(part)) refuse(`The structure in the file names "${part}" twice.`);
      used.add(part);
      return leaves.get(part);
    }
    if (Array.isArray(part)) return part.map((child) => build(child, depth + 1));
    if (!isPlainObject(part)) refuse("The structure in the file is not a tree of names.");
    // fromEntries defines keys such as "__proto__" as plain ones.
    return Object.fromEntries(Object.keys(part).map((key) => [key, build(part[key], depth + 1)]));
  }

  const tree = build(structure ?? naturalStructure([...leaves.keys()]), 0);
  if (used.size !== leaves.size) {
    const left = [...leaves.keys()].find((name) => !used.has(name));
    refuse(`The structure in the file leaves out the array "${left}".`);
  }
  return tree;
}

type Branches = Map<string, Branches | string>;

/** The structure that names tell; flat if one name is the beginning of another, so that no array is lost. */
function naturalStructure(names: readonly string[]): Structure {
  const root: Branches = new Map();
  const flat = (): Structure => Object.fromEntries(names.map((name) => [name, name]));
  for (const name of names) {
    const path = name.split(".");
    if (path.length > MAX_DEPTH) return flat();
    let at = root;
    for (const key of path.slice(0, -1)) {
      let below = at.get(key);
      if (typeof below === "string") return flat();
      if (below === undefined) at.set(key, below = new Map());
      at = below;
    }
    const last = path[path.length - 1];
    if (at.has(last)) return flat();
    at.set(last, name);
  }
  return close(root);
}

function close(branches: Branches): Structure {
  const closed = (part: Branches | string): Structure => typeof part === "string" ? part : close(part);
  const count = branches.size;
  const isList = count > 0 && Array.from({ length: count }, (_, i) => branches.has(String(i))).every(Boolean);
  if (isList) return Array.from({ length: count }, (_, i) => closed(branches.get(String(i))!));
  return Object.fromEntries([...branches].map(([key, part]) => [key, closed(part)]));
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function describe(value: unknown): string {
  if (value === null || typeof value !== "object") return String(value);
  return `a ${value.constructor?.name ?? "strange object"}`;
}
