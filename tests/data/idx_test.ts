import { assertEquals, assertThrows } from "@std/assert";
import "../../lib/jit/install.ts";
import { FormatError } from "../../lib/trace/errors.ts";
import { idx } from "../../lib/data/mod.ts";

const file = Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255);

Deno.test("An IDX file becomes a tensor, from bytes or a buffer", () => {
  for (const bytes of [file, file.buffer]) {
    const images = idx(bytes);
    assertEquals([images.dtype, [...images.shape], [...images.dataSync()]], ["uint8", [2, 3], [
      1,
      2,
      3,
      4,
      5,
      255,
    ]]);
  }
});

Deno.test("The tensor does not share the file's memory", () => {
  const bytes = file.slice();
  const images = idx(bytes);
  bytes.fill(0);
  assertEquals([...images.dataSync()], [1, 2, 3, 4, 5, 255]);
});

Deno.test("A truncated file is refused", () => {
  assertThrows(() => idx(file.slice(0, -1)), FormatError, "truncated");
});
