import { assertEquals } from "@std/assert";
import { jit, nn, type Tensor } from "@damo/damo";
import { deviceTest } from "../../support/devices.ts";
import { quarters } from "../wasm/convolution_cases.ts";

deviceTest("convolutions with work on their results are exactly what the reference computes", (device) => {
  const cases: [string, number[], number[], Parameters<typeof nn.conv2d>[2]][] = [
    ["small", [2, 2, 6, 7], [3, 2, 3, 3], { padding: 1 }],
    ["small, in groups", [3, 4, 6, 7], [6, 2, 3, 2], { groups: 2, stride: 2, padding: 1 }],
    ["large", [2, 5, 24, 23], [6, 5, 3, 3], { padding: 2 }],
  ];
  for (const [name, x, w, options] of cases) {
    const layer = (x: Tensor, w: Tensor, b: Tensor): Tensor[] => {
      const found = nn.conv2d(x, w, options).add(b.reshape([1, b.size, 1, 1]));
      return [nn.relu(found), found.gt(1), found.mul(found.at(0))];
    };
    const args: [Tensor, Tensor, Tensor] = [
      quarters(x, "float32"),
      quarters(w, "float32"),
      quarters([w[0]], "float32"),
    ];
    const found = jit(layer)(...args), wanted = jit(layer, { mode: "reference" })(...args);
    found.forEach((result, i) =>
      assertEquals(
        [...result.dataSync()].map((v) => Number(v) + 0),
        [...wanted[i].dataSync()].map((v) => Number(v) + 0),
        `${device}, ${name}, result ${i}`,
      )
    );
  }
});
