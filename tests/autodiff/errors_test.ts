/** The exact words of every error: what happened, where, and what to do. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  customJvp,
  customVjp,
  grad,
  GradientError,
  hessian,
  jacobian,
  jit,
  jvp,
  linearize,
  ShapeError,
  shared,
  type Tensor,
  tensor,
  TracedValueError,
  vjp,
  vmap,
} from "@damo/damo";

const f64 = (data: number | number[] | number[][]): Tensor => tensor(data, { dtype: "float64" });

/** The message without the line of the place, which must be in this file. */
function messageOf(
  body: () => unknown,
  kind: typeof GradientError | typeof ShapeError = GradientError,
): string[] {
  const error = assertThrows(body, kind);
  const lines = (error as Error).message.split("\n");
  assert(lines[1].includes("errors_test.ts"), lines[1]);
  lines.splice(1, 1);
  return lines;
}

Deno.test("a cost that is not a scalar", () => {
  function loss(x: Tensor): Tensor {
    return x.mul(2);
  }
  assertEquals(messageOf(() => grad(loss)(f64([1, 2, 3]))), [
    "grad of loss: the cost must be a scalar, but loss returned float64[3].",
    "Reduce it with sum() or mean(), or use vjp or jacobian for a function of several outputs.",
  ]);
  assertEquals(
    messageOf(() => hessian(loss)(f64([1, 2, 3])))[0],
    [
      "hessian of loss: the cost must be a scalar, but loss returned float64[3].",
    ][0],
  );
});

Deno.test("a cost that is no tensor, or not of a float dtype", () => {
  const loss = (x: Tensor) => ({ value: x });
  assertEquals(messageOf(() => grad(loss)(f64(1))), [
    "grad of loss: the cost must be a scalar tensor, but loss returned an object.",
    "Return one scalar tensor; further results go into [cost, aux] with { hasAux: true }.",
  ]);
  const nothing = (_x: Tensor) => undefined;
  assertEquals(
    messageOf(() => grad(nothing)(f64(1)))[0],
    "grad of nothing: the cost must be a scalar tensor, but nothing returned undefined.",
  );
  const count = (x: Tensor) => x.gt(0).sum();
  assertEquals(messageOf(() => grad(count)(f64([1]))), [
    "grad of count: the cost must be of a float dtype, but count returned int32[].",
    "Cast what the cost is computed from to a float dtype.",
  ]);
});

Deno.test("an integer argument, down to the leaf", () => {
  const loss = (params: { layers: { weight: Tensor }[] }) => params.layers[0].weight.sum();
  const weight = tensor([1, 2], { dtype: "int32" });
  const wanted = [
    "grad of loss: params.layers[0].weight is int32[2], and derivatives exist for floats only.",
    'Write params.layers[0].weight.cast("float32") before the call, or differentiate with respect to other arguments.',
  ];
  assertEquals(messageOf(() => grad(loss)({ layers: [{ weight }] })), wanted);
  assertEquals(
    messageOf(() => vjp((x: Tensor) => x, tensor([true])))[0],
    "vjp of an anonymous function: x is bool[1], and derivatives exist for floats only.",
  );
});

Deno.test("a leaf that the cost does not depend on", () => {
  const loss = (params: { layers: { weight: Tensor; bias: Tensor }[] }) => params.layers[0].weight.sum();
  const layer = { weight: f64([1, 2]), bias: f64([[0, 0]]) };
  assertEquals(messageOf(() => grad(loss)({ layers: [layer] })), [
    "grad of loss: the cost does not depend on params.layers[0].bias (float64[1, 2]).",
    'Leave it out, or pass { disconnected: "zero" } to get zeros (or "warn"). What passes through stopGradient does not count.',
  ]);
  const w = shared(f64(1), { name: "w" });
  assertEquals(
    messageOf(() => grad((_p: { w: Tensor }, x: Tensor) => x.sum())({ w } as never, f64([1])))[0],
    "grad of an anonymous function: the cost does not depend on _p.w (float64[]).",
  );
});

Deno.test("arguments that are missing or hold no tensor, and bad argnums", () => {
  const loss = (x: Tensor, _name: string) => x.sum();
  assertEquals(
    messageOf(() => grad(loss, { argnums: 1 })(f64([1]), "text"))[0],
    "grad of loss: argument 1 (_name) holds no tensor.",
  );
  assertEquals(
    messageOf(() => grad(loss, { argnums: 4 } as never)(f64([1]), "text"))[0],
    "grad of loss: argument 4 (args[4]) was not given; loss was called with 2.",
  );
  assertEquals(
    messageOf(() => grad(loss, { argnums: 0.5 } as never)(f64([1]), "text"))[0],
    "grad of loss: argnums has 0.5, and the function was called with 2 arguments.",
  );
});

