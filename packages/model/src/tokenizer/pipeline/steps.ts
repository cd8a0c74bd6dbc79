import { z } from 'zod';

/** A step of a `tokenizer.json` that fits its schema. */
export interface StepConfig {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** A type of steps: its fields beside `type`, and the function that they make. */
export interface Step<Made> {
  readonly fields: z.ZodRawShape;
  readonly make: (config: never) => Made;
}

export const step = <Made, Fields extends z.ZodRawShape>(
  fields: Fields,
  make: (config: z.infer<z.ZodObject<Fields>>) => Made,
): Step<Made> => ({ fields, make });

/** All types of steps of one part of a `tokenizer.json`. */
export interface Steps<Made> {
  readonly schema: z.ZodType<StepConfig>;
  /** The names of the types, as messages list them. */
  readonly types: string;
  /** What a step does; without one, nothing. */
  readonly create: (config: StepConfig | null | undefined) => Made;
}

/**
 * Steps by type, and `Sequence`, whose steps may be sequences themselves.
 *
 * @param key - the field of a sequence with its steps
 * @param together - steps as one
 */
export function stepsOf<Made>(
  key: string,
  together: (steps: readonly Made[]) => Made,
  steps: Readonly<Record<string, Step<Made>>>,
): Steps<Made> {
  const single = Object.entries(steps).map(([type, { fields }]) =>
    z.object({ type: z.literal(type), ...fields }),
  );
  const schema: z.ZodType = z.union([
    z.object({ type: z.literal('Sequence'), [key]: z.lazy(() => z.array(schema)) }),
    z.discriminatedUnion('type', single as [(typeof single)[number]]),
  ]);
  const make = (config: StepConfig): Made =>
    config.type === 'Sequence'
      ? together((config[key] as readonly StepConfig[]).map(make))
      : steps[config.type]!.make(config as never);
  return {
    schema: schema as z.ZodType<StepConfig>,
    types: [...Object.keys(steps), 'Sequence'].sort().join(', '),
    create: (config) => (config ? make(config) : together([])),
  };
}

/** Steps one after the other. */
export const inOrder =
  <T>(steps: readonly ((value: T) => T)[]): ((value: T) => T) =>
  (value) =>
    steps.reduce((each, run) => run(each), value);
