/**
 * A process that computes what the benchmark asks for with our packages: JSON lines on standard input, JSON lines on
 * standard output. `CFRL_BACKEND` and `CFRL_THREADS` say with what.
 */
import { createInterface } from 'node:readline';

import { useBackend } from '@cfrl/engine';

import { peakMebibytes } from '../machine.js';
import type { Methods, Params } from '../protocol.js';
import { prepareGenerate, prepareLoading } from './generate.js';
import { prepareGrpoStep } from './grpo-step.js';
import { type Job, type Program, timed } from './job.js';
import { prepareLogitEntropy, prepareSelfBleu, tokenPrograms } from './metrics.js';
import { prepareTokenizing } from './tokenizing.js';
import { prepareTrainingStep } from './training-step.js';

const programs: Readonly<Record<string, Program>> = {
  'training-step': prepareTrainingStep,
  generate: prepareGenerate,
  'grpo-step': prepareGrpoStep,
  loading: prepareLoading,
  'self-bleu': prepareSelfBleu,
  'logit-entropy': prepareLogitEntropy,
  tokenizing: prepareTokenizing,
  ...tokenPrograms,
};

const { name, version, threads } = await useBackend();
const library = name === 'wasm' ? 'tensorflow.js wasm' : name;
const versions = { node: process.versions.node, [library]: version };
let job: Job;

const methods: {
  [M in keyof Methods]: (params: Params<M>) => Promise<ReturnType<Methods[M]>>;
} = {
  prepare: async ({ program, options, folder, bare }) => {
    job = await programs[program]!(options, folder);
    const prepared = bare ? { check: {}, firstMs: 0 } : await job.compare();
    return { ...prepared, versions, threads };
  },
  run: async ({ iterations }) => {
    const samples: number[] = [];
    const before = process.cpuUsage();
    while (samples.length < iterations) samples.push((await timed(() => job.iterate())).ms);
    const { user, system } = process.cpuUsage(before);
    return { samples, cpuMs: (user + system) / 1000, mebibytes: peakMebibytes() };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { method, params } = JSON.parse(line) as { method: keyof Methods; params: never };
  const reply = await methods[method](params).then(
    (result) => ({ result }),
    (error: unknown) => ({ error: error instanceof Error ? error.message : String(error) }),
  );
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
