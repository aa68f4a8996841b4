/** Special functions in float64, for the reference interpreter: close to the last digit. */

/** Evaluates a polynomial, highest coefficient last. */
function polynomial(x: number, coefficients: readonly number[]): number {
  let sum = 0;
  for (let i = coefficients.length - 1; i >= 0; i--) sum = sum * x + coefficients[i];
  return sum;
}

// The error function after W. J. Cody, "Rational Chebyshev approximation for the error function", Math. Comp. 23
// (1969); the coefficients are those of the SPECFUN library, relative error below 1e-16 in exact arithmetic.
const ERF_P = [
  3.20937758913846947e03,
  3.77485237685302021e02,
  1.13864154151050156e02,
  3.16112374387056560e00,
  1.85777706184603153e-1,
];
const ERF_Q = [
  2.84423683343917062e03,
  1.28261652607737228e03,
  2.44024637934444173e02,
  2.36012909523441209e01,
  1,
];
const ERFC_P = [
  1.23033935479799725e03,
  2.05107837782607147e03,
  1.71204761263407058e03,
  8.81952221241769090e02,
  2.98635138197400131e02,
  6.61191906371416295e01,
  8.88314979438837594e00,
  5.64188496988670089e-1,
  2.15311535474403846e-8,
];
const ERFC_Q = [
  1.23033935480374942e03,
  3.43936767414372164e03,
  4.36261909014324716e03,
  3.29079923573345963e03,
  1.62138957456669019e03,
  5.37181101862009858e02,
  1.17693950891312499e02,
  1.57449261107098347e01,
  1,
];
const TAIL_P = [
  -6.58749161529837803e-4,
  -1.60837851487422766e-2,
  -1.25781726111229246e-1,
  -3.60344899949804439e-1,
  -3.05326634961232344e-1,
  -1.63153871373020978e-2,
];
const TAIL_Q = [
  2.33520497626869185e-3,
  6.05183413124413191e-2,
  5.27905102951428412e-1,
  1.87295284992346047e00,
  2.56852019228982242e00,
  1,
];
const ONE_OVER_ROOT_PI = 5.6418958354775628695e-1;

/** e^(-x^2), the square split so that its rounding error does not reach the result. */
function exponentialOfSquare(x: number): number {
  const high = Math.trunc(x * 16) / 16;
  return Math.exp(-high * high) * Math.exp(-(x - high) * (x + high));
}

/** erfc for x >= 0.46875. */
function erfcTail(x: number): number {
  if (x > 27.3) return 0;
  if (x <= 4) return exponentialOfSquare(x) * (polynomial(x, ERFC_P) / polynomial(x, ERFC_Q));
  const z = 1 / (x * x);
  const r = z * polynomial(z, TAIL_P) / polynomial(z, TAIL_Q);
  return exponentialOfSquare(x) * ((ONE_OVER_ROOT_PI + r) / x);
}

/** e^(x^2) (1 - erf(x)) for x >= 0.46875. */
function scaledTail(x: number): number {
  if (x <= 4) return polynomial(x, ERFC_P) / polynomial(x, ERFC_Q);
  if (x > 1e10) return ONE_OVER_ROOT_PI / x;
  const z = 1 / (x * x);
  return (ONE_OVER_ROOT_PI + z * polynomial(z, TAIL_P) / polynomial(z, TAIL_Q)) / x;
}

export function erfcx(x: number): number {
  if (x !== x) return x;
  if (x < -27) return Infinity;
  if (Math.abs(x) <= 0.46875) return Math.exp(x * x) * (1 - erf(x));
  return x < 0 ? 2 / exponentialOfSquare(-x) - scaledTail(-x) : scaledTail(x);
}

export function erf(x: number): number {
  const size = Math.abs(x);
  if (size <= 0.46875) {
    const z = x * x;
    return x * (polynomial(z, ERF_P) / polynomial(z, ERF_Q));
  }
  if (size !== size) return NaN;
  const value = 1 - erfcTail(size);
  return x < 0 ? -value : value;
}

export function erfc(x: number): number {
  const size = Math.abs(x);
  if (size !== size) return NaN;
  if (size <= 0.46875) return 1 - erf(x);
  return x < 0 ? 2 - erfcTail(size) : erfcTail(size);
}

/**
 * The inverse of erf: a rational first guess (M. Giles, "Approximating the erfinv function", GPU Computing Gems
 * 2010), then Halley steps on erfc, which keeps the digits near 1.
 */
export function erfinv(x: number): number {
  if (!(x >= -1 && x <= 1)) return NaN;
  if (x === 0) return x;
  const size = Math.abs(x);
  if (size === 1) return x * Infinity;
  const w = -Math.log((1 - size) * (1 + size));
  let y = size * (w < 5 ? polynomial(w - 2.5, GILES_CENTRE) : polynomial(Math.sqrt(w) - 3, GILES_TAIL));
  for (let step = 0; step < 8; step++) {
    const error = size < 0.5 ? erf(y) - size : 1 - size - erfc(y);
    const slope = 2 * ONE_OVER_ROOT_PI * exponentialOfSquare(y);
    const newton = error / slope;
    y -= newton / (1 + y * newton);
  }
  return x < 0 ? -y : y;
}

const GILES_CENTRE = [
  1.50140941,
  0.246640727,
  -0.00417768164,
  -0.00125372503,
  0.00021858087,
  -4.39150654e-06,
  -3.5233877e-06,
  3.43273939e-07,
  2.81022636e-08,
];
const GILES_TAIL = [
  2.83297682,
  1.00167406,
  0.00943887047,
  -0.0076224613,
  0.00573950773,
  -0.00367342844,
  0.00134934322,
  0.000100950558,
  -0.000200214257,
];

