/** Modified Bessel functions in float64, for the reference interpreter: close to the last digit. */

/** From here on the asymptotic series reaches float64's precision. */
const ASYMPTOTIC_FROM = 30;

/** sum over k of (x / 2)^(2k + order) / (k! (k + order)!), all terms of one sign (Abramowitz and Stegun 1964, 9.6.10). */
function powerSeries(x: number, order: 0 | 1): number {
  const z = x * x / 4;
  let term = order === 0 ? 1 : x / 2, sum = term;
  for (let k = 1; Math.abs(term) > Math.abs(sum) * 2 ** -55; k++) {
    term *= z / (k * (k + order));
    sum += term;
  }
  return sum;
}

/** e^x / sqrt(2 pi x) (1 - (m - 1) / (8 x) + (m - 1) (m - 9) / (2! (8 x)^2) - ...) with m = 4 order^2 (9.7.1). */
function asymptotic(x: number, order: 0 | 1): number {
  const m = 4 * order * order;
  let term = 1, sum = 1;
  for (let k = 1; k < 40 && Math.abs(term) > 2 ** -56; k++) {
    term *= -(m - (2 * k - 1) ** 2) / (k * 8 * x);
    sum += term;
  }
  // In two factors, so that it overflows only where the function does.
  const root = Math.exp(x / 2);
  return root * (sum / Math.sqrt(2 * Math.PI * x)) * root;
}

function bessel(x: number, order: 0 | 1): number {
  if (x === Infinity) return x;
  return x < ASYMPTOTIC_FROM ? powerSeries(x, order) : asymptotic(x, order);
}

/** The modified Bessel function of the first kind of order 0. */
export function i0(x: number): number {
  return x !== x ? x : bessel(Math.abs(x), 0);
}

/** The modified Bessel function of the first kind of order 1. */
export function i1(x: number): number {
  if (x !== x || x === 0) return x;
  return x < 0 ? -bessel(-x, 1) : bessel(x, 1);
}
