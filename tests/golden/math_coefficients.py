"""Computes the coefficients in lib/jit/math, lib/special and lib/trace/primitives: polynomials through Chebyshev points, in 60 digits (mpmath).

Run: python3 tests/golden/math_coefficients.py && deno fmt lib/jit/math lib/special lib/trace/primitives
"""

import struct
from fractions import Fraction
from mpmath import mp, mpf, cos, pi, exp, log, log1p, expm1, sin, sqrt, atan, atanh, asin, tanh, sinh, erf, erfc, erfinv
from mpmath import besseli, besselj, bessely, loggamma, gamma, digamma, matrix, lu_solve, taylor, findroot

mp.dps = 60


def interpolant(function, low, high, degree):
    """Monomial coefficients of the polynomial through the Chebyshev points of [low, high]."""
    low, high = mpf(low), mpf(high)
    nodes = [cos((2 * k + 1) * pi / (2 * degree + 2)) for k in range(degree + 1)]
    values = [function((high + low) / 2 + (high - low) / 2 * node) for node in nodes]
    chebyshev = []
    for j in range(degree + 1):
        total = sum(v * cos(j * (2 * k + 1) * pi / (2 * degree + 2)) for k, v in enumerate(values))
        chebyshev.append(total * (1 if j == 0 else 2) / (degree + 1))
    basis = [[mpf(1)], [mpf(0), mpf(1)]]
    while len(basis) <= degree:
        shifted = [mpf(0)] + [2 * c for c in basis[-1]]
        basis.append([a - (basis[-2][i] if i < len(basis[-2]) else 0) for i, a in enumerate(shifted)])
    inner = [mpf(0)] * (degree + 1)
    for c, polynomial in zip(chebyshev, basis):
        for i, a in enumerate(polynomial):
            inner[i] += c * a
    scale, shift = 2 / (high - low), -(high + low) / (high - low)
    result = previous = [mpf(0)]
    for c in reversed(inner):
        result = [shift * a for a in result] + [mpf(0)]
        for i in range(len(result) - 1, 0, -1):
            result[i] += scale * previous[i - 1]
        result[0] += c
        previous = list(result)
    return result[: degree + 1]


def series(function, fallback_terms=8):
    """Guards a quotient that is 0/0 at 0 by its value beside 0."""
    return lambda z: function(z if abs(z) > mpf(10) ** -25 else mpf(10) ** -20)


def f32(x):
    return struct.unpack("f", struct.pack("f", float(x)))[0]


root = findroot(digamma, 1.4616)


def erfinv_of_w(w):
    x = sqrt(-expm1(-w)) if w > mpf(10) ** -40 else mpf(10) ** -20
    return inverse_erf(x, w) / x


def inverse_erf(x, w):
    # 1 - x from w keeps its digits: 1 - x^2 = exp(-w).
    if w < 2:
        return erfinv(x)
    complement = exp(-w) / (1 + x)
    y = sqrt(w)
    for _ in range(200):
        step = (erfc(y) - complement) / (-2 / sqrt(pi) * exp(-y * y))
        y -= step
        if abs(step) < mpf(10) ** -50:
            break
    return y


