import { assert, assertEquals, assertThrows } from "@std/assert";
import { DamoError, evalShape, Graph, jit, shared, type Tensor, tensor } from "@damo/damo";

Deno.test("lower traces and compiles without running", () => {
  const w = shared([1, 2], { name: "w" });
  const step = jit((x: Tensor) => {
    w.value = w.value.add(x);
    return w.value.sum();
  }, { name: "step" });
  const lowered = step.lower(tensor([1, 1]));
  assert(lowered.graph instanceof Graph);
  assertEquals(w.value.arraySync(), [1, 2]);
  assertEquals(step.cacheSize, 1);
  assert(lowered.kernels.length > 0);
  assert(lowered.memory.peak >= 0 && lowered.memory.donated >= 0);
  assertEquals(
    String(lowered),
    [
      "step(x: float32[2], w: float32[2]) {",
      "  %0: float32[2] = add w x",
      "  %1: float32[] = sum %0 {axes=[0]}",
      "  return %1, %0",
      "}",
    ].join("\n"),
  );
  assertEquals(step(tensor([1, 1])).itemSync(), 5);
  assertEquals(step.traces.length, 1, "the call uses what lower compiled");
  assert(typeof lowered.wat() === "string");
});

Deno.test("a program for WebGPU can be looked at without an adapter", () => {
  const lowered = jit((x: Tensor, k: number) => x.mul(k).add(1)).lower(tensor([1, 2]), 3);
  assert(lowered.wgsl().includes("@compute @workgroup_size"));
});

Deno.test("the graph keeps the user's line and prints as text and for Graphviz", () => {
  const f = jit((x: Tensor, k: number) => x.mul(k).add(0.5), { name: "scale" });
  const graph = f.graph(tensor([1, 2]), 3);
  const lines = graph.toString({ locations: true }).split("\n");
  assertEquals(lines[0], "scale(x: float32[2], k: float64[] weak) {");
  assert(
    lines.some((line) => line.includes(" = mul x ") && line.includes("# lower_test.ts:37")),
    lines.join("\n"),
  );
  const dot = graph.toDot();
  assert(dot.startsWith('digraph "scale" {') && dot.includes("lower_test.ts:37") && dot.endsWith("}"), dot);
  assert(graph.nodes.filter((node) => node.primitive.name === "mul").every((node) => node.location !== null));
});

Deno.test("evalShape gives types only", () => {
  const types = evalShape(
    (x: Tensor, k: number) => ({ total: x.mul(k).sum({ axis: 0 }), list: [x.gt(0), k], text: "as it is" }),
    tensor([[1, 2, 3], [4, 5, 6]]),
    2,
  );
  assertEquals(types.total, { shape: [3], dtype: "float32" });
  assertEquals(types.list[0] as unknown, { shape: [2, 3], dtype: "bool" });
  assertEquals(types.list[1] as unknown, { shape: [], dtype: "float32" });
  assertEquals(types.text, "as it is");
  const large = { shape: [100_000, 100_000], dtype: "float64" } as unknown as Tensor;
  assertEquals(evalShape((x: Tensor) => x.sum(), large), { shape: [], dtype: "float64" });
});

Deno.test("lower inside a trace looks at the function, not at the trace", () => {
  const inner = jit((x: Tensor) => x.neg(), { name: "inner" });
  let text = "";
  const x = tensor([1]);
  jit((y: Tensor) => {
    text = inner.lower(x).toString();
    return y;
  })(x);
  assert(text.startsWith("inner(x: float32[1]) {"), text);
  assertThrows(
    () => jit((y: Tensor) => (inner.lower(y), y))(x),
    DamoError,
    "inner: argument x is a traced tensor float32[1] of function, which has no value while it is traced.",
  );
});
