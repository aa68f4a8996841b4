/** Trees of tensors as files and bytes. */
import type { TypedArray } from "../trace/dtype.ts";
import { follow } from "../trace/following.ts";
import { defaultDevice, withDevice } from "../jit/devices.ts";
import { toTensor, upload } from "../trace/ops/convert.ts";
import { checkOptions } from "../trace/ops/options.ts";
import { Shared } from "../trace/shared.ts";
import type { Device } from "../trace/storage.ts";
import { Tensor } from "../trace/tensor.ts";
import { readFile, writeFileAtomically } from "./atomic_file.ts";
import { type FileArray, givenBytes, type NamedArrays, refuse } from "./file_array.ts";
import { decodeNpy, isNpy } from "./npy.ts";
import { decodeNpz, encodeNpz } from "./npz.ts";
import { decodeSafetensors, encodeSafetensors, isSafetensors } from "./safetensors.ts";
import { nameLeaves, nestLeaves, type Structure } from "./tree_names.ts";
import { isZip } from "./zip.ts";

/** The formats that trees are written in. */
export type FileFormat = "safetensors" | "npz";

/** What a file can hold: tensors and numbers in arrays and plain objects. */
export type SavedTree =
  | Tensor
  | Shared
  | number
  | boolean
  | TypedArray
  | readonly SavedTree[]
  | { readonly [key: string]: SavedTree };

/** How a tree is written. */
export interface EncodeOptions {
  /** Compress an npz file, as `numpy.savez_compressed` does. */
  compress?: boolean;
}

/** How bytes are read. */
export interface DecodeOptions {
  /** The most bytes a compressed file may unpack to; 64 times its own, and at least 256 MiB, unless said. */
  maxBytes?: number;
}

/** Under this name a file tells the structure of a tree whose names do not tell it. */
const STRUCTURE = "damo.tree";

/**
 * Writes a tree as the bytes of a safetensors or npz file. Leaves are named by their path, `layers.0.w`, so that Python's
 * safetensors and NumPy read them by these names, and {@link decode} gives the tree back as it was. Numbers become scalar
 * tensors. All values are those at the time of the call, whatever happens to shared variables afterwards.
 *
 * @param tree Tensors, shared variables and numbers in arrays and plain objects.
 * @param format "safetensors" or "npz".
 * @param options `compress` for npz.
 * @returns The bytes of the file.
 * @throws {FormatError} if the tree holds something else, or two leaves have one name.
 * @example
 * ```ts
 * import { io, tensor } from "@damo/damo";
 * const bytes = await io.encode({ layers: [{ w: tensor([[1, 2], [3, 4]]) }], step: 7 }, "safetensors");
 * const { layers, step } = await io.decode(bytes);
 * console.assert(layers[0].w.at(1, 0).itemSync() === 3 && step.itemSync() === 7);
 * ```
 */
export async function encode(
  tree: SavedTree,
  format: FileFormat,
  options: EncodeOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  checkOptions("io.encode", options, ["compress"]);
  const { leaves, structure } = nameLeaves(tree, isLeaf);
  const arrays = await readAll(leaves);
  const told = structure === undefined ? undefined : JSON.stringify(structure);
  switch (format) {
    case "safetensors":
      return encodeSafetensors(arrays, told === undefined ? {} : { [STRUCTURE]: told });
    case "npz":
      return await encodeNpz(arrays, { compress: options.compress, comment: told && `${STRUCTURE}=${told}` });
    default:
      refuse(`io.encode cannot write the format ${JSON.stringify(format)}.`, `Use "safetensors" or "npz".`);
  }
}

/**
 * Reads the bytes of a safetensors, npz or npy file; which it is, the bytes tell. A file of another program gives a tree by
 * its names: `h.0.w` is in an array `h`; names that clash stay as they are. 16-bit integers become int32, bfloat16 becomes
 * float32, and 64-bit integers become int32 or uint32 where they fit. The tensors are on the default device, and go to
 * that of the tensors or shared variables they meet; float64, which WebGPU has not, is on "wasm".
 *
 * @param bytes The file.
 * @param options `maxBytes` bounds what a compressed file unpacks to.
 * @returns A tree of tensors.
 * @throws {FormatError} if the bytes are of no such format, damaged, truncated or hostile, or hold what no tensor can.
 * @example
 * ```ts
 * import { io, tensor } from "@damo/damo";
 * const bytes = await io.encode({ mask: tensor([true, false]) }, "npz", { compress: true });
 * const { mask } = await io.decode(bytes);
 * console.assert(mask.dtype === "bool");
 * ```
 */
// deno-lint-ignore no-explicit-any -- as with JSON.parse, only the bytes know the structure
export async function decode<Tree = any>(
  bytes: Uint8Array | ArrayBuffer,
  options: DecodeOptions = {},
): Promise<Tree> {
  checkOptions("io.decode", options, ["maxBytes"]);
  const device = defaultDevice();
  return await decodeTree(
    givenBytes("io.decode", bytes),
    options,
    (array) => uploadArray(array, device),
  ) as Tree;
}

