/** Five programs such as users write, for tests of pictures, profiles and of the lines that kernels name. */
import {
  grad,
  jit,
  type JitOptions,
  type Jitted,
  nn,
  optim,
  scan,
  shared,
  type Tensor,
  tensor,
} from "@damo/damo";
import { TestRandom } from "./random.ts";

/** What every program is compiled with. */
export type ProgramSettings = Pick<JitOptions, "profile" | "guard" | "mode">;

/** A compiled function and arguments for it. */
export interface ExampleProgram {
  readonly name: string;
  // deno-lint-ignore no-explicit-any -- the programs have different arguments
  readonly run: Jitted<any[], unknown>;
  readonly args: unknown[];
}

function values(shape: readonly number[], seed: number, scale = 1): Tensor {
  const random = new TestRandom(seed);
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(Float32Array.from({ length: size }, () => scale * (2 * random.next() - 1)), {
    shape: [...shape],
  });
}

function labels(count: number, classes: number): Tensor {
  return tensor(Int32Array.from({ length: count }, (_, i) => (7 * i) % classes));
}

/** The training step of the MNIST example: a perceptron, cross-entropy, Adam. */
export function mnistStep(settings: ProgramSettings = {}, batch = 128, hidden = 512): ExampleProgram {
  const net = new nn.Sequential([
    new nn.Linear(784, hidden, { seed: 1 }),
    nn.relu,
    new nn.Linear(hidden, hidden, { seed: 2 }),
    nn.relu,
    new nn.Linear(hidden, 10, { seed: 3 }),
  ]);
  const parameters = net.parameters();
  const optimizer = optim.adam(parameters, { lr: 1e-3 });
  const run = jit((images: Tensor, digits: Tensor) => {
    const logits = net.forward(images.cast("float32").div(255));
    const loss = nn.crossEntropy(logits, digits);
    optimizer.step(grad(loss, parameters));
    return loss;
  }, { name: "mnistStep", ...settings });
  const images = tensor(Uint8Array.from({ length: batch * 784 }, (_, i) => (i * 31) % 256), {
    shape: [batch, 784],
  });
  return { name: "mnistStep", run, args: [images, labels(batch, 10)] };
}

/** A recurrent network trained through time. */
export function rnnStep(settings: ProgramSettings = {}, steps = 12): ExampleProgram {
  const w = values([5, 8], 1, 0.4), u = values([8, 8], 2, 0.4), v = values([8, 3], 3, 0.4);
  const run = jit((xs: Tensor, digits: Tensor) => {
    const loss = (parameters: Tensor[]) => {
      const [w, u, v] = parameters;
      const [h] = scan(
        (h: Tensor, x: Tensor) => {
          const next = x.dot(w).add(h.dot(u)).tanh();
          return [next, next];
        },
        tensor(new Float32Array(4 * 8), { shape: [4, 8] }),
        xs,
      );
      return nn.crossEntropy(h.dot(v), digits);
    };
    const gradients = grad(loss)([w, u, v]) as Tensor[];
    return gradients.map((gradient, i) => [w, u, v][i].sub(gradient.mul(0.1)));
  }, { name: "rnnStep", ...settings });
  return { name: "rnnStep", run, args: [values([steps, 4, 5], 4), labels(4, 3)] };
}

/** Logistic regression with a penalty. */
export function logisticStep(settings: ProgramSettings = {}): ExampleProgram {
  const w = shared(new Float32Array(20), { name: "w" });
  const run = jit((x: Tensor, y: Tensor) => {
    const p = x.dot(w.value).sigmoid();
    const entropy = y.mul(p.log()).add(y.neg().add(1).mul(p.neg().add(1).log())).neg();
    const cost = entropy.mean().add(w.value.square().sum().mul(0.01));
    w.value = w.value.sub(grad(cost, w).mul(0.1));
    return cost;
  }, { name: "logisticStep", ...settings });
  const y = tensor(Float32Array.from({ length: 50 }, (_, i) => i % 2));
  return { name: "logisticStep", run, args: [values([50, 20], 5), y] };
}

/** Attention with a gradient. */
export function attentionStep(settings: ProgramSettings = {}): ExampleProgram {
  const run = jit((q: Tensor, k: Tensor, v: Tensor) => {
    const attend = (q: Tensor) => {
      const scores = q.matmul(k.transpose([0, 2, 1])).div(Math.sqrt(8));
      const weights = nn.softmax(scores);
      return weights.matmul(v).square().sum();
    };
    return grad(attend)(q);
  }, { name: "attentionStep", ...settings });
  return {
    name: "attentionStep",
    run,
    args: [values([2, 7, 8], 6), values([2, 9, 8], 7), values([2, 9, 8], 8)],
  };
}

/** Runge and Kutta's method on the equation of a pendulum with friction. */
export function pendulum(settings: ProgramSettings = {}, steps = 40): ExampleProgram {
  const run = jit((start: Tensor, dt: number) => {
    const slope = (state: Tensor) => {
      const angle = state.narrow(0, 0, 1), speed = state.narrow(0, 1, 1);
      return tensor([0, 0]).with([0], speed.reshape([])).with(
        [1],
        angle.sin().neg().sub(speed.mul(0.1)).reshape([]),
      );
    };
    const [end, path] = scan(
      (state: Tensor) => {
        const a = slope(state);
        const b = slope(state.add(a.mul(dt).mul(0.5)));
        const next = state.add(b.mul(dt));
        return [next, next];
      },
      start,
      undefined,
      { length: steps },
    );
    return [end, path] as const;
  }, { name: "pendulum", ...settings });
  return { name: "pendulum", run, args: [tensor([1, 0]), 0.05] };
}
