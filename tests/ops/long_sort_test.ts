/** Rows of every length and dtype, where short ones are merged and long ones sorted by digits. */
import { assertEquals } from "@std/assert";
import { argsort, type DType, sort, type Tensor, tensor } from "@damo/damo";
import { TestRandom } from "../support/random.ts";

const DTYPES: readonly DType[] = [
  "float32",
  "float64",
  "float16",
  "int32",
  "uint32",
  "int8",
  "uint8",
  "bool",
];
const LENGTHS = [1, 2, 3, 17, 95, 96, 97, 255, 1023, 4095, 4097];
/** Enough for threads to share a row. */
const SHARED = 33_001;
const SPECIAL = [NaN, Infinity, -Infinity, 0, -0];

/** Rows with many equal elements, zeros of both signs, infinities and NaN where the dtype has them. */
function rows(dtype: DType, shape: readonly [number, number], seed: number, wide: boolean): Tensor {
  const random = new TestRandom(seed), float = dtype.startsWith("float");
  const data = Array.from({ length: shape[0] * shape[1] }, () => {
    if (float && random.next() < 0.1) return random.pick(SPECIAL);
    const span = wide ? dtype.endsWith("8") ? 256 : 2 ** 32 : 8;
    const value = random.next() * span - (dtype.startsWith("u") ? 0 : span / 2);
    return float && wide ? value : Math.floor(value);
  });
  return tensor(dtype === "bool" ? data.map((v) => v > 0) : data, { shape: [...shape], dtype });
}

function compare(a: number, b: number): number {
  const [nanA, nanB] = [Number.isNaN(a), Number.isNaN(b)];
  if (nanA || nanB) return Number(nanA) - Number(nanB);
  return a === b ? 0 : a < b ? -1 : 1;
}

for (const dtype of DTYPES) {
  Deno.test(`rows of any length are sorted stably, zeros keeping their signs, ${dtype}`, () => {
    for (const length of [...LENGTHS, SHARED]) {
      for (const [count, wide] of [[1, true], [length === SHARED ? 1 : 3, false]] as const) {
        const x = rows(dtype, [count, length], length, wide);
        const data = [...x.dataSync()];
        for (const descending of [false, true]) {
          const order = Array.from({ length: count }, (_, row) => {
            const from = data.slice(row * length, (row + 1) * length);
            const last = (i: number) => Number(Number.isNaN(from[i]));
            return from.map((_, i) => i).sort((i, j) =>
              last(i) - last(j) || (descending ? compare(from[j], from[i]) : compare(from[i], from[j])) ||
              i - j
            );
          });
          const what = `${length} ${wide} ${descending}`;
          assertEquals([...argsort(x, { descending }).dataSync()], order.flat(), what);
          const expected = order.flatMap((places, row) => places.map((i) => data[row * length + i]));
          assertEquals([...sort(x, { descending }).dataSync()], expected, what);
        }
      }
    }
  });
}
