/** Files that are either the old one or the new one, whatever happens while they are written. */
import { DeviceError } from "../trace/errors.ts";

interface FileHandle {
  writeFile(bytes: Uint8Array): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** The part of `node:fs/promises` that is used here. */
interface FileSystem {
  open(path: string, flags: string): Promise<FileHandle>;
  readFile(path: string): Promise<Uint8Array>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
}

interface BuiltinModules {
  process?: { getBuiltinModule?(name: string): unknown };
}

function fileSystem(): FileSystem {
  const files = (globalThis as BuiltinModules).process?.getBuiltinModule?.("node:fs/promises");
  if (!files) {
    throw new DeviceError("There is no file system here.", {
      operation: "io",
      remedy: "Use io.encode and io.decode, which work on bytes.",
    });
  }
  return files as FileSystem;
}

/** Reads a whole file. */
export async function readFile(path: string): Promise<Uint8Array> {
  const bytes = await fileSystem().readFile(path);
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Writes a file so that a crash never loses the one before: the bytes go to a new file beside it, are forced to the
 * disk, and take its name in one step. Needs the permission to read and write the folder.
 */
export async function writeFileAtomically(path: string, bytes: Uint8Array): Promise<void> {
  const files = fileSystem();
  const suffix = crypto.getRandomValues(new Uint32Array(2)).join("");
  const temporary = `${path}.${suffix}.partial`;
  const file = await files.open(temporary, "wx");
  try {
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await files.rename(temporary, path);
  } catch (error) {
    await files.unlink(temporary).catch(() => {});
    throw error;
  }
  await syncFolder(files, path);
}

/** The new name is safe once its folder is on the disk; systems that cannot open a folder need no such step. */
async function syncFolder(files: FileSystem, path: string): Promise<void> {
  const end = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"));
  const folder = end < 0 ? "." : path.slice(0, end + 1);
  let handle: FileHandle | undefined;
  try {
    handle = await files.open(folder, "r");
    await handle.sync();
  } catch {
    // Windows, or no permission to read the folder: the rename itself has happened.
  } finally {
    await handle?.close();
  }
}
