#!/usr/bin/env python3
"""Numbers behind package forecast, recomputed with mpmath (made with 1.2.1, python 3.11).

  first_passage.py law          recomputes first_passage.csv from its first five columns, to standard output
  first_passage.py check FILE   compares FILE (columns as first_passage.csv or as random) with what this script finds
  first_passage.py random N S   N random cases of all regimes from seed S, with three more columns: never, pdf, log_pdf
  first_passage.py wild N S     N cases over the whole range of floats, likewise
  first_passage.py student N S  N random cases of StudentPassage from seed S
  first_passage.py erfcx        the Go table of erfcx.go (piecewise Chebyshev interpolation)
  first_passage.py gauss        the Gauss-Legendre rule of erfcx.go

The data next to it:

  first_passage.csv         400 cases, the arguments of the project's reference file first_passage.csv. The values there, from
                            360-digit arithmetic, are the same but for log_cdf and log_sf below 1e-360 or beyond log(1e-360), where
                            that file has 0.0 and -inf (110 cases, 47 of them with log_sf -inf, which is finite here).
  first_passage_random.csv  random 300 20, then the first 100 lines of wild 400 21 that are shorter than 420 characters
  student_passage.csv       student 200 2
"""
import csv
import os
import random
import sys
from mpmath import (mp, mpf, exp, expm1, erfc, sqrt, pi, cos, log, log1p, fabs, nstr, legendre, diff, polyroots, taylor, re)

HERE = os.path.dirname(os.path.abspath(__file__))


def erfcx(x):
    if x < 200:
        return exp(x * x) * erfc(x)
    term = total = mpf(1)
    for k in range(1, 60):
        term *= -(2 * k - 1) / (2 * x * x)
        total += term
        if abs(term) < mpf(10) ** -45:
            break
    return total / (x * sqrt(pi))


def erfcx_table():
    """erfcx(x) = w P_k(z), w = 3/(3+x), 16 w = k + 1/2 + z: the coefficients of P_k, degree 9."""
    mp.dps = 60
    n = 10
    for k in range(20):
        def f(z):
            w = (k + mpf(1) / 2 + z) / 16
            return erfcx(3 * (1 - w) / w) / w
        nodes = [cos(pi * (2 * i + 1) / (2 * n)) / 2 for i in range(n)]
        table = [f(z) for z in nodes]          # Newton's divided differences
        for j in range(1, n):
            for i in range(n - 1, j - 1, -1):
                table[i] = (table[i] - table[i - 1]) / (nodes[i] - nodes[i - j])
        poly = [mpf(0)]                        # expanded in powers of z
        for j in range(n - 1, -1, -1):
            shifted = [mpf(0)] + poly
            for i, c in enumerate(poly):
                shifted[i] -= nodes[j] * c
            shifted[0] += table[j]
            poly = shifted[:n]
        print("\t{" + ", ".join(repr(float(c)) for c in poly[:5]) + ",")
        print("\t\t" + ", ".join(repr(float(c)) for c in poly[5:]) + "},")


def gauss():
    mp.dps = 40
    for x in sorted(re(x) for x in polyroots(taylor(lambda x: legendre(8, x), 0, 8)[::-1], maxsteps=200, extraprec=200)):
        slope = diff(lambda u: legendre(8, u), x)
        print(repr(float((1 + x) / 2)), repr(float(1 / ((1 - x * x) * slope * slope))))


def law_at(a, m, tau, sigma, t):
    """The textbook formula in the current precision: cdf, sf, finite, never, pdf, log_pdf."""
    a, m, tau, sigma, t = (mpf(x) for x in (a, m, tau, sigma, t))
    v = tau * tau * t * t + sigma * sigma * t
    x1 = (a - m * t) / sqrt(2 * v)
    if sigma == 0:
        c, s = erfc(x1) / 2, erfc(-x1) / 2
    else:
        s2 = sigma * sigma
        x2 = (a + m * t + 2 * tau * tau * a * t / s2) / sqrt(2 * v)
        e = 2 * a / s2 * (m + tau * tau * a / s2)
        second = exp(e) * erfc(x2) / 2
        c, s = erfc(x1) / 2 + second, erfc(-x1) / 2 - second
    if tau == 0:
        e = 2 * m * a / (sigma * sigma)
        f, n = (mpf(1), mpf(0)) if m >= 0 else (exp(e), -expm1(e))
    elif sigma == 0:
        f, n = erfc(-m / tau / sqrt(2)) / 2, erfc(m / tau / sqrt(2)) / 2
    else:
        second = exp(e) * erfc((m + 2 * tau * tau * a / s2) / tau / sqrt(2)) / 2
        f, n = erfc(-m / tau / sqrt(2)) / 2 + second, erfc(m / tau / sqrt(2)) / 2 - second
    lp = log(a / t) - x1 * x1 - log(2 * pi * v) / 2
    return c, s, f, n, exp(lp), lp


