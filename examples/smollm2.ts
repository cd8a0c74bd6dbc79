/**
 * A real model: SmolLM2-135M-Instruct is fetched (93 MB, once), chats, learns a sentence in ten steps, and is saved as a folder that
 * transformers loads.
 *
 *     npx pnpm --dir examples run smollm2 [FOLDER]
 */
import {
  adamw,
  applyUpdates,
  compileWithState,
  crossEntropy,
  disposeParams,
  mergeParams,
  selectParams,
  useBackend,
  valueAndGrad,
} from '@cfrl/engine';
import { stderrProgress } from '@cfrl/engine/node';
import { fetchSmolLM2 } from '@cfrl/fixtures';
import { type LanguageModel, applyChatTemplate, forward, generate } from '@cfrl/model';
import { loadPretrained, savePretrained } from '@cfrl/model/node';
import * as tf from '@tensorflow/tfjs-core';

const [folder = 'runs/smollm2'] = process.argv.slice(2);
const SENTENCE = 'The cat that lives in our library is called Schrödinger.';
const BEGINNING = 'The cat that lives in our library is called';

await useBackend();
const model = await loadPretrained(await fetchSmolLM2(stderrProgress()));
const { config, params, tokenizer } = model;

async function complete({ params: current }: Pick<LanguageModel, 'params'>, prompt: number[]) {
  const options = { maxNewTokens: 16, temperature: 0 };
  const [completion] = await generate({ config, params: current, tokenizer }, [prompt], options);
  return completion!.text.trim();
}

const messages = [{ role: 'user', content: 'What is the capital of France?' }];
const chat = applyChatTemplate(tokenizer, messages, { addGenerationPrompt: true });
console.log(`asked   ${messages[0]!.content}\nanswer  ${await complete(model, chat.tokens)}`);
console.log(`before  ${BEGINNING} ... ${await complete(model, tokenizer.encode(BEGINNING))}`);

// The upper half of the model learns; what is below stays as it was.
const learns = (name: string): boolean => /layers\.(1[5-9]|2\d)\.|model\.norm/.test(name);
const frozen = selectParams(params, (name) => !learns(name));
const tokens = tokenizer.encode(SENTENCE);
const input = tf.tensor2d([tokens.slice(0, -1)], undefined, 'int32');
const next = tf.tensor2d([tokens.slice(1)], undefined, 'int32');
const optimizer = adamw({ learningRate: 1e-4 });

const trained = selectParams(params, learns);
const step = compileWithState(
  { trained, moments: optimizer.init(trained) },
  (state, fixed: typeof frozen, x: tf.Tensor2D, y: tf.Tensor2D) => {
    const loss = valueAndGrad((moving) =>
      tf.mean(crossEntropy(forward(mergeParams(fixed, moving), config, { tokens: x }).logits, y)),
    );
    const { value, grads } = loss(state.trained);
    const { updates, state: moments } = optimizer.update(grads, state.moments, state.trained);
    return { state: { trained: applyUpdates(state.trained, updates), moments }, output: value };
  },
);
for (let i = 0; i < 10; i++) {
  const loss = step(frozen, input, next);
  console.log(`step ${String(i).padStart(2)}  ${loss.dataSync()[0]!.toFixed(3)} nats a token`);
  loss.dispose();
}
const { trained: learned } = step.state();
const after = { ...model, params: mergeParams(frozen, learned) };
console.log(`after   ${BEGINNING} ... ${await complete(after, tokenizer.encode(BEGINNING))}`);
await savePretrained(folder, after, { dtype: 'bfloat16' });
console.log(`saved   ${folder}`);
disposeParams(params);
