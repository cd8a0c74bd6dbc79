import {
  adamw,
  applyUpdates,
  compile,
  crossEntropy,
  disposeParams,
  mapParams,
  mergeParams,
  selectParams,
  valueAndGrad,
  type Params,
} from '@cfrl/engine';
import {
  ARCHITECTURES,
  adapterParams,
  addLora,
  forward,
  generate,
  initParams,
  isLora,
  mergeLora,
  modelConfig,
  unmergeLora,
  validateConfig,
  charTokenizer,
  type LoraConfig,
  type LoraOptions,
  type ModelConfig,
} from '@cfrl/model';
import { expectClose, numericalGradient } from '@cfrl/testkit';
import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { configs, matrix, randomParams } from './arbitrary.js';
import { relativeError } from './fixture.js';

type Model = { readonly config: ModelConfig; readonly params: Params };

/** Every module of a model that may have an adapter. */
const everything = (): boolean => true;

/** A model with factors that are not 0; the caller owns its tensors. */
function adapted(config: ModelConfig, options: LoraOptions, seed: number): Model {
  const base = randomParams(config, seed);
  const model = addLora({ config, params: base }, options, seed);
  const params = tf.tidy(() =>
    mapParams(model.params, (tensor, name) => {
      const waves = tf.sin(tf.add(tf.mul(tf.range(0, tensor.size), 1.7), 1));
      if (name.endsWith('magnitude_vector')) return tf.mul(tensor, tf.add(waves, 2));
      return isLora(name) ? tf.reshape(waves, tensor.shape) : tf.clone(tensor);
    }),
  );
  [base, model.params].forEach(disposeParams);
  return { ...model, params };
}

const tokens = (config: ModelConfig): tf.Tensor2D =>
  matrix([[0, 1, 2].map((i) => i % config.vocabSize)]);
const run = ({ config, params }: Model, options = {}) =>
  forward(params, config, { tokens: tokens(config) }, options);

const options = (): fc.Arbitrary<LoraOptions> =>
  fc.record({
    rank: fc.integer({ min: 1, max: 3 }),
    alpha: fc.constantFrom(0.5, 2, -1),
    rankStabilized: fc.boolean(),
    dora: fc.boolean(),
    targets: fc.constant(everything),
  });

const llama = modelConfig({
  architecture: 'llama',
  vocabSize: 7,
  hiddenSize: 8,
  layers: 2,
  heads: 2,
  keyValueHeads: 1,
  maxPositions: 6,
  intermediateSize: 12,
});
const gpt2 = modelConfig({ ...llama, architecture: 'gpt2', keyValueHeads: 2 });

const Q = 'model.layers.0.self_attn.q_proj';

