/** What docs/models.md shows of a model: its largest errors against transformers. */
export interface Checks {
  /** Over the spread of those of transformers, of the worst padding. */
  readonly logits: number;
  readonly features: number;
  /** Of the worst parameter. */
  readonly gradients: number;
  /** Nats, of the cached log-probabilities against one pass over the whole sequence. */
  readonly generation: number;
  /** Of the logits of a model that was saved and loaded. */
  readonly saveAndLoad: number;
}

/** What the goals are; a test holds them, tighter. */
const GOALS: Checks = {
  logits: 1e-4,
  features: 1e-4,
  gradients: 1e-3,
  generation: 1e-4,
  saveAndLoad: 0,
};

/** The models of test/fixtures/architectures, by what of each is switched on in the fixture. */
const MODELS: Readonly<Record<string, string>> = {
  gpt2: 'GPT-2',
  gpt_neox: 'GPT-NeoX, Pythia: parallel layers, part of each head turns',
  'gpt_neox-sequential': 'GPT-NeoX: one part after the other, no attention biases, tied',
  opt: 'OPT',
  'opt-without-bias': 'OPT: no biases, GELU, untied',
  llama: 'Llama 2 and 3',
  'llama-biases': 'Llama: biases, heads that do not fill the width',
  'llama-linear': 'Llama: linear scaling of positions',
  'llama-dynamic': 'Llama: dynamic scaling, past the original length',
  'llama-llama3': 'Llama 3.1: its scaling',
  'llama-yarn': 'Llama: YaRN',
  mistral: 'Mistral: a window in every layer',
  qwen2: 'Qwen 2 and 2.5: a window in the last layers',
  qwen3: 'Qwen 3',
  gemma: 'Gemma',
  gemma2: 'Gemma 2: windows in turn, caps of scores and logits',
  gemma3_text: 'Gemma 3, text: local and global layers, positions of their own',
  phi3: 'Phi-3: a window, part of each head turns',
  'phi3-longrope': 'Phi-3, Phi-4-mini: LongRoPE, short and long',
  olmo2: 'OLMo 2',
  smollm2: 'SmolLM and SmolLM2',
  smollm3: 'SmolLM3: layers without positions, with a window',
  stablelm: 'StableLM: biases, part of each head turns',
  'stablelm-parallel': 'StableLM 2: parallel layers, normed queries and keys',
  cohere: 'Command R',
  'cohere-normed': 'Command R+: normed queries and keys, biases, untied',
};

const number = (error: number): string => (error === 0 ? '0' : error.toExponential(0));

/** A Markdown table, aligned as Prettier does. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(' | ')} |`;
  const rule = widths.map((width, i) =>
    i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  return [line(rows[0]!), `| ${rule.join(' | ')} |`, ...rows.slice(1).map(line)].join('\n');
}

/** `docs/models.md`, from what the test measured. */
export function modelsPage(results: Readonly<Record<string, Checks>>): string {
  const unnamed = Object.keys(results).find((name) => !(name in MODELS));
  if (unnamed !== undefined) {
    throw new RangeError(`modelsPage: MODELS has no '${unnamed}', expected what it is called`);
  }
  const rows = Object.entries(MODELS).map(([name, label]) => {
    const checks = results[name];
    if (checks === undefined) throw new RangeError(`modelsPage: results has no '${name}'`);
    const { logits, features, gradients, generation, saveAndLoad } = checks;
    const errors = [logits, features, gradients, generation].map(number);
    return [label, ...errors, saveAndLoad === 0 ? 'equal' : number(saveAndLoad)];
  });
  const header = ['model', 'logits', 'features', 'gradients', 'generation', 'save and load'];
  return `# Models

<!-- Written by \`npm run docs:models\` from packages/model/test/fixtures/architectures; do not edit. -->

What \`loadPretrained\` takes, checked against transformers 5.23 on random tiny models with large weights. Numbers are the largest
errors in float32 with native TensorFlow. The test suite holds each below its goal.

${table([header, ...rows])}

- **logits** and **features** (the input of the classifier): relative to their spread, with left, right and no padding; goal ${number(GOALS.logits)}.
- **gradients**: of every parameter, relative to their spread; goal ${number(GOALS.gradients)}.
- **generation**: greedy completions of a ragged batch are those of transformers, token by token; the number is the largest
  difference in nats between log-probabilities from the cache and those of one pass over the whole sequence; goal ${number(GOALS.generation)}.
- **save and load**: a folder written by \`savePretrained\` and read by \`loadPretrained\` gives the same logits, bit by bit.

## What is not computed

A \`config.json\` that asks for something else is refused: an architecture that is not in this table, a known key with another value,
and an unknown key whose name sounds like a change of the computation (\`embedding_multiplier\`, \`quantization_config\`).

- OPT 350m: its norms come after its parts, and its embeddings are narrower than its layers.
- Gemma 3 with images: only the text model.
- Scaling of positions by the length of the sequence (dynamic, LongRoPE) takes the length of each row, where transformers takes the
  longest row of a batch, so that no row depends on its batch. \`generate\` does not cross the length at which LongRoPE changes its
  factors, and stops at \`maxPositions\` with dynamic scaling: the cached keys were turned by the factors of before.
- The kernel of \`@cfrl/ntk\` splits into R and G where logits are linear in the classifier: not with Gemma 2's cap on logits.
`;
}
