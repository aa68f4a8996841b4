/** MNIST's files as tensors. */
import { upload } from "../trace/ops/convert.ts";
import type { Tensor } from "../trace/tensor.ts";
import { decodeIdx } from "./idx_file.ts";

/**
 * Reads the bytes of a file in IDX format, which MNIST's images and labels have (LeCun, Cortes and Burges).
 *
 * @param bytes The file, not compressed.
 * @returns A tensor of the file's shape; MNIST's images are uint8[60000, 28, 28], its labels uint8[60000]. 16-bit integers
 * become int32.
 * @throws {FormatError} if the bytes are compressed, truncated or of another format.
 * @example
 * ```ts
 * import { data } from "@damo/damo";
 * const labels = data.idx(Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 3, 5, 0, 4));
 * console.assert(labels.shape[0] === 3 && labels.dtype === "uint8");
 * ```
 */
export function idx(bytes: Uint8Array | ArrayBuffer): Tensor {
  const { data, dtype, shape } = decodeIdx(bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes));
  return upload(data, dtype, shape);
}
