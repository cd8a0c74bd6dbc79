import {
  between,
  checkFunction,
  checkPositiveInteger,
  checkSeed,
  option,
  resolveOptions,
  showValue,
  checkSignal,
} from '@cfrl/engine';
import { type LanguageModel, promptTokens } from '@cfrl/model';
import {
  type ChangeExplanation,
  type ExplainOptions,
  type Functional,
  entropyFunctional,
  explainChange,
} from '@cfrl/ntk';

import { sequenceModel } from '../recipe/sequence-model.js';
import { loadPair } from './load-pair.js';
import { type PromptLine, checkPromptLines } from './read-prompts.js';
import { type CompletionSequence, completionSequences } from './sequences.js';

/** Options of {@link explainCheckpoints}. */
export interface ExplainCheckpointsOptions extends Pick<
  ExplainOptions,
  'tolerance' | 'maxBytes' | 'onProgress' | 'signal'
> {
  /** What is asked of each context. @defaultValue the entropy */
  readonly functional?: Functional;
  /** The model that adapters are for. @defaultValue of an adapter as `after`, the model before */
  readonly base?: string;
  /** Which model completions are sampled from, where none are given. @defaultValue 'before' */
  readonly from?: 'before' | 'after';
  /** Completions to sample of each prompt. @defaultValue 1 */
  readonly samples?: number;
  /** Longest completion to sample. @defaultValue 32 */
  readonly maxNewTokens?: number;
  /** Temperature of sampling. @defaultValue 1 */
  readonly temperature?: number;
  /** Seed of sampling. @defaultValue 0 */
  readonly seed?: number;
  /** Called with each refinement. */
  readonly onRefinement?: (explanation: CheckpointExplanation) => void;
  /** Called when the models are loaded, and when completions are sampled. */
  readonly onStage?: (stage: 'loading' | 'sampling' | 'explaining') => void;
}

/** Why the second of two checkpoints says something else than the first. */
export interface CheckpointExplanation extends ChangeExplanation {
  /** Where the completions come from: they were given, or sampled from one of the models. */
  readonly completions: 'given' | 'before' | 'after';
  /** The tokens that were read, a prompt and its completion each. */
  readonly sequences: readonly Pick<CompletionSequence, 'tokens' | 'promptLength'>[];
}

const checkFrom = (where: string, from: string): void => {
  if (from !== 'before' && from !== 'after') {
    throw new RangeError(`${where} is ${String(from)}, expected 'before' or 'after'`);
  }
};
const checkFunctional = (where: string, functional: Functional | undefined): void => {
  if (typeof functional?.values !== 'function') {
    throw new TypeError(
      `${where} is ${showValue(functional)}, expected { name, unit, ofNextToken, values }, as entropyFunctional() gives`,
    );
  }
};
const callback = <F>() =>
  option<F | undefined>(undefined, (where, value) =>
    checkFunction(where, value, 'leave it out, or give a function'),
  );
const table = {
  functional: option<Functional | undefined>(undefined, checkFunctional),
  base: option<string | undefined>(undefined),
  from: option<'before' | 'after'>('before', checkFrom),
  samples: option(1, checkPositiveInteger),
  maxNewTokens: option(32, checkPositiveInteger),
  temperature: option(1, between(0, Infinity)),
  seed: option(0, checkSeed),
  tolerance: option<number | undefined>(undefined, between(1e-6, 1)),
  maxBytes: option<number | undefined>(undefined, between(1, Infinity)),
  onProgress: callback<NonNullable<ExplainCheckpointsOptions['onProgress']>>(),
  onRefinement: callback<NonNullable<ExplainCheckpointsOptions['onRefinement']>>(),
  onStage: callback<NonNullable<ExplainCheckpointsOptions['onStage']>>(),
  signal: option<AbortSignal | undefined>(undefined, checkSignal),
};

/**
 * {@link explainChange} between two checkpoints on disk, of whichever trainer: loads them, samples completions of prompts where none are
 * given, and explains the change at every position that a token of a completion is drawn from.
 *
 * @param before - a folder, a GGUF file, an id of the hub, or a folder with an adapter of `base`
 * @param after - the same model later; an adapter here is for `base`, or for the model before
 * @param prompts - texts or conversations, and maybe completions: on all or on none
 * @param options - what is explained, sampling, progress
 * @returns plain numbers
 * @throws RangeError, TypeError or Error if a checkpoint cannot be loaded, they are of different shapes or read the prompts as different
 *   tokens, and as {@link explainChange} and `generate`; the signal's reason
 * @see arXiv 2601.04670, for the two ways
 *
 * @example
 * ```ts
 * import { fromHuggingFaceConfig } from '@cfrl/model';
 * try {
 *   await explainCheckpoints('no/folder', 'no/other', [{ prompt: 'a' }], { from: 'both' });
 * } catch ({ message }) {
 *   message; // => "explainCheckpoints: from is both, expected 'before' or 'after'"
 * }
 * ```
 */
export async function explainCheckpoints(
  before: string,
  after: string,
  prompts: readonly PromptLine[],
  options: ExplainCheckpointsOptions = {},
): Promise<CheckpointExplanation> {
  const resolved = resolveOptions('explainCheckpoints', options, table);
  const {
    functional = entropyFunctional(),
    base,
    signal,
    onStage,
    onProgress,
    onRefinement,
  } = resolved;
  const from = resolved.from as 'before' | 'after'; // the check
  const { tolerance, maxBytes } = resolved;
  checkPromptLines('explainCheckpoints: prompts', prompts);
  onStage?.('loading');
  const pair = await loadPair(before, after, {
    ...(signal && { signal }),
    ...(base !== undefined && { base }),
  });
  try {
    checkTokenizers(pair, prompts);
    const given = prompts[0]!.completion !== undefined;
    if (!given) onStage?.('sampling');
    const { samples: perPrompt, maxNewTokens, temperature, seed } = resolved;
    const sampling = { perPrompt, maxNewTokens, temperature, seed, ...(signal && { signal }) };
    const sequences = await completionSequences(pair[from], prompts, sampling);
    onStage?.('explaining');
    const completed = (explanation: ChangeExplanation): CheckpointExplanation => ({
      ...explanation,
      completions: given ? 'given' : from,
      sequences: sequences.map(({ tokens, promptLength }) => ({ tokens, promptLength })),
    });
    const split = sequenceModel(pair.before);
    try {
      const found = await explainChange(split, {}, pair.after.params, sequences, functional, {
        ...(tolerance !== undefined && { tolerance }),
        ...(maxBytes !== undefined && { maxBytes }),
        ...(onProgress && { onProgress }),
        ...(onRefinement && {
          onRefinement: (explanation) => onRefinement(completed(explanation)),
        }),
        ...(signal && { signal }),
      });
      return completed(found);
    } finally {
      split.dispose();
    }
  } finally {
    pair.dispose();
  }
}

/** Refuses models that read the prompts otherwise. */
function checkTokenizers(
  { before, after }: { readonly before: LanguageModel; readonly after: LanguageModel },
  lines: readonly PromptLine[],
): void {
  lines.forEach(({ prompt }, i) => {
    const [a, b] = [before, after].map((model) =>
      promptTokens(model, prompt, `explain: prompt ${i + 1}`),
    );
    if (a!.length !== b!.length || a!.some((token, t) => token !== b![t])) {
      throw new RangeError(
        `explain: the two models read prompt ${i + 1} as different tokens, expected one tokenizer and one chat template; copy those of one to the other`,
      );
    }
  });
}
