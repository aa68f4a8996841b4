/** Functions of WGSL that generated kernels may call, each with those it calls itself. */

export interface Helper {
  readonly needs: readonly string[];
  readonly source: string;
}

export type HelperTable = Readonly<Record<string, Helper>>;

/** A helper from its text; the names called must be given. */
export function helper(source: string, ...needs: string[]): Helper {
  return { needs, source: source.trim() };
}
