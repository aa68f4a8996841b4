/** first_result.ts in onnxruntime-web. */
// deno-lint-ignore-file no-explicit-any -- the package is loaded without its types: checking must not download peers
import { encodeModel } from "../contest/onnx_model.ts";

const specifier = "npm:onnxruntime-web@1.30.0";
const loaded: any = await import(specifier);
const runtime = loaded.InferenceSession ? loaded : loaded.default;
const nodes = [
  { op: "Add", inputs: ["x", "one"], output: "shifted" },
  { op: "ReduceSum", inputs: ["shifted", "axes"], output: "out", attributes: { keepdims: 0 } },
];
const model = encodeModel({ nodes, inputs: { x: [2] }, output: [], constants: { one: 1, axes: [0] } });
const session = await runtime.InferenceSession.create(model, { executionProviders: ["wasm"] });
const { out } = await session.run({ x: new runtime.Tensor("float32", new Float32Array([1, 2]), [2]) });
if (out.data[0] !== 5) throw new Error("wrong result");
Deno.exit();