def settled(old, new, certain_to_arrive):
    certain = new[2] == 1 and new[3] == 0 and certain_to_arrive
    return all(fabs(x - y) < fabs(y) * mpf(10) ** -25 or i == 3 and certain for i, (x, y) in enumerate(zip(old, new)))


def law_row(args):
    """Doubles the precision until nothing changes: the differences in sf cancel to an extent not known before."""
    mp.dps, old = 60, None
    while True:
        new = law_at(*args)
        if old and settled(old, new, args[2] == 0 and args[1] >= 0):
            break
        mp.dps, old = 2 * mp.dps, new
        if mp.dps > 20000:
            raise ValueError("no convergence: %r" % (args,))
    c, s, f, n, p, lp = new
    lc = log1p(-s) if s < 0.5 else log(c)
    ls = log1p(-c) if c < 0.5 else log(s)
    return [nstr(x, 20, strip_zeros=True) for x in (c, s, lc, ls, f, n, p, lp)]


def law():
    rows = list(csv.reader(open(os.path.join(HERE, "first_passage.csv"))))
    print(",".join(rows[0]))
    for row in rows[1:]:
        print(",".join(row[:5] + law_row([float(x) for x in row[:5]])[:5]))


def check(name):
    """Prints the rows of a file that differ by more than 1e-18 relative, and how many do not."""
    good = 0
    for row in list(csv.reader(open(name)))[1:]:
        mine = law_row([float(x) for x in row[:5]])
        mp.dps = 40
        bad = [(y, x) for x, y in zip(mine, row[5:]) if x != y and not fabs(mpf(x) - mpf(y)) <= fabs(mpf(x)) * mpf(10) ** -18]
        good += not bad
        if bad:
            print(",".join(row[:5]), *("file %s, here %s;" % b for b in bad))
    print(good, "rows agree")


def random_case(r):
    """A case placed by its x1 and x2 or at random, in units scattered over many powers of ten."""
    kind = r.randrange(6)
    spread = r.choice([1, 3, 10])
    a, t = 1.0, 1.0
    tau, sigma = 10 ** r.uniform(-spread, spread), 10 ** r.uniform(-spread, spread)
    if r.random() < 0.25:
        tau = 0.0
    if r.random() < 0.05 and tau > 0:
        sigma = 0.0
    s = (tau * tau + sigma * sigma) ** 0.5
    if kind <= 2:
        m = 1 - r.uniform(-37, 37) * s                      # the tails a float64 can hold
    elif kind == 3:
        m = r.choice([-1, 1]) * 10 ** r.uniform(-spread, spread)
    elif kind == 4:
        m = -10 ** r.uniform(0, 2) * max(sigma * sigma, tau * tau)  # negative drift, defective
    else:
        m = 1 + r.choice([-1, 1]) * 10 ** r.uniform(-16, -1)  # a - mt cancels
    if r.random() < 0.2:
        a *= 10 ** r.uniform(-12, 0)                        # a tiny distance
    length, time = 10 ** r.uniform(-9, 9), 10 ** r.uniform(-9, 9)
    if r.random() < 0.1:
        length, time = 10 ** r.uniform(-140, 140), 10 ** r.uniform(-140, 140)
    return a * length, m * length / time, tau * length / time, sigma * length / time ** 0.5, t * time


def wild_case(r):
    """Any floats: no sensible magnitude, the whole range of exponents."""
    def any_float():
        while True:
            x = r.uniform(1, 2) * 2.0 ** r.randrange(-1073, 1023)
            if x > 0:
                return x
    return (any_float(), r.choice([-1, 1]) * any_float(), r.choice([0.0, any_float()]), any_float(), any_float())


