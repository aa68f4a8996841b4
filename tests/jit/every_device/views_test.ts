import { assertEquals } from "@std/assert";
import { arange, broadcastTo, jit, type Tensor, tensordot } from "@damo/damo";
import { deviceTest } from "../../support/devices.ts";

deviceTest("a view may be a result and an operand of a product along axes that lie apart in it", () => {
  const a = arange(20).reshape([2, 2, 5]), column = arange(7).reshape([1, 7, 1]);
  const both = jit((a: Tensor, column: Tensor) => {
    const wide = broadcastTo(column, [5, 7, 2]);
    return [wide, tensordot(a, wide, [[2, 0], [0, 2]])];
  });
  const [wide, product] = both(a, column);
  assertEquals(wide.at(4, "...", 1).arraySync(), [0, 1, 2, 3, 4, 5, 6]);
  // Row i of the product is the sum of a[:, i, :] times 0 to 6.
  const rows = [70, 120].map((sum) => [0, 1, 2, 3, 4, 5, 6].map((k) => k * sum));
  assertEquals(product.arraySync(), rows);
});