# The functions of each file beside coefficients.ts.
families = {
    "error_function_coefficients.ts": ["erf", "erfcScaled", "erfTail", "erfinvCentral", "erfinvTail", "erfcx"],
    "gamma_coefficients.ts": ["lgamma", "stirling", "digamma", "digammaAsymptotic"],
    "bessel_coefficients.ts": ["besselZeroSmall", "besselOneSmall", "besselZeroLarge", "besselOneLarge"],
}
# Evaluated in float64 lanes even where float32 accuracy is wanted: not rounded to float32.
float64_lanes = {"erfcScaled", "erfinvCentral", "erfinvTail"}
# name, function, interval, degree for float32, degree for float64 (None: not needed), what is approximated
fits = [
    ("exp", series(lambda r: (expm1(r) - r) / r**2), -0.3467, 0.3467, 4, 10, "(exp(r) - 1 - r) / r^2, |r| < log(2) / 2"),
    ("exp2", series(lambda r: expm1(r * log(2)) / r), -0.5, 0.5, 6, 12, "(2^r - 1) / r, |r| < 1/2"),
    ("log", series(lambda f: (log1p(f) - f + f * f / 2) / f**3), -0.2930, 0.4143, 8, None, "(log(1 + f) - f + f^2 / 2) / f^3, sqrt(1/2) < 1 + f < sqrt(2)"),
    ("logOfQuotient", series(lambda z: 2 * (atanh(sqrt(z)) / sqrt(z) - 1) / z), 0, 0.02945, 3, 7, "(log((1 + s) / (1 - s)) - 2 s) / s^3 in s^2"),
    ("sin", series(lambda z: (sin(sqrt(z)) / sqrt(z) - 1) / z), 0, 0.6170, 3, 6, "(sin(r) - r) / r^3 in r^2, |r| < pi / 4"),
    ("cos", series(lambda z: (cos(sqrt(z)) - 1 + z / 2) / z**2), 0, 0.6170, 2, 6, "(cos(r) - 1 + r^2 / 2) / r^4 in r^2, |r| < pi / 4"),
    ("atan", series(lambda z: (atan(sqrt(z)) / sqrt(z) - 1) / z), 0, 0.1718, 5, 12, "(atan(t) - t) / t^3 in t^2, |t| < tan(pi / 8)"),
    ("asin", series(lambda z: (asin(sqrt(z)) / sqrt(z) - 1) / z), 0, 0.25, 6, 13, "(asin(x) - x) / x^3 in x^2, |x| < 1/2"),
    ("tanh", series(lambda z: (tanh(sqrt(z)) / sqrt(z) - 1) / z), 0, 0.3907, 4, 11, "(tanh(x) - x) / x^3 in x^2, |x| < 0.625"),
    ("sinh", series(lambda z: (sinh(sqrt(z)) / sqrt(z) - 1) / z), 0, 1, 3, 8, "(sinh(x) - x) / x^3 in x^2, |x| < 1"),
    ("erf", series(lambda z: erf(sqrt(z)) / sqrt(z) - 1), 0, 1, 7, 13, "(erf(x) - x) / x in x^2, |x| < 1"),
    ("erfcScaled", lambda t: (lambda x: erfc(x) * exp(x * x) * (1 + 2 * x))(2 * (1 + t) / (1 - t)), mpf(-1) / 3, 0.87, 11, 22, "erfc(x) exp(x^2) (1 + 2 x) in t = (x - 2) / (x + 2), 1 < x < 28"),
    ("erfTail", lambda a: log(erfc(a)) / a, 1, 4, 9, None, "log(erfc(a)) / a, 1 < a < 4"),
    ("lgamma", series(lambda u: loggamma(2 + u) / u), -0.75, 0.25, None, 21, "log(gamma(2 + u)) / u, -3/4 < u < 1/4"),
    ("stirling", series(lambda v: (lambda x: (loggamma(x) - (x - 0.5) * log(x) + x - log(2 * pi) / 2) * x)(1 / sqrt(v))), 0, 1 / 64, None, 8, "x (log(gamma(x)) - (x - 1/2) log(x) + x - log(2 pi) / 2) in 1 / x^2, x > 8"),
    ("digamma", lambda u: digamma(root + u) / u if abs(u) > mpf(10) ** -20 else digamma(root + mpf(10) ** -20) * mpf(10) ** 20, 1 - root, 2 - root, None, 22, "digamma(root + u) / u, 1 < root + u < 2"),
    ("digammaAsymptotic", series(lambda v: (lambda x: (log(x) - 1 / (2 * x) - digamma(x)) * x * x)(1 / sqrt(v))), 0, 0.01, None, 7, "x^2 (log(x) - 1 / (2 x) - digamma(x)) in 1 / x^2, x > 10"),
    ("erfinvCentral", lambda u: erfinv_of_w(u + 3), -3, 3, 13, 23, "erfinv(x) / x in w - 3, w = -log(1 - x^2) < 6"),
    ("erfinvTail", lambda u: erfinv_of_w((u + mpf(17) / 4) ** 2), -1.801, 1.801, 15, 31, "erfinv(x) / x in sqrt(w) - 17/4, 6 < w < 36.7"),
    ("erfcx", lambda t: (lambda x: erfc(x) * exp(x * x) * (1 + 2 * x))(2 * (1 + t) / (1 - t)), mpf(-3) / 5, mpf(1), 14, 29, "erfcx(x) (1 + 2 x) in t = (x - 2) / (x + 2), x > 1/2"),
    ("besselZeroSmall", series(lambda z: besseli(0, 2 * sqrt(z))), 0, 16, 10, 16, "i0(x) in x^2 / 4, |x| < 8"),
    ("besselOneSmall", series(lambda z: besseli(1, 2 * sqrt(z)) / (2 * sqrt(z))), 0, 16, 10, 16, "i1(x) / x in x^2 / 4, |x| < 8"),
    ("besselZeroLarge", lambda u: (lambda v: exp(8 - 1 / v) * besseli(0, 1 / v) / sqrt(v))(u + mpf(1) / 16), -0.0625, 0.0625, 7, 22, "exp(8 - x) sqrt(x) i0(x) in 1 / x - 1 / 16, x > 8"),
    ("besselOneLarge", lambda u: (lambda v: exp(8 - 1 / v) * besseli(1, 1 / v) / sqrt(v))(u + mpf(1) / 16), -0.0625, 0.0625, 7, 22, "exp(8 - x) sqrt(x) i1(x) in 1 / x - 1 / 16, x > 8"),
    ("log2OfQuotient", series(lambda z: 3 * (atanh(sqrt(z)) / sqrt(z) - 1 - z / 3) / z**2), 0, 0.01021, None, 6, "3/2 (log((1 + s) / (1 - s)) - 2 s - 2/3 s^3) / s^5 in s^2, |s| < 0.101"),
]