describe('addLora', () => {
  it('changes nothing at the start, to the bit, in any model', () => {
    fc.assert(
      fc.property(configs(), options(), fc.nat(), (config, how, seed) => {
        tf.tidy(() => {
          const model = { config, params: randomParams(config, seed) };
          const [before, after] = [run(model), run(addLora(model, how, seed))];
          expect(after.logits.dataSync()).toEqual(before.logits.dataSync());
          expect(after.features.dataSync()).toEqual(before.features.dataSync());
        });
      }),
      { numRuns: 10 },
    );
  });

  it.each(ARCHITECTURES)(
    'adapts each module of %s that it says: its factors alone change the logits',
    (architecture) => {
      const base = modelConfig({
        ...{ architecture, vocabSize: 7, hiddenSize: 8, layers: 1, heads: 2, maxPositions: 6 },
        ...{ intermediateSize: 12 },
      });
      const whole = adapted(base, { rank: 1, targets: everything }, 0);
      const names = whole.config.lora!.modules;
      const linear = Object.entries(whole.params).filter(
        ([name, { rank }]) =>
          rank === 2 &&
          name.endsWith('.weight') &&
          !isLora(name) &&
          !/norm|embed_pos|wpe/.test(name),
      );
      disposeParams(whole.params);
      expect(names.map((name) => `${name}.weight`).sort()).toEqual(
        linear.map(([name]) => name).sort(),
      );
      for (const name of names) {
        tf.tidy(() => {
          const model = adapted(base, { rank: 1, targets: [name] }, 0);
          expect(model.config.lora!.modules).toEqual([name]);
          const { lora: _, ...without } = model.config;
          const change = relativeError(
            run(model).logits,
            run({ ...model, config: without }).logits,
          );
          expect(change, name).toBeGreaterThan(1e-3);
        });
      }
    },
  );

  it('is the definition: W + scale B A in place of W', () => {
    tf.tidy(() => {
      const model = adapted(
        llama,
        { rank: 2, alpha: 3, rankStabilized: true, targets: ['o_proj'] },
        1,
      );
      const { lora, ...base } = model.config;
      const params = { ...model.params };
      for (const module of lora!.modules) {
        const [A, B, W] = ['lora_A.weight', 'lora_B.weight', 'weight'].map(
          (part) => params[`${module}.${part}`]!.arraySync() as number[][],
        ) as [number[][], number[][], number[][]];
        const scale = 3 / Math.sqrt(2);
        const sum = W.map((row, i) =>
          row.map((w, j) => w + scale * A.reduce((s, a, r) => s + B[i]![r]! * a[j]!, 0)),
        );
        params[`${module}.weight`] = tf.tensor2d(sum);
      }
      expect(relativeError(run(model).logits, run({ config: base, params }).logits)).toBeLessThan(
        1e-5,
      );
    });
  });

  it('is the definition with ranks and scales by module: those of the module', () => {
    tf.tidy(() => {
      const all = adapted(llama, { rank: 2, alpha: 3, targets: ['o_proj', 'v_proj'] }, 1);
      const [special, other] = [0, 1].map((i) => `model.layers.${i}.self_attn.v_proj`) as [
        string,
        string,
      ];
      const params: Record<string, tf.Tensor> = { ...all.params };
      // Zeros beside the factors of rank 2 make rank 3, and alpha 4.5 makes up for it.
      params[`${special}.lora_A.weight`] = tf.pad(params[`${special}.lora_A.weight`]!, [
        [0, 1],
        [0, 0],
      ]);
      params[`${special}.lora_B.weight`] = tf.pad(params[`${special}.lora_B.weight`]!, [
        [0, 0],
        [0, 1],
      ]);
      const config = (alphas: Record<string, number>): ModelConfig => ({
        ...all.config,
        lora: { ...all.config.lora!, ranks: { [special]: 3 }, alphas },
      });
      const same = run({ config: config({ [special]: 4.5 }), params });
      expect(relativeError(same.logits, run(all).logits)).toBeLessThan(1e-5);
      const more = run({ config: config({ [special]: 4.5, [other]: 9 }), params });
      expect(relativeError(more.logits, run(all).logits)).toBeGreaterThan(1e-2);
    });
  });

  // Liu et al. 2024, equation 5, as PEFT's DoraLinearLayer computes it: m (W + s B A) x / |W + s B A|, row by row, and the bias.
  it.each([llama, gpt2])('is the definition with magnitudes, in every module, %#', (config) => {
    tf.tidy(() => {
      const how = { rank: 2, alpha: 3, dora: true, targets: everything } as const;
      const model = adapted(config, how, 1);
      const { lora, ...base } = model.config;
      const params = { ...model.params };
      for (const module of lora!.modules) {
        const isTable = `${module}.lora_embedding_A` in params;
        const numbers = (part: string) => params[`${module}.${part}`]!.arraySync();
        const [A, B] = (
          isTable ? ['lora_embedding_A', 'lora_embedding_B'] : ['lora_A.weight', 'lora_B.weight']
        ).map((part) => numbers(part) as number[][]) as [number[][], number[][]];
        const m = numbers('lora_magnitude_vector') as number[];
        const W = numbers('weight') as number[][];
        // Rows of W are what goes in: GPT-2's Conv1D, and tables.
        const turned = isTable || (config === gpt2 && module !== 'lm_head');
        const rows = turned ? W[0]!.map((_, i) => W.map((row) => row[i]!)) : W;
        const merged = rows.map((row, i) => {
          const v = row.map((w, j) => w + 1.5 * A.reduce((s, a, r) => s + B[i]![r]! * a[j]!, 0));
          const norm = Math.sqrt(v.reduce((sum, x) => sum + x * x, 0));
          return v.map((x) => (m[i]! * x) / norm);
        });
        params[`${module}.weight`] = tf.tensor2d(
          turned ? W.map((_, j) => merged.map((row) => row[j]!)) : merged,
        );
      }
      const expected = run({ config: base, params }).logits;
      expect(relativeError(run(model).logits, expected)).toBeLessThan(1e-5);
      expect(relativeError(run(mergeLora(model)).logits, expected)).toBeLessThan(1e-5);
    });
  });

  it('trains what adapterParams names: factors, magnitudes, biases and whole modules', () => {
    tf.tidy(() => {
      const base = { config: gpt2, params: initParams(gpt2, 0) };
      const names = (options: Partial<LoraOptions>): string[] =>
        adapterParams(addLora(base, { rank: 1, targets: ['1.mlp.c_fc'], ...options }, 0).config);
      const fc1 = 'transformer.h.1.mlp.c_fc';
      const factors = [`${fc1}.lora_A.weight`, `${fc1}.lora_B.weight`];
      expect(names({})).toEqual(factors);
      expect(names({ dora: true })).toEqual([...factors, `${fc1}.lora_magnitude_vector`]);
      expect(names({ bias: 'lora_only' })).toEqual([...factors, `${fc1}.bias`]);
      const biases = Object.keys(base.params).filter((name) => name.endsWith('.bias'));
      expect(names({ bias: 'all' })).toEqual([...factors, ...biases]);
      expect(names({ wholeModules: ['lm_head', '0.mlp'] })).toEqual([
        ...factors,
        ...['c_fc.weight', 'c_fc.bias', 'c_proj.weight', 'c_proj.bias'].map(
          (part) => `transformer.h.0.mlp.${part}`,
        ),
        'lm_head.weight',
      ]);
      expect(adapterParams(gpt2)).toEqual([]);
      const whole = addLora(base, { rank: 1, wholeModules: ['0.mlp'] }, 0).config.lora!;
      expect(whole.modules.some((name) => name.includes('h.0.mlp'))).toBe(false);
    });
  });

  it.each<[Partial<LoraConfig>, string]>([
    [{ ranks: { lm_head: 2 } }, "lora.ranks has 'lm_head', expected only modules of lora.modules"],
    [{ ranks: { [`${Q}`]: 0 } }, `lora.ranks['${Q}'] is 0, expected a positive integer`],
    [{ alphas: { [`${Q}`]: NaN } }, `lora.alphas['${Q}'] is NaN, expected a finite number`],
    [{ bias: 'some' as 'all' }, `lora.bias is "some", expected 'none' or 'lora_only' or 'all'`],
    [{ dropout: 2 }, 'lora.dropout is 2, expected a number in [0, 1]'],
    [{ wholeModules: ['x'] }, "lora.wholeModules has 'x', expected modules of the model"],
    [
      { wholeModules: ['model.layers.0.self_attn'] },
      `lora.modules has '${Q}', which is in lora.wholeModules, expected each module in one of them`,
    ],
  ])('is checked with the configuration: %j', (fields, message) => {
    const lora = { rank: 1, alpha: 1, rankStabilized: false, modules: [Q], ...fields };
    expect(() => validateConfig({ ...llama, lora })).toThrow(`validateConfig: ${message}`);
  });

  it.each<[LoraOptions, RegExp]>([
    [
      { rank: 1, bias: 'some' as 'all' },
      /addLora: bias is "some", expected 'none', 'lora_only' or 'all'/,
    ],
    [
      { rank: 1, wholeModules: ['lm_haed'] },
      /addLora: wholeModules has 'lm_haed', expected ends of the model's modules/,
    ],
    [{ rank: 0 }, /addLora: rank is 0, expected a positive integer/],
    [{ rank: 1, alpha: Infinity }, /addLora: alpha is Infinity, expected a finite number/],
    [
      { rank: 1, targets: ['q_porj'] },
      /addLora: targets has 'q_porj', expected ends of model.embed_tokens, /,
    ],
    [{ rank: 1, targets: () => false }, /addLora: targets selects nothing, expected some of /],
    [
      { rank: 1, dropout: 0.1 } as LoraOptions,
      /addLora: options has "dropout", expected only rank, /,
    ],
  ])('refuses %j', (how, message) => {
    const params = initParams(llama, 0);
    expect(() => addLora({ config: llama, params }, how, 0)).toThrow(message);
    disposeParams(params);
  });

  it('refuses adapters twice, and those of a tied embedding', () => {
    tf.tidy(() => {
      const model = addLora({ config: llama, params: initParams(llama, 0) }, { rank: 1 }, 0);
      expect(() => addLora(model, { rank: 1 }, 0)).toThrow('addLora: model has adapters');
      const tied = { ...llama, tiedEmbeddings: true };
      const tiedModel = { config: tied, params: initParams(tied, 0) };
      expect(() => addLora(tiedModel, { rank: 1, targets: ['embed_tokens'] }, 0)).toThrow(
        'embedding and classifier can be adapted after untie(model)',
      );
      const lora = { rank: 1, alpha: 1, rankStabilized: false, modules: ['lm_head'] };
      expect(() => run({ ...tiedModel, config: { ...tied, lora } })).toThrow(
        "validateConfig: lora.modules has 'lm_head', expected only model.layers.0.self_attn.q_proj, ",
      );
    });
  });

  it("counts PEFT's all-linear: the linear modules of the layers", () => {
    tf.tidy(() => {
      const model = addLora({ config: gpt2, params: initParams(gpt2, 0) }, { rank: 1 }, 0);
      expect(model.config.lora).toEqual({
        rank: 1,
        alpha: 1,
        rankStabilized: false,
        modules: [0, 1].flatMap((i) =>
          ['attn.c_attn', 'attn.c_proj', 'mlp.c_fc', 'mlp.c_proj'].map(
            (m) => `transformer.h.${i}.${m}`,
          ),
        ),
      });
    });
  });
});

