import { z } from 'zod';

import { orSequence } from './sequence.js';

/** The tokens of a text; offsets and texts are empty when nobody asked for them. */
export interface EncodedText {
  readonly ids: number[];
  /** The UTF-16 units of the text that each stands for. */
  readonly offsets: [number, number][];
  /** What each is written as: in the text for added tokens, in the vocabulary for others. */
  readonly texts: string[];
}

/** Adds special tokens to an encoded text, and trims offsets. */
export type PostProcessor = (
  encoded: EncodedText,
  options: { readonly addSpecialTokens: boolean; readonly source: string },
) => EncodedText;

const pair = z.tuple([z.string(), z.int().nonnegative()]);
const place = z.union([
  z.object({ Sequence: z.object({ id: z.enum(['A', 'B']) }) }),
  z.object({ SpecialToken: z.object({ id: z.string() }) }),
]);
const trims = { trim_offsets: z.boolean(), add_prefix_space: z.boolean() };

const simple = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ByteLevel'), ...trims }),
  z.object({ type: z.literal('BertProcessing'), sep: pair, cls: pair }),
  z.object({ type: z.literal('RobertaProcessing'), sep: pair, cls: pair, ...trims }),
  z.object({
    type: z.literal('TemplateProcessing'),
    single: z.array(place),
    special_tokens: z.record(z.string(), z.object({ ids: z.array(z.int().nonnegative()) })),
  }),
]);

export type PostProcessorConfig =
  z.infer<typeof simple> | { type: 'Sequence'; processors: PostProcessorConfig[] };

/** A post-processor of a `tokenizer.json`. */
export const postProcessorSchema = orSequence<PostProcessorConfig>('processors', simple);

const isSpace = (character: string): boolean =>
  character === 'Ġ' || /^\p{White_Space}$/u.test(character);

/** Takes the spaces of tokens out of their offsets. */
const trimOffsets =
  (prefixed: boolean): PostProcessor =>
  (encoded, { source }) => ({
    ...encoded,
    offsets: encoded.offsets.map(([start, end], i) => {
      const characters = Array.from(encoded.texts[i]!);
      const first = characters.findIndex((each) => !isSpace(each));
      const leading = first < 0 ? characters.length : first;
      const trailing = characters.length - 1 - characters.findLastIndex((each) => !isSpace(each));
      // A single space at the beginning was added.
      const added = prefixed && leading === 1 && (i === 0 || start === 0);
      const inside = Array.from(source.slice(start, end), (each) => each.length);
      const skipped = sum(inside.slice(0, added ? 0 : leading));
      const from = start + skipped;
      const dropped = trailing > 0 ? sum(inside.slice(-trailing)) : 0;
      return [from, Math.max(end - dropped, from)];
    }),
  });

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

const surround =
  (before: readonly number[], after: readonly number[]): PostProcessor =>
  (encoded, { addSpecialTokens }) => {
    if (!addSpecialTokens) return encoded;
    const { ids, offsets, texts } = encoded;
    const aligned = offsets.length === ids.length;
    return {
      ids: [...before, ...ids, ...after],
      offsets: aligned ? [...before.map(nowhere), ...offsets, ...after.map(nowhere)] : [],
      texts: aligned ? [...before.map(() => ''), ...texts, ...after.map(() => '')] : [],
    };
  };

const nowhere = (): [number, number] => [0, 0];

function template(
  config: Extract<PostProcessorConfig, { type: 'TemplateProcessing' }>,
): PostProcessor {
  const texts = config.single.filter((each) => 'Sequence' in each);
  if (texts.length !== 1 || texts[0]!.Sequence.id !== 'A') {
    throw new RangeError(
      'post_processor.single has not exactly one sequence A, expected a template of one text',
    );
  }
  const at = config.single.findIndex((each) => 'Sequence' in each);
  const idsOf = (places: typeof config.single): number[] =>
    places.flatMap((each) => {
      if (!('SpecialToken' in each)) return [];
      const name = each.SpecialToken.id;
      const token = Object.hasOwn(config.special_tokens, name)
        ? config.special_tokens[name]
        : undefined;
      if (token === undefined) {
        throw new RangeError(
          `post_processor.single names ${JSON.stringify(name)}, expected one of its special_tokens`,
        );
      }
      return token.ids;
    });
  return surround(idsOf(config.single.slice(0, at)), idsOf(config.single.slice(at + 1)));
}

/** The post-processor that a configuration describes. */
export function createPostProcessor(config: PostProcessorConfig): PostProcessor {
  switch (config.type) {
    case 'Sequence': {
      const steps = config.processors.map(createPostProcessor);
      return (encoded, options) => steps.reduce((each, step) => step(each, options), encoded);
    }
    case 'ByteLevel':
      return config.trim_offsets ? trimOffsets(config.add_prefix_space) : (encoded) => encoded;
    case 'TemplateProcessing':
      return template(config);
    case 'BertProcessing':
      return surround([config.cls[1]], [config.sep[1]]);
    case 'RobertaProcessing': {
      const add = surround([config.cls[1]], [config.sep[1]]);
      const trim = trimOffsets(config.add_prefix_space);
      return (encoded, options) =>
        add(config.trim_offsets ? trim(encoded, options) : encoded, options);
    }
  }
}