Deno.test("hasAux without a pair", () => {
  const loss = (x: Tensor) => x.sum();
  assertEquals(
    messageOf(() => grad(loss as never, { hasAux: true })(f64([1])))[0],
    "grad of loss: with hasAux the function must return [cost, aux].",
  );
});

Deno.test("reading a traced value inside a differentiated function", () => {
  const error = assertThrows(
    () => grad((x: Tensor) => x.mul(Number(x.sum())).sum())(f64([1])),
    TracedValueError,
  );
  assert((error as Error).message.includes("errors_test.ts"));
});

Deno.test("cotangents and tangents that do not fit", () => {
  function f(x: Tensor): { y: Tensor } {
    return { y: x.mul(2) };
  }
  const [, pullback] = vjp(f, f64([1, 2]));
  assertEquals(messageOf(() => pullback({ y: f64([1, 2, 3]) })), [
    "vjp of f: cotangent.y is float64[3], and the result it belongs to is float64[2].",
    "Give it the shape and dtype of the result.",
  ]);
  assertEquals(
    messageOf(() => pullback({ y: tensor([1, 2]) }))[0],
    "vjp of f: cotangent.y is float32[2], and the result it belongs to is float64[2].",
  );
  assertEquals(messageOf(() => pullback(f64([1, 2]) as never)), [
    "vjp of f: cotangent must be an object with y, got a tensor float64[2].",
    "It must have the structure of what it belongs to.",
  ]);
  assertEquals(
    messageOf(() => jvp(f, [f64([1, 2])], [f64([1])]))[0],
    "jvp of f: tangents[0] is float64[1], and the primal it belongs to is float64[2].",
  );
  assertEquals(
    messageOf(() => jvp(f, [f64([1, 2])], []))[0],
    "jvp of f: primals and tangents must be arrays of one length, got an array of 1 and an array of 0.",
  );
  const [, pushforward] = linearize(f, f64([1, 2]));
  assertEquals(
    messageOf(() => pushforward(f64([1])))[0],
    "linearize of f: tangents[0] is float64[1], and the primal it belongs to is float64[2].",
  );
});

Deno.test("a jacobian of integers", () => {
  const f = (x: Tensor) => x.gt(0);
  assertEquals(
    messageOf(() => jacobian(f)(f64([1])))[0],
    "jacobian of f: result 0 is bool[1], and derivatives exist for floats only.",
  );
});

Deno.test("Theano's form outside a trace, of a vector, and of what is not connected", () => {
  assertEquals(messageOf(() => grad(f64(1), f64(2))), [
    "grad of a tensor was called outside a traced function.",
    "Write grad(fn)(x), or call grad(cost, wrt) inside a function given to jit, grad or vmap.",
  ]);
  const inside = (body: (x: Tensor) => unknown) => () => vmap((x: Tensor) => (body(x), x))(f64([[1, 2]]));
  assertEquals(messageOf(inside((x) => grad(x.mul(2), x))), [
    "grad: the cost must be a scalar, got float64[2].",
    "Reduce it with sum() or mean(), or give the gradient of the tensor in { knownGrads }.",
  ]);
  assertEquals(
    messageOf(inside((x) => grad(x.sum(), { a: x, b: x.mul(2) })))[0],
    "grad: the cost does not depend on wrt.b (float64[2]).",
  );
  assertEquals(
    messageOf(inside((x) => grad(null, x)))[0],
    "grad: the cost is null and no gradients are known.",
  );
  assertEquals(
    messageOf(inside((x) => grad(null, x, { knownGrads: [[x.sum(), x]] })))[0],
    "grad: knownGrads gives float64[2] as the gradient of float64[].",
  );
  const outer = (x: Tensor) => {
    const cost = x.sum();
    return vmap(function body(y: Tensor) {
      return grad(cost, y) as Tensor;
    })(x);
  };
  assertEquals(messageOf(() => jit(outer)(f64([1, 2]))), [
    "grad: the cost was computed in outer, and grad was called in body inside it.",
    "Call grad in the function that computes the cost, or compute the cost in this one.",
  ]);
  const w = shared(f64(1), { name: "weights" });
  assertEquals(
    messageOf(inside((x) => grad(x.sum(), w)))[0],
    "grad: the cost does not depend on weights (float64[]).",
  );
});

