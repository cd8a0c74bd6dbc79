import { z } from 'zod';

import { addedTokenSchema } from './added-tokens.js';
import { decoderSchema } from './decoders.js';
import { modelSchema } from './model.js';
import { normalizerSchema } from './normalizers.js';
import { postProcessorSchema } from './post-processors.js';
import { preTokenizerSchema } from './pre-tokenizers.js';

/** A `tokenizer.json`. Truncation and padding are settings for batches, which callers give. */
const fileSchema = z.object({
  added_tokens: z.array(addedTokenSchema).default([]),
  normalizer: normalizerSchema.nullish(),
  pre_tokenizer: preTokenizerSchema.nullish(),
  post_processor: postProcessorSchema.nullish(),
  decoder: decoderSchema.nullish(),
  model: modelSchema,
});

export type TokenizerFile = z.infer<typeof fileSchema>;

const TYPES: Readonly<Record<string, string>> = {
  normalizer:
    'BertNormalizer, Lowercase, NFC, NFD, NFKC, NFKD, Nmt, Prepend, Replace, Sequence, Strip, StripAccents',
  pre_tokenizer:
    'BertPreTokenizer, ByteLevel, CharDelimiterSplit, Digits, FixedLength, Metaspace, Punctuation, Sequence, Split, Whitespace, WhitespaceSplit',
  post_processor: 'BertProcessing, ByteLevel, RobertaProcessing, Sequence, TemplateProcessing',
  decoder:
    'BPEDecoder, ByteFallback, ByteLevel, CTC, Fuse, Metaspace, Replace, Sequence, Strip, WordPiece',
  model: 'BPE, Unigram, WordLevel, WordPiece',
};

/** The parts deepest in a file that do not fit, in a few words. */
function describe(
  issues: readonly z.core.$ZodIssue[],
  path: readonly PropertyKey[] = [],
): string[] {
  return issues.flatMap((issue) => {
    const at = [...path, ...issue.path];
    // Of the members of a union, those that got furthest say what is wrong.
    const inner =
      issue.code === 'invalid_union' ? issue.errors.flatMap((each) => describe(each, at)) : [];
    const depth = (text: string): number => text.split(/[.[]/).length;
    const deepest = Math.max(...inner.map(depth));
    if (inner.length > 0) return inner.filter((text) => depth(text) === deepest);
    const name = at
      .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
      .join('')
      .replace(/^\./, '');
    const types = at.at(-1) === 'type' ? TYPES[String(at[0])] : undefined;
    return [`${name || 'the file'}: ${types ? `expected one of ${types}` : issue.message}`];
  });
}

/**
 * Checks a parsed `tokenizer.json`.
 *
 * @throws RangeError that says what does not fit
 */
export function readTokenizerFile(where: string, json: unknown): TokenizerFile {
  const read = fileSchema.safeParse(json);
  if (read.success) return read.data;
  const problems = Array.from(new Set(describe(read.error.issues)));
  throw new RangeError(
    `${where}: tokenizer.json does not fit, expected a file of Hugging Face tokenizers: ${problems.slice(0, 5).join('; ')}`,
  );
}
