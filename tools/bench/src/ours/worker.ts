/**
 * A process that computes what the benchmark asks for with our packages: JSON lines on standard input, JSON lines on
 * standard output. `CFRL_BACKEND` and `CFRL_THREADS` say with what.
 */
import { createInterface } from 'node:readline';

import { useBackend } from '@cfrl/engine';

import { peakMebibytes } from '../machine/memory.js';
import type { Size } from '../work/sizes.js';
import type { Json, Methods, Request } from '../worker/protocol.js';
import { prepareDecoding } from './decoding.js';
import { prepareGrpoStep } from './grpo-step.js';
import { type Job, type PrepareJob, timed } from './job.js';
import {
  prepareBareLoop,
  prepareDistinct1,
  prepareDistinct2,
  prepareLogitEntropy,
  prepareNgramEntropy,
  prepareSelfBleu,
} from './metrics.js';
import { prepareGenerate, prepareLoading } from './smollm2.js';
import { prepareTokenizing } from './tokenizing.js';
import { prepareTrainingStep } from './training-step.js';

const programs: Readonly<Record<string, PrepareJob>> = {
  'training-step': prepareTrainingStep,
  decoding: prepareDecoding,
  'grpo-step': prepareGrpoStep,
  loading: prepareLoading,
  'self-bleu': prepareSelfBleu,
  'distinct-1': prepareDistinct1,
  'distinct-2': prepareDistinct2,
  'ngram-entropy': prepareNgramEntropy,
  'bare-loop': prepareBareLoop,
  'logit-entropy': prepareLogitEntropy,
  'smollm2-generate': prepareGenerate,
  tokenizing: prepareTokenizing,
};

const jobs = new Map<string, Job>();

const methods: { [M in keyof Methods]: (params: Methods[M][0]) => Promise<Methods[M][1]> } = {
  hello: async () => {
    const { name, version, threads } = await useBackend();
    const library = name === 'wasm' ? 'tensorflow.js wasm' : name;
    return { versions: { node: process.versions.node, [library]: version }, threads };
  },
  prepare: async ({ job: name, program, options, folder, bare }) => {
    const own = options as Readonly<Record<string, Json>>;
    const job = await programs[program]!({ size: own['size'] as Size, options: own, folder, bare });
    jobs.set(name, job);
    const { check, firstMs, handoff } = job;
    return { check, firstMs, handoff };
  },
  run: async ({ job: name, iterations }) => {
    const job = jobs.get(name)!;
    const samples: number[] = [];
    const before = process.cpuUsage();
    while (samples.length < iterations) samples.push((await timed(() => job.iterate())).ms);
    const { user, system } = process.cpuUsage(before);
    return { samples, cpuMs: (user + system) / 1000 };
  },
  memory: async () => ({ mebibytes: peakMebibytes() }),
  release: async ({ job }) => {
    await jobs.get(job)!.release();
    jobs.delete(job);
    return {};
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line) as Request;
  const reply = await methods[method](params as never).then(
    (result) => ({ id, result }),
    (error: unknown) => ({ id, error: error instanceof Error ? error.message : String(error) }),
  );
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
