import { assertEquals } from "@std/assert";
import { jit, nn, slice, type Tensor, tensor } from "@damo/damo";

const DTYPES = ["float32", "float64", "int32", "uint8", "float16"] as const;

Deno.test("every second and third element, from every start and to every end, in every dtype", () => {
  for (const dtype of DTYPES) {
    for (const size of [1, 2, 3, 7, 8, 9, 25, 64, 1023]) {
      const values = Float64Array.from({ length: size }, (_, i) => i % 200);
      const x = tensor(values, { dtype });
      for (const step of [2, 3, 4, -2]) {
        for (const start of [0, 1, 2]) {
          if (start >= size) continue;
          const found = jit((x: Tensor) => {
            const part = (step > 0 ? x : x.flip()).at(slice(start, size, Math.abs(step)));
            return part.add(part);
          })(x);
          const order = step > 0 ? values : values.toReversed();
          const wanted = order.filter((_, i) => i >= start && (i - start) % Math.abs(step) === 0);
          assertEquals(
            [...found.dataSync()].map(Number),
            [...wanted].map((v) => dtype === "uint8" ? 2 * v % 256 : 2 * v),
          );
        }
      }
    }
  }
});

Deno.test("pooling of windows two and three apart, with what lies beyond the edges left out", () => {
  for (const stride of [2, 3]) {
    for (const [window, size] of [[2, 17], [3, 16], [3, 5], [2, 34]]) {
      const x = tensor(Float32Array.from({ length: 3 * size * size }, (_, i) => (i * 7919) % 101 - 50), {
        shape: [1, 3, size, size],
      });
      for (const padding of [0, 1]) {
        const options = { stride, padding };
        for (const pool of [nn.maxPool2d, nn.sumPool2d]) {
          const found = jit((x: Tensor) => pool(x, window, options))(x);
          const wanted = jit((x: Tensor) => pool(x, window, options), { mode: "reference" })(x);
          assertEquals(
            found.dataSync(),
            wanted.dataSync(),
            `${pool.name} ${window} of ${size}, ${stride} apart`,
          );
        }
      }
    }
  }
});
