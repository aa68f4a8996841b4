/**
 * Files: trees of tensors as safetensors and npz.
 *
 * @module
 */
import "../jit/install.ts";
import "../trace/ops/mod.ts";

export {
  decode,
  type DecodeOptions,
  encode,
  type EncodeOptions,
  type FileFormat,
  load,
  save,
  type SavedTree,
} from "./files.ts";