Deno.test("custom rules that return the wrong thing", () => {
  function f(x: Tensor, y: Tensor): Tensor {
    return x.mul(y);
  }
  const withBackward = (backward: (r: unknown, c: Tensor) => unknown) =>
    customVjp(f, (x, y) => [x.mul(y), null], backward as never);
  const run = (g: typeof f) => () => grad(g, { argnums: [0, 1] })(f64(1), f64(2));
  assertEquals(messageOf(run(withBackward((_r, c) => [c]))), [
    "customVjp of f: backward returned 1 gradients for 2 arguments.",
    "    in the backward pass (grad of customVjp(f))",
    "Return an array with one gradient per argument, null where it is zero.",
  ]);
  assertEquals(
    messageOf(run(withBackward((_r, c) => [c, f64([1, 2])])))[0],
    "customVjp of f: the gradient of y is float64[2], and the argument it belongs to is float64[].",
  );
  const badForward = customVjp(f, ((x: Tensor) => x) as never, () => []);
  assertEquals(messageOf(run(badForward))[0], "customVjp of f: forward must return [out, residuals].");
  const badRule = customJvp(f, () => f64(1) as never);
  assertEquals(messageOf(run(badRule))[0], "customJvp of f: the rule must return [out, tangentOut].");
  const wrongShape = customJvp(f, ([x, y]) => [x.mul(y), f64([1, 2])]);
  assertEquals(
    messageOf(run(wrongShape))[0],
    "customJvp of f: tangentOut is float64[2], and the result it belongs to is float64[].",
  );
  const notLinear = customJvp(f, ([x, y], [s]) => [x.mul(y), s.mul(s)]);
  assertEquals(
    messageOf(run(notLinear))[0],
    "grad of customJvp(f): a derivative rule applies mul to a tangent, which is not a linear operation.",
  );
  const exponential = customJvp(f, ([x, y], [s]) => [x.mul(y), s.exp()]);
  assertEquals(
    messageOf(run(exponential))[0],
    "grad of customJvp(f): a derivative rule applies exp to a tangent, which is not a linear operation.",
  );
});

Deno.test("a function with a rule of its own may not assign shared variables", () => {
  const w = shared(f64(1), { name: "w" });
  function f(x: Tensor): Tensor {
    w.value = x;
    return x;
  }
  const wanted = [
    'customVjp of f: shared variable "w" is assigned inside the function.',
    "Return its new value and assign it outside: the rule replaces the function when it is differentiated.",
  ];
  assertEquals(messageOf(() => grad(customVjp(f, (x) => [x, null], (_r, c) => [c]))(f64(2))), wanted);
  wanted[0] = wanted[0].replace("customVjp", "customJvp");
  assertEquals(messageOf(() => grad(customJvp(f, ([x], [t]) => [x, t]))(f64(2))), wanted);
});

Deno.test("a custom rule cannot cover what the function closes over", () => {
  const outer = (w: Tensor) => {
    const f = customVjp((x: Tensor) => x.mul(w), (x) => [x, null], (_r, c) => [c]);
    return f(f64(2));
  };
  assertEquals(messageOf(() => grad(outer)(f64(3))), [
    "customVjp of an anonymous function: a derivative is wanted with respect to w float64[], which the function closes over.",
    "The rule covers the arguments only: pass it as an argument, or through stopGradient.",
  ]);
});

Deno.test("vmap: sizes, axes, scalars, shared assignments", () => {
  const f = (x: Tensor, y: Tensor) => x.mul(y);
  assertEquals(messageOf(() => vmap(f)(f64([1, 2]), f64([1, 2, 3])), ShapeError), [
    "vmap of f: batch sizes disagree: x float64[2] has 2 along axis 0, y float64[3] has 3 along axis 0.",
    "All mapped axes must have one size; give null in inAxes to what is not batched.",
  ]);
  assertEquals(messageOf(() => vmap(f)(f64([1, 2]), f64(1)), ShapeError), [
    "vmap of f: y is a scalar float64[] and has no axis 0 to map over.",
    "Give it null in inAxes: then it is the same for all examples.",
  ]);
  assertEquals(
    messageOf(() => vmap(f, { inAxes: [0, 2] })(f64([1, 2]), f64([1, 2])), ShapeError)[0],
    "vmap of f: axis of y 2 is out of range for float64[2].",
  );
  assertEquals(
    messageOf(() => vmap(f, { inAxes: [0] })(f64([1]), f64([1])), ShapeError)[0],
    "vmap of f: inAxes has 1 entries for 2 arguments.",
  );
  assertEquals(
    messageOf(() => vmap(f, { inAxes: [null, null] })(f64([1]), f64([1])), ShapeError)[0],
    "vmap of f: no argument is batched.",
  );
  const w = shared(f64(0), { name: "w" });
  const assign = (x: Tensor) => {
    w.value = w.value.add(1);
    return x;
  };
  assertEquals(
    messageOf(() => vmap(assign)(f64([1])), ShapeError)[0],
    'vmap of assign: shared variable "w" is assigned inside the mapped function.',
  );
  assertEquals(w.value.itemSync(), 0);
  assertEquals(
    messageOf(() => vmap((x: Tensor) => x, { outAxes: null })(f64([1, 2])), ShapeError)[0],
    "vmap of an anonymous function: result 0 depends on the example, and its entry in outAxes is null.",
  );
});
