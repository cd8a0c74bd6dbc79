import type { Component } from '../entropy/contributions.js';

/** What one component of the kernel did through one parameter. */
export interface StepPart {
  /** `R` and `G`, and for tied models `C` and `C'`. */
  readonly component: Component;
  /** The parameter's name; the classifier's, but for `gradient`. */
  readonly param: string;
  readonly layer: string;
  readonly kind: string;
  /** `[N][samples]`: change of the functional at each context by each training sample. */
  readonly change: readonly (readonly number[])[];
}

/** What a training sample did to a context. */
export interface StepPair {
  /** Index into the step's sequences. */
  readonly sample: number;
  /** Index into {@link StepAttribution.contexts}. */
  readonly context: number;
  /** Change of the functional, its unit. */
  readonly change: number;
}

/** A first-order attribution: every view of a context sums to its `total`. */
export interface StepAttribution {
  /** The functional's name. */
  readonly functional: string;
  /** Its unit. */
  readonly unit: string;
  /** The `N` contexts: the sequence, and the position in it. */
  readonly contexts: readonly { readonly sequence: number; readonly position: number }[];
  /** The `S` training tokens: the sequence of the step, the position of the token in it, the token and its weight. */
  readonly tokens: readonly {
    readonly sample: number;
    readonly position: number;
    readonly token: number;
    readonly weight: number;
  }[];
  /** `[N]`, the change to first order. */
  readonly total: readonly number[];
  /** Component -> `[N]`. */
  readonly byComponent: Readonly<Partial<Record<Component, readonly number[]>>>;
  /** Layer -> `[N]`. */
  readonly byLayer: Readonly<Record<string, readonly number[]>>;
  /** Kind of parameter -> `[N]`. */
  readonly byKind: Readonly<Record<string, readonly number[]>>;
  /** `[N][samples]`, by training sequence. */
  readonly bySample: readonly (readonly number[])[];
  /** `[N][S]`, by training token. */
  readonly byToken: readonly (readonly number[])[];
  /** By component, parameter, context and sample at once. */
  readonly parts: readonly StepPart[];
  /** The pairs of sample and context whose change is largest, above 0, the largest first. */
  readonly mostHelpful: readonly StepPair[];
  /** The pairs whose change is most below 0, the lowest first. */
  readonly mostHarmful: readonly StepPair[];
  /** `[N]`, the functional before the step. */
  readonly before: readonly number[];
  /** `[N]`, its change when the step is taken; there unless `measure` is false. */
  readonly measured?: readonly number[];
  /** `[N]`, `measured - total`. */
  readonly residual?: readonly number[];
}

/** The `top` pairs from either end. */
export function extremePairs(bySample: readonly (readonly number[])[], top: number) {
  const pairs = bySample.flatMap((row, context) =>
    row.map((change, sample): StepPair => ({ sample, context, change })),
  );
  const falling = pairs.filter(({ change }) => change > 0).sort((a, b) => b.change - a.change);
  const rising = pairs.filter(({ change }) => change < 0).sort((a, b) => a.change - b.change);
  return { mostHelpful: falling.slice(0, top), mostHarmful: rising.slice(0, top) };
}

/** `[N]` sums of parts by what `keyOf` says of them. */
export function sumsBy<Key extends string>(
  parts: readonly StepPart[],
  keyOf: (part: StepPart) => Key,
): Record<Key, number[]> {
  const sums = {} as Record<Key, number[]>;
  for (const part of parts) {
    const sum = (sums[keyOf(part)] ??= new Array<number>(part.change.length).fill(0));
    part.change.forEach((row, n) => row.forEach((value) => (sum[n]! += value)));
  }
  return sums;
}
