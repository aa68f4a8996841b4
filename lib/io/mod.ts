/**
 * Files: trees of tensors as safetensors and npz.
 *
 * @module
 */
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
