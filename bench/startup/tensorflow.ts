/** first_result.ts in TensorFlow.js on WebAssembly. */
import { loadTensorFlow } from "../contest/load_tensorflow.ts";

const tf = await loadTensorFlow();
if (tf.sum(tf.add(tf.tensor([1, 2]), 1)).dataSync()[0] !== 5) throw new Error("wrong result");
Deno.exit();
