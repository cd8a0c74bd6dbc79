/**
 * The `t > 0` with `P(|T| <= t) = level` for Student's T of an integer number of degrees of freedom.
 *
 * With `t = sqrt(df) tan(angle)` the probability is a finite sum (Abramowitz and Stegun 1964, 26.7.3 and
 * 26.7.4) that grows with the angle, so bisection over (0, pi / 2) is exact to the last bits and cannot
 * fail to converge.
 */
export function studentTCritical(level: number, degreesOfFreedom: number): number {
  let low = 0;
  let high = Math.PI / 2;
  for (;;) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) return Math.sqrt(degreesOfFreedom) * Math.tan(middle);
    if (centralProbability(middle, degreesOfFreedom) < level) low = middle;
    else high = middle;
  }
}

function centralProbability(angle: number, degreesOfFreedom: number): number {
  const sine = Math.sin(angle);
  const cosine = Math.cos(angle);
  const odd = degreesOfFreedom % 2 === 1;
  let term = odd ? cosine : 1;
  let sum = degreesOfFreedom === 1 ? 0 : term;
  for (let k = odd ? 3 : 2; k <= degreesOfFreedom - 2; k += 2) {
    term *= (cosine * cosine * (k - 1)) / k;
    sum += term;
  }
  return odd ? (2 / Math.PI) * (angle + sine * sum) : sine * sum;
}
