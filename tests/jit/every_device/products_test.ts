import { assert } from "@std/assert";
import { full, matmul, type Tensor, transpose } from "@damo/damo";
import { deviceTest } from "../../support/devices.ts";

deviceTest("products of long rows stay as exact as sums of blocks", (device) => {
  const value = Math.fround(0.1);
  for (const depth of [513, 1031, 100_003]) {
    for (const [rows, columns] of [[1, 1], [1, 17], [17, 1], [3, 5]]) {
      const a = full([rows, depth], value), b = full([depth, columns], value);
      const turned = (x: Tensor) => transpose(full([x.shape[1], x.shape[0]], value));
      for (const [x, y] of [[a, b], [a, turned(b)], [turned(a), b]]) {
        const exact = value * value * depth;
        // One sum after another would be off by 1,100 to 11,000 units at the greatest depth.
        const allowed = 160 * 2 ** -24 * exact;
        matmul(x, y).dataSync().forEach((sum) =>
          assert(
            Math.abs(sum - exact) <= allowed,
            `${device} ${rows}x${depth}x${columns}: ${sum}, not ${exact}`,
          )
        );
      }
    }
  }
});