def report(name, function, low, high, degree32, degree64, what):
    """The lines of one exported constant."""
    errors = []
    lists = []
    for kind, degree in (("f32", degree32), ("f64", degree64)):
        if degree is None:
            continue
        coefficients = [mpf(f32(c)) if kind == "f32" and name not in float64_lanes else mpf(float(c)) for c in interpolant(function, low, high, degree)]
        worst = mpf(0)
        for i in range(41):
            x = mpf(low) + (mpf(high) - mpf(low)) * (mpf(i) + mpf(1) / 7) / 41
            exact = function(x)
            worst = max(worst, abs(sum(c * x**k for k, c in enumerate(coefficients)) / exact - 1))
        errors.append(f"{kind}: 2^{float(log(worst, 2)):.1f}")
        lists.append((kind, ", ".join(repr(float(c)) for c in coefficients)))
    yield f"/** {what}. Relative errors, rounding of the coefficients included: {', '.join(errors)}. */"
    if len(lists) == 2:
        yield f"export const {name}Coefficients: Coefficients = {{"
        for kind, numbers in lists:
            yield f"  {kind}: [{numbers}],"
        yield "};\n"
    else:
        yield f"export const {name}Coefficients: readonly number[] = [{lists[0][1]}];\n"


def bessel_scaled(order):
    """exp(-x) sqrt(x) i(x) as a function of 1 / x; at 0 the limit."""
    return lambda v: exp(-1 / v) * besseli(order, 1 / v) / sqrt(v) if v > mpf(10) ** -4 else (1 - (4 * order - 1) * v / 8) / sqrt(2 * pi)


def erfcx_scaled(t):
    """erfcx(x) (x + 1/2) where t = (x - 2) / (x + 2)."""
    if t == 1:
        return 1 / sqrt(pi)
    x = 2 * (1 + t) / (1 - t)
    return erfc(x) * exp(x * x) * (x + mpf(1) / 2)


