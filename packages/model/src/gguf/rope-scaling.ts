import type { StoredTensor } from '../tensor-files/stored-tensor.js';
import { sizeOf } from '../tensor-files/stored-tensor.js';
import type { HuggingFaceConfig } from '../huggingface/config-json.js';
import { type Metadata, required } from './metadata.js';

/** What files hold of the factors that frequencies are divided by, by their names without `.weight`. */
const FACTORS = ['rope_freqs', 'rope_factors_long', 'rope_factors_short'] as const;
export type RopeFactors = Readonly<Partial<Record<(typeof FACTORS)[number], readonly number[]>>>;

const isFactors = (name: string): name is (typeof FACTORS)[number] =>
  (FACTORS as readonly string[]).includes(name);

/** Takes the factors out of a file's tensors. */
export async function takeRopeFactors(stored: readonly StoredTensor[]): Promise<{
  readonly factors: RopeFactors;
  readonly tensors: readonly StoredTensor[];
}> {
  const factors: Record<string, readonly number[]> = {};
  const tensors: StoredTensor[] = [];
  for (const tensor of stored) {
    const name = tensor.name.replace(/\.weight$/, '');
    if (!isFactors(name)) tensors.push(tensor);
    else {
      const numbers = new Float32Array(sizeOf(tensor.shape));
      await tensor.read(numbers);
      if (!numbers.every((factor) => factor > 0 && factor < Infinity)) {
        throw new RangeError(
          `loadPretrained: '${tensor.name}' of the GGUF file has a number that is not positive, expected factors of frequencies`,
        );
      }
      factors[name] = Array.from(numbers);
    }
  }
  return { factors, tensors };
}

/** What llama.cpp multiplies the rotated numbers by. */
const amplitudeOf = (metadata: Metadata, architecture: string): number | undefined =>
  metadata.number(`${architecture}.rope.scaling.attn_factor`) ??
  metadata.number(`${architecture}.rope.scaling.yarn_attn_factor`);

/** The scaling by metadata alone; the type is linear where the file does not say. */
function byKeys(metadata: Metadata, architecture: string): HuggingFaceConfig | undefined {
  const key = (name: string): string => `${architecture}.rope.scaling.${name}`;
  const number = (name: string): number | undefined => metadata.number(key(name));
  // Until 2023 the factor had a key of its own.
  const old = metadata.number(`${architecture}.rope.scale_linear`);
  const factor = number('factor') || old || undefined;
  const type = metadata.text(key('type')) ?? 'linear';
  const original = number('original_context_length');
  const ofTraining = original !== undefined && { original_max_position_embeddings: original };
  metadata.flag(key('finetuned'));
  if (type === 'none' || (type === 'linear' && factor === undefined)) return undefined;
  // The amplitude is asked for by those that use it only: elsewhere it is refused, not dropped.
  if (type === 'linear') return { rope_type: 'linear', factor };
  const amplitude = amplitudeOf(metadata, architecture);
  if (type === 'yarn') {
    const stretch = required(factor, key('factor'));
    const betas = { beta_fast: number('yarn_beta_fast'), beta_slow: number('yarn_beta_slow') };
    return {
      ...{ rope_type: 'yarn', factor: stretch, ...ofTraining },
      ...Object.fromEntries(Object.entries(betas).filter(([, value]) => value !== undefined)),
      ...(amplitude !== undefined && {
        attention_factor: amplitude * (0.1 * Math.log(stretch) + 1),
      }),
    };
  }
  if (type === 'longrope') {
    return {
      ...{ rope_type: 'longrope', ...ofTraining },
      ...(factor !== undefined && { factor }),
      ...(amplitude !== undefined && { attention_factor: amplitude }),
    };
  }
  throw new RangeError(
    `loadPretrained: ${key('type')} of the GGUF file is '${type}', expected one of none, linear, yarn, longrope`,
  );
}

/** Scaled rotary positions, in the words of transformers. */
export function ropeScaling(
  metadata: Metadata,
  architecture: string,
  { rope_freqs: all, rope_factors_long: long, rope_factors_short: short }: RopeFactors,
): HuggingFaceConfig {
  const scaling = byKeys(metadata, architecture);
  if (all === undefined && long === undefined && short === undefined) {
    return scaling === undefined ? {} : { rope_scaling: scaling };
  }
  if (scaling !== undefined && scaling['rope_type'] !== 'longrope') {
    throw new RangeError(
      `loadPretrained: ${architecture}.rope.scaling.type of the GGUF file is '${String(scaling['rope_type'])}' and it has factors of frequencies too, expected one of them`,
    );
  }
  if (all === undefined) {
    return {
      rope_scaling: {
        ...{ rope_type: 'longrope', ...scaling },
        short_factor: required(short, 'rope_factors_short.weight'),
        long_factor: required(long, 'rope_factors_long.weight'),
      },
    };
  }
  const other = long === undefined ? short && 'short' : 'long';
  if (other !== undefined) {
    throw new RangeError(
      `loadPretrained: 'rope_freqs.weight' of the GGUF file is there with 'rope_factors_${other}.weight', expected one kind of factors`,
    );
  }
  // The same at every length: Llama 3.1's scaling, as llama.cpp's converter has worked it out.
  const longest = required(
    metadata.number(`${architecture}.context_length`),
    `${architecture}.context_length`,
  );
  return {
    rope_scaling: {
      ...{ rope_type: 'longrope', short_factor: all, long_factor: all },
      ...{ original_max_position_embeddings: longest },
      attention_factor: amplitudeOf(metadata, architecture) ?? 1,
    },
  };
}
