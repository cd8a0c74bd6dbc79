// Runs the tiny experiment in the folder given, and prints a line after every step: to be killed.
import { useBackend } from '@cfrl/engine';
import { runExperiment } from '@cfrl/recipes';

import { tiny } from './tiny.js';

const { name } = await useBackend(undefined, { install: false });
const environment = { backend: name, versions: {} };
for await (const { unit, fraction } of runExperiment(process.argv[2]!, tiny, environment)) {
  process.stdout.write(`${unit} ${fraction.toFixed(3)}\n`);
}
process.stdout.write('finished\n');
