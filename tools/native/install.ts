// Chooses the backend as every program here will, installing native TensorFlow if it is missing, and prints the choice.
import { describeBackend, useBackend } from '@cfrl/engine';

process.stderr.write(`${describeBackend(await useBackend(undefined, { quiet: true }))}\n`);
