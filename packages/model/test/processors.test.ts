import { readFileSync } from 'node:fs';

import {
  type LogitsProcessor,
  badWords,
  frequencyPenalty,
  logitBias,
  minNewTokens,
  minP,
  noRepeatNgrams,
  presencePenalty,
  repetitionPenalty,
  sequenceBias,
  temperature,
  topK,
  topP,
  typicalP,
} from '@cfrl/model';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

interface Case {
  readonly processors: readonly (readonly [name: string, setting: never])[];
  readonly prompt: readonly number[];
  readonly tokens: readonly number[];
  readonly logits: readonly number[];
  /** null for -Infinity, as in biases. */
  readonly after: readonly (number | null)[];
}

/** What transformers computed; see tools/fixtures/generation/make.py. */
const fixture = JSON.parse(
  readFileSync(new URL('fixtures/processors.json', import.meta.url), 'utf8'),
) as { end: number } & Record<'alone' | 'generate' | 'anyOrder', readonly Case[]>;

const make: Readonly<Record<string, (setting: never) => LogitsProcessor>> = {
  sequenceBias: (setting: readonly (readonly [number[], number | null])[]) =>
    sequenceBias(setting.map(([sequence, bias]) => [sequence, bias ?? -Infinity])),
  repetitionPenalty,
  noRepeatNgrams,
  badWords,
  minNewTokens: (count: number) => minNewTokens(count, [fixture.end]),
  temperature,
  topK,
  topP,
  minP,
  typicalP,
};

const title = ({ processors, prompt, tokens }: Case): string =>
  `${processors.map(([name, setting]) => `${name}(${JSON.stringify(setting)})`).join(' ')} after ${prompt.join()}|${tokens.join()}`;

const softmax = (logits: readonly number[]): number[] => {
  const max = Math.max(...logits);
  const weights = logits.map((logit) => Math.exp(logit - max));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
};

const nothing = { prompt: [0], tokens: [] };

describe.each(['alone', 'generate', 'anyOrder'] as const)('processors, %s', (kind) => {
  const cases = fixture[kind].map((each) => [title(each), each] as const);

  it.each(cases)('gives the probabilities of transformers: %s', (_, each) => {
    const start = Float64Array.from(each.logits);
    const after = each.processors.reduce<Float64Array>(
      (logits, [name, setting]) => make[name]!(setting).apply(logits, each),
      start,
    );
    const expected = each.after.map((logit) => logit ?? -Infinity);
    expect(Array.from(after, (logit) => logit === -Infinity)).toEqual(
      expected.map((logit) => logit === -Infinity),
    );
    const probabilities = softmax(expected);
    softmax(Array.from(after)).forEach((p, token) =>
      expect(Math.abs(p - probabilities[token]!)).toBeLessThan(1e-12),
    );
    expect(Array.from(start)).toEqual(each.logits);
  });
});

