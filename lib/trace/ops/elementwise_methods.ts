export interface ElementwiseMethods {
  add(b: unknown): unknown;
}
