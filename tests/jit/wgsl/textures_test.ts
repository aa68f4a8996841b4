/** Copies of buffers in textures that are kept from run to run are never older than the buffers. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { jit, type Tensor, zeros } from "@damo/damo";
import { IN_PLACE, KEEP, TAKE } from "../../../lib/jit/backend.ts";
import type { WgslBackend } from "../../../lib/jit/wgsl/backend.ts";
import { SOFTWARE } from "../../../lib/jit/wgsl/tuning.ts";
import type { Graph } from "../../../lib/trace/graph.ts";
import type { Storage } from "../../../lib/trace/storage.ts";
import { countCalls } from "../../support/count_calls.ts";
import { TestRandom } from "../../support/random.ts";
import { backendWith, gpuTest } from "./support.ts";

const LENGTH = 64;

function compiled(backend: WgslBackend, fn: (...args: Tensor[]) => Tensor | Tensor[], inputs: number) {
  const graph: Graph = jit(fn).graph(...Array.from({ length: inputs }, () => zeros([LENGTH])));
  return (donated: number[] = [], inPlace: (readonly [input: number, output: number])[] = []) =>
    backend.compile(graph, { name: "f", scalars: [], donated, inPlace });
}

/** Every buffer that is only read is read as a texture. */
function texturing(memory?: number): Promise<WgslBackend> {
  return backendWith({ ...SOFTWARE, textureBytes: 4 }, memory);
}

const copies = () => [[GPUCommandEncoder.prototype, "copyBufferToTexture"]] as const;

gpuTest("a buffer that is read again is not copied again, and one that was written is", async () => {
  const backend = await texturing();
  const reverse = compiled(backend, (x) => x.flip(0).mul(2), 1)();
  const x = backend.upload(new Float32Array(LENGTH).fill(3), "float32");
  const run = () => reverse.run([x], null)[0].read()[5];
  assertEquals(countCalls(copies(), () => assertEquals(run(), 6)), [1]);
  assertEquals(countCalls(copies(), () => assertEquals([run(), run()], [6, 6])), [0]);
  const add = compiled(backend, (x) => x.add(1), 1)([0], [[0, 0]]);
  const [again] = add.run([x], Uint8Array.of(IN_PLACE));
  assert(again === x);
  assertEquals(countCalls(copies(), () => assertEquals([run(), run()], [8, 8])), [1]);
});

gpuTest(
  "whatever is read, written, given away, freed and spilled in any order, values are right",
  async () => {
    // So little memory that blocks are spilled and come back.
    const backend = await texturing(12 * 256);
    const mix = compiled(backend, (x, y) => x.flip(0).add(y.mul(2)), 2)();
    const step = compiled(backend, (x, y) => x.mul(0.5).add(y.flip(0)), 2)([0], [[0, 0]]);
    const two = compiled(backend, (x, y) => [x.flip(0).sub(y), x.add(y.flip(0))], 2)([0, 1]);
    const random = new TestRandom(5);
    const pick = (count: number) => random.below(count);
    const values: Float64Array[] = [], storages: Storage[] = [];
    const put = (storage: Storage, value: Float64Array) => {
      storages.push(storage);
      values.push(value);
    };
    const make = () => {
      const data = Float32Array.from({ length: LENGTH }, () => pick(1000) / 8);
      put(backend.upload(data, "float32"), Float64Array.from(data));
    };
    const remove = (i: number) => {
      storages.splice(i, 1);
      values.splice(i, 1);
    };
    const flipped = (x: Float64Array) => x.toReversed();
    const rounded = (length: number, f: (i: number) => number) =>
      Float64Array.from({ length }, (_, i) => Math.fround(f(i)));
    for (let n = 0; n < 400; n++) {
      while (storages.length < 6) make();
      let i = pick(storages.length), j = pick(storages.length);
      if (i === j) j = (i + 1) % storages.length;
      const [x, y] = [storages[i], storages[j]], [a, b] = [values[i], values[j]];
      const kind = pick(5);
      if (kind === 0) {
        put(mix.run([x, y], null)[0], rounded(LENGTH, (k) => a[LENGTH - 1 - k] + 2 * b[k]));
      } else if (kind === 1) {
        step.run([x, y], Uint8Array.of(IN_PLACE, KEEP));
        values[i] = rounded(LENGTH, (k) => a[k] / 2 + b[LENGTH - 1 - k]);
      } else if (kind === 2) {
        const [p, q] = two.run([x, y], Uint8Array.of(TAKE, TAKE));
        const [left, right] = [
          rounded(LENGTH, (k) => flipped(a)[k] - b[k]),
          rounded(LENGTH, (k) => a[k] + flipped(b)[k]),
        ];
        if (i < j) [i, j] = [j, i];
        remove(i);
        remove(j);
        put(p, left);
        put(q, right);
      } else if (kind === 3) {
        x.dispose();
        remove(i);
      } else assertEquals(Float64Array.from(x.read()), a);
      while (storages.length > 16) {
        storages[0].dispose();
        remove(0);
      }
    }
    storages.forEach((storage, i) => assertEquals(Float64Array.from(storage.read()), values[i]));
    assert(backend.heap.cache.stats().spills > 0);
  },
);

gpuTest("after an error nothing that was copied is taken for the contents of a buffer", async () => {
  const backend = await texturing();
  const reverse = compiled(backend, (x) => x.flip(0).mul(2), 1)();
  const x = backend.upload(new Float32Array(LENGTH).fill(3), "float32");
  const run = () => reverse.run([x], null)[0].read()[5];
  run();
  backend.gpu.report("something was refused");
  assertThrows(run, Error, "something was refused");
  assertEquals(countCalls(copies(), () => assertEquals([run(), run()], [6, 6])), [1]);
});
