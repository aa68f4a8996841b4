/** `deno task bench sort`: order on the default device, beside the engine's own sort of typed arrays. */
import { argsort, searchsorted, sort, type Tensor, tensor, topk } from "../mod.ts";
import { uniform } from "./noise.ts";

const SIZE = 1_000_000;
const raw = Float32Array.from(uniform(SIZE)), wide = Float64Array.from(uniform(SIZE));
const x = tensor(raw), rows = x.reshape([1000, 1000]), sorted = sort(x);

const bench = (name: string, fn: () => void): void => Deno.bench(name, { group: "sort" }, fn);
const once = (name: string, fn: () => Tensor): void => bench(name, () => fn().dispose());

once("sort 1M, float32", () => sort(x));
bench("Float32Array.prototype.sort 1M", () => void raw.slice().sort());
{
  const y = tensor(wide);
  once("sort 1M, float64", () => sort(y));
  bench("Float64Array.prototype.sort 1M", () => void wide.slice().sort());
}
once("sort 1000 rows of 1000, float32", () => sort(rows));
once("argsort 1M, float32", () => argsort(x));
bench("topk 10 of 1M, float32", () => void topk(x, 10));
once("searchsorted 1M in 1M, float32", () => searchsorted(sorted, x));
