/** Loads TensorFlow.js from npm, on WebAssembly. */
// deno-lint-ignore-file no-explicit-any -- the package is loaded without its types: checking must not download peers

/** Its version in results. */
export const VERSION: string = "4.22.0";

/** The library, ready to compute. */
export async function loadTensorFlow(): Promise<any> {
  const specifiers = [`npm:@tensorflow/tfjs@${VERSION}`, `npm:@tensorflow/tfjs-backend-wasm@${VERSION}`];
  const umbrella: any = await import(specifiers[0]);
  await import(specifiers[1]);
  const tf = umbrella.default ?? umbrella;
  await tf.setBackend("wasm");
  await tf.ready();
  if (tf.getBackend() !== "wasm") throw new Error("TensorFlow.js has no WebAssembly here");
  return tf;
}
