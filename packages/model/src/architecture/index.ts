import type { Architecture } from '../config.js';
import type { Blueprint } from './blueprint.js';
import { gpt2 } from './gpt2.js';
import { llama } from './llama.js';

/** The table of differences. */
export const blueprints: Readonly<Record<Architecture, Blueprint>> = { gpt2, llama };
