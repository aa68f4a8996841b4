/**
 * Shapes: reshape, dimshuffle, broadcasting, flatten, channels.
 *
 * Theano marks at compile time which axes may broadcast. Here sizes are known while tracing, NumPy's rule decides, and
 * `dimshuffle` is there for those who think in it.
 */
import { arange, jit, type Tensor, tensor } from "@damo/damo";
import { expect, expectError } from "../expect.ts";

const x = arange(6).reshape([2, 3]);
expect(x.reshape([3, -1]), [[0, 1], [2, 3], [4, 5]]);
expect(x.transpose(), [[0, 3], [1, 4], [2, 5]]);

// dimshuffle: "x" is a new axis of size 1, and axes change places.
const row = tensor([10, 20, 30]);
expect(row.dimshuffle("x", 0), [[10, 20, 30]]);
expect(row.dimshuffle(0, "x"), [[10], [20], [30]]);
expect([...x.dimshuffle(1, "x", 0).shape], [3, 1, 2]);

// Broadcasting adds missing axes on the left.
expect(x.add(row), [[10, 21, 32], [13, 24, 35]]);
expect(x.add(tensor([100, 200]).dimshuffle(0, "x")), [[100, 101, 102], [203, 204, 205]]);
expectError(() => x.add(tensor([100, 200])), "float32[2, 3]", "float32[2]");

// Images as rows: the batch stays, the rest becomes one axis.
const images = arange(2 * 3 * 4 * 5).reshape([2, 3, 4, 5]);
expect([...images.flatten(2).shape], [2, 60]);
expect(images.flatten(2).at(1, 0), 60);

// RGB pixels [height, width, 3] as a convolution wants them: [1, channel, height, width].
const toChannels = jit((pixels: Tensor) => pixels.dimshuffle("x", 2, 0, 1));
const photo = arange(4 * 5 * 3).reshape([4, 5, 3]);
const channels = toChannels(photo);
expect([...channels.shape], [1, 3, 4, 5]);
expect(channels.at(0, 1, 2, 3), photo.at(2, 3, 1).itemSync() as number);