def beside(x, *poles):
    """Moves away from removable singularities."""
    for pole in poles:
        if abs(x - pole) < mpf(10) ** -25:
            return pole + mpf(10) ** -20
    return x


def lgamma_quotient(x):
    x = beside(x, 1, 2)
    return loggamma(x) / ((x - 1) * (x - 2))


def digamma_quotient(u):
    u = beside(u, 0)
    return digamma(root + u) / u


def erfinv_of_square(z):
    x = sqrt(beside(z, 0))
    return erfinv(x) / x


def erfinv_of_root(r):
    w = r * r
    x = sqrt(-expm1(-w))
    return inverse_erf(x, w) / r


# For arithmetic in float32 alone: what is approximated is a constant of few bits and a small rest, so that only the
# rest is rounded. name, function, interval, degree, what is approximated, the size that errors are relative to
single_fits = [
    ("erfcxRest", lambda t: erfcx_scaled(t) - mpf(5) / 8, mpf(-3) / 5, 1, 11, "erfcx(x) (x + 1/2) - 5/8 in t = (x - 2) / (x + 2), x > 1/2", lambda t: mpf(5) / 8),
    ("besselZeroNear", lambda z: (besseli(0, 2 * sqrt(beside(z, 0))) - 1) / beside(z, 0), 0, mpf(25) / 16, 6, "(i0(x) - 1) / z in z = x^2 / 4, |x| < 5/2", lambda z: 1 / beside(z, 0) + 1),
    ("besselZeroMiddle", lambda u: bessel_scaled(0)(u + mpf(9) / 32) - mpf(3) / 8, mpf(-4) / 32, mpf(4) / 32, 9, "exp(-x) sqrt(x) i0(x) - 3/8 in 1 / x - 9 / 32, 5/2 < x < 6.4", lambda u: mpf(3) / 8),
    ("besselZeroFar", lambda v: bessel_scaled(0)(v) - mpf(3) / 8, 0, mpf(5) / 32, 8, "exp(-x) sqrt(x) i0(x) - 3/8 in 1 / x, x > 6.4", lambda u: mpf(3) / 8),
    ("besselOneNear", lambda z: (besseli(1, 2 * sqrt(beside(z, 0))) / (2 * sqrt(beside(z, 0))) - mpf(1) / 2) / beside(z, 0), 0, mpf(25) / 16, 6, "(i1(x) / x - 1/2) / z in z = x^2 / 4, |x| < 5/2", lambda z: 1 / beside(z, 0) / 2 + mpf(1) / 4),
    ("besselOneMiddle", lambda u: bessel_scaled(1)(u + mpf(9) / 32) - mpf(3) / 8, mpf(-4) / 32, mpf(4) / 32, 9, "exp(-x) sqrt(x) i1(x) - 3/8 in 1 / x - 9 / 32, 5/2 < x < 6.4", lambda u: mpf(3) / 8),
    ("besselOneFar", lambda v: bessel_scaled(1)(v) - mpf(3) / 8, 0, mpf(5) / 32, 8, "exp(-x) sqrt(x) i1(x) - 3/8 in 1 / x, x > 6.4", lambda u: mpf(3) / 8),
    ("lgammaOne", lambda u: lgamma_quotient(1 + u) - mpf(1) / 2, mpf(-3) / 8, mpf(2) / 3, 12, "lgamma(1 + u) / (u (u - 1)) - 1/2, -3/8 < u < 2/3", lambda u: mpf(1) / 2),
    ("lgammaTwo", lambda u: lgamma_quotient(2 + u) - mpf(1) / 2, mpf(-1) / 2, 1, 10, "lgamma(2 + u) / (u (u + 1)) - 1/2, -1/2 < u < 1", lambda u: lgamma_quotient(2 + u)),
    ("stirlingRest", lambda v: (lambda x: (loggamma(x) - (x - mpf(1) / 2) * (log(x) - 1)))(1 / v) - mpf(7) / 16 if v > mpf(10) ** -9 else log(2 * pi) / 2 - mpf(1) / 2 - mpf(7) / 16, 0, mpf(1) / 3, 6, "lgamma(x) - (x - 1/2) (log(x) - 1) - 7/16 in 1 / x, x > 3", lambda v: mpf(1) / 2),
    ("digammaOne", lambda u: digamma_quotient(u) - 1, 1 - root, mpf(9) / 4 - root, 12, "digamma(root + u) / u - 1, 1 < root + u < 9/4", digamma_quotient),
    ("digammaFar", lambda v: ((lambda x: (log(x) - digamma(x)) * x)(1 / v) - mpf(1) / 2) / v if v > mpf(10) ** -9 else mpf(1) / 12, 0, mpf(4) / 9, 7, "((log(x) - digamma(x)) x - 1/2) x in 1 / x, x > 9/4", lambda v: 1 / (v + mpf(1) / 9)),
    ("erfinvNear", lambda c: erfinv_of_square(c + mpf(3) / 8) - mpf(7) / 8, mpf(-3) / 8, mpf("0.265"), 13, "erfinv(x) / x - 7/8 in x^2 - 3/8, x^2 < 0.64", lambda z: mpf(7) / 8),
    ("erfinvFar", lambda c: erfinv_of_root(c + mpf(5) / 2) - 1, mpf("-1.49"), mpf("1.58"), 13, "erfinv(x) / r - 1 in r - 5/2, r = sqrt(-log(1 - x^2)), 0.64 < x^2 and x a float32 number", lambda c: mpf(1)),
]


