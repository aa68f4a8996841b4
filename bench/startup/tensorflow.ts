/** first_result.ts in TensorFlow.js on WebAssembly. */
// deno-lint-ignore-file no-explicit-any -- the package is loaded without its types: checking must not download peers
const specifiers = ["npm:@tensorflow/tfjs@4.22.0", "npm:@tensorflow/tfjs-backend-wasm@4.22.0"];
const umbrella: any = await import(specifiers[0]);
await import(specifiers[1]);
const tf = umbrella.default ?? umbrella;
await tf.setBackend("wasm");
await tf.ready();
if (tf.getBackend() !== "wasm") throw new Error("TensorFlow.js has no WebAssembly here");
if (tf.sum(tf.add(tf.tensor([1, 2]), 1)).dataSync()[0] !== 5) throw new Error("wrong result");
Deno.exit();