describe('mergeLora', () => {
  it('computes the same as the adapters beside the weights; unmergeLora brings them back', () => {
    fc.assert(
      fc.property(configs(), options(), fc.nat(), (config, how, seed) => {
        tf.tidy(() => {
          const model = adapted(config, how, seed);
          const merged = mergeLora(model);
          expect(Object.keys(merged.params)).toEqual(
            Object.keys(model.params).filter((n) => !isLora(n)),
          );
          expect(merged.config).toEqual(config);
          const expected = run(model);
          for (const key of ['logits', 'features'] as const) {
            expect(relativeError(run(merged)[key], expected[key]), key).toBeLessThan(1e-4);
          }
          if (how.dora) {
            expect(() =>
              unmergeLora(merged, { lora: model.config.lora!, params: model.params }),
            ).toThrow('unmergeLora: lora.dora is true, expected an adapter without magnitudes: ');
            return;
          }
          const again = unmergeLora(merged, { lora: model.config.lora!, params: model.params });
          expect(again.config).toEqual(model.config);
          for (const [name, tensor] of Object.entries(model.params)) {
            expectClose(again.params[name]!.dataSync(), tensor.dataSync(), {
              atol: 1e-5,
              rtol: 1e-5,
            });
          }
        });
      }),
      { numRuns: 10 },
    );
  });

  it('gives tensors of its own, and leaves the model as it was', () => {
    const base = { config: llama, params: initParams(llama, 0) };
    const model = addLora(base, { rank: 1 }, 0);
    const values = model.params['lm_head.weight']!.dataSync();
    disposeParams(base.params);
    const merged = mergeLora(model);
    disposeParams(model.params);
    expect(merged.params['lm_head.weight']!.dataSync()).toEqual(values);
    disposeParams(merged.params);
  });

  it('refuses a model without adapters or without factors', () => {
    tf.tidy(() => {
      const base = { config: llama, params: initParams(llama, 0) };
      expect(() => mergeLora(base)).toThrow('mergeLora: config.lora is undefined');
      const model = addLora(base, { rank: 1, targets: ['q_proj'] }, 0);
      const lost = selectParams(model.params, (name) => !name.endsWith('lora_B.weight'));
      expect(() => mergeLora({ ...model, params: lost })).toThrow(
        "mergeLora: params has no 'model.layers.0.self_attn.q_proj.lora_B.weight'",
      );
      expect(() => unmergeLora(model, { lora: model.config.lora!, params: model.params })).toThrow(
        'unmergeLora: model has adapters',
      );
    });
  });
});

