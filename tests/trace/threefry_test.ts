/** The generator against the known-answer vectors of Random123 (kat_vectors, threefry2x32 with 20 rounds). */
import { assertEquals } from "@std/assert";
import { threefryPrimitive } from "../../lib/trace/primitives/threefry.ts";
import { bind } from "../../lib/trace/trace.ts";
import { hostArray, runTraced } from "../support/traced.ts";

/** counter0, counter1, key0, key1, result0, result1. */
const VECTORS = [
  [0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x6b200159, 0x99ba4efe],
  [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x1cb996fc, 0xbb002be7],
  [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xc4923a9c, 0x483df7a0],
];

Deno.test("threefry gives the published vectors", () => {
  const column = (i: number) => hostArray(VECTORS.map((row) => row[i]), [VECTORS.length], "uint32");
  const [first, second] = runTraced(
    (inputs) => bind(threefryPrimitive, inputs, {}),
    [column(2), column(3), column(0), column(1)],
  );
  assertEquals([...first.data], VECTORS.map((row) => row[4]));
  assertEquals([...second.data], VECTORS.map((row) => row[5]));
});
