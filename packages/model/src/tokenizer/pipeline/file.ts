import { z } from 'zod';

import { addedTokenSchema } from './added-tokens.js';
import { decoders } from './decoders.js';
import { modelSchema } from './model.js';
import { normalizers } from './normalizers.js';
import { postProcessors } from './post-processors.js';
import { preTokenizers } from './pre-tokenizers.js';

/** A `tokenizer.json`. Truncation and padding are settings for batches, which callers give. */
const fileSchema = z.object({
  added_tokens: z.array(addedTokenSchema).default([]),
  normalizer: normalizers.schema.nullish(),
  pre_tokenizer: preTokenizers.schema.nullish(),
  post_processor: postProcessors.schema.nullish(),
  decoder: decoders.schema.nullish(),
  model: modelSchema,
});

export type TokenizerFile = z.infer<typeof fileSchema>;

/** The types of each part, as messages list them. */
const TYPES: Readonly<Record<string, string>> = {
  normalizer: normalizers.types,
  pre_tokenizer: preTokenizers.types,
  post_processor: postProcessors.types,
  decoder: decoders.types,
  model: 'BPE, Unigram, WordLevel, WordPiece',
};

/** The parts deepest in a file that do not fit, in a few words. */
function describe(
  issues: readonly z.core.$ZodIssue[],
  path: readonly PropertyKey[] = [],
): string[] {
  return issues.flatMap((issue) => {
    const at = [...path, ...issue.path];
    // For a union, the errors of the members that matched furthest are reported.
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

/** @throws RangeError that says what does not fit */
export function readTokenizerFile(where: string, json: unknown): TokenizerFile {
  const read = fileSchema.safeParse(json);
  if (read.success) return read.data;
  const problems = Array.from(new Set(describe(read.error.issues)));
  throw new RangeError(
    `${where}: tokenizer.json does not fit, expected a file of Hugging Face tokenizers: ${problems.slice(0, 5).join('; ')}`,
  );
}
