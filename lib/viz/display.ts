/** Pictures in notebooks. */
import { DamoError } from "../trace/errors.ts";

/** A picture that Deno's notebooks show when it is the value of a cell. */
export interface DisplayedPicture {
  /** The SVG text, or a note of how many bytes the PNG has. */
  toString(): string;
}

/**
 * Wraps an SVG text (of {@link plot} or {@link image}) or the bytes of a PNG so that a notebook shows the picture.
 *
 * @throws {DamoError} when it is neither.
 * @example
 * ```ts
 * import { viz } from "@damo/damo";
 * const curve = viz.display(viz.plot([1, 0.5, 0.25]));
 * console.assert(String(curve).startsWith("<svg"));
 * ```
 */
export function display(picture: string | Uint8Array): DisplayedPicture {
  if (typeof picture !== "string" && !(picture instanceof Uint8Array)) {
    throw new DamoError(
      `viz.display: the picture is ${picture === null ? "null" : `of type ${typeof picture}`}.`,
      {
        operation: "viz.display",
        arguments: [{ name: "picture", value: picture }],
        remedy: "Pass the SVG text or the bytes of a PNG.",
      },
    );
  }
  const bundle: Record<string, string> = typeof picture === "string"
    ? { "image/svg+xml": picture }
    : { "image/png": base64(picture) };
  const text = typeof picture === "string" ? picture : `PNG of ${picture.length} bytes`;
  return Object.assign(Object.create(null) as object, {
    toString: () => text,
    [Symbol.for("Jupyter.display")]: () => bundle,
  });
}

function base64(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}