// ln gamma(2 + z) = (1 - gamma) z + sum over k >= 2 of (-1)^k (zeta(k) - 1) z^k / k (Abramowitz and Stegun 1964, 6.1.33);
// the coefficients were computed with 60 digits.
export const ONE_MINUS_EULER = 0.42278433509846713;
export const LGAMMA_SERIES: readonly number[] = [
  0.3224670334241132,
  -0.0673523010531981,
  0.020580808427784546,
  -0.007385551028673986,
  0.0028905103307415234,
  -0.001192753911703261,
  0.0005096695247430425,
  -0.00022315475845357939,
  9.945751278180853e-05,
  -4.492623673813314e-05,
  2.050721277567069e-05,
  -9.439488275268397e-06,
  4.374866789907488e-06,
  -2.039215753801366e-06,
  9.55141213040742e-07,
  -4.492469198764566e-07,
  2.1207184805554665e-07,
  -1.0043224823968099e-07,
  4.7698101693639804e-08,
  -2.2711094608943164e-08,
  1.0838659214896955e-08,
  -5.183475041970047e-09,
  2.4836745438024785e-09,
  -1.1921401405860912e-09,
  5.731367241678862e-10,
  -2.7595228851242334e-10,
  1.330476437424449e-10,
  -6.4229645638381e-11,
  3.1044247747322276e-11,
  -1.5021384080754142e-11,
];

/** ln gamma(2 + z) for |z| <= 1/2. */
function lgammaNearTwo(z: number): number {
  return z * (ONE_MINUS_EULER + z * polynomial(z, LGAMMA_SERIES));
}

/** Stirling's series, B_2k / (2k (2k - 1)), and that of digamma, B_2k / 2k. */
const STIRLING = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156, -3617 / 122400];
const DIGAMMA_ASYMPTOTIC = [1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12, -3617 / 8160];
const HALF_LOG_TWO_PI = 0.9189385332046728;
const ASYMPTOTIC_FROM = 10;

/** sin(pi x), exact at integers. */
function sinPi(x: number): number {
  const nearest = Math.round(x);
  const sine = Math.sin(Math.PI * (x - nearest));
  return nearest % 2 === 0 ? sine : -sine;
}

/** ln |gamma(x)|; infinite at 0 and the negative integers. */
export function lgamma(x: number): number {
  if (x !== x) return NaN;
  if (x === Infinity || x === -Infinity || (x <= 0 && Number.isInteger(x))) return Infinity;
  if (x < 0) return Math.log(Math.PI / Math.abs(x * sinPi(x))) - lgamma(-x);
  if (x < 0.5) return lgammaNearTwo(x) - Math.log1p(x) - Math.log(x);
  if (x < 1.5) return lgammaNearTwo(x - 1) - Math.log1p(x - 1);
  if (x < ASYMPTOTIC_FROM) {
    let product = 1;
    while (x >= 2.5) product *= --x;
    return Math.log(product) + lgammaNearTwo(x - 2);
  }
  const z = 1 / x;
  return (x - 0.5) * (Math.log(x) - 1) - 0.5 + HALF_LOG_TWO_PI + z * polynomial(z * z, STIRLING);
}

// The positive root of digamma in two parts, and the Taylor series there: (-1)^(k + 1) zeta(k + 1, root).
const DIGAMMA_ROOT = 1.4616321449683622;
const DIGAMMA_ROOT_LOW = 9.549995429965697e-17;
const DIGAMMA_SERIES = [
  0.9676722454476212,
  -0.4427631689835921,
  0.258499760955651,
  -0.16394270544240652,
  0.10782405069126237,
  -0.07219956125645471,
  0.04880428816414311,
  -0.03316112647484736,
  0.022597648232218104,
  -0.01542476590494896,
  0.010538791616612175,
  -0.007204534386356869,
  0.004926781395729853,
  -0.003369801655439328,
  0.002305126326734928,
  -0.0015769367714301972,
  0.0010788252019162967,
  -0.0007380709389960052,
  0.000504953265834602,
  -0.0003454680251063077,
  0.00023635601564027053,
  -0.00016170622091974803,
  0.0001106337276874741,
  -7.569179582195066e-05,
  5.178575795222081e-05,
  -3.5430070947659604e-05,
  2.424006611860132e-05,
  -1.6584242271854135e-05,
  1.134638458466385e-05,
  -7.762817668462094e-06,
  5.3110609208898636e-06,
  -3.6336507898010456e-06,
  2.486022733129538e-06,
  -1.7008538854332607e-06,
  1.1636675363548843e-06,
  -7.96142543124197e-07,
  5.446941930669446e-07,
  -3.7266161283438227e-07,
  2.549626552021554e-07,
];

/** The derivative of ln gamma; NaN at the negative integers. */
export function digamma(x: number): number {
  if (x === 0) return -1 / x;
  if (x === -Infinity || (x < 0 && Number.isInteger(x))) return NaN;
  if (x < 0) {
    const fraction = x - Math.round(x);
    return digamma(1 - x) - Math.PI / Math.tan(Math.PI * fraction);
  }
  if (x < 0.96) return digamma(x + 1) - 1 / x;
  if (x < 1.96) {
    const z = x - DIGAMMA_ROOT - DIGAMMA_ROOT_LOW;
    return z * polynomial(z, DIGAMMA_SERIES);
  }
  let sum = 0;
  for (; x < ASYMPTOTIC_FROM; x++) sum += 1 / x;
  const z = 1 / x;
  return Math.log(x) - 0.5 * z - z * z * polynomial(z * z, DIGAMMA_ASYMPTOTIC) - sum;
}
