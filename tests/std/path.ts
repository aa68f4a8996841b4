/** Stands in for `@std/path` where JSR cannot be reached: the functions used here, over Node's. */
import { posix, win32 } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const path = Deno.build.os === "windows" ? win32 : posix;

export const SEPARATOR: string = path.sep;

export function basename(file: string, suffix = ""): string {
  return path.basename(file, suffix);
}

export function dirname(file: string | URL): string {
  return path.dirname(file instanceof URL ? fileURLToPath(file) : file);
}

export function extname(file: string | URL): string {
  return path.extname(file instanceof URL ? fileURLToPath(file) : file);
}

export function join(first: string | URL, ...rest: string[]): string {
  return path.join(first instanceof URL ? fileURLToPath(first) : first, ...rest);
}

export function resolve(...parts: string[]): string {
  return path.resolve(...parts);
}

export function relative(from: string, to: string): string {
  return path.relative(from, to);
}

export function normalize(file: string | URL): string {
  return path.normalize(file instanceof URL ? fileURLToPath(file) : file);
}

export function isAbsolute(file: string): boolean {
  return path.isAbsolute(file);
}

export function fromFileUrl(url: string | URL): string {
  return fileURLToPath(url);
}

export function toFileUrl(file: string): URL {
  return pathToFileURL(file);
}