const loss =
  ({ config, params }: Model, how = {}) =>
  (trained: Params): tf.Tensor => {
    const { logits } = run({ config, params: mergeParams(params, trained) }, how);
    return tf.mean(crossEntropy(logits, tokens(config)));
  };

describe('training with adapters', () => {
  it.each([llama, gpt2])('has the gradients of central differences, %#', (config) => {
    tf.tidy(() => {
      const model = adapted(config, { rank: 1, alpha: 0.3, targets: everything }, 2);
      const some = selectParams(
        model.params,
        (name) => isLora(name) && /(0.*(v_proj|c_attn)|lm_head|embed|wte)/.test(name),
      );
      const expected = numericalGradient(loss(model), some);
      const { grads } = valueAndGrad(loss(model))(some);
      expect(Object.keys(some).length).toBe(6);
      for (const name of Object.keys(some)) {
        expectClose(grads[name]!.dataSync(), expected[name], { atol: 5e-3, rtol: 2e-2 });
      }
    });
  });

  it('has the gradients of magnitudes and factors with the norms held, as PEFT', () => {
    tf.tidy(() => {
      const how = { rank: 1, alpha: 0.5, dora: true, targets: ['0.self_attn.v_proj', 'lm_head'] };
      const model = adapted(llama, how, 2);
      const some = selectParams(model.params, isLora);
      const { grads } = valueAndGrad(loss(model))(some);
      expect(Object.keys(some).length).toBe(6);
      // With W + scale B A scaled by hand, by norms that are numbers.
      const norms = Object.fromEntries(
        model.config.lora!.modules.map((name) => {
          const [A, B, W] = ['lora_A.weight', 'lora_B.weight', 'weight'].map(
            (part) => model.params[`${name}.${part}`] as tf.Tensor2D,
          ) as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
          return [name, tf.norm(tf.add(W, tf.mul(0.5, tf.matMul(B, A))), 'euclidean', 1)];
        }),
      );
      const { lora, ...plain } = model.config;
      const held = (trained: Params): tf.Tensor => {
        const params: Record<string, tf.Tensor> = mergeParams(model.params, trained);
        for (const name of lora!.modules) {
          const [A, B, W, m] = [
            ...['lora_A.weight', 'lora_B.weight', 'weight', 'lora_magnitude_vector'],
          ].map((part) => params[`${name}.${part}`]!) as [
            tf.Tensor2D,
            tf.Tensor2D,
            tf.Tensor2D,
            tf.Tensor,
          ];
          const v = tf.add(W, tf.mul(0.5, tf.matMul(B, A)));
          params[`${name}.weight`] = tf.mul(v, tf.expandDims(tf.div(m, norms[name]!), 1));
        }
        return loss({ config: plain, params })({});
      };
      const expected = numericalGradient(held, some);
      for (const name of Object.keys(some)) {
        expectClose(grads[name]!.dataSync(), expected[name], { atol: 5e-3, rtol: 2e-2 });
      }
    });
  });

  it('moves the adapters alone: the rest stays equal to the bit, and has no optimiser state', () => {
    tf.tidy(() => {
      const model = addLora(
        { config: llama, params: randomParams(llama, 3) },
        { rank: 2, alpha: 4 },
        3,
      );
      const optimizer = adamw({ learningRate: 0.05 });
      let trained = selectParams(model.params, isLora);
      let state = optimizer.init(trained);
      const names = Object.keys(state).filter((name) => name !== 'step');
      expect(names.every(isLora)).toBe(true);
      expect(names.length).toBe(2 * 2 * 7 * 2);
      const step = valueAndGrad(loss(model));
      const first = step(trained).value.dataSync()[0]!;
      for (let i = 0; i < 10; i++) {
        const { grads } = step(trained);
        expect(Object.keys(grads)).toEqual(Object.keys(trained));
        const next = optimizer.update(grads, state, trained);
        trained = applyUpdates(trained, next.updates);
        state = next.state;
      }
      expect(step(trained).value.dataSync()[0]!).toBeLessThan(first / 2);
      const after = mergeParams(model.params, trained);
      const moved = Object.keys(after).filter(
        (name) =>
          relativeError(tf.reshape(after[name]!, [-1]), tf.reshape(model.params[name]!, [-1])) !==
          0,
      );
      expect(moved).toEqual(Object.keys(trained));
    });
  });

  it.each([false, true])(
    'samples from the adapted model as from the merged one, dora: %s',
    async (dora) => {
      const tokenizer = charTokenizer('abcde');
      const model = adapted(llama, { rank: 2, dora, targets: everything }, 4);
      const merged = mergeLora(model);
      const [here, there] = await Promise.all(
        [model, merged].map((each) =>
          generate({ ...each, tokenizer }, ['ab'], { maxNewTokens: 4, stopTokens: [], seeds: [1] }),
        ),
      );
      expect(here![0]!.tokens).toEqual(there![0]!.tokens);
      expectClose(here![0]!.logProbs, there![0]!.logProbs, { atol: 1e-3 });
      [model, merged].forEach(({ params }) => disposeParams(params));
    },
  );
});

