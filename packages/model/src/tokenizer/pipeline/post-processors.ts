import { z } from 'zod';

import { step, stepsOf } from './steps.js';

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
const trimFields = { trim_offsets: z.boolean(), add_prefix_space: z.boolean() };

const isSpace = (character: string): boolean =>
  character === 'Ġ' || /^\p{White_Space}$/u.test(character);

const inTurn =
  (steps: readonly PostProcessor[]): PostProcessor =>
  (encoded, options) =>
    steps.reduce((each, run) => run(each, options), encoded);

/** Takes the spaces of tokens out of their offsets, if that is asked for. */
function trimOffsets(config: z.infer<z.ZodObject<typeof trimFields>>): PostProcessor {
  if (!config.trim_offsets) return (encoded) => encoded;
  return (encoded, { source }) => ({
    ...encoded,
    offsets: encoded.offsets.map(([start, end], i) => {
      const characters = Array.from(encoded.texts[i]!);
      const first = characters.findIndex((each) => !isSpace(each));
      const leading = first < 0 ? characters.length : first;
      const trailing = characters.length - 1 - characters.findLastIndex((each) => !isSpace(each));
      // A single space at the beginning was added.
      const added = config.add_prefix_space && leading === 1 && (i === 0 || start === 0);
      const inside = Array.from(source.slice(start, end), (each) => each.length);
      const skipped = sum(inside.slice(0, added ? 0 : leading));
      const from = start + skipped;
      const dropped = trailing > 0 ? sum(inside.slice(-trailing)) : 0;
      return [from, Math.max(end - dropped, from)];
    }),
  });
}

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

const templateFields = {
  single: z.array(place),
  special_tokens: z.record(z.string(), z.object({ ids: z.array(z.int().nonnegative()) })),
};

function template({
  single,
  special_tokens: tokens,
}: z.infer<z.ZodObject<typeof templateFields>>): PostProcessor {
  const texts = single.filter((each) => 'Sequence' in each);
  if (texts.length !== 1 || texts[0]!.Sequence.id !== 'A') {
    throw new RangeError(
      'post_processor.single has not exactly one sequence A, expected a template of one text',
    );
  }
  const at = single.findIndex((each) => 'Sequence' in each);
  const idsOf = (places: typeof single): number[] =>
    places.flatMap((each) => {
      if (!('SpecialToken' in each)) return [];
      const name = each.SpecialToken.id;
      if (Object.hasOwn(tokens, name)) return tokens[name]!.ids;
      throw new RangeError(
        `post_processor.single names ${JSON.stringify(name)}, expected one of its special_tokens`,
      );
    });
  return surround(idsOf(single.slice(0, at)), idsOf(single.slice(at + 1)));
}

const ends = { sep: pair, cls: pair };

/** The post-processors of a `tokenizer.json`. */
export const postProcessors = stepsOf<PostProcessor>('processors', inTurn, {
  ByteLevel: step(trimFields, trimOffsets),
  TemplateProcessing: step(templateFields, template),
  BertProcessing: step(ends, ({ cls, sep }) => surround([cls[1]], [sep[1]])),
  RobertaProcessing: step({ ...ends, ...trimFields }, (config) =>
    inTurn([trimOffsets(config), surround([config.cls[1]], [config.sep[1]])]),
  ),
});
