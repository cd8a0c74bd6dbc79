import type { Sample } from '../run/row-types.js';
import type { ArmData } from './input.js';

/** A prompt with what the model wrote before and after RL. */
export interface SamplePair {
  readonly prompt: string;
  readonly answer: string;
  readonly before?: Sample;
  readonly after?: Sample;
}

/** The first completions of the first prompts of an arm's first run, before and after RL. */
export function samplePairs(arm: ArmData, prompts = 6): SamplePair[] {
  const { samplesBefore, samplesAfter } = arm.runs[0]!;
  const all = [...samplesAfter, ...samplesBefore];
  const distinct = [...new Set(all.map(({ prompt }) => prompt))].slice(0, prompts);
  return distinct.map((prompt) => {
    const [before, after] = [samplesBefore, samplesAfter].map((samples) =>
      samples.find((sample) => sample.prompt === prompt),
    );
    const { answer } = (after ?? before)!;
    return { prompt, answer, ...(before && { before }), ...(after && { after }) };
  });
}

/** The text, cut after so many characters. */
export function shorten(text: string, characters = 400): string {
  const all = [...text];
  return all.length <= characters ? text : `${all.slice(0, characters).join('')}…`;
}
