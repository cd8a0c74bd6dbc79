/** A component of the kernel: `R`, `G`, and for tied models `C` and `C'`. */
export type Component = 'representation' | 'gradient' | 'cross' | 'crossMirror';

/** What one component did through one layer. */
export interface EntropyContribution {
  /** The component. */
  readonly component: Component;
  /** The layer; the classifier's, but for `gradient`. */
  readonly layer: string;
  /** `[n][S]`: change of the context's entropy by the sample, nats. */
  readonly change: readonly (readonly number[])[];
}

/** An exact first-order attribution: every view sums to `total`. */
export interface EntropyAttribution {
  /** `[n]`, predicted change of each context's entropy, nats. */
  readonly total: readonly number[];
  /** Component -> `[n]`; the cross components are there exactly when the model is tied. */
  readonly byComponent: Readonly<Partial<Record<Component, readonly number[]>>>;
  /** Layer -> `[n]`. */
  readonly byLayer: Readonly<Record<string, readonly number[]>>;
  /** `[n][S]`, by sample. */
  readonly bySample: readonly (readonly number[])[];
  /** Everything at once: by component, layer, context and sample. */
  readonly contributions: readonly EntropyContribution[];
  /** `[n]`, measured minus predicted; there exactly when `measured` was given. */
  readonly residual?: readonly number[];
}

/** A contribution of every component and layer, before they are summed up. */
export function attribution(
  contributions: readonly EntropyContribution[],
  measured: readonly number[] | undefined,
): EntropyAttribution {
  const n = contributions[0]!.change.length;
  const S = contributions[0]!.change[0]!.length;
  const byComponent: Partial<Record<Component, number[]>> = {};
  const byLayer: Record<string, number[]> = {};
  const bySample = Array.from({ length: n }, () => new Array<number>(S).fill(0));
  const total = new Array<number>(n).fill(0);
  for (const { component, layer, change } of contributions) {
    const ofComponent = (byComponent[component] ??= new Array<number>(n).fill(0));
    const ofLayer = (byLayer[layer] ??= new Array<number>(n).fill(0));
    change.forEach((row, i) =>
      row.forEach((value, s) => {
        ofComponent[i]! += value;
        ofLayer[i]! += value;
        bySample[i]![s]! += value;
        total[i]! += value;
      }),
    );
  }
  const result = { total, byComponent, byLayer, bySample, contributions };
  if (measured === undefined) return result;
  return { ...result, residual: measured.map((value, i) => value - total[i]!) };
}
