import { type StoredTensor, sizeOf } from '../tensor-files/stored-tensor.js';
import type { HuggingFaceConfig } from '../huggingface/config-json.js';
import { type Metadata, required } from './metadata.js';

/** What files hold of the factors that frequencies are divided by, by their names without `.weight`. */
const FACTORS = ['rope_freqs', 'rope_factors_long', 'rope_factors_short'] as const;
export type RopeFactors = Readonly<Partial<Record<(typeof FACTORS)[number], readonly number[]>>>;

/** Takes the factors out of a file's tensors. */
export async function takeRopeFactors(stored: readonly StoredTensor[]): Promise<{
  readonly factors: RopeFactors;
  readonly tensors: readonly StoredTensor[];
}> {
  const factors: Record<string, readonly number[]> = {};
  const tensors: StoredTensor[] = [];
  for (const tensor of stored) {
    const name = FACTORS.find((each) => each === tensor.name.replace(/\.weight$/, ''));
    if (name === undefined) tensors.push(tensor);
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
const amplitudeOf = (keys: Metadata): number | undefined =>
  keys.number('rope.scaling.attn_factor') ?? keys.number('rope.scaling.yarn_attn_factor');

/** Those of the fields that have a value. */
const defined = (fields: Readonly<Record<string, unknown>>): HuggingFaceConfig =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

/** The scaling by metadata alone; the type is linear where the file does not say. */
function byKeys(keys: Metadata): HuggingFaceConfig | undefined {
  const { prefix, number, text, flag } = keys.below('rope.scaling.');
  // Until 2023 the factor had a key of its own.
  const old = keys.number('rope.scale_linear');
  const factor = number('factor') || old || undefined;
  const type = text('type') ?? 'linear';
  const original = number('original_context_length');
  flag('finetuned');
  if (type === 'none' || (type === 'linear' && factor === undefined)) return undefined;
  // The amplitude is asked for by those that use it only: elsewhere it is refused, not dropped.
  if (type === 'linear') return { rope_type: 'linear', factor };
  const amplitude = amplitudeOf(keys);
  if (type === 'yarn') {
    const stretch = required(factor, `${prefix}factor`);
    return defined({
      rope_type: 'yarn',
      factor: stretch,
      original_max_position_embeddings: original,
      beta_fast: number('yarn_beta_fast'),
      beta_slow: number('yarn_beta_slow'),
      attention_factor: amplitude && amplitude * (0.1 * Math.log(stretch) + 1),
    });
  }
  if (type === 'longrope') {
    return defined({
      rope_type: 'longrope',
      original_max_position_embeddings: original,
      factor,
      attention_factor: amplitude,
    });
  }
  throw new RangeError(
    `loadPretrained: ${prefix}type of the GGUF file is '${type}', expected one of none, linear, yarn, longrope`,
  );
}

/** Scaled rotary positions, in the words of transformers. */
export function ropeScaling(
  keys: Metadata,
  { rope_freqs: all, rope_factors_long: long, rope_factors_short: short }: RopeFactors,
): HuggingFaceConfig {
  const scaling = byKeys(keys);
  if (all === undefined && long === undefined && short === undefined) {
    return scaling === undefined ? {} : { rope_scaling: scaling };
  }
  if (scaling !== undefined && scaling['rope_type'] !== 'longrope') {
    throw new RangeError(
      `loadPretrained: ${keys.prefix}rope.scaling.type of the GGUF file is '${String(scaling['rope_type'])}' and it has factors of frequencies too, expected one of them`,
    );
  }
  if (all === undefined) {
    return {
      rope_scaling: {
        rope_type: 'longrope',
        ...scaling,
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
  return {
    rope_scaling: {
      rope_type: 'longrope',
      short_factor: all,
      long_factor: all,
      original_max_position_embeddings: keys.needed('context_length'),
      attention_factor: amplitudeOf(keys) ?? 1,
    },
  };
}