def random_rows(n, seed, case=random_case):
    r = random.Random(int(seed))
    print("a,m,tau,sigma,t,cdf,sf,log_cdf,log_sf,p_finite,never,pdf,log_pdf")
    for _ in range(int(n)):
        args = case(r)
        try:
            print(",".join([repr(x) for x in args] + law_row(args)))
        except (ValueError, OverflowError, ZeroDivisionError) as e:
            print(e, file=sys.stderr)


def mixed(nu, at, q):
    """E[at(g)] for g ~ chi^2_nu/nu: the trapezoidal rule in log g, whose error is below exp(-pi^2/h) and exp(-4 pi^2/(nu h^2)).

    at(g) is a tuple bounded by 1 which may hold a factor exp(-q g): it moves the peak down to 1/(1+2q/nu), with the same width.
    """
    nu, step = mpf(nu), min(mpf(1) / 10, mpf(6) / 10 / sqrt(mpf(nu)))
    low = -log(1 + 2 * q / nu) - 230 / nu - 22 / sqrt(nu)
    high = log(1 + 230 / nu + 22 / sqrt(nu))
    scale = nu / 2 * log(nu / 2) - mp.loggamma(nu / 2)
    total, w = None, low
    while w < high:
        weight = step * exp(scale + nu / 2 * (w - exp(w)))
        row = [weight * x for x in at(exp(w))]
        total = row if total is None else [x + y for x, y in zip(total, row)]
        w += step
    return total


def student_row(a, m, tau, sigma, nu, t):
    mp.dps = 90
    a, m, tau, sigma, nu, t = (mpf(x) for x in (a, m, tau, sigma, nu, t))
    v = tau * tau * t * t + sigma * sigma * t
    q = (a - m * t) ** 2 / (2 * v)
    p = a / t / sqrt(v) * exp(mp.loggamma((nu + 1) / 2) - mp.loggamma(nu / 2)) / sqrt(pi * nu) * (1 + 2 * q / nu) ** (-(nu + 1) / 2)
    c, s = mixed(nu, lambda g: law_at(a, m, tau / sqrt(g), sigma / sqrt(g), t)[:2], q)
    q = (m / tau) ** 2 / 2 if tau else mpf(10)
    f, n = mixed(nu, lambda g: law_at(a, m, tau / sqrt(g), sigma / sqrt(g), t)[2:4], q)
    return [nstr(x, 20, strip_zeros=True) for x in (c, s, f, n, p)]


def student_rows(n, seed):
    r = random.Random(int(seed))
    print("a,m,tau,sigma,nu,t,cdf,sf,p_finite,never,pdf")
    for _ in range(int(n)):
        nu = r.choice([1.0, 2.0, 3.0, 5.0, 9.0, 30.0, 100.0, 10 ** r.uniform(-0.7, 1), 10 ** r.uniform(0, 3), 10 ** r.uniform(0, 6)])
        spread = r.choice([1, 3, 8])
        tau, sigma = 10 ** r.uniform(-spread, spread), 10 ** r.uniform(-spread, spread)
        if r.random() < 0.2:
            tau = 0.0
        s = (tau * tau + sigma * sigma) ** 0.5
        # x1 from the middle out to where the CDF is 1e-30 or so
        far = r.choice([1, 3, 12 if nu > 20 else 100])
        m = 1 - r.uniform(-far, far) * s
        if r.random() < 0.2:
            m = -10 ** r.uniform(-1, 1) * max(sigma * sigma, tau * tau)
        a = 10 ** r.uniform(-9, 0) if r.random() < 0.2 else 1.0
        args = (a * 1e6, m * 1e3, tau * 1e3, sigma * 1e6 / 1000 ** 0.5, nu, 1000.0)
        print(",".join([repr(x) for x in args] + student_row(*args)), flush=True)


if __name__ == "__main__":
    {"erfcx": erfcx_table, "gauss": gauss, "law": law, "check": check, "random": random_rows,
     "wild": lambda n, seed: random_rows(n, seed, wild_case),
     "student": student_rows}[sys.argv[1]](*sys.argv[2:])
