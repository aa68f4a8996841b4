/** The workloads that onnxruntime-web can do: inference only. */
// deno-lint-ignore-file no-explicit-any -- the package is loaded without its types: checking must not download peers
import { type Contestant, type Inputs, layoutOf, type Prepared } from "./contestant.ts";
import { encodeModel, type OnnxGraph, type OnnxNode } from "./onnx_model.ts";

const VERSION = "1.30.0";

const node = (op: string, inputs: string[], output = "out"): OnnxNode => ({ op, inputs, output });

function graphOf(workload: string, given: Inputs): OnnxGraph | null {
  const inputs = Object.fromEntries(Object.entries(given).map(([name, { shape }]) => [name, shape]));
  const shape = given.x?.shape;
  if (workload.startsWith("matmul")) {
    const [left, right] = layoutOf(workload);
    const nodes = [node("MatMul", [left ? "at" : "a", right ? "bt" : "b"])];
    if (right) nodes.unshift(node("Transpose", ["b"], "bt"));
    if (left) nodes.unshift(node("Transpose", ["a"], "at"));
    const rows = given.a.shape[left ? 1 : 0], columns = given.b.shape[right ? 0 : 1];
    return { nodes, inputs, output: [rows, columns] };
  }
  if (workload.startsWith("chain")) {
    const nodes = [
      node("Mul", ["x", "two"], "doubled"),
      node("Add", ["doubled", "one"], "shifted"),
      node("Tanh", ["shifted"], "tanh"),
      node("Mul", ["x", "x"], "square"),
      node("Neg", ["square"], "negative"),
      node("Exp", ["negative"], "exp"),
      node("Mul", ["tanh", "exp"], "product"),
      node("Sin", ["x"], "sin"),
      node("Add", ["product", "sin"]),
    ];
    return { nodes, inputs, output: shape, constants: { one: 1, two: 2 } };
  }
  switch (workload) {
    case "softmax 1024x1024":
      return { nodes: [{ ...node("Softmax", ["x"]), attributes: { axis: -1 } }], inputs, output: shape };
    case "layer norm 1024x1024":
      return { nodes: [node("LayerNormalization", ["x", "gamma", "beta"])], inputs, output: shape };
    case "sum 4096x4096 axis 0":
    case "sum 4096x4096 axis 1":
    case "sum 4096x4096 all": {
      const axes = { "0": [0], "1": [1], "l": [0, 1] }[workload.at(-1)!]!;
      const sum = { ...node("ReduceSum", ["x", "axes"]), attributes: { keepdims: 0 } };
      return { nodes: [sum], inputs, output: axes.length === 2 ? [] : [4096], constants: { axes } };
    }
    case "convolution forward": {
      const convolution = { ...node("Conv", ["x", "w"]), attributes: { kernel_shape: [5, 5] } };
      return { nodes: [convolution], inputs, output: [32, 32, 28, 28] };
    }
    case "z = x + y on 8 numbers":
      return { nodes: [node("Add", ["x", "y"])], inputs, output: shape };
  }
  return null;
}

export async function contestant(threads: number): Promise<Contestant> {
  const specifier = `npm:onnxruntime-web@${VERSION}`;
  const loaded: any = await import(specifier);
  const runtime = loaded.InferenceSession ? loaded : loaded.default;
  runtime.env.wasm.numThreads = threads;

  async function prepare(workload: string, given: Inputs): Promise<Prepared | null> {
    const graph = graphOf(workload, given);
    if (!graph) return null;
    const session = await runtime.InferenceSession.create(encodeModel(graph), {
      executionProviders: ["wasm"],
    });
    const feeds = Object.fromEntries(
      Object.entries(given).map((
        [name, { shape, values }],
      ) => [name, new runtime.Tensor("float32", values, shape)]),
    );
    const repeats = workload.startsWith("z = x + y") ? 1000 : 1;
    return {
      run: async () => {
        for (let i = 0; i < repeats; i++) await session.run(feeds);
      },
      outputs: async () => [(await session.run(feeds)).out.data],
    };
  }

  return { version: `onnxruntime-web ${VERSION} (wasm, ${threads} threads)`, prepare };
}