def report_single(name, function, low, high, degree, what, size):
    coefficients = [mpf(f32(c)) for c in interpolant(function, low, high, degree)]
    worst = mpf(0)
    for i in range(101):
        x = mpf(low) + (mpf(high) - mpf(low)) * (mpf(i) + mpf(1) / 7) / 101
        worst = max(worst, abs(sum(c * x**k for k, c in enumerate(coefficients)) - function(x)) / size(x))
    yield f"/** {what}. Errors of the whole, rounding of the coefficients included: 2^{float(log(worst, 2)):.1f}. */"
    yield f"export const {name}: readonly number[] = [{', '.join(repr(float(c)) for c in coefficients)}];\n"


special_functions = sum(families.values(), [])
families["coefficients.ts"] = [fit[0] for fit in fits if fit[0] not in special_functions]
for file, names in families.items():
    with open(f"lib/jit/math/{file}", "w") as out:
        print("// Polynomial coefficients, lowest power first, made by tests/golden/math_coefficients.py: interpolants through", file=out)
        print("// Chebyshev points in 60 digits, whose error is within a small factor of the least possible.\n", file=out)
        lines = [line for fit in fits if fit[0] in names for line in report(*fit)]
        if file == "coefficients.ts":
            print("/** Coefficients of one approximation in the precisions that use it. */", file=out)
            print("export interface Coefficients {\n  readonly f32: readonly number[];\n  readonly f64: readonly number[];\n}\n", file=out)
        elif any(": Coefficients =" in line for line in lines):
            print('import type { Coefficients } from "./coefficients.ts";\n', file=out)
        print("\n".join(lines), file=out)

with open("lib/jit/math/single_coefficients.ts", "w") as out:
    print("// Polynomial coefficients for arithmetic in float32, lowest power first, made by tests/golden/math_coefficients.py.\n", file=out)
    for fit in single_fits:
        for line in report_single(*fit):
            print(line, file=out)


def bessel_first_near(order, roots):
    """j(x) / x^order / ((x^2 - r^2) (x^2 - s^2)) as a function of x^2 - 32."""

    def quotient(u):
        x = beside(sqrt(u + 32) if u > -32 else mpf(10) ** -15, *roots)
        return besselj(order, x) / x**order / ((x * x - roots[0] ** 2) * (x * x - roots[1] ** 2))

    return quotient