/**
 * Writes a tree to a file, in the format of its extension: `.safetensors` or `.npz`. A crash while it is written leaves the
 * file of before. Needs the permission to read and write the folder.
 *
 * @param path Where to write.
 * @param tree Tensors, shared variables and numbers in arrays and plain objects.
 * @param options `compress` for npz.
 * @throws {FormatError} if the extension is another, or the tree holds something else.
 * @example
 * ```ts ignore
 * import { io, nn } from "@damo/damo";
 * const layer = new nn.Linear(784, 10);
 * await io.save("layer.safetensors", layer.stateDict());
 * layer.loadStateDict(await io.load("layer.safetensors"));
 * ```
 */
export async function save(path: string, tree: SavedTree, options: EncodeOptions = {}): Promise<void> {
  const extension = /\.([^./\\]+)$/.exec(path)?.[1]?.toLowerCase();
  if (extension !== "safetensors" && extension !== "npz") {
    refuse(`io.save cannot tell the format of "${path}".`, "End its name in .safetensors or .npz.");
  }
  await writeFileAtomically(path, await encode(tree, extension, options));
}

/**
 * Reads a file that {@link save}, Python's safetensors or NumPy wrote. Needs the permission to read it.
 *
 * @param path The file; its content tells the format.
 * @param options `maxBytes` bounds what a compressed file unpacks to.
 * @returns A tree of tensors, as {@link decode} gives it.
 * @throws {FormatError} if the file is of no such format, damaged, truncated or hostile.
 * @example
 * ```ts ignore
 * import { io } from "@damo/damo";
 * const { weights } = await io.load("from_python.npz");
 * ```
 */
// deno-lint-ignore no-explicit-any -- as with JSON.parse, only the file knows the structure
export async function load<Tree = any>(path: string, options: DecodeOptions = {}): Promise<Tree> {
  const device = defaultDevice();
  const bytes = await readFile(path);
  return await withDevice(device, () => decode<Tree>(bytes, options));
}

type Leaf = Tensor | Shared | number | boolean | TypedArray;

function isLeaf(value: unknown): value is Leaf {
  return value instanceof Tensor || value instanceof Shared || typeof value === "number" ||
    typeof value === "boolean" || ArrayBuffer.isView(value);
}

/** Starts every read before it waits for the first, so that no update comes between two of them. */
async function readAll(leaves: ReadonlyMap<string, Leaf>): Promise<NamedArrays> {
  const reads = [...leaves].map(async ([name, leaf]): Promise<[string, FileArray]> => {
    // Numbers and typed arrays are only on their way: also where the default device has no float64.
    const tensor = leaf instanceof Shared
      ? leaf.current()
      : withDevice("wasm", () => toTensor(leaf, { operation: "io.encode" }));
    const { dtype, shape } = tensor;
    return [name, { dtype, shape, data: await withDevice("wasm", () => tensor.data()) }];
  });
  return new Map(await Promise.all(reads));
}

type Make = (array: FileArray) => Tensor;

async function decodeTree(bytes: Uint8Array, options: DecodeOptions, make: Make): Promise<unknown> {
  if (isZip(bytes)) {
    const { arrays, comment } = await decodeNpz(bytes, options);
    const mark = `${STRUCTURE}=`;
    return nest(arrays, comment.startsWith(mark) ? comment.slice(mark.length) : undefined, make);
  }
  if (isNpy(bytes)) return make(decodeNpy(bytes));
  if (isSafetensors(bytes)) {
    const { arrays, metadata } = decodeSafetensors(bytes);
    return nest(arrays, metadata[STRUCTURE], make);
  }
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    refuse("These bytes are compressed with gzip.", "Decompress them first, with DecompressionStream.");
  }
  if (bytes[0] === 0x44 && bytes[1] === 0x41 && bytes[2] === 0x4d && bytes[3] === 0x4f) {
    refuse("These bytes are an exported function.", "Read them with importFunction.");
  }
  const start = Array.from(bytes.subarray(0, 9), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  refuse(
    `These ${bytes.length} bytes are neither a safetensors nor an npz or npy file` +
      (start ? `: they begin ${start}.` : "."),
  );
}

function nest(arrays: NamedArrays, told: string | undefined, make: Make): unknown {
  let structure: Structure | undefined;
  if (told !== undefined) {
    try {
      structure = JSON.parse(told);
    } catch {
      refuse("The structure in the file is not JSON.");
    }
  }
  return nestLeaves(new Map([...arrays].map(([name, array]) => [name, make(array)])), structure);
}

function uploadArray({ data, dtype, shape }: FileArray, device: Device): Tensor {
  return follow(upload(data, dtype, shape, dtype === "float64" ? "wasm" : device));
}
