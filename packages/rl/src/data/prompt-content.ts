import type { Prompt, PromptContent } from '../types.js';

/** What a policy is asked to continue, of a prompt or a record with one. */
export const contentOf = (prompt: Prompt): PromptContent =>
  typeof prompt === 'object' && 'prompt' in prompt ? prompt.prompt : prompt;

/** Whether a value is what a policy may be asked to continue; the policy's own `checkPrompts` looks closer. */
export function isPromptContent(value: unknown): value is PromptContent {
  if (typeof value === 'string') return true;
  if (typeof value !== 'object' || value === null) return false;
  if (!Array.isArray(value)) return Array.isArray((value as { messages?: unknown }).messages);
  return (
    value.every((each) => typeof each === 'number') ||
    value.every((each) => typeof (each as { role?: unknown } | null)?.role === 'string')
  );
}
