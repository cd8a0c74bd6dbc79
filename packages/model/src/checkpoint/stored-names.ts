import { blueprints } from '../architecture/blueprints.js';
import type { Architecture } from '../config/types.js';
import { CLASSIFIER } from '../architecture/param-specs.js';

/** Parameters that transformers calls otherwise in files than in models. */
const STORED: Readonly<Partial<Record<Architecture, Readonly<Record<string, string>>>>> = {
  gpt_neox: { [CLASSIFIER]: 'embed_out.weight' },
};

export const storedName = (architecture: Architecture, name: string): string =>
  STORED[architecture]?.[name] ?? name;

/** The name of a parameter that a file calls so; the inverse of {@link storedName}. */
export const nameOfStored = (architecture: Architecture, stored: string): string =>
  Object.entries(STORED[architecture] ?? {}).find(([, other]) => other === stored)?.[0] ?? stored;

/** A name with the base model's prefix (`model.`), which checkpoints may lack, where only that one is known. */
export function prefixed(
  architecture: Architecture,
  name: string,
  isKnown: (name: string) => boolean,
): string {
  const whole = `${blueprints[architecture].embedding.split('.', 1)[0]}.${name}`;
  return !isKnown(name) && isKnown(whole) ? whole : name;
}
