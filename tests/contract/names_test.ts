/** Every name of API.md: free functions, methods, namespaces and their entry points. */
import { assertEquals, assertStrictEquals } from "@std/assert";
import * as damo from "@damo/damo";
import * as data from "@damo/damo/data";
import * as fft from "@damo/damo/fft";
import * as io from "@damo/damo/io";
import * as linalg from "@damo/damo/linalg";
import * as loop from "@damo/damo/loop";
import * as nn from "@damo/damo/nn";
import * as optim from "@damo/damo/optim";
import * as random from "@damo/damo/random";
import * as viz from "@damo/damo/viz";

const words = (text: string): string[] => text.trim().split(/\s+/);

const CREATION = words(
  "tensor zeros ones full eye arange linspace zerosLike onesLike fullLike tri tril triu diag oneHot",
);

const OPERATIONS = words(`
  add sub mul div floorDiv mod pow neg abs sign square sqrt rsqrt reciprocal exp exp2 expm1 log log2 log10 log1p sin cos
  tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh floor ceil round trunc erf erfc erfinv lgamma digamma sigmoid
  minimum maximum clip where eq ne lt le gt ge isNaN isFinite and or xor not logaddexp hypot
  sum mean prod max min argmax argmin any all variance std logsumexp norm cumsum cumprod diff sort argsort topk bincount
  searchsorted dot matmul tensordot outer inner trace
  reshape transpose swapAxes dimshuffle flatten ravel expandDims squeeze broadcastTo split repeat tile flip roll pad take
  gather scatterAdd compress nonzero unravelIndex`);

/** The first argument is no tensor. */
const FREE_ONLY = words("einsum concat stack slice setDefaultFloat");

const FUNCTIONS = words(`
  jit shared update computed effect batch evalShape grad valueAndGrad vjp jvp linearize jacobian jacfwd jacrev hessian hvp
  vmap stopGradient clipGradient scaleGradient customVjp customJvp checkpoint checkGrads definePrimitive hostCallback
  wgslKernel wasmKernel scan recurrence until whileLoop forLoop cond switchCase map reduce foldl foldr RandomStream
  exportFunction importFunction print check Profile init devices defaultDevice withDevice synchronize memory scope
  ShapeError DTypeError IndexError TracedValueError DonatedError DisposedError GradientError LoopError NonFiniteError
  RetraceError DeviceError OutOfMemoryError CheckError FormatError DamoError Tensor Shared`);

const NAMESPACES: Record<string, [object, string]> = {
  linalg: [
    linalg,
    "inv det slogdet solve solveTriangular cholesky qr svd eigh pinv lstsq matrixPower norm kron expm",
  ],
  fft: [fft, "rfft irfft"],
  random: [
    random,
    `key split foldIn uniform normal truncatedNormal bernoulli binomial categorical randint poisson exponential gamma
     choice permutation RandomStream`,
  ],
  nn: [
    nn,
    `Linear Conv1d Conv2d Conv3d ConvTranspose2d Embedding BatchNorm LayerNorm Dropout RNN GRU LSTM MultiHeadAttention
     Sequential conv1d conv2d conv3d convTranspose2d maxPool1d avgPool1d sumPool1d maxPool2d avgPool2d sumPool2d maxPool3d
     avgPool3d sumPool3d patches unpatches resize relu leakyRelu elu selu gelu silu softplus softsign hardSigmoid sigmoid
     tanh softmax logSoftmax crossEntropy binaryCrossEntropy binaryCrossEntropyWithLogits mse l1 ctcLoss batchNorm
     layerNorm dropout confusionMatrix accuracy init`,
  ],
  optim: [optim, "sgd adam adamW rmsProp adaGrad adaDelta schedule clipByGlobalNorm"],
  data: [data, "batches prefetch idx"],
  io: [io, "save load encode decode"],
  viz: [viz, "plot image"],
  loop: [loop, "state stack over range while until"],
};

const missing = (names: readonly string[], owner: object): string[] =>
  names.filter((name) => !(name in owner));

Deno.test("every function of the contract is a named export", () => {
  assertEquals(missing([...CREATION, ...OPERATIONS, ...FREE_ONLY, ...FUNCTIONS], damo), []);
});

Deno.test("sections 2 and 3 are methods too where the first argument is a tensor, of Shared as well", () => {
  assertEquals(
    missing(
      [...OPERATIONS, ..."at with withAdded narrow cast to tril triu diag".split(" ")],
      damo.Tensor.prototype,
    ),
    [],
  );
  assertEquals(missing(OPERATIONS, damo.Shared.prototype), []);
});

Deno.test("namespaces are exports and entry points of their own", () => {
  for (const [name, [entry, names]] of Object.entries(NAMESPACES)) {
    const own = (damo as unknown as Record<string, Record<string, unknown>>)[name];
    assertEquals(missing(words(names), own), [], name);
    for (const word of words(names)) {
      assertStrictEquals(own[word], (entry as Record<string, unknown>)[word], `${name}.${word}`);
    }
  }
  const draws = words(
    "uniform normal truncatedNormal bernoulli binomial categorical randint poisson exponential gamma choice permutation",
  );
  assertEquals(missing(draws, damo.RandomStream.prototype), []);
  assertEquals(
    missing(
      words("uniform normal glorotUniform glorotNormal heNormal heUniform orthogonal zeros ones"),
      nn.init,
    ),
    [],
  );
  assertEquals(missing(words("constant cosine step warmup"), optim.schedule), []);
});
