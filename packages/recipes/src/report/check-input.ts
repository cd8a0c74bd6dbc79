import { z } from 'zod';

import { ATTRIBUTION, CHARTED, FURTHER } from './measures.js';
import type { ReportInput } from './input.js';

/** A measurement: finite, or not there. */
const measurement = z.number().nullish();

function row(source: 'probes' | 'steps') {
  const measures = [...CHARTED, ...FURTHER, ...ATTRIBUTION].filter((m) => m.source === source);
  return z.looseObject({
    sampledTokens: z.number().min(0, 'a number >= 0'),
    ...Object.fromEntries(measures.map((measure) => [measure.key, measurement])),
  });
}

function rows(source: 'probes' | 'steps') {
  return z.array(row(source)).superRefine((items, context) => {
    const at = items.findIndex(
      (item, i) => i > 0 && item.sampledTokens < items[i - 1]!.sampledTokens,
    );
    if (at > 0) {
      const message = `at least ${items[at - 1]!.sampledTokens}, that of the row before`;
      context.addIssue({ code: 'custom', path: [at, 'sampledTokens'], message });
    }
  });
}

/** An array whose entries differ in `key`. */
function distinct<T extends z.ZodType<object>>(item: T, key: string) {
  return z
    .array(item)
    .min(1, 'at least one entry')
    .superRefine((items, context) => {
      const keys = items.map((entry) => (entry as Record<string, unknown>)[key]);
      const at = keys.findIndex((value, i) => keys.indexOf(value) < i);
      if (at > 0) {
        context.addIssue({
          code: 'custom',
          path: [at, key],
          message: `a ${key} that no other has`,
        });
      }
    });
}

const sample = z.object({
  prompt: z.string(),
  completion: z.string(),
  answer: z.string(),
  reward: z.number(),
});

const run = z.object({
  seed: z.int(),
  config: z.record(z.string(), z.unknown()),
  steps: rows('steps'),
  probes: rows('probes'),
  samplesBefore: z.array(sample),
  samplesAfter: z.array(sample),
  seconds: z.number().min(0, 'a number >= 0'),
  stageBoundary: z.number().min(0, 'a number >= 0').optional(),
});

const report = z.object({
  title: z.string(),
  task: z.object({ name: z.string(), description: z.string() }),
  createdAt: z.string().optional(),
  versions: z.record(z.string(), z.string()),
  backend: z.string(),
  arms: distinct(
    z.object({ name: z.string(), description: z.string(), runs: distinct(run, 'seed') }),
    'name',
  ),
  command: z.string(),
});

/**
 * Throws unless a report can be made from the input. Measurements that are absent or `null` are
 * fine (shown as a dash); NaN, infinities, rows out of order and repeated arms or seeds are not.
 */
export function checkReportInput(where: string, input: ReportInput): void {
  const issue = report.safeParse(input).error?.issues[0];
  if (!issue) return;
  const path = ['input', ...issue.path]
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .slice(1);
  const value = issue.path.reduce<unknown>(
    (at, part) => (at as Record<PropertyKey, unknown> | undefined)?.[part],
    input,
  );
  const expected =
    issue.code === 'invalid_type' ? (EXPECTED[issue.expected] ?? issue.expected) : issue.message;
  const wrongKind = issue.code === 'invalid_type' && typeof value !== 'number';
  throw new (wrongKind ? TypeError : RangeError)(
    `${where}: ${path} is ${show(value)}, expected ${expected}`,
  );
}

const EXPECTED: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a finite number',
  int: 'an integer',
  array: 'an array',
  object: 'an object',
  record: 'an object',
};

function show(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'empty' : `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