describe('processors', () => {
  const logitsOf = fc
    .array(fc.integer({ min: -40, max: 40 }), { minLength: 1, maxLength: 40 })
    .map((quarters) => quarters.map((quarter) => quarter / 4));
  const share = fc.double({ min: 1e-6, max: 1 - 1e-6, noNaN: true });
  const kept = ({ apply }: LogitsProcessor, logits: readonly number[]): number[] =>
    Array.from(apply(Float64Array.from(logits), nothing)).flatMap((logit, token) =>
      logit > -Infinity ? [token] : [],
    );

  /** The first tokens of an order that together reach a share; ties by number. */
  const reaching = (logits: readonly number[], p: number, order: readonly number[]): number[] => {
    const probabilities = softmax(logits);
    const sorted = order.map((_, i) => i).sort((a, b) => order[a]! - order[b]! || a - b);
    const found: number[] = [];
    let sum = 0;
    for (const token of sorted) {
      if (sum >= p) break;
      found.push(token);
      sum += probabilities[token]!;
    }
    return found.sort((a, b) => a - b);
  };
  /** Whether a sum of probabilities lies so close to the share that rounding decides. */
  const close = (logits: readonly number[], p: number, order: readonly number[]): boolean => {
    const fewer = reaching(logits, p * (1 - 1e-9), order);
    return fewer.length !== reaching(logits, Math.min(1, p * (1 + 1e-9)), order).length;
  };

  it('topP and typicalP keep what sorting keeps, of ties the first', () => {
    fc.assert(
      fc.property(logitsOf, share, (logits, p) => {
        const order = logits.map((logit) => -logit);
        fc.pre(!close(logits, p, order));
        expect(kept(topP(p), logits)).toEqual(reaching(logits, p, order));
      }),
    );
    fc.assert(
      fc.property(logitsOf, share, (logits, p) => {
        // With two decimals more the distances to the entropy are different numbers, but for equal logits.
        const probabilities = softmax(logits);
        const entropy = -probabilities.reduce((sum, q) => sum + q * Math.log(q), 0);
        const order = probabilities.map((q) => Number(Math.abs(-Math.log(q) - entropy).toFixed(9)));
        const distinct = new Set(order).size === new Set(logits).size;
        fc.pre(distinct && !close(logits, p, order));
        expect(kept(typicalP(p), logits)).toEqual(reaching(logits, p, order));
      }),
    );
  });

  it('topK keeps what is at least as probable as the k-th, minP what is probable enough', () => {
    fc.assert(
      fc.property(logitsOf, fc.integer({ min: 1, max: 45 }), (logits, k) => {
        const threshold = [...logits].sort((a, b) => b - a)[Math.min(k, logits.length) - 1]!;
        expect(kept(topK(k), logits)).toEqual(
          logits.flatMap((logit, token) => (logit >= threshold ? [token] : [])),
        );
      }),
    );
    fc.assert(
      fc.property(logitsOf, share, (logits, p) => {
        const top = Math.max(...logits);
        const ratios = logits.map((logit) => Math.exp(logit - top));
        fc.pre(ratios.every((ratio) => Math.abs(ratio - p) > 1e-9));
        expect(kept(minP(p), logits)).toEqual(
          ratios.flatMap((ratio, token) => (ratio >= p ? [token] : [])),
        );
      }),
    );
  });

  it('presence and frequency penalties subtract by the count in the completion', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(5)),
        fc.array(fc.nat(5)),
        fc.double({ min: -2, max: 2, noNaN: true }),
        (prompt, tokens, penalty) => {
          const count = (token: number) => tokens.filter((each) => each === token).length;
          const run = ({ apply }: LogitsProcessor) =>
            Array.from(apply(new Float64Array(6), { prompt, tokens }));
          const each = [0, 1, 2, 3, 4, 5];
          run(presencePenalty(penalty)).forEach((logit, token) =>
            expect(logit).toBeCloseTo(count(token) > 0 ? -penalty : 0, 12),
          );
          run(frequencyPenalty(penalty)).forEach((logit, token) =>
            expect(logit).toBeCloseTo(-penalty * count(each[token]!), 12),
          );
        },
      ),
    );
  });

  it('stay finite or -Infinity at extremes', () => {
    const extremes = [1000, -1000, 0, -Infinity, 1000];
    for (const processor of [
      ...[topK(1), topP(1e-300), topP(0.999), minP(1), minP(0), typicalP(1e-300), typicalP(0.999)],
      ...[repetitionPenalty(10), frequencyPenalty(1e3), logitBias({ 3: 5 }), temperature(1e-3)],
    ]) {
      const after = processor.apply(Float64Array.from(extremes), { prompt: [0, 3], tokens: [1] });
      expect(
        after.every((logit) => logit < Infinity),
        processor.name,
      ).toBe(true);
      expect(
        after.some((logit) => logit > -Infinity),
        processor.name,
      ).toBe(true);
      expect(after[3], processor.name).toBe(-Infinity);
    }
    expect(kept(topK(1), extremes)).toEqual([0, 4]);
    expect(kept(topP(0.5), extremes)).toEqual([0]);
  });

  it.each([
    [() => temperature(0), 'temperature: value is 0, expected a number in [5e-324,'],
    [() => topK(1.5), 'topK: k is 1.5, expected a positive integer'],
    [() => topP(0), 'topP: p is 0, expected a number in [5e-324, 1]'],
    [() => minP(1.1), 'minP: p is 1.1, expected a number in [0, 1]'],
    [() => typicalP(NaN), 'typicalP: p is NaN'],
    [() => repetitionPenalty(0), 'repetitionPenalty: penalty is 0'],
    [() => presencePenalty(Infinity), 'presencePenalty: penalty is Infinity, expected a finite'],
    [() => frequencyPenalty(NaN), 'frequencyPenalty: penalty is NaN, expected a finite number'],
    [() => noRepeatNgrams(0), 'noRepeatNgrams: n is 0, expected a positive integer'],
    [() => badWords([[1], []]), 'badWords: words[1] is empty, expected at least one token'],
    [() => badWords([[-1]]), 'badWords: words[0][0] is -1, expected a token in [0, V)'],
    [() => logitBias({ 1.5: 1 }), 'logitBias: biases[0][0] is 1.5, expected a token in [0, V)'],
    [() => logitBias({ 1: NaN }), 'logitBias: biases[0] has the bias NaN, expected a number or'],
    [() => sequenceBias([[[1], Infinity]]), 'sequenceBias: biases[0] has the bias Infinity'],
    [() => minNewTokens(0, [1]), 'minNewTokens: count is 0, expected a positive integer'],
    [() => minNewTokens(1, [0.5]), 'minNewTokens: stopTokens[0] is 0.5, expected a token'],
  ])('refuses %s', (build, message) => {
    expect(build).toThrow(message);
  });
});
