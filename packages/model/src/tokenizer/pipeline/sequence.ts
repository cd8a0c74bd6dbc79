import { z } from 'zod';

/** The schema of a step of a `tokenizer.json`, or of a `Sequence` of steps, which may be sequences themselves. */
export function orSequence<Config>(key: string, step: z.ZodType): z.ZodType<Config> {
  const schema: z.ZodType = z.union([
    z.object({ type: z.literal('Sequence'), [key]: z.lazy(() => z.array(schema)) }),
    step,
  ]);
  return schema as z.ZodType<Config>;
}

/** Steps one after the other. */
export const inOrder =
  <T>(steps: readonly ((value: T) => T)[]): ((value: T) => T) =>
  (value) =>
    steps.reduce((each, step) => step(each), value);
