import { assertEquals, assertLess } from "@std/assert";
import { tensor } from "@damo/damo";
import { referenceExecutor } from "../../lib/jit/reference/executor.ts";
import { withExecutor } from "../../lib/trace/storage.ts";
import { LruCache } from "../../lib/jit/lru_cache.ts";
import { counting } from "./counting_backend.ts";

Deno.test("an operation is compiled once per signature; numbers are no part of it", () => {
  counting((backend) => {
    const x = tensor([1, 2, 3]), y = tensor([4, 5, 6]);
    for (let i = 0; i < 20; i++) x.mul(i);
    assertEquals(backend.compiled.length, 1);
    assertEquals(x.mul(7).arraySync(), [7, 14, 21]);
    for (let i = 0; i < 5; i++) x.mul(y);
    assertEquals(backend.compiled.length, 2);
    x.sum({ axis: 0 });
    x.sum({ axis: 0 });
    assertEquals(backend.compiled.length, 3);
    tensor([[1, 2], [3, 4]]).sum({ axis: 0 });
    tensor([[1, 2], [3, 4]]).sum({ axis: 1 });
    assertEquals(backend.compiled.length, 5);
  });
});

Deno.test("parameters that differ never share a program", () => {
  const x = tensor([[1, 2], [3, 4]]);
  assertEquals(x.sum({ axis: 0 }).arraySync(), [4, 6]);
  assertEquals(x.sum({ axis: 1 }).arraySync(), [3, 7]);
  assertEquals(x.sum({ axis: 0 }).arraySync(), [4, 6]);
  assertEquals(x.reshape([4]).shape, [4]);
  assertEquals(x.reshape([1, 4]).shape, [1, 4]);
  assertEquals(x.cast("int32").dtype, "int32");
  assertEquals(x.cast("bool").dtype, "bool");
});

Deno.test("10,000 shapes keep the cache of operations bounded", () => {
  counting((backend) => {
    for (let n = 1; n <= 1000; n++) tensor(new Float32Array(n % 40).fill(1)).neg();
    assertEquals(backend.compiled.length, 40, "equal shapes share");
    for (let n = 0; n < 10_000; n++) tensor(new Float32Array(n)).neg();
    assertLess(backend.compiled.length - backend.disposed, 1025);
    assertEquals(tensor([1, 2]).neg().arraySync(), [-1, -2]);
  });
});

Deno.test("the reference executor can be forced for eager code", () => {
  withExecutor(referenceExecutor, () => {
    assertEquals(tensor([1, 2]).add(tensor([3, 4])).mul(2).arraySync(), [8, 12]);
  });
});

Deno.test("the least recently used entry goes first", () => {
  const dropped: number[] = [];
  const cache = new LruCache<number>(2, (value) => dropped.push(value));
  cache.set("a", 1);
  cache.set("b", 2);
  assertEquals(cache.get("a"), 1);
  cache.set("c", 3);
  assertEquals([dropped, cache.get("b"), cache.size], [[2], undefined, 2]);
  cache.clear();
  assertEquals([dropped, cache.size], [[2, 1, 3], 0]);
});
