/** Counting calls of methods that the runtime has. */

/** How often methods of WebGPU's objects are called while something runs. */
export function countCalls(
  methods: readonly (readonly [prototype: object, name: string])[],
  body: () => void,
): number[] {
  const counts = methods.map(() => 0);
  const originals = methods.map(([prototype, name]) => Object.getOwnPropertyDescriptor(prototype, name)!);
  methods.forEach(([prototype, name], i) => {
    const { value } = originals[i];
    Object.defineProperty(prototype, name, {
      ...originals[i],
      value: function (this: unknown, ...args: unknown[]) {
        counts[i]++;
        return value.apply(this, args);
      },
    });
  });
  try {
    body();
  } finally {
    methods.forEach(([prototype, name], i) => Object.defineProperty(prototype, name, originals[i]));
  }
  return counts;
}
