/** The .npz format of NumPy: a ZIP archive with one .npy file for each array. */
import { type FileArray, type NamedArrays, refuse } from "./file_array.ts";
import { decodeNpy, encodeNpy } from "./npy.ts";
import { decodeZip, encodeZip, type ZipReadOptions, type ZipWriteOptions } from "./zip.ts";

/** A file: its arrays, and the comment of the archive. */
export interface Npz {
  readonly arrays: NamedArrays;
  readonly comment: string;
}

const SUFFIX = ".npy";

/** Writes arrays as `numpy.savez` does, or as `numpy.savez_compressed` with `compress`. */
export function encodeNpz(
  arrays: NamedArrays,
  options: ZipWriteOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const members = new Map<string, Uint8Array>();
  for (const [name, array] of arrays) members.set(name + SUFFIX, encodeNpy(array));
  return encodeZip(members, options);
}

/** Reads what `numpy.savez` and `numpy.savez_compressed` write. */
export async function decodeNpz(bytes: Uint8Array, options: ZipReadOptions = {}): Promise<Npz> {
  const { members, comment } = await decodeZip(bytes, options);
  const arrays = new Map<string, FileArray>();
  for (const [name, body] of members) {
    if (!name.endsWith(SUFFIX)) {
      const pickle = name.endsWith("data.pkl");
      refuse(
        `Member "${name}" is not a .npy file` +
          (pickle ? ": this is a file of PyTorch, which needs Python." : "."),
        pickle ? "Save it with safetensors.torch.save_file there." : undefined,
      );
    }
    const key = name.slice(0, -SUFFIX.length);
    arrays.set(key, decodeNpy(body, `Array "${key}"`));
  }
  return { arrays, comment };
}