describe('forward with checkpoints', () => {
  const variants = [
    [
      'plain',
      (config: ModelConfig, seed: number): Model => ({
        config,
        params: randomParams(config, seed),
      }),
    ],
    [
      'with adapters',
      (config: ModelConfig, seed: number) =>
        adapted(config, { rank: 1, targets: everything }, seed),
    ],
    [
      'with adapters and magnitudes',
      (config: ModelConfig, seed: number) =>
        adapted(config, { rank: 1, dora: true, targets: everything }, seed),
    ],
  ] as const;
  it.each(variants)('has the same values and gradients in any model, %s', (_, make) => {
    fc.assert(
      fc.property(configs(), fc.nat(), fc.boolean(), (config, seed, padded) => {
        tf.tidy(() => {
          const { params, config: full } = make(config, seed);
          const input = {
            tokens: tokens(full),
            ...(padded && { attentionMask: matrix([[0, 1, 1]]) }),
          };
          const gradient = (rematerialize: boolean) =>
            valueAndGrad((p) => {
              const { logits, features } = forward(p, full, input, { rematerialize });
              return tf.add(tf.sum(tf.sin(logits)), tf.sum(tf.square(features)));
            })(params);
          const [actual, expected] = [gradient(true), gradient(false)];
          expect(actual.value.dataSync()).toEqual(expected.value.dataSync());
          for (const name of Object.keys(params)) {
            expect(actual.grads[name]!.dataSync(), name).toEqual(expected.grads[name]!.dataSync());
          }
        });
      }),
      { numRuns: 8 },
    );
  });

  it('works in a compiled step, for adapters alone too', () => {
    tf.tidy(() => {
      const model = adapted(gpt2, { rank: 2, dora: true, targets: everything }, 5);
      for (const select of [isLora, everything]) {
        const trained = selectParams(model.params, select);
        const step = compile((p: Params) => valueAndGrad(loss(model, { rematerialize: true }))(p));
        const [actual, expected] = [step(trained), valueAndGrad(loss(model))(trained)];
        for (const name of Object.keys(trained)) {
          expectClose(actual.grads[name]!.dataSync(), expected.grads[name]!.dataSync(), {
            atol: 1e-4,
            rtol: 1e-3,
          });
        }
        step.dispose();
      }
    });
  });
});
