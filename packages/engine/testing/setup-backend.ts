import { useBackend } from '@cfrl/engine';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, beforeEach, expect } from 'vitest';

/**
 * Test files that compute with tensors: the backend is chosen once a file (`CFRL_BACKEND` forces
 * one, `CFRL_REQUIRE_BACKEND` fails when another was chosen), and no test may leak a tensor.
 */
beforeAll(async () => {
  const { name } = await useBackend(undefined, { install: false, quiet: true });
  const required = process.env['CFRL_REQUIRE_BACKEND'];
  if (required !== undefined && required !== '' && name !== required) {
    throw new Error(`tests must run on '${required}' (CFRL_REQUIRE_BACKEND), got '${name}'`);
  }
});

let before = 0;

beforeEach(() => {
  before = tf.memory().numTensors;
});

afterEach(() => {
  expect(tf.memory().numTensors, 'tensors after the test').toBe(before);
});