def hankel_part(order, part):
    """P and x Q of j(x) = sqrt(2 / (pi x)) (P cos(c) - Q sin(c)), c = x - (2 order + 1) pi / 4, in 1 / x^2 - 1/128."""

    def value(u):
        x = 1 / sqrt(max(u + mpf(1) / 128, mpf(10) ** -8))
        c = x - (2 * order + 1) * pi / 4
        j, y, scale = besselj(order, x), bessely(order, x), sqrt(pi * x / 2)
        return scale * (j * cos(c) + y * sin(c)) if part == "P" else scale * x * (y * cos(c) - j * sin(c))

    return value


composed_fits = [("GAMMA", lambda u: gamma(mpf(5) / 2 + u), mpf(-1) / 2, mpf(1) / 2, 17, "gamma(5/2 + u), |u| < 1/2")]
roots = {order: [findroot(lambda x: besselj(order, x), guess) for guess in guesses] for order, guesses in ((0, (2.4, 5.5)), (1, (3.8, 7.0)))}
for order, name in ((0, "ZERO"), (1, "ONE")):
    composed_fits.append((f"{name}_NEAR", bessel_first_near(order, roots[order]), -32, 32, 13, f"j{order}(x){' / x' if order else ''} / ((x^2 - r^2) (x^2 - s^2)) in x^2 - 32, x < 8"))
    for part, degree in (("P", 11), ("Q", 11)):
        composed_fits.append((f"{name}_{part}", hankel_part(order, part), mpf(-1) / 128, mpf(1) / 128, degree, f"{'x ' if part == 'Q' else ''}{part} of j{order} in 1 / x^2 - 1/128, x > 8"))

with open("lib/trace/primitives/composed_coefficients.ts", "w") as out:
    print("/**\n * Polynomial coefficients, lowest power first, made by tests/golden/math_coefficients.py: interpolants through Chebyshev\n * points in 60 digits.\n */\n", file=out)
    for name, function, low, high, degree, what in composed_fits:
        numbers = ", ".join(repr(float(c)) for c in interpolant(function, low, high, degree))
        print(f"/** {what}. */\nexport const {name}: readonly number[] = [{numbers}];\n", file=out)
    for order, name in ((0, "ZERO"), (1, "ONE")):
        pairs = ", ".join(f"[{float(r)!r}, {float(r - mpf(float(r)))!r}]" for r in roots[order])
        print(f"/** The first two positive roots of j{order}, each in two parts. */\nexport const {name}_ROOTS: readonly (readonly [number, number])[] = [{pairs}];\n", file=out)


def temme(orders, terms):
    """d[k][n] of the uniform expansion of the incomplete gamma functions (Temme 1979; DLMF 8.12.7 to 8.12.12)."""
    size = terms + 2 * orders + 4
    alpha = [Fraction(0), Fraction(1), Fraction(1, 3), Fraction(1, 36)]
    for n in range(4, size + 2):
        alpha.append((alpha[n - 1] - sum(j * alpha[j] * alpha[n - j + 1] for j in range(2, n))) / (n + 1))
    d = [[Fraction(-1, 3)] + [(n + 2) * alpha[n + 2] for n in range(1, size - 2)]]
    for k in range(1, orders):
        odd = Fraction(1)
        for j in range(1, 2 * k + 2, 2):
            odd *= j
        g = (-1) ** k * odd * alpha[2 * k + 1]
        d.append([g * d[0][n] + (n + 2) * d[k - 1][n + 2] for n in range(size - 2 - 2 * k)])
    return [[float(c) for c in row[:terms]] for row in d]


with open("lib/special/temme_coefficients.ts", "w") as out:
    print("/**\n * The coefficients of a^-k eta^n, made by tests/golden/math_coefficients.py from rational numbers: N. M. Temme, \"The\n * asymptotic expansion of the incomplete gamma functions\", SIAM J. Math. Anal. 10 (1979).\n */", file=out)
    print(f"export const TEMME: readonly (readonly number[])[] = {temme(10, 16)};", file=out)
