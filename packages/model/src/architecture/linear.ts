import type { WeightLayout } from '@cfrl/engine';

import type { ModelConfig } from '../config/types.js';
import { linear as project } from '../lora/apply.js';
import type { Initial, ParamSpec, Part } from './blueprint.js';

export type Decide = (config: ModelConfig) => boolean;

export const always: Decide = () => true;
const never: Decide = () => false;

export interface LinearOptions {
  readonly bias?: Decide | undefined;
  readonly layout?: WeightLayout;
  readonly initial?: Initial;
}

/** An affine map, whose module has this name below the layer. */
export const linear = (
  module: string,
  sizes: (config: ModelConfig) => readonly [from: number, to: number],
  { bias = never, layout = 'out-in', initial = 'normal' }: LinearOptions = {},
): Part => ({
  specs: (config, layer) => {
    const [from, to] = sizes(config);
    const name = `${layer}.${module}`;
    const shape = layout === 'in-out' ? [from, to] : [to, from];
    const weight: ParamSpec = { name: `${name}.weight`, shape, initial };
    if (!bias(config)) return [weight];
    return [weight, { name: `${name}.bias`, shape: [to], initial: 'zeros' }];
  },
  apply: (x, get, layer, config) => project(x, get, `${layer}.${module}`, layout, bias(config)),
});
